"""A phase-locked loop over ticks that should be evenly spaced and are not. Pure; one thread feeds it.

An alpha-beta filter whose memory grows from the first fit to two beats (the gains of the expanding-memory
least-squares line, E. Brookner, "Tracking and Kalman Filtering Made Easy", 1998). A tick far from where it
is expected is counted and otherwise ignored, so a late one, or a heap of them after a hiccup, moves nothing.
Only when ticks stay away on the same side for a while has the tempo changed, and the loop is fitted anew.
"""
from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from statistics import median

FIT_TICKS = 8
MEMORY_TICKS = 48
GATE_PERIODS, GATE_S = 0.35, 0.004
"""How far from its moment a tick is believed: of the period, and at least."""
ASTRAY_S = 0.15
SHORTEST_S, LONGEST_S = 60 / 24 / 500, 60 / 24 / 10
"""A tick's length at 500 and at 10 beats a minute: beyond, it is no clock."""


class TickLoop:
    """`period_s` is None until the first ticks were fitted; then `moment_s` is when the last one was due."""

    def __init__(self) -> None:
        self.period_s: float | None = None
        self.moment_s = 0.0
        self._recent: deque[float] = deque(maxlen=FIT_TICKS)  # the first ticks, later those that went astray
        self._astray_since_s = 0.0
        self._late = False
        self._count = 0

    @property
    def astray(self) -> bool:
        """The last ticks were far from where they were expected."""
        return self.period_s is not None and bool(self._recent)

    def tick(self, moment_s: float) -> None:
        """A tick was heard."""
        if self.period_s is None:
            self.moment_s = moment_s
            self._recent.append(moment_s)
            self._fit()
            return
        expected_s = self.moment_s + self.period_s
        error_s = moment_s - expected_s
        self.moment_s = expected_s
        if abs(error_s) > max(GATE_PERIODS * self.period_s, GATE_S):
            self._stray(moment_s, error_s > 0)
        else:
            self._correct(error_s)

    def _correct(self, error_s: float) -> None:
        assert self.period_s is not None
        self._recent.clear()
        self._count = n = min(self._count + 1, MEMORY_TICKS)
        self.moment_s += error_s * 2 * (2 * n - 1) / (n * (n + 1))
        self.period_s += error_s * 6 / (n * (n + 1))

    def _stray(self, moment_s: float, late: bool) -> None:
        if not self._recent or late != self._late:
            self._recent.clear()
            self._late, self._astray_since_s = late, moment_s
        self._recent.append(moment_s)
        if moment_s - self._astray_since_s >= ASTRAY_S:
            self._fit()

    def _fit(self) -> None:
        """Start from the recent ticks, once there are enough and they look like a clock."""
        if len(self._recent) < FIT_TICKS:
            return
        moment_s, period_s = fit(self._recent)
        if SHORTEST_S <= period_s <= LONGEST_S:
            self.moment_s, self.period_s, self._count = moment_s, period_s, FIT_TICKS
            self._recent.clear()


def fit(moments_s: Sequence[float]) -> tuple[float, float]:
    """(moment of the last, period) of ticks, a line through the medians (H. Theil, 1950): one may be off."""
    numbered = list(enumerate(moments_s))
    period_s = median((b - a) / (j - i) for (i, a), (j, b) in itertools.combinations(numbered, 2))
    origin_s = median(moment - i * period_s for i, moment in numbered)
    return origin_s + (len(numbered) - 1) * period_s, period_s
