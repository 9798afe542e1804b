"""Evolution strategies (Salimans et al. 2017): a plan learns from what its songs earn.

The plan's motifs keep the grids that they want. How much each draws and how steep its ways are is learned:
every update plays the same new songs with many networks that differ at random, in pairs of opposite changes,
and moves to where songs earn more, by rank, with Adam. What counts is what is heard once a song has found its
way, of songs that rest and of songs played restlessly, as live, and how many different bars songs end in.
Deterministic in the seed; `saved` and `restore` stop and go on anywhere. Runs in a training process, one
thread; logging and files belong to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.launchpad.choir import PARTS, Choir, Flags, Genes
from models.launchpad.corpus import Bars, densities
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.networks import MotifQ
from models.launchpad.reward import Reward, Rewards
from models.launchpad.starts import Start
from models.launchpad.study import entropy_bits
from models.tensors import below, prefixed

Floats = NDArray[np.float64]
CLEARED_BARS = (50, 90)
"""A grid drawn at random is joined after so many bars of the plan: before, there is but clearing."""
HEAVY_CELLS = 40
"""A bar of so many notes earns the floor; which it is, is not asked."""
KNOWN_BARS = 1_000_000
"""Rewards remembered before all are forgotten: about 250 MB."""
VALIDATION_SEED = 1 << 20
BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class EvolutionConfig:
    """Everything that can be turned."""

    updates: int = 40
    """Generations."""
    pairs: int = 24
    """Of networks, a generation: a random change and its opposite."""
    songs: int = 24
    """Each network plays, the same for all."""
    bars: int = 48
    """Of a song; the last `judged` of them count."""
    judged: int = 5
    restless: float = 0.5
    """Share of songs played as live; the others rest where they like it best."""
    deviation: float = 0.5
    """Of the random changes: of a motif's worth in values, of steepness in units of `steepness_unit`."""
    steepness_unit: float = 0.3
    """Of the logarithm of steepness."""
    learning_rate: float = 0.15
    """Of Adam, at first; it falls to a tenth in equal steps."""
    variety: float = 0.2
    """What a bit of entropy of the bars that resting songs end in is worth."""
    reward_floor: float = -15.0
    """No bar counts less: a grid that is not cleared yet."""
    validation_songs: int = 192
    """Their fitness says which generation is kept; they are drawn once."""
    report_every: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Where learning stands: means over the networks of the last generation, and the validation songs."""

    updates: int
    reward: float
    variety_bits: float
    validation: float
    best: float


Report = Callable[[Progress], bool | None]
"""Called every `report_every` updates; training stops where it returns True."""


class EvolutionLearner:
    """Evolves `plan` on songs that begin in `starts` and earn `reward`, which must not depend on chance."""

    def __init__(
        self, plan: MotifQ, reward: Reward, config: EvolutionConfig, starts: Mapping[str, Start]
    ) -> None:
        self.config, self.updates = config, 0
        self._choir, self._reward = Choir(plan), Known(reward, config.reward_floor)
        self._starts = [
            on_the_way(self._choir, start) if name == "uniform" else start for name, start in starts.items()
        ]
        self._rng = np.random.default_rng(config.seed)
        size = (1 + len(PARTS)) * len(plan.bias)
        self._mean, self._best = torch.zeros(size), torch.zeros(size)
        self._moments = torch.zeros(2, size)
        rng = np.random.default_rng(VALIDATION_SEED)
        self._validation = self._songs(config.validation_songs, rng)
        self._best_fitness = self._validated(self._mean)

    @property
    def network(self) -> MotifQ:
        """The best generation's, by the validation songs."""
        return self._choir.network_of(self._genes(self._best[None]))

    def train(self, report: Report | None = None, until: int | None = None) -> None:
        """Evolve until `updates`, or until `until` of them; may be called again."""
        last = min(until or self.config.updates, self.config.updates)
        while self.updates < last:
            earned, variety = self.learn()
            if self.updates % self.config.report_every and self.updates != self.config.updates:
                continue
            fitness = self._select()
            progress = Progress(self.updates, earned, variety, fitness, self._best_fitness)
            if report and report(progress):
                return

    def learn(self) -> tuple[float, float]:
        """One generation; answers its mean reward and variety."""
        config = self.config
        states, restless = self._songs(config.songs, self._rng)
        shape = config.pairs, len(self._mean)
        change = torch.from_numpy(self._rng.standard_normal(shape, np.float32))
        networks = self._mean + config.deviation * torch.cat((change, -change))
        earned, variety = self._fitness(networks, states, restless)
        ranks = (earned + config.variety * variety).argsort().argsort() / (2 * config.pairs - 1)
        better = torch.from_numpy((ranks[: config.pairs] - ranks[config.pairs :]).astype(np.float32))
        self._ascend((better[:, None] * change).mean(0) / config.deviation)
        return float(earned.mean()), float(variety.mean())

    def _ascend(self, gradient: Tensor) -> None:
        """One step of Adam."""
        left = 1.0 - self.updates / self.config.updates
        self.updates += 1
        moments = []
        for moment, power, beta in zip(self._moments, (gradient, gradient.square()), BETAS, strict=True):
            moment.lerp_(power, 1.0 - beta)
            moments.append(moment / (1.0 - beta**self.updates))
        step = moments[0] / (moments[1].sqrt() + 1e-8)
        self._mean = self._mean + self.config.learning_rate * max(0.1, left) * step

    def _select(self) -> float:
        """The mean's fitness in the validation songs; the best so far is kept."""
        fitness = self._validated(self._mean)
        if fitness > self._best_fitness:
            self._best, self._best_fitness = self._mean.clone(), fitness
        return fitness

    def _validated(self, vector: Tensor) -> float:
        earned, variety = self._fitness(vector[None], *self._validation)
        return float(earned[0] + self.config.variety * variety[0])

    def _songs(self, count: int, rng: np.random.Generator) -> tuple[States, Flags]:
        """Where `count` songs begin, in equal shares of all starts, and which are restless."""
        shares = np.bincount(np.arange(count) % len(self._starts), minlength=len(self._starts))
        states = [start(int(share), rng) for start, share in zip(self._starts, shares, strict=True)]
        restless = rng.permutation(count) < round(self.config.restless * count)
        return np.concatenate(states), restless

    def _fitness(self, vectors: Tensor, states: States, restless: Flags) -> tuple[Floats, Floats]:
        """(P,) what songs earn at the end, and (P,) the bits of what resting ones end in."""
        config, count = self.config, len(vectors)
        played = self._choir.play(self._genes(vectors), states, restless, config.bars)
        heard = [LAUNCHPAD.packed(late) for late in islice(played, config.bars - config.judged, None)]
        bars = np.stack(heard)                                                 # (judged, P, songs, keys)
        earned = self._reward(bars.reshape(-1, LAUNCHPAD.keys)).reshape(config.judged, count, -1)
        variety = np.array([entropy_bits(network[~restless]) for network in heard[-1]])
        return earned.mean((0, 2), dtype=np.float64), variety

    def _genes(self, vectors: Tensor) -> Genes:
        worth, *steepness = vectors.unflatten(1, (1 + len(PARTS), -1)).unbind(1)
        return Genes(worth, (torch.stack(steepness, 1) * self.config.steepness_unit).exp())

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values."""
        tensors = {"mean": self._mean, "best": self._best, "moments": self._moments}
        counters = {"updates": self.updates, "best_fitness": self._best_fitness}
        return prefixed("evolution.", tensors), {**counters, "random": self._rng.bit_generator.state}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same plan and configuration.

        Raises:
            ValueError: the plan has another number of motifs.
        """
        own = below("evolution.", tensors)
        if own["mean"].shape != self._mean.shape:
            raise ValueError("another number of motifs")
        self._mean, self._best, self._moments = own["mean"], own["best"], own["moments"].clone()
        self.updates, self._best_fitness = counters["updates"], counters["best_fitness"]
        self._rng.bit_generator.state = counters["random"]


