"""Rewards: how good a bar is, judged by a corpus. Packed bars in (one uint64 a key), one float a bar out.

:class:`NearestBar` is the paper's (section 2.2). Silence earns minus the lightest bar's density there, more
than almost any music does, so an agent learns to switch everything off. :class:`Shaped` has no such way out.
Both draw fresh bars at every call from their own generator: one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.launchpad.corpus import Bars, Corpus, densities

Rewards = NDArray[np.float32]
PAPERS_BARS = 1000
BLOCK = 256
"""Bars judged at once: what is between the steps then stays in a core's cache."""


class Reward(Protocol):
    """What environments ask."""

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) bars -> (N,); `heard` (N, H, keys) are the bars that sounded before each, if any."""


class Sample:
    """Bars (M, keys) made ready to be compared with: few keys of each sound, and only these are counted."""

    def __init__(self, bars: Bars) -> None:
        by_key = np.ascontiguousarray(bars.T)
        self.densities = np.bitwise_count(by_key).sum(0, dtype=np.int16)
        self._sounding = [np.flatnonzero(row) for row in by_key]
        self._rows = [row[which, None] for row, which in zip(by_key, self._sounding, strict=True)]
        self._count_type = np.uint8 if self.densities.max(initial=0) < 256 else np.uint16

    def blocks(self, bars: Bars) -> Iterator[tuple[slice, NDArray[np.int16]]]:
        """Which of `bars` (N, keys), and their squared distances to the sample, (M, up to BLOCK)."""
        for start in range(0, len(bars), BLOCK):
            part = slice(start, start + BLOCK)
            yield part, self.distances(bars[part])

    def distances(self, bars: Bars) -> NDArray[np.int16]:
        """(M, N) squared distances of `bars` (N, keys): |a - b|^2 = |a| + |b| - 2 |a and b|."""
        by_key = np.ascontiguousarray(bars.T)
        shared = np.zeros((len(self.densities), len(bars)), self._count_type)
        for row, which, own in zip(by_key, self._sounding, self._rows, strict=True):
            shared[which] += np.bitwise_count(own & row)
        distances = shared.astype(np.int16)
        distances *= -2
        distances += self.densities[:, None]
        distances += np.bitwise_count(by_key).sum(0, dtype=np.int16)
        return distances

    def nearest(self, bars: Bars, weights: Rewards | None = None) -> Rewards:
        """(N,) the smallest squared distance of each bar, or of `weights` (M,) times the distance."""
        found = np.empty(len(bars), np.float32)
        for part, distances in self.blocks(bars):
            weighted = distances if weights is None else distances * weights[:, None]
            found[part] = weighted.min(0)
        return found


def squared_distances(bars: Bars, others: Bars) -> NDArray[np.int16]:
    """(M, N) squared distances of all `bars` (N, keys) to all `others` (M, keys)."""
    distances = np.empty((len(others), len(bars)), np.int16)
    for part, block in Sample(others).blocks(bars):
        distances[:, part] = block
    return distances


class NearestBar:
    """The paper's: minus the smallest squared distance to `count` bars sampled from the corpus.

    The sample is drawn anew for every call and shared by its bars; a `count` of 0 is the whole corpus.
    `density_power` is 0 in the paper; see :class:`Shape`. `threads` share the work of large batches.
    """

    def __init__(
        self,
        corpus: Corpus,
        count: int = PAPERS_BARS,
        seed: int = 0,
        density_power: float = 0.0,
        threads: int = 1,
    ) -> None:
        self.corpus = corpus
        self.count = count
        self._density_power = density_power
        self._usual_density = float(corpus.densities.mean())
        self._rng = np.random.default_rng(seed)
        self._whole = None if count else Sample(corpus.bars)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) -> (N,); what was heard before does not count."""
        sample = self._whole or Sample(self.corpus.sample(self._rng, self.count))
        weights = self._weights(sample)
        if self._pool is None or len(bars) <= BLOCK:
            return -sample.nearest(bars, weights)
        parts = [bars[start : start + BLOCK] for start in range(0, len(bars), BLOCK)]
        return -np.concatenate(list(self._pool.map(lambda part: sample.nearest(part, weights), parts)))

    def _weights(self, sample: Sample) -> Rewards | None:
        if not self._density_power:
            return None
        lightness = self._usual_density / np.maximum(sample.densities, 1).astype(np.float32)
        return np.asarray(lightness**self._density_power, np.float32)


@dataclass(frozen=True)
class Shape:
    """How :class:`Shaped` differs from the paper's reward, in its unit: cells that differ.

    Attributes:
        density_power: a distance to a corpus bar of n cells is multiplied by (usual n / n) to this power, so
            that rich bars, which nobody hits exactly, are worth aiming at: 0 is the paper's, and at 1 silence
            is equally far from every bar.
        floor: notes that a bar should have at least.
        missing_cost: of each note missing from `floor`. It is more than a wrong note costs, so out of silence
            every note gains.
        repeat_cost: of a bar that sounds like one just heard, whether a button was pressed or not.
    """

    density_power: float = 0.5
    floor: int = 6
    missing_cost: float = 2.0
    repeat_cost: float = 1.0


class Shaped:
    """Near to the corpus, but never by silence or by standing still."""

    def __init__(
        self,
        corpus: Corpus,
        count: int = PAPERS_BARS,
        seed: int = 0,
        shape: Shape | None = None,
        threads: int = 1,
    ) -> None:
        self.shape = shape or Shape()
        self._nearest = NearestBar(corpus, count, seed, self.shape.density_power, threads)

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
