"""How far three actions can get: the best course of -1, 0, +1 through a performance, found with hindsight.

It bounds every agent that chooses among these: where it is lost, all are. Pure.
"""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.game import FloatArray, Truth

Reached = NDArray[np.bool_]
"""(positions, speeds) that some course has come to at a frame."""


def longest_course(truth: Truth, tolerance_px: float) -> NDArray[np.int64]:
    """(n,) actions that keep within `tolerance_px` of the truth for the most frames, from a standstill on its
    first onset; among those, they end nearest to it."""
    away_px = truth.x_px[truth.first_frame:truth.last_frame + 1] - truth.x_at_frame(truth.first_frame)
    pace_px = math.ceil(np.abs(np.diff(away_px)).max())
    fastest = pace_px + math.ceil(2 * math.sqrt(tolerance_px))      # what is faster cannot brake in time
    lows = np.ceil(away_px - tolerance_px).astype(int)
    highs = np.floor(away_px + tolerance_px).astype(int)
    start = np.zeros((highs[0] - lows[0] + 1, 2 * fastest + 1), bool)
    start[-lows[0], fastest] = True
    reached = [start]
    for low, high, before in zip(lows[1:], highs[1:], lows[:-1], strict=True):
        after = _next(reached[-1], low - before, high - low + 1, fastest)
        if not after.any():
            break
        reached.append(after)
    return _traced_back(reached, lows, away_px, fastest)


def _next(reached: Reached, shift: int, count: int, fastest: int) -> Reached:
    """One frame later, in a window of `count` positions that begins `shift` px further on."""
    speeds = reached.copy()
    speeds[:, 1:] |= reached[:, :-1]
    speeds[:, :-1] |= reached[:, 1:]
    after = np.zeros((count, speeds.shape[1]), bool)
    for column in np.flatnonzero(speeds.any(axis=0)):
        rows = np.flatnonzero(speeds[:, column]) + column - fastest - shift
        after[rows[(rows >= 0) & (rows < count)], column] = True
    return after


def _traced_back(
    reached: list[Reached], lows: NDArray[np.int64], away_px: FloatArray, fastest: int
) -> NDArray[np.int64]:
    """The actions of a course that ends at the last frame reached, as near to the truth as can be."""
    last = len(reached) - 1
    rows, columns = np.nonzero(reached[last])
    best = np.argmin(np.abs(rows + lows[last] - away_px[last]))
    x_px, column = int(rows[best] + lows[last]), int(columns[best])
    actions = np.zeros(last, np.int64)
    for frame in range(last, 0, -1):
        x_px -= column - fastest
        row, states = x_px - lows[frame - 1], reached[frame - 1]
        came_from = next(each for each in (column, column - 1, column + 1)
                         if 0 <= each < states.shape[1] and states[row, each])  # fmt: skip
        actions[frame - 1], column = column - came_from, came_from
    return actions
