"""What the keys that are struck say of the place and the tempo of the music.

Where notes were read one by one a strike says that the music has just passed a note (:class:`Strikes`);
elsewhere, which keys are struck is held against the noteheads around each column (:class:`Written`), and how
often keys are struck says how many noteheads the music passes in a frame (:class:`OnsetRate`).
numpy only; everything that can be worked out when a piece is opened is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC
from models.follower.network import COLUMN_PX, PITCHES
from models.follower.rhythm import Notes

FloatArray = NDArray[np.float32]

STRUCK = np.array((0.38, 0.97, 0.70), np.float32)
"""Chance that a key is heard as struck in the frame in which the music passes its note, and in the next two.

Measured on 12,034 onsets of validation tunes; before and after that it is below 0.02."""
_WHILE_HALTED = np.float32(0.02)
"""Keys struck in a frame, as it seems, while no written note is passed."""
_AROUND_COLUMNS = 20.0
"""Standard deviation of the stretch in which written onsets are counted."""
_BEHIND_COLUMNS, _AHEAD_COLUMNS = 6, 2
"""A struck key is looked for in so many columns before and after the one where the music is."""
_KEY_DOUBT = 0.5
"""Chance that a struck key is none of those that were read there."""
_MOST_STRUCK = 4.0
"""Chords of more keys say no more than one of so many."""


class Written(NamedTuple):
    """The noteheads of a strip as read.

    ``onsets`` (C,) is how many seem to stand in a column, at most 1, ``log_ratio`` (C, 88) how much likelier
    than any key each one is to be struck while the music is there.
    """

    onsets: FloatArray
    log_ratio: FloatArray

    @classmethod
    def read(cls, chances: FloatArray) -> Written:
        """Of the ``chances`` (C, 88) of noteheads."""
        near = np.zeros_like(chances)
        for shift in range(-_AHEAD_COLUMNS, _BEHIND_COLUMNS + 1):
            near += np.roll(chances, shift, axis=0)  # what is rolled over the ends is margin
        shares = near / (near.sum(1, keepdims=True) + np.float32(1e-6))
        likely = np.float32(1 - _KEY_DOUBT) * shares + np.float32(_KEY_DOUBT / PITCHES)
        ratio = np.log(np.float32(PITCHES) * likely)
        return cls(np.minimum(chances.sum(1), np.float32(1.0)), ratio)

    def hear(self, struck: FloatArray, window: slice) -> FloatArray:
        """(window,) log ratios of the ``struck`` keys (88,)."""
        total = float(np.add.reduce(struck))
        ratios: FloatArray = self.log_ratio[window].dot(struck)
        return ratios if total <= _MOST_STRUCK else ratios * np.float32(_MOST_STRUCK / total)


class ByRate(NamedTuple):
    """A density and its mass if no key is struck, and how much more there is of them if one is."""

    quiet: FloatArray
    quiet_mass: FloatArray
    more: FloatArray
    more_mass: FloatArray

    def given(self, chance: float) -> tuple[FloatArray, FloatArray]:
        """Both, where a key is struck with this chance."""
        heard = np.float32(chance)
        return self.quiet + heard * self.more, self.quiet_mass + heard * self.more_mass


class OnsetRate:
    """How likely it is, at every tempo and column, that a key is struck in a frame, or that none is.

    The music passes so many noteheads a frame, and keys are struck as often: a Poisson process, of which the
    exponent ``weight`` takes a part, as the frames overlap in what they hear. While it halts few are struck.
    ``onsets`` and ``quarters`` (C,), ``tempi`` in quarters a second.
    """

    def __init__(self, onsets: FloatArray, quarters: FloatArray, tempi: FloatArray, weight: float) -> None:
        a_quarter = _around(onsets) / _around(quarters)
        passed = np.concatenate([np.zeros((1, len(onsets))), tempi[:, None] / SPEC.fps * a_quarter])
        self._quiet = np.exp(-weight * passed).astype(np.float32)
        struck = (passed + _WHILE_HALTED) ** weight * self._quiet
        self._more = (struck - self._quiet).astype(np.float32)

    def weigh(self, density: FloatArray, quarters: FloatArray, window: slice) -> ByRate:
        """Weigh a ``density`` (tempi + 1, window), whose columns last ``quarters`` (window,), both ways."""
        quiet, more = density * self._quiet[:, window], density * self._more[:, window]
        return ByRate(quiet, quiet.sum(0) * quarters, more, more.sum(0) * quarters)


def _around(row: FloatArray) -> NDArray[np.float64]:
    """The row smoothed by a Gaussian; beyond its ends lies nothing."""
    reach = round(4 * _AROUND_COLUMNS)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _AROUND_COLUMNS) ** 2)
    return np.convolve(row, bell / bell.sum())[reach : reach + len(row)]


class Strikes:
    """How much likelier the struck keys are where the music has just passed a note than where it has not.

    ``place`` and ``quarters`` (C,) say where in the music a column's middle is and how long it lasts.
    ``weight`` is the exponent of what is said, ``false`` the chance a frame that a key is heard as struck
    where there is no note, ``doubt`` the chance that another key than the one read is the right one.
    """

    def __init__(
        self,
        notes: Notes,
        place: NDArray[np.float64],
        quarters: FloatArray,
        tempi: FloatArray,
        *,
        weight: float,
        false: float,
        doubt: float,
    ) -> None:
        self._weight, self._false, self._doubt = weight, false, doubt
        self._keys, count = notes.keys, len(notes)
        edges_px = np.arange(len(place) + 1) * float(COLUMN_PX)
        ends = np.append(place - 0.5 * quarters, place[-1] + 0.5 * quarters[-1])
        at_notes = np.interp(notes.x_px, edges_px, ends)
        self._newest = np.searchsorted(at_notes, place, side="right") - 1
        since = place - at_notes[np.maximum(self._newest, 0)]
        frames = since[None, :] * SPEC.fps / tempi[:, None]
        just = (self._newest >= 0) & (frames < len(STRUCK))
        # For every tempo and column, its place in the ratios below; their last one is 1, for no note at all.
        place_of_note = frames.astype(np.int64) * count + self._newest
        self._which = np.where(just, place_of_note, len(STRUCK) * count).astype(np.int64)
        self._ratios = np.ones(len(STRUCK) * count + 1, np.float32)

    def hear(self, struck: FloatArray, window: slice) -> FloatArray:
        """(tempi, window) ratios; a strike of another key than the one read still counts for a note."""
        count = len(self._keys)
        first, last = max(int(self._newest[window.start]), 0), int(self._newest[window.stop - 1]) + 1
        total = float(struck.sum())
        any_key = min(total, 1.0)
        sure = (1 - self._doubt) * PITCHES / max(total, 1e-6)
        like = self._keys[first:last] @ struck * np.float32(sure) + np.float32(self._doubt)
        for row, chance in enumerate(STRUCK):
            heard = np.log(chance / self._false * like + (1 - chance))
            log_ratio = any_key * heard + (1 - any_key) * np.log(1 - chance)
            self._ratios[row * count + first : row * count + last] = np.exp(self._weight * log_ratio)
        ratios: FloatArray = self._ratios[self._which[:, window]]
        return ratios
