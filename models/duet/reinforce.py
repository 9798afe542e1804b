"""Actor-critic with generalised advantages: the second stage of the paper's training ("RL Framework").

The agent begins with the weights of a model (a), improvises the machine's line of a batch of duets, is
rewarded when they are through, and learns from them: once, or by PPO a few times. Which reward decides the
agent: the ensemble of six makes RL-Duet, one model and music theory make RL-Rules, and
:mod:`models.duet.partner` the one that ships. Same seed, same weights, interrupted or not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.duet.agent import allowed
from models.duet.causal import CausalNetwork, block_features
from models.duet.chorales import BadChorales, Duet
from models.duet.encoding import BEATS, Tokens
from models.duet.environment import PLAYER, SEED_STEPS, Improvisation, Seen, practice
from models.duet.networks import Network
from models.duet.playing import Decider, decider
from models.duet.teacher import ForesightNetwork, opinions, surprise
from models.duet.training import descend, set_learning_rate
from models.duet.windows import BLOCK, cut
from models.journal import Resumable
from models.tensors import below, optimiser_state, prefixed, restore_optimiser

Floats = NDArray[np.float64]
Judge = Callable[[Tokens, Tokens, NDArray[np.int64], int], Floats]
"""From human and machine lines (n, T), the beat (n,) of step 0, and the first step that is judged."""

IMPOSSIBLE = -1e9
"""Logit of a symbol that cannot follow."""


@runtime_checkable
class Learns(Resumable, Protocol):
    """A judge that learns beside the agent."""


@dataclass(frozen=True)
class ReinforceConfig:
    """How to learn from reward.

    Attributes:
        duets: to play in all; the paper's 100,000.
        batch: duets played, then learned from.
        steps: length of a duet, its two given bars included; shorter pieces go round.
        discount, trace: gamma and lambda of the advantages.
        last_rate: share of the learning rate that is left, falling in a straight line, at the end.
        value_weight: of the critic's squared error beside the actor's loss.
        prior: reward lost for each nat by which a choice is likelier than the first weights found it (KL to
            the prior; 0 is the paper).
        imitation: weight of the likelihood of as many real duets, learned beside the reward (0 is the paper).
        temperature: at which it plays, and learns, at the beginning and, falling in a straight line, at the
            end: the lower, the nearer is what it practises to what it plays greedily.
        epochs: so often is a batch learned from, its ratios clipped as in PPO from the second time on.
        thrown: share of duets whose player changes key on the way.
        distil: weight of the surprise, on own play, of a teacher that sees the future
            (:mod:`models.duet.teacher`).
    """

    duets: int = 100_000
    batch: int = 16
    steps: int = 96
    discount: float = 0.5
    trace: float = 1.0
    learning_rate: float = 1e-4
    last_rate: float = 1.0
    value_weight: float = 0.5
    prior: float = 0.0
    imitation: float = 0.0
    temperature: tuple[float, float] = (1.0, 1.0)
    epochs: int = 1
    ratio_clip: float = 0.2
    thrown: float = 0.0
    distil: float = 0.0
    clip: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Of one batch: means over its steps."""

    duets: int
    reward: float
    entropy: float
    value_error: float


