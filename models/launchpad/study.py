"""Songs that launchpad players play on a corpus, and what they earn: the figures, without the tables.

All players get the same starts and the same sampled bars. Runs in the process that calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.launchpad.corpus import Bars, Corpus, densities
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.oracle import Oracle, project
from models.launchpad.reward import PAPERS_BARS, NearestBar, Sample
from models.launchpad.starts import named_start

Floats = NDArray[np.float64]
Player = Callable[[States], NDArray[np.int64]]
"""From states (n, keys, 2), song by song in the same order, to one action each."""
STATIC_CANDIDATES = 150
RECOVERY_BARS = 60
RECOVERY_MARGIN = 0.5
"""So near to what it was before, and the reward is back."""
JUDGING_BARS = 4000
"""Of the one sample that judges recovery: the same bar then always earns the same."""


@dataclass(frozen=True)
class Row:
    """One player from one start: means over songs.

    Attributes:
        reward, late_reward: a bar, in the paper's reward: of the whole song, and of its second half.
        margin: of `late_reward` over silence.
        to_oracle: how far `late_reward` stays below the oracle.
        notes: a bar, in the second half.
        entropy_bits: of the bars heard in the second half of a song: 0 where it stands still.
        changing: share of bars in the second half that sound different from the bar before.
    """

    player: str
    start: str
    reward: float
    late_reward: float
    margin: float
    to_oracle: float
    notes: float
    entropy_bits: float
    changing: float


@dataclass(frozen=True)
class Recovery:
    """After the grid is thrown into another key: what that costs, and bars until the reward is back.

    `share` is that of songs that were back within RECOVERY_BARS; `median` and `p90` count others as that.
    """

    player: str
    drop: float
    median: float
    p90: float
    share: float


@dataclass(frozen=True, eq=False)
class Songs:
    """What was played: `bars` (T, n, keys) packed, their `rewards` (T, n), and the last states."""

    bars: Bars
    rewards: Floats
    states: States


class Study:
    """Plays songs on one corpus, all from the same seed."""

    def __init__(self, corpus: Corpus, songs: int, bars: int, seed: int = 0) -> None:
        self.corpus, self.songs, self.bars, self.seed = corpus, songs, bars, seed
        oracle = Oracle(corpus)
        self.distances = oracle.distances
        self.silence = self.static(np.zeros((1, LAUNCHPAD.keys), np.uint64))[0]
        self.oracle = oracle.sampled(PAPERS_BARS, np.random.default_rng(seed))

    def begin(self, start: str) -> States:
        """(songs, keys, 2), the same for every player."""
        return named_start(start, self.corpus)(self.songs, np.random.default_rng(self.seed))

    def static(self, bars: Bars, samples: int = 50) -> Floats:
        """(n,) the mean reward of bars that never change."""
        reward = NearestBar(self.corpus, seed=self.seed)
        means: Floats = np.mean([reward(bars) for _ in range(samples)], 0, dtype=np.float64)
        return means

    def best_static(self) -> tuple[float, float]:
        """Reward and notes of the best of 150 bars of the corpus, as near as the instrument comes to them."""
        drawn = self.corpus.sample(np.random.default_rng(self.seed), STATIC_CANDIDATES)
        bars = LAUNCHPAD.packed(project(drawn))
        rewards = self.static(bars)
        return float(rewards.max()), float(densities(bars)[rewards.argmax()])

    def bound(self, start: str) -> tuple[float, float]:
        """Mean reward that no player exceeds from a start: over the whole song, and over its second half.

        After t presses at least so many notes are left, and at most so many are there; a bar of another
        number of notes, or one that no state plays, is at least that far away.
        """
        fewest, most = reachable_cells(self.begin(start), self.bars)                  # (bars, songs)
        rng, rewards = np.random.default_rng(self.seed), np.empty(fewest.shape)
        for t in range(self.bars):
            drawn = rng.integers(0, len(self.corpus), PAPERS_BARS)
            cells, nearest = self.corpus.densities[drawn, None], self.distances[drawn, None]
            least = np.maximum(np.maximum(fewest[t] - cells, cells - most[t]), nearest)
            rewards[t] = -least.min(0)
        return float(rewards.mean()), float(rewards[self.bars // 2 :].mean())

    def play(self, player: Player, start: str) -> Songs:
        """One button a bar, all songs at once."""
        states, reward = self.begin(start), NearestBar(self.corpus, seed=self.seed)
        bars = np.empty((self.bars, self.songs, LAUNCHPAD.keys), np.uint64)
        rewards = np.empty(bars.shape[:2])
        for t in range(self.bars):
            states = LAUNCHPAD.press(states, player(states))
            bars[t] = LAUNCHPAD.packed(states)
            rewards[t] = reward(bars[t])
        return Songs(bars, rewards, states)

    def row(self, name: str, start: str, played: Songs) -> Row:
        """The figures of songs."""
        late = slice(self.bars // 2, None)
        late_reward = float(played.rewards[late].mean())
        bars = played.bars[late]
        return Row(
            name, start, float(played.rewards.mean()), late_reward, late_reward - float(self.silence),
            self.oracle - late_reward, float(densities(bars).mean()),
            float(np.mean([entropy_bits(bars[:, song]) for song in range(self.songs)])),
            float((bars[1:] != bars[:-1]).any(-1).mean()),
        )  # fmt: skip

    def recovery(self, name: str, player: Player, states: States) -> Recovery:
        """Throw every song's grid into another key, and count the bars until it earns what it did."""
        rng = np.random.default_rng(self.seed)
        judge = Sample(self.corpus.sample(rng, JUDGING_BARS))
        before = -judge.nearest(LAUNCHPAD.packed(states))
        shifts = rng.integers(1, 12, len(states))
        states = np.stack([np.roll(state, shift, 0) for state, shift in zip(states, shifts, strict=True)])
        thrown = -judge.nearest(LAUNCHPAD.packed(states))
        needed, back = np.full(len(states), RECOVERY_BARS), thrown >= before - RECOVERY_MARGIN
        needed[back] = 0
        for bar in range(1, RECOVERY_BARS + 1):
            states = LAUNCHPAD.press(states, player(states))
            now = ~back & (-judge.nearest(LAUNCHPAD.packed(states)) >= before - RECOVERY_MARGIN)
            needed[now] = bar
            back |= now
        median, p90 = np.percentile(needed, (50, 90))
        return Recovery(name, float((before - thrown).mean()), float(median), float(p90), float(back.mean()))


def reachable_cells(states: States, bars: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(bars, n) the fewest and the most notes after 1 ... `bars` presses, whatever is pressed."""
    on = (states[..., :1] >> np.arange(LAUNCHPAD.patterns) & 1).astype(bool).reshape(len(states), -1)
    sizes = np.tile(LAUNCHPAD.basis.sum(1), LAUNCHPAD.keys)
    cells = (on * sizes).sum(1)
    removable, addable = (-np.sort(-(which * sizes), 1)[:, :bars] for which in (on, ~on))
    fewest = cells[:, None] - _summed(removable, bars)
    return fewest.T, (cells[:, None] + _summed(addable, bars)).T


def _summed(sizes: NDArray[np.int64], bars: int) -> NDArray[np.int64]:
    summed = sizes.cumsum(1)
    return np.pad(summed, ((0, 0), (0, bars - summed.shape[1])), mode="edge")


def entropy_bits(bars: Bars) -> float:
    """Of the distribution of distinct bars among (T, keys)."""
    _, counts = np.unique(bars, axis=0, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0