class Known:
    """A reward that is asked once for each bar, and is never below `floor`."""

    def __init__(self, reward: Reward, floor: float) -> None:
        self._reward, self._floor = reward, np.float32(floor)
        self._known: dict[bytes, np.float32] = {}

    def __call__(self, bars: Bars) -> Rewards:
        """(N, keys) -> (N,)."""
        rewards = np.full(len(bars), self._floor)
        asked = np.flatnonzero(densities(bars) < HEAVY_CELLS)
        names = [bars[index].tobytes() for index in asked]
        new = {name: index for name, index in zip(names, asked, strict=True) if name not in self._known}
        if len(self._known) + len(new) > KNOWN_BARS:
            self._known, new = {}, dict(zip(names, asked, strict=True))
        if new:
            self._known.update(zip(new, self._reward(bars[list(new.values())]), strict=True))
        rewards[asked] = [self._known[name] for name in names]
        return np.maximum(rewards, self._floor)


def on_the_way(choir: Choir, start: Start) -> Start:
    """Songs of the choir's own network that have gone on for CLEARED_BARS, each for a number of its own."""
    own = len(choir.network.bias)
    genes = Genes(torch.zeros(1, own), torch.ones(1, len(PARTS), own))

    def draw(count: int, rng: np.random.Generator) -> States:
        first, last = CLEARED_BARS
        ages = rng.integers(first, last, count)
        states = start(count, rng)
        for bar, (played,) in enumerate(choir.play(genes, states, np.zeros(count, bool), last), 1):
            states[ages == bar] = played[ages == bar]
        return states

    return draw
