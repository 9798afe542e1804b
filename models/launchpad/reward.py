"""Rewards: how good a bar is, judged by a corpus. Bars in (packed, one uint64 a key), one float a bar out.

:class:`NearestBar` is the paper's (section 2.2). Silence earns minus the lightest bar's density there, more
than almost any music does, so an agent learns to switch everything off. :class:`Shaped` has no such way out.
Both draw fresh bars at every call from their own generator: one thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.launchpad.corpus import Bars, Corpus, densities

Rewards = NDArray[np.float32]
PAPERS_BARS = 1000


class Reward(Protocol):
    """What environments ask."""

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) bars -> (N,); `heard` (N, H, keys) are the bars that sounded before each, if any."""


def squared_distances(bars: Bars, others: Bars) -> NDArray[np.int16]:
    """(M, N) squared distances of all `bars` (N, keys) to all `others` (M, keys), by bit counting.

    |a - b|^2 = |a| + |b| - 2 |a and b|, and few keys of a corpus bar sound: only these are counted.
    """
    distances = np.empty((len(others), len(bars)), np.int16)
    np.add.outer(densities(others).astype(np.int16), densities(bars).astype(np.int16), out=distances)
    for key in range(bars.shape[1]):
        sounding = np.flatnonzero(others[:, key])
        shared = np.bitwise_count(others[sounding, key, None] & bars[:, key])
        distances[sounding] -= 2 * shared.astype(np.int16)
    return distances


class NearestBar:
    """The paper's: minus the smallest squared distance to `count` bars sampled from the corpus.

    The sample is drawn anew for every call and shared by its bars; a `count` of 0 is the whole corpus.
    """

    def __init__(self, corpus: Corpus, count: int = PAPERS_BARS, seed: int = 0) -> None:
        self.corpus = corpus
        self.count = count
        self._rng = np.random.default_rng(seed)

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) -> (N,); what was heard before does not count."""
        others = self.corpus.sample(self._rng, self.count) if self.count else self.corpus.bars
        return -squared_distances(bars, others).min(0).astype(np.float32)


@dataclass(frozen=True)
class Shape:
    """What :class:`Shaped` adds to the distance, in units of its reward.

    Attributes:
        floor: notes a bar should have at least, and what each missing one costs.
        repeat_cost: what it costs to play a bar that was just heard.
    """

    floor: int = 8
    missing_cost: float = 2.0
    repeat_cost: float = 1.0


class Shaped:
    """The paper's distance without its shortcut: light bars pay for missing notes, repeated bars pay too."""

    def __init__(
        self, corpus: Corpus, count: int = PAPERS_BARS, seed: int = 0, shape: Shape | None = None
    ) -> None:
        self.shape = shape or Shape()
        self._nearest = NearestBar(corpus, count, seed)

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) -> (N,)."""
        missing = np.maximum(self.shape.floor - densities(bars), 0)
        reward = self._nearest(bars) - np.float32(self.shape.missing_cost) * missing
        if heard is not None:
            reward -= np.float32(self.shape.repeat_cost) * repeated(bars, heard)
        return reward.astype(np.float32)


def repeated(bars: Bars, heard: Bars) -> NDArray[np.bool_]:
    """(N,) whether each of `bars` (N, keys) is among those heard before it, (N, H, keys)."""
    same: NDArray[np.bool_] = (bars[:, None] == heard).all(-1).any(-1)
    return same
