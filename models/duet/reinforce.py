"""Actor-critic with generalised advantages: the second stage of the paper's training ("RL Framework").

The agent begins with the weights of a model (a), improvises the machine's line of a batch of duets, is
rewarded when they are through, and learns from them once. Which reward decides the agent: the ensemble of six
makes RL-Duet, one model and music theory make RL-Rules. Same seed, same weights, interrupted or not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.duet.chorales import BadChorales, Duet
from models.duet.encoding import BEATS, Tokens
from models.duet.environment import PLAYER, SEED_STEPS, Improvisation, Seen, excerpt
from models.duet.networks import DuetNetwork
from models.duet.training import below, descend, optimiser_state, prefixed, restore_optimiser
from models.duet.windows import cut

Floats = NDArray[np.float64]
Judge = Callable[[Tokens, Tokens, NDArray[np.int64], int], Floats]
"""From human and machine lines (n, T), the beat (n,) of step 0, and the first step that is judged."""


@dataclass(frozen=True)
class ReinforceConfig:
    """How to learn from reward.

    Attributes:
        duets: to play in all; the paper's 100,000.
        batch: duets played, then learned from.
        steps: length of a duet, its two given bars included.
        discount, trace: gamma and lambda of the advantages.
        value_weight: of the critic's squared error beside the actor's loss.
        prior: reward lost for each nat by which a choice is likelier than the first weights found it (KL to
            the prior; 0 is the paper).
    """

    duets: int = 100_000
    batch: int = 16
    steps: int = 96
    discount: float = 0.5
    trace: float = 1.0
    learning_rate: float = 1e-4
    value_weight: float = 0.5
    prior: float = 0.0
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

    def __init__(self, network: DuetNetwork) -> None:
        super().__init__()
        self.network = network
        self.value = nn.Linear(network.widths.hidden, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, human: Tensor, machine: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (n, symbols) and values (n,)."""
        features = self.network.features(human, machine, phase)
        return self.network.head(features).log_softmax(-1), self.value(features).squeeze(-1)


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
        self, network: DuetNetwork, duets: Sequence[Duet], reward: Judge, config: ReinforceConfig
    ) -> None:
        self.agent, self.config, self.played = ActorCritic(network), config, 0
        self._prior = copy.deepcopy(network).requires_grad_(False)
        self._duets, self._reward = long_enough(duets, config.steps), reward
        self._rng = np.random.default_rng(config.seed)
        self._optimiser = torch.optim.Adam(self.agent.parameters(), lr=config.learning_rate)

    @property
    def network(self) -> DuetNetwork:
        """The generation model."""
        return self.agent.network

    def train(self, report: Callable[[Progress], None]) -> None:
        """To the last duet; reports after every batch."""
        while self.played < self.config.duets:
            report(self.learn())

    def learn(self) -> Progress:
        """Play one batch and learn from it."""
        played = self._improvise()
        human, machine = played.human, played.machine
        rewards = self._reward(human, machine, played.phase, SEED_STEPS)
        states = windows_of(played)
        actions = torch.from_numpy(machine[:, SEED_STEPS:].astype(np.int64))
        self.played += len(human)
        return self._update(states, actions, rewards)

    def _improvise(self) -> Improvisation:
        picked = self._rng.integers(0, len(self._duets), self.config.batch)
        played = Improvisation([excerpt(self._duets[n], self.config.steps, self._rng) for n in picked])
        while not played.done:
            played.play(self._draw(played.seen()))
        return played

    @torch.no_grad()
    def _draw(self, seen: Seen) -> NDArray[np.int64]:
        """A symbol each, from the policy."""
        likelihoods = self.agent(*_tensors(seen))[0].numpy()
        drawn: NDArray[np.int64] = (likelihoods + self._rng.gumbel(size=likelihoods.shape)).argmax(-1)
        return drawn

    def _update(self, states: Seen, actions: Tensor, rewards: Floats) -> Progress:
        given = _tensors(states)
        likelihoods, values = (found.unflatten(0, actions.shape) for found in self.agent(*given))
        chosen = likelihoods.gather(-1, actions[..., None])[..., 0]
        earned = rewards - self._strayed(given, actions, chosen)
        judged = values.detach().double().numpy()
        better = advantages(earned, judged, self.config.discount, self.config.trace)
        errors = (values - torch.from_numpy(returns(earned, self.config.discount)).float()) ** 2
        loss = -(chosen * torch.from_numpy(better).float()).mean() + self.config.value_weight * errors.mean()
        descend(self._optimiser, self.agent, loss, self.config.clip)
        entropy = -(likelihoods.exp() * likelihoods).sum(-1).mean()
        return Progress(
            self.played, float(rewards.mean()), float(entropy.detach()), float(errors.detach().mean())
        )

    @torch.no_grad()
    def _strayed(self, given: tuple[Tensor, ...], actions: Tensor, chosen: Tensor) -> Floats:
        """(n, T) what straying from the first weights costs."""
        if not self.config.prior:
            return np.zeros(actions.shape)
        first = self._prior(*given)[:, 0].log_softmax(-1).unflatten(0, actions.shape)
        away: Floats = (chosen - first.gather(-1, actions[..., None])[..., 0]).double().numpy()
        return self.config.prior * away

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values."""
        tensors = prefixed("agent.", self.agent.state_dict()) | optimiser_state(self._optimiser)
        tensors |= prefixed("prior.", self._prior.state_dict())
        return tensors, {"played": self.played, "random": self._rng.bit_generator.state}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        self.agent.load_state_dict(below("agent.", tensors))
        self._prior.load_state_dict(below("prior.", tensors))
        restore_optimiser(self._optimiser, tensors)
        self.played = counters["played"]
        self._rng.bit_generator.state = counters["random"]


def long_enough(duets: Sequence[Duet], steps: int) -> list[Duet]:
    """Those from which an excerpt can be taken; raises BadChorales where there is none."""
    found = [duet for duet in duets if len(duet.human) >= steps]
    if not found or steps <= SEED_STEPS:
        raise BadChorales(
            f"no duet has an excerpt of {steps} steps with more than {SEED_STEPS}; change steps."
        )
    return found


def windows_of(played: Improvisation) -> Seen:
    """The states in which every generated step was decided: (n * T, 32), duet by duet."""
    count, steps = len(played.human), np.arange(SEED_STEPS, played.human.shape[1])
    human, machine = (_cut(lines, steps) for lines in (played.human, played.machine))
    phase = (played.phase[:, None] + steps) % BEATS
    return Seen(human, machine, phase.reshape(count * len(steps)))


def _cut(lines: NDArray[np.uint8], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    return cut(lines, steps, PLAYER).reshape(-1, PLAYER.width)


def _tensors(seen: Seen) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(array) for array in (seen.human, seen.machine, seen.phase))
