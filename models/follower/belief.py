"""Where the music may be: a Bayes filter over the columns of the strip and over tempo.

The network says, for every frame, how well the sound fits each column, and how many quarters each column
lasts. The filter believes in a density over (tempo, column) that moves as music moves: tempo is steady in
quarters, however unevenly the notes are spaced; it can halt, and, with a small chance, it is anywhere at
all, so that a player's jump is found. Where the notes were read one by one (:mod:`models.follower.rhythm`),
it also weighs in which frame a key is struck: that is when the music passes a note, and only then. Where they
were not, it weighs which keys are struck against the noteheads around each column, and how often against how
often noteheads would be passed at each tempo. It
does not depend on the cursor, so training computes it once.

numpy only; one instance belongs to one thread; :meth:`Belief.update` allocates little and takes well under
a millisecond for a ten-page piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC
from models.follower.network import COLUMN_PX
from models.follower.rhythm import Notes
from models.follower.strikes import ByRate, OnsetRate, Strikes, Written

FloatArray = NDArray[np.float32]

HORIZONS = (0, 2, 4, 6, 8, 11, 15, 20)
"""Frames ahead at which a summary says where the music will be."""
SUMMARY = len(HORIZONS) + 4
_HORIZONS_S = np.array(HORIZONS) / SPEC.fps
_LEAST = np.float32(-30.0)  # log of how likely a sound is at least where the best place explains it
_SURE = np.ones(1, np.float32)
_ANY_TEMPO = 0.002
"""Chance, before it is made to sum to one, of any tempo at which music may resume."""
_NEGLIGIBLE = 1e-25
"""Mass of a column below which the belief is taken to end there."""


@dataclass(frozen=True)
class BeliefConfig:
    """The filter's assumptions, chosen on validation pieces; rates are per frame."""

    slowest: float = 0.3  # quarters a second
    fastest: float = 7.0
    tempi: int = 24
    tempo_change: float = 0.02
    halt: float = 0.0005
    resume: float = 0.15
    usual_quarters: float = 0.0  # halted music resumes at the tempo of the last so many; 0: at any tempo
    anywhere: float = 0.0
    sharpness: float = 0.065  # exponent of the network's likelihood: its frames overlap in what they hear
    start_spread_px: float = 14.0
    start_tempo: float = 1.6  # quarters a second, before anything was heard
    start_tempo_spread: float = 0.4  # one standard deviation of its logarithm
    start_boost: float = 4.0  # so much sharper at the start, when the tempo is still to be found
    start_frames: float = 30.0  # the boost falls by a factor of e in so many frames
    rate_weight: float = 0.0  # exponent of what the rate of struck keys says, where notes were not read
    pitch_weight: float = 0.0  # exponent of what is said there by which keys are struck
    strike_weight: float = 0.5  # exponent of what the struck keys say, where notes were read
    strike_false: float = 0.01  # chance a frame that a key is heard as struck where there is no note
    key_doubt: float = 0.1  # chance that another key than the one read is the right one
    hedged: bool = False  # say the mean of where the music may be, not where the mean quarter stands


