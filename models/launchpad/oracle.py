"""What the instrument could play at best: the reachable state nearest to a bar, exactly.

A bar's squared distance is a sum over keys, and a key has only 2,732 distinct bars, so the nearest state is
found key by key. Pure functions of arrays; any thread.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.launchpad.corpus import Bars, Corpus
from models.launchpad.instrument import LAUNCHPAD, Instrument, States

BLOCK = 512


@lru_cache(maxsize=4)
def shapes(instrument: Instrument = LAUNCHPAD) -> tuple[Bars, States]:
    """Every distinct bar of a key, (S,), and for each the (S, 2) mask and offset with the fewest buttons on.

    Sorted by these: fewer patterns first, then the smaller offset.
    """
    mask, offset = np.meshgrid(
        np.arange(1 << instrument.patterns), np.arange(instrument.steps), indexing="ij"
    )
    order = np.lexsort((offset.ravel(), mask.ravel(), np.bitwise_count(mask).ravel()))
    bars = instrument.rows.ravel()[order]
    _, first = np.unique(bars, return_index=True)
    first.sort()
    states = np.stack([mask.ravel(), offset.ravel()], -1)[order][first]
    return bars[first], states.astype(np.uint8)


def nearest_shapes(
    rows: Bars, instrument: Instrument = LAUNCHPAD
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """(R,) bars of single keys -> (R,) the number of the nearest shape, and (R,) its squared distance.

    Among equally near ones it is the simplest: the first in the order of :func:`shapes`.
    """
    known, _ = shapes(instrument)
    distinct, places = np.unique(rows, return_inverse=True)
    number = np.empty(len(distinct), np.intp)
    distance = np.empty(len(distinct), np.uint8)
    for start in range(0, len(distinct), BLOCK):
        part = slice(start, start + BLOCK)
        all_distances = np.bitwise_count(distinct[part, None] ^ known)
        number[part] = all_distances.argmin(1)
        distance[part] = all_distances.min(1)
    return number[places], distance[places]


def project(bars: Bars, instrument: Instrument = LAUNCHPAD) -> States:
    """(..., keys) bars -> (..., keys, 2) the nearest reachable states."""
    number, _ = nearest_shapes(bars.ravel(), instrument)
    _, states = shapes(instrument)
    return states[number].reshape(*bars.shape, 2)


def projection_distances(bars: Bars, instrument: Instrument = LAUNCHPAD) -> NDArray[np.int64]:
    """(..., keys) -> (...) the squared distance of each bar to its nearest reachable state."""
    _, distance = nearest_shapes(bars.ravel(), instrument)
    return distance.reshape(bars.shape).sum(-1, dtype=np.int64)


class Oracle:
    """A player that knows which bars were sampled and jumps to the state that is nearest to any of them."""

    def __init__(self, corpus: Corpus) -> None:
        self.distances = projection_distances(corpus.bars)

    def sampled(self, count: int, rng: np.random.Generator, trials: int = 1000) -> float:
        """Mean of the paper's reward with `count` sampled bars: no agent can earn more."""
        chosen = rng.integers(0, len(self.distances), (trials, count))
        return -float(self.distances[chosen].min(1).mean())
