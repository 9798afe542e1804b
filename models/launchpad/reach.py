"""What a motif network thinks of every button where rows are closed to it: locked ones, those outside a key.

A motif that wants a note on a closed row can never be completed. Left among the others it still draws, the
grid stands still before it, and little sounds. So only those count that can be completed or are still worth
about the most; and where no row of a pitch class is open, which is how a key looks, the grid is heard moved
to where that is best: no key is poorer than another because the motifs happen to be in other keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.launchpad.instrument import LAUNCHPAD, Instrument, States
from models.launchpad.valuation import Floats, motif_values, row_features, row_moves

PITCH_CLASSES = 12
ALIKE = 1.0
"""Of what motifs come to, or of what they miss: less than this makes no difference."""
NEVER = np.float32(-1e4)


class Reach:
    """Of one motif network, by its `weights`."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], instrument: Instrument = LAUNCHPAD) -> None:
        self._weights = {name: np.asarray(array, np.float32) for name, array in weights.items()}
        self._instrument = instrument

    def values(self, state: States, closed: NDArray[np.bool_]) -> Floats:
        """(actions,) of a state (keys, 2) where the buttons of `closed` (actions,) may not be pressed."""
        buttons = closed[:-1].reshape(self._instrument.keys, self._instrument.columns)
        reached = self._reached(state, buttons)
        moved = int(reached.max(1).argmax()) if self._is_key(buttons) else 0
        bias = np.where(self._counts(reached[moved]), self._weights["bias"], NEVER)
        weights = {**self._weights, "bias": bias}
        values = motif_values(weights, self._instrument, np.roll(state, moved, 0)[None])[0]
        back = np.roll(values[:-1].reshape(buttons.shape), -moved, 0)
        return np.append(back, values[-1])

    def _counts(self, reached: Floats) -> NDArray[np.bool_]:
        """(motifs,) those that are as good as complete, or come to about as much as the best."""
        missing = self._weights["bias"] + self._says.max((1, 2)).sum(0) - reached
        counts: NDArray[np.bool_] = (missing <= missing.min() + ALIKE) | (reached >= reached.max() - ALIKE)
        return counts

    def _is_key(self, closed: NDArray[np.bool_]) -> bool:
        """Whether all rows of some pitch class are closed."""
        shut = self._shut(closed)
        return any(shut[note::PITCH_CLASSES].all() for note in range(PITCH_CLASSES))

    def _shut(self, closed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(keys,) the rows of which no offset can be turned."""
        shut: NDArray[np.bool_] = np.logical_and.reduce(closed[:, self._instrument.patterns :], axis=1)
        return shut

    def _reached(self, state: States, closed: NDArray[np.bool_]) -> Floats:
        """(keys, motifs) what each motif can come to, with the grid so many rows up, around the end.

        A row whose offset can be turned becomes whatever is wanted. One that is closed stays, or loses a
        pattern where that may be switched off.
        """
        patterns = self._instrument.patterns
        moves = row_moves(self._instrument)[state[:, 0], state[:, 1]][:, :patterns]
        ways = np.concatenate([moves, state[:, None]], 1)                       # (keys, patterns + 1, 2)
        says = self._says[:, ways[..., 0], ways[..., 1]]                        # (heard, keys, ways, motifs)
        barred = np.pad(closed[:, :patterns], ((0, 0), (0, 1)))
        stays = np.where(barred[..., None], NEVER, says).max(2)
        wanted = self._says.max((1, 2))[:, None]
        best = np.where(self._shut(closed)[:, None], stays, wanted)             # (heard, keys, motifs)
        keys = np.arange(self._instrument.keys)
        heard = (keys + keys[:, None]) % self._instrument.keys                  # by rows up, and row
        reached: Floats = best[heard, keys].sum(1) + self._weights["bias"]
        return reached

    @cached_property
    def _says(self) -> Floats:
        """(keys, 2^patterns, steps, motifs) what each motif says of a row."""
        seen = row_features(self._instrument)
        says = seen.reshape(-1, seen.shape[-1])[None] @ self._weights["weight"]
        return says.reshape(self._instrument.keys, *seen.shape[:2], -1)