class Belief:
    """The filter for one piece.

    Args:
        log_quarters: (C,) log quarters per column, as the network reads them.
        music: (first, last) columns that hold music; outside them there is only margin.
        config: the filter's assumptions.
        notes: what is written, if it was read note by note.
        written: the noteheads as read; without them strikes are not weighed, but where there are ``notes``.
    """

    def __init__(
        self,
        log_quarters: FloatArray,
        music: tuple[int, int],
        config: BeliefConfig | None = None,
        notes: Notes | None = None,
        written: Written | None = None,
    ) -> None:
        self.config = config = config or BeliefConfig()
        self._about = log_quarters, music, notes, written
        columns = np.arange(len(log_quarters))
        self._music = slice(music[0], music[1] + 1)
        self._inside = (columns >= music[0]) & (columns <= music[1])
        clipped = np.clip(log_quarters, np.log(0.004), np.log(1.5)).astype(np.float32)
        self.log_quarters = np.where(self._inside, clipped, np.float32(np.log(0.05)))
        self._quarters = np.exp(self.log_quarters)
        ends = np.cumsum(self._quarters, dtype=np.float64)
        self._place = ends - 0.5 * self._quarters  # quarters at the middle of every column
        self._x_px = (columns + 0.5) * COLUMN_PX
        self._moments = np.stack([np.ones(len(columns)), self._place, self._x_px, self._x_px**2], axis=1)
        self.tempi = np.geomspace(config.slowest, config.fastest, config.tempi).astype(np.float32)
        logs = np.log(self.tempi)
        self._log_tempi = np.stack([logs, np.ones_like(logs)], axis=1)
        self._prepare_motion()
        self._strikes: Strikes | None = None
        if notes is not None:
            self._strikes = Strikes(
                notes,
                self._place,
                self._quarters,
                self.tempi,
                weight=config.strike_weight,
                false=config.strike_false,
                doubt=config.key_doubt,
            )
        self._rate: OnsetRate | None = None
        if written is not None and notes is None and config.rate_weight > 0:
            self._rate = OnsetRate(written.onsets, self._quarters, self.tempi, config.rate_weight)
        self._written = written if notes is None and config.pitch_weight > 0 else None
        self.log_evidence = 0.0
        self._strip = np.zeros((config.tempi + 1, len(columns)), np.float32)
        self.reset(float(self._x_px[music[0]]))

    def another(self, config: BeliefConfig) -> Belief:
        """A belief about the same music, with other assumptions."""
        log_quarters, music, notes, written = self._about
        return Belief(log_quarters, music, config, notes, written)

    def _prepare_motion(self) -> None:
        """For every tempo, where a column's density comes from: one frame's quarters earlier."""
        columns = np.arange(len(self._place), dtype=np.float64)
        moves = self.tempi / SPEC.fps
        sources = np.stack([np.interp(self._place - move, self._place, columns) for move in moves])
        self._low = np.minimum(sources.astype(np.int64), len(columns) - 2)
        self._share = (sources - self._low).astype(np.float32)
        flat = self._low + (np.arange(len(moves))[:, None] + 1) * len(columns)
        self._low_flat, self._high_flat = flat, flat + 1

    def reset(self, x_px: float, tempo: tuple[float, float] | None = None) -> None:
        """Believe that the music is at ``x_px``.

        ``tempo``: quarters a second and one standard deviation of its logarithm; by default anything usual.
        """
        self.start(self.near(x_px), tempo or (self.config.start_tempo, self.config.start_tempo_spread))

    def near(self, x_px: float) -> FloatArray:
        """(C,) a density that stands for "about here", of sum one over quarters."""
        near: FloatArray = np.exp(-0.5 * ((self._x_px - x_px) / self.config.start_spread_px) ** 2)
        near = near * self._inside
        if near.sum() <= 0:
            near = np.exp(-np.abs(self._x_px - x_px) / 100.0) + 1e-30
        return near / (near @ self._quarters)

    def start(self, density: FloatArray, tempo: tuple[float, float]) -> None:
        """Begin anew with a ``density`` (C,) over the columns, of any sum, and with a tempo as in `reset`."""
        usual, spread = tempo
        speeds = np.exp(-0.5 * (np.log(self.tempi / usual) / spread) ** 2) + 1e-3
        self._frames = 0
        self._predicted: _Predicted | None = None
        shares = np.concatenate([[0.05], speeds / speeds.sum()])
        self._usual = shares[1:]
        self._hold(
            slice(0, len(self._place)),
            (shares[:, None] * density).astype(np.float32),
            (shares.sum() * density * self._quarters).astype(np.float32),
        )

    @property
    def density(self) -> FloatArray:
        """(C,) the chance of each column for every quarter that it lasts: of sum one over quarters."""
        return np.asarray(self.columns / self._quarters, np.float32)

    @property
    def uniform(self) -> FloatArray:
        """(C,) the density that knows no place better than another one."""
        return np.asarray(self._inside / (self._inside * self._quarters).sum(), np.float32)

    @property
    def tempo(self) -> tuple[float, float]:
        """What it believes of the tempo, as `reset` takes it."""
        weights = (self._density[1:] @ self._quarters[self._window]) + 1e-12
        logs = np.log(self.tempi)
        mean = float((weights * logs).sum() / weights.sum())
        spread = float(np.sqrt((weights * (logs - mean) ** 2).sum() / weights.sum()))
        return float(np.exp(mean)), spread

    @property
    def _boost(self) -> float:
        """So much sharper than usual the sound is weighed now."""
        return self.config.start_boost * math.exp(-self._frames / self.config.start_frames)

    @property
    def settled(self) -> bool:
        """The sound is weighed as it will be from now on, not as at the start."""
        return self._boost < 0.25

    def mass_within(self, x_px: float, reach_px: float) -> float:
        """Share of the belief within ``reach_px`` of ``x_px``."""
        return float(self.columns[np.abs(self._x_px - x_px) < reach_px].sum())

    def update(self, logits: FloatArray, struck: FloatArray | None = None) -> FloatArray:
        """Move one frame on and hear it; returns :meth:`summary`.

        ``logits`` (C,) are the network's fit; only those of the columns of :meth:`predict` are read.
        ``struck`` (88,) are the chances that a key is struck, weighed where notes were read.
        """
        window = self.predict()
        return self.weigh(logits[window] - self.log_quarters[window], struck)

    def weigh(self, evidence: FloatArray, struck: FloatArray | None = None) -> FloatArray:
        """As :meth:`update`, with what the sound says for the columns of :meth:`predict` alone.

        ``evidence`` (window,) are their logits less :attr:`log_quarters`; they are overwritten.
        """
        self.predict()
        assert self._predicted is not None
        (window, density, mass, by_rate), self._predicted = self._predicted, None
        sharper = 1.0 + self._boost
        evidence *= np.float32(self.config.sharpness * sharper)
        if self._written is not None and struck is not None:
            evidence += np.float32(self.config.pitch_weight * sharper) * self._written.hear(struck, window)
        self._frames += 1
        best = np.maximum.reduce(evidence, initial=-np.inf)
        evidence -= best
        likelihood = np.exp(np.maximum(evidence, _LEAST, out=evidence), out=evidence)
        if by_rate is not None and struck is not None:
            density, mass = by_rate.given(min(float(np.add.reduce(struck)), 1.0))
        if self._strikes is not None and struck is not None:
            density[1:] *= self._strikes.hear(struck, window)
            mass = np.add.reduce(density) * self._quarters[window]
        mass *= likelihood
        self.log_evidence = float(best) + self._hold(window, density, mass, likelihood)
        return self.summary()

    def predict(self) -> slice:
        """Move one frame on, before it is heard; answers the columns where the music can be then.

        Only the past decides this, so it can be done while nobody waits. Again without :meth:`update` it
        does nothing.
        """
        if self._predicted is None:
            window = self._next_window()
            density = self._move(window)
            quarters = self._quarters[window]
            by_rate = self._rate.weigh(density, quarters, window) if self._rate else None
            self._predicted = _Predicted(window, density, density.sum(0) * quarters, by_rate)
        return self._predicted.window

    def _move(self, window: slice) -> FloatArray:
        """(tempi + 1, window) the density one frame on: tempo and place move, music halts and resumes."""
        config = self.config
        resumed = self._resumed()
        self._strip[:, self._window] = self._density
        moved, halted = self._moved(window), self._strip[0, window]
        change = config.tempo_change
        mixed = (1 - change) * moved
        mixed[1:] += 0.5 * change * moved[:-1]
        mixed[:-1] += 0.5 * change * moved[1:]
        mixed[0] += 0.5 * change * moved[0]
        mixed[-1] += 0.5 * change * moved[-1]
        density = np.empty((config.tempi + 1, window.stop - window.start), np.float32)
        density[0] = (1 - config.resume) * halted + config.halt * mixed.sum(0)
        density[1:] = (1 - config.halt) * mixed + resumed[:, None] * halted
        density[1:] += np.float32(config.anywhere / (config.tempi * len(self._place)))
        self._strip[:, self._window] = 0.0
        return density

    def _resumed(self) -> FloatArray:
        """(tempi,) chances that music which halts resumes at each tempo in this frame.

        People slow down, hold a note and go on "a tempo". What counts is how much music was played at a
        tempo, not how long that took: a held note says little.
        """
        config = self.config
        if config.usual_quarters <= 0:
            return np.full(config.tempi, config.resume / config.tempi, np.float32)
        playing = self._density[1:] @ self._quarters[self._window]
        passed = float(playing @ self.tempi) / SPEC.fps / config.usual_quarters
        self._usual += min(passed, 1.0) * (playing / max(float(playing.sum()), 1e-12) - self._usual)
        near = np.pad(self._usual, 1, mode="edge")
        chances = 0.5 * self._usual + 0.25 * (near[:-2] + near[2:]) + _ANY_TEMPO
        return np.asarray(config.resume * chances / chances.sum(), np.float32)

    def _next_window(self) -> slice:
        """The columns that the belief can have reached one frame on: with `anywhere` all of the music."""
        if self.config.anywhere > 0:
            return self._music
        held = np.flatnonzero(self.columns > _NEGLIGIBLE)
        first, last = int(held[0]), int(held[-1])
        reached = int(np.searchsorted(self._low[-1], last, side="right")) + 1
        first = min(max(first, self._music.start), self._music.stop)
        return slice(first, max(min(reached, self._music.stop), first))

    def _moved(self, window: slice) -> FloatArray:
        """(tempi, window) the density one frame's quarters earlier."""
        flat, share = self._strip.reshape(-1), self._share[:, window]
        low, high = flat[self._low_flat[:, window]], flat[self._high_flat[:, window]]
        moved: FloatArray = low * (1 - share) + high * share
        return moved

    def _hold(
        self, window: slice, density: FloatArray, mass: FloatArray, likelihood: FloatArray = _SURE
    ) -> float:
        """Believe in a ``density`` whose ``mass`` on each column of the window may have any sum.

        All are overwritten. The density is still to be multiplied by the ``likelihood``; the mass is not.
        Answers the log of its sum.
        """
        total = float(np.add.reduce(mass))
        if not 0.0 < total < np.inf:  # lost, or not a number: the music is anywhere
            window, likelihood = self._music, _SURE
            density = np.ones((len(density), window.stop - window.start), np.float32)
            mass = len(density) * self._quarters[window]
            total = float(mass.sum())
        scale = np.float32(1.0 / total)
        density *= likelihood * scale
        mass *= scale
        self._window, self._density = window, density
        self.columns: FloatArray = np.zeros(len(self._quarters), np.float32)
        self.columns[window] = mass
        return math.log(total)

    def summary(self) -> FloatArray:
        """(SUMMARY,) float32: px at each of :data:`HORIZONS` frames ahead, spread in px, speed in px a frame
        there, share of the mass within 170 px of the first, and the chance that the music halts."""
        window, density = self._window, self._density
        mass = self.columns[window]
        heaviest = int(mass.argmax())
        reach = slice(max(heaviest - 60, 0), heaviest + 61)
        there = slice(window.start + reach.start, min(window.start + reach.stop, window.stop))
        local = mass[reach].astype(np.float64)
        here, place, x_px, x_squared = local.dot(self._moments[there]).tolist()
        logs, weight = density[1:, reach].dot(self._quarters[there]).dot(self._log_tempi).tolist()
        tempo, place = math.exp(logs / max(weight, 1e-12)), place / here
        halted = float(density[0].dot(self._quarters[window]))
        coming_px = self._coming(place, tempo, local, there).tolist()
        now_px = coming_px[0]
        variance = (x_squared - 2.0 * now_px * x_px) / here + now_px**2
        speed = (coming_px[1] - now_px) / HORIZONS[1]
        return np.array([*coming_px, math.sqrt(max(variance, 0.0)), speed, here, halted], np.float32)

    def _coming(
        self, place: float, tempo: float, local: NDArray[np.float64], there: slice
    ) -> NDArray[np.float64]:
        """px at every horizon, from the mean ``place`` or, hedged, from all of ``local``."""
        moves = tempo * _HORIZONS_S
        if not self.config.hedged:
            return np.interp(place + moves, self._place, self._x_px)
        # A quarter at a line break is some 90 px wide: in their middle one is wrong by half at most.
        later = self._place[there] + moves[:, None]
        coming_px: NDArray[np.float64] = np.interp(later, self._place, self._x_px) @ local / local.sum()
        return coming_px


class _Predicted(NamedTuple):
    """One frame on, not heard yet: ``density`` (tempi + 1, window) and its ``mass`` on each column of it.

    ``by_rate``: the same two, weighed by how often keys are struck, where that is weighed.
    """

    window: slice
    density: FloatArray
    mass: FloatArray
    by_rate: ByRate | None
