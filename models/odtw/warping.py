"""Online dynamic time warping (Dixon 2005; score-following paper, section 4.2), one live frame at a time.

The symmetric recursion: a step along one sequence costs the distance of the two frames once, a step along
both twice, so every path to a pair (live i, reference j) has the same weight, and costs divided by it can be
compared between places. Steps along one sequence alone may cost a little more, so that in a long note, where
all places sound alike, the music is taken to go on at the score's pace. Only a window of the reference around
the current place is computed. numpy only; belongs to one thread; a step is O(window) and depends on nothing
but the frames before it.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
FAR = 1e12
"""Cost of where no path leads."""


class OnlineWarp:
    """Aligns live rows with `reference`, (J, D) float64 rows; nearest is what has the least L2 distance.

    `reach` is how many reference rows are looked at to either side; `penalty` the cost of a step along one
    sequence alone, beside the distance.
    """

    def __init__(self, reference: FloatArray, reach: int = 200, penalty: float = 0.0) -> None:
        if reference.ndim != 2 or not len(reference):
            raise ValueError("a reference has rows")
        self._reference, self._reach, self._penalty = reference, reach, penalty
        self.reset(0)

    def reset(self, place: int) -> None:
        """Begin anew with the live sound standing at reference row `place`."""
        self.place = min(max(place, 0), len(self._reference) - 1)
        self._origin, self._heard = self.place, 0
        self._low = self.place
        self._costs = np.zeros(0)

    def step(self, row: FloatArray) -> int:
        """Hear one row (D,) and say which reference row the music has come to."""
        low = max(self.place - self._reach, self._origin)
        high = min(self.place + self._reach + 1, len(self._reference))
        distances = np.linalg.norm(self._reference[low:high] - row, axis=1)
        if self._heard == 0:
            costs = np.cumsum(distances + self._penalty) + distances[0] - self._penalty
        else:
            costs = self._onward(distances, low, high)
        self._heard += 1
        self._low, self._costs = low, costs
        weights = self._heard + np.arange(low, high) - self._origin + 1
        self.place = low + int(np.argmin(costs / weights))
        return self.place

    def _onward(self, distances: FloatArray, low: int, high: int) -> FloatArray:
        """Least costs of the paths to this live row and each row of the window, from those before it."""
        before = np.full(high - low + 1, FAR)           # of reference rows low - 1 to high - 1
        begin, end = max(self._low, low - 1), min(self._low + len(self._costs), high)
        before[begin - low + 1:end - low + 1] = self._costs[begin - self._low:end - self._low]
        entered = np.minimum(before[1:] + distances + self._penalty, before[:-1] + 2 * distances)
        # Steps along the reference alone: min over k <= j of entered[k] plus the distances from k + 1 to j.
        summed = np.cumsum(distances + self._penalty)
        onward: FloatArray = summed + np.minimum.accumulate(entered - summed)
        return onward