class ActorCritic(nn.Module):
    """The generation model with a value V(s) beside its policy."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.value = nn.Linear(network.head.in_features, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, played: Improvisation, temperature: float) -> tuple[Tensor, Tensor]:
        """Of every generated step: log-probabilities (n, T, symbols) and values (n, T)."""
        features = features_of(self.network, played)
        logits = self.network.head(features)
        before = played.machine[:, SEED_STEPS - 1 : -1]
        likelihoods = possible(logits, before, temperature).log_softmax(-1)
        return likelihoods, self.value(features).squeeze(-1)


def possible(logits: Tensor, before: Tokens, temperature: float) -> Tensor:
    """Logits (..., symbols) at a temperature, as low as can be where one may not follow `before` (...)."""
    return (logits / temperature).masked_fill(~torch.from_numpy(allowed(before)), IMPOSSIBLE)


def advantages(rewards: Floats, values: Floats, discount: float, trace: float) -> Floats:
    """Generalised advantages (n, T): sum over l of (discount trace)^l delta_(t+l).

    delta_t = r_t + discount V(s_(t+1)) - V(s_t); `values` (n, T) are those of the states in which the rewards
    (n, T) were earned. Behind the last step nothing is earned.
    """
    later = np.concatenate([values[:, 1:], np.zeros((len(values), 1))], 1)
    found = rewards + discount * later - values
    for t in range(found.shape[1] - 2, -1, -1):
        found[:, t] += discount * trace * found[:, t + 1]
    return found


def returns(rewards: Floats, discount: float) -> Floats:
    """R_t (n, T): discounted rewards from each step on."""
    return advantages(rewards, np.zeros_like(rewards), discount, 1.0)


class Reinforce:
    """One agent and how far it has learned."""

    def __init__(
        self, network: Network, duets: Sequence[Duet], reward: Judge, config: ReinforceConfig,
        teacher: ForesightNetwork | None = None,
    ) -> None:  # fmt: skip
        self.agent, self.config, self.played = ActorCritic(network), config, 0
        self._prior = copy.deepcopy(network).requires_grad_(False)
        if not duets or config.steps <= SEED_STEPS:
            raise BadChorales(
                f"there are no duets of {config.steps} steps with more than {SEED_STEPS} given."
            )
        self._duets, self._reward = duets, reward
        self._teacher = teacher
        self._rng = np.random.default_rng(config.seed)
        self._optimiser = torch.optim.Adam(self.agent.parameters(), lr=config.learning_rate)

    @property
    def network(self) -> Network:
        """The generation model."""
        return self.agent.network

    @property
    def temperature(self) -> float:
        """Of the batch that comes."""
        first, last = self.config.temperature
        return first + (last - first) * self._done

    @property
    def _done(self) -> float:
        return min(self.played / self.config.duets, 1.0)

    def train(self, report: Callable[[Progress], None]) -> None:
        """To the last duet; reports after every batch."""
        while self.played < self.config.duets:
            report(self.learn())

    def learn(self) -> Progress:
        """Play one batch and learn from it."""
        temperature, rate = self.temperature, self.config.learning_rate
        set_learning_rate(self._optimiser, (rate, rate * self.config.last_rate), self._done)
        played = self._improvise(temperature)
        rewards = self._reward(played.human, played.machine, played.phase, SEED_STEPS)
        self.played += len(played.human)
        return self._update(played, rewards, temperature)

    def _improvise(self, temperature: float) -> Improvisation:
        played = Improvisation(self._excerpts())
        decide = decider(self.network)
        while not played.done:
            played.play(self._draw(decide, played, temperature))
        return played

    def _excerpts(self) -> list[Duet]:
        config, rng = self.config, self._rng
        picked = rng.integers(0, len(self._duets), config.batch)
        return [practice(self._duets[n], config.steps, config.thrown, rng) for n in picked]

    @torch.no_grad()
    def _draw(self, decide: Decider, played: Improvisation, temperature: float) -> NDArray[np.int64]:
        """A symbol each, from the policy."""
        found = possible(decide(played), played.last, temperature).numpy()
        drawn: NDArray[np.int64] = (found + self._rng.gumbel(size=found.shape)).argmax(-1)
        return drawn

    def _update(self, played: Improvisation, rewards: Floats, temperature: float) -> Progress:
        actions = torch.from_numpy(played.machine[:, SEED_STEPS:].astype(np.int64))[..., None]
        with torch.no_grad():
            likelihoods, values = self.agent(played, temperature)
            drawn = likelihoods.gather(-1, actions)[..., 0]
            earned = rewards - self._strayed(played, actions, drawn)
        taught = self._taught(played)
        better = advantages(earned, values.double().numpy(), self.config.discount, self.config.trace)
        wanted = torch.from_numpy(returns(earned, self.config.discount)).float()
        for epoch in range(self.config.epochs):
            likelihoods, values = self.agent(played, temperature)
            ratios = (likelihoods.gather(-1, actions)[..., 0] - drawn).exp()
            errors = ((values - wanted) ** 2).mean()
            loss = self._loss(ratios, torch.from_numpy(better).float()) + self.config.value_weight * errors
            if taught is not None:
                loss = loss + self.config.distil * surprise(likelihoods, taught)
            if self.config.imitation and not epoch:
                loss = loss + self.config.imitation * self._unlike_the_data()
            descend(self._optimiser, self.agent, loss, self.config.clip)
        entropy = -(likelihoods.exp() * likelihoods).sum(-1).mean()
        return Progress(self.played, float(rewards.mean()), float(entropy.detach()), float(errors.detach()))

    def _loss(self, ratios: Tensor, better: Tensor) -> Tensor:
        """The clipped surrogate of PPO; its slope is the policy gradient where ratios are 1."""
        near = ratios.clamp(1 - self.config.ratio_clip, 1 + self.config.ratio_clip)
        return -torch.minimum(ratios * better, near * better).mean()

    def _unlike_the_data(self) -> Tensor:
        """Nats a step by which real answers surprise it."""
        real = Improvisation(self._excerpts(), self.config.steps)
        logits = self.network.head(features_of(self.network, real))
        targets = torch.from_numpy(real.machine[:, SEED_STEPS:].astype(np.int64))
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def _taught(self, played: Improvisation) -> Tensor | None:
        """Log-probabilities (n, T, symbols) that the teacher gives what could have been played."""
        if self._teacher is None:
            return None
        human, machine = (torch.from_numpy(line.astype(np.int64)) for line in (played.human, played.machine))
        logits = opinions(self._teacher, human, machine, torch.from_numpy(played.phase))
        return possible(logits, played.machine[:, SEED_STEPS - 1 : -1], 1.0).log_softmax(-1)

    def _strayed(self, played: Improvisation, actions: Tensor, drawn: Tensor) -> Floats:
        """(n, T) what straying from the first weights costs."""
        if not self.config.prior:
            return np.zeros(drawn.shape)
        first = self._prior.head(features_of(self._prior, played)).log_softmax(-1)
        away: Floats = (drawn - first.gather(-1, actions)[..., 0]).double().numpy()
        return self.config.prior * away

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values."""
        tensors = prefixed("agent.", self.agent.state_dict()) | optimiser_state(self._optimiser)
        tensors |= prefixed("prior.", self._prior.state_dict())
        counters: dict[str, Any] = {"played": self.played, "random": self._rng.bit_generator.state}
        if isinstance(self._reward, Learns):
            learned, counters["reward"] = self._reward.saved()
            tensors |= prefixed("reward.", learned)
        return tensors, counters

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        self.agent.load_state_dict(below("agent.", tensors))
        self._prior.load_state_dict(below("prior.", tensors))
        restore_optimiser(self._optimiser, tensors)
        self.played = counters["played"]
        self._rng.bit_generator.state = counters["random"]
        if isinstance(self._reward, Learns):
            self._reward.restore(below("reward.", tensors), counters["reward"])


def features_of(network: Network, played: Improvisation) -> Tensor:
    """(n, T, hidden) of the states in which every generated step was decided."""
    if isinstance(network, CausalNetwork):
        phase = torch.from_numpy(played.phase)
        human, machine = (torch.from_numpy(line.astype(np.int64)) for line in (played.human, played.machine))
        return block_features(network, human, machine, phase, SEED_STEPS // BLOCK)
    count, states = len(played.human), windows_of(played)
    given = (torch.from_numpy(array) for array in (states.human, states.machine, states.phase))
    return network.features(*given).unflatten(0, (count, -1))


def windows_of(played: Improvisation) -> Seen:
    """The states in which every generated step was decided: (n * T, 32), duet by duet."""
    count, steps = len(played.human), np.arange(SEED_STEPS, played.human.shape[1])
    human, machine = (_cut(lines, steps) for lines in (played.human, played.machine))
    phase = (played.phase[:, None] + steps) % BEATS
    return Seen(human, machine, phase.reshape(count * len(steps)))


def _cut(lines: NDArray[np.uint8], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    return cut(lines, steps, PLAYER).reshape(-1, PLAYER.width)
