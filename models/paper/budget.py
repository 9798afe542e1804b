"""How long a training run may take on the clock on the wall, and what follows from it.

For borrowed machines, which are taken back on time: over the budget the learning rate falls to zero, and
validation is put off until it takes no more than its share. Used by the training process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

VALIDATION_SHARE = 0.05
"""Of the time, at most, where there is a budget."""


class Budget:
    """Counts from when it is made; None minutes are as many as one likes."""

    def __init__(self, minutes: float | None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._total_s = math.inf if minutes is None else 60.0 * minutes
        self._clock_s, self._begun_s = clock_s, clock_s()
        self._rested_s = 0.0

    @property
    def spent_s(self) -> float:
        """So far, earlier parts of the run included."""
        return self._clock_s() - self._begun_s

    @property
    def left(self) -> float:
        """The share that is left: 1 at first and always where there is no limit, 0 when it is over."""
        return max(1.0 - self.spent_s / self._total_s, 0.0)

    @property
    def may_validate(self) -> bool:
        """Whether validation has not had more than its share of late."""
        return math.isinf(self._total_s) or self.spent_s >= self._rested_s

    def validated(self, began_s: float) -> None:
        """A validation that began when so much was spent is over."""
        spent_s = self.spent_s
        self._rested_s = spent_s + (spent_s - began_s) * (1.0 / VALIDATION_SHARE - 1.0)

    def go_on_from(self, spent_s: float) -> None:
        """So much was spent in earlier parts of the run."""
        self._begun_s = self._clock_s() - spent_s
