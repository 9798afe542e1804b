"""What REINFORCE, A2C and PPO share: collecting steps, advantages, figures, and being put aside.

`reinforce`, `a2c` and `ppo` each say in one file how they learn from what is collected here. Environments,
storage and network live on one device, and a collection copies nothing to the host before its end, where the
figures are read. Under torchrun every process plays its own environments and gradients are averaged, so all
keep the same weights. Deterministic in the seed on one device. Runs in a training process; logging and
checkpoints belong to the caller, who is called after every update.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from models.processes import average_gradients
from models.tensors import below, optimiser_state, prefixed, restore_optimiser
from models.vectorised import Observation, VectorEnv, empty_like, map_observation, write


@dataclass(frozen=True)
class LearningConfig:
    """What every method has. The defaults are table 5 of the score-following paper."""

    total_steps: int = 1_000_000
    """Steps in all environments of a process together."""
    batch_size: int = 120
    """Steps per gradient step."""
    learning_rate: float = 1e-4
    """Of Adam."""
    learning_rate_decays: bool = False
    """Whether it falls to zero, linearly over total_steps."""
    discount: float = 0.9
    """Gamma: the weight of a reward one step later."""
    entropy_weight: float = 0.05
    """Reward for staying undecided."""
    value_weight: float = 0.5
    """Weight of the critic's squared error in the joint loss."""
    max_gradient_norm: float = 0.5
    """Gradients are shortened to this."""
    dropout: bool = False
    """Whether the network's dropout, if it has any, is on while learning; collecting never uses it."""
    seed: int = 0
    """Of the actions and of the order of the batches."""


@dataclass(frozen=True)
class Played:
    """What was collected: reward per step, and the episodes that ended (means NaN where none did)."""

    mean_reward: float
    episodes: int
    mean_return: float
    mean_length: float


@dataclass(frozen=True)
class Learned:
    """Means over the gradient steps; `kl` is how far the policy moved, `clipped` the share held back."""

    policy_loss: float
    value_loss: float
    entropy: float
    kl: float
    clipped: float
    explained_variance: float


@dataclass(frozen=True)
class UpdateReport:
    """One update: steps taken so far, what was played and what was learned."""

    steps: int
    played: Played
    learned: Learned


Report = Callable[[UpdateReport], bool | None]
"""Called after every update; training stops where it returns True."""


@runtime_checkable
class ResumableEnv(Protocol):
    """Environments that can be put aside and taken up again."""

    def saved(self) -> dict[str, Tensor]:
        """All that is needed to go on."""

    def restore(self, tensors: Mapping[str, Tensor]) -> Observation:
        """Go on where `saved` was called; gives what the learner sees there."""


class Rollout:
    """T steps of N environments, time first, on the environments' device."""

    def __init__(self, steps: int, env: VectorEnv, observation: Observation) -> None:
        shape, device = (steps, env.count), env.device
        self.observations = empty_like(observation, steps)                        # (T, N, ...)
        self.actions = torch.zeros(shape, dtype=torch.int64, device=device)       # (T, N)
        self.log_probabilities = torch.zeros(shape, device=device)                # (T, N)
        self.rewards = torch.zeros(shape, device=device)                          # (T, N)
        self.values = torch.zeros(shape, device=device)                           # (T, N)
        self.ended = torch.zeros(shape, dtype=torch.bool, device=device)          # (T, N)
        self.next_values = torch.zeros(env.count, device=device)                  # (N,)

    def advantages(self, discount: float, gae_lambda: float) -> Tensor:
        """Generalised advantage estimates (T, N): discounted sums of the critic's surprises.

        With a lambda of 1: the rewards to come, and the critic's word for what follows, less its value.
        """
        advantages = torch.zeros_like(self.rewards)
        following, next_values = torch.zeros_like(self.next_values), self.next_values
        for t in reversed(range(len(self.rewards))):
            goes_on = (~self.ended[t]).float()
            surprise = self.rewards[t] + discount * next_values * goes_on - self.values[t]
            following = surprise + discount * gae_lambda * goes_on * following
            advantages[t], next_values = following, self.values[t]
        return advantages


class Batches:
    """A rollout with time and environments in one dimension of T * N steps."""

    def __init__(self, rollout: Rollout, advantages: Tensor, returns: Tensor) -> None:
        self._observations = map_observation(lambda part: part.flatten(0, 1), rollout.observations)
        self.actions = rollout.actions.flatten()
        self.log_probabilities = rollout.log_probabilities.flatten()
        self.advantages = advantages.flatten()
        self.returns = returns.flatten()
        self.count = len(self.actions)

    def observations(self, picked: Tensor) -> Observation:
        """The observations of the steps `picked`, (B,) int64."""
        return map_observation(lambda part: part[picked], self._observations)


class _Tally:
    """Returns and lengths of the running episodes, and sums over those that have ended; on the device."""

    def __init__(self, env: VectorEnv) -> None:
        self.running = torch.zeros(2, env.count, device=env.device)    # return, length
        self._ended = torch.zeros(3, device=env.device)                # return, length, episodes

    def add(self, reward: Tensor, ended: Tensor) -> None:
        """Count one step of every environment."""
        self.running += torch.stack((reward, torch.ones_like(reward)))
        finished = self.running * ended
        self._ended += torch.cat((finished.sum(1), ended.sum(0, keepdim=True)))
        self.running = self.running - finished

    def summary(self, mean_reward: Tensor) -> Played:
        """The episodes that ended since the last summary; reads the device once."""
        total, length, episodes, reward = torch.cat((self._ended, mean_reward.reshape(1))).tolist()
        self._ended.zero_()
        count = episodes or float("nan")
        return Played(reward, int(episodes), total / count, length / count)


def policy_of(logits: Tensor) -> Categorical:
    """The policy with these logits; unchecked, for a check would wait for the device."""
    return Categorical(logits=logits, validate_args=False)


class Learner:
    """Trains `network`, which maps observations to (logits (N, A), values (N,)), on `env`.

    A method says how long a rollout is and how to learn from one.
    """

    def __init__(self, network: nn.Module, env: VectorEnv, config: LearningConfig, horizon: int) -> None:
        self.network = network.to(env.device)
        self.config = config
        self.steps = 0
        self._env = env
        self._horizon = horizon
        self._random = torch.Generator(env.device).manual_seed(config.seed)
        self._optimiser = torch.optim.Adam(network.parameters(), config.learning_rate, eps=1e-5)
        self._observation = env.reset()
        self._rollout = Rollout(horizon, env, self._observation)
        self._tally = _Tally(env)

    def train(self, report: Report | None = None) -> None:
        """Collect and learn, in turn, until total_steps; may be called again after more were allowed."""
        while self.steps < self.config.total_steps:
            if self.config.learning_rate_decays:
                self.set_learning_rate(self.config.learning_rate * self._left)
            played = self._collect()
            learned = self._learn()
            if report and report(UpdateReport(self.steps, played, learned)):
                return

    def set_learning_rate(self, rate: float) -> None:
        """From the next update on."""
        self._optimiser.param_groups[0]["lr"] = rate

    @property
    def _left(self) -> float:
        return 1.0 - self.steps / self.config.total_steps

    def _learn(self) -> Learned:
        raise NotImplementedError

    @torch.no_grad()
    def _collect(self) -> Played:
        """Fill the rollout with `horizon` steps of every environment."""
        rollout = self._rollout
        self.network.eval()
        for t in range(self._horizon):
            self._step(rollout, t)
        rollout.next_values = self.network(self._observation)[1]
        self.steps += self._horizon * self._env.count
        return self._tally.summary(rollout.rewards.mean())

    def _step(self, rollout: Rollout, t: int) -> None:
        """Act once in every environment and write down how it went."""
        logits, values = self.network(self._observation)
        actions = self._sample(logits)
        write(rollout.observations, t, self._observation)
        rollout.actions[t], rollout.values[t] = actions, values
        rollout.log_probabilities[t] = policy_of(logits).log_prob(actions)
        step = self._env.step(actions)
        rollout.rewards[t], rollout.ended[t] = step.reward, step.terminated | step.truncated
        self._tally.add(step.reward, rollout.ended[t])
        if step.final_observation is not None:     # cut short, not over: what would have come counts
            after = self.config.discount * self.network(step.final_observation)[1]
            rollout.rewards[t] += torch.where(step.truncated, after, 0.0)
        self._observation = step.observation

    def _sample(self, logits: Tensor) -> Tensor:
        """Actions (N,) drawn from the policy by this learner's own generator.

        The draws of `torch.multinomial`, whose check of its input would wait for the device.
        """
        chances = logits.softmax(-1)
        return (chances / torch.empty_like(chances).exponential_(generator=self._random)).argmax(-1)

    def _descend(self, loss: Tensor) -> None:
        """One gradient step, averaged over the processes."""
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.network)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient_norm)
        self._optimiser.step()

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values. Raises TypeError unless the env can, too."""
        if not isinstance(self._env, ResumableEnv):
            raise TypeError("these environments cannot be put aside")
        tensors = prefixed("network.", self.network.state_dict()) | optimiser_state(self._optimiser)
        tensors |= prefixed("env.", self._env.saved())
        tensors |= {"random": self._random.get_state(), "tally": self._tally.running.clone()}
        tensors |= prefixed("dropout.", _global_random(self._env.device))
        return tensors, {"steps": self.steps, "learning_rate": self._optimiser.param_groups[0]["lr"]}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        if not isinstance(self._env, ResumableEnv):
            raise TypeError("these environments cannot be taken up again")
        self.network.load_state_dict(below("network.", tensors))
        restore_optimiser(self._optimiser, tensors)
        self._random.set_state(tensors["random"].cpu())
        self._tally.running = tensors["tally"].to(self._env.device)
        _set_global_random(below("dropout.", tensors))
        self._observation = self._env.restore(below("env.", tensors))
        self.steps = int(counters["steps"])
        self.set_learning_rate(counters["learning_rate"])


def figures_of(steps: list[dict[str, Tensor]], values: Tensor, returns: Tensor) -> Learned:
    """Means over gradient steps, and how much of the returns the critic explains; reads the device once."""
    unexplained = (returns - values).var(correction=0) / returns.var(correction=0).clamp_min(1e-8)
    names = list(steps[0])
    means = torch.stack([torch.stack([step[name] for step in steps]).mean() for name in names])
    *read, explained = torch.cat((means, (1.0 - unexplained).reshape(1))).tolist()
    found = {"kl": 0.0, "clipped": 0.0} | dict(zip(names, read, strict=True))
    return Learned(**found, explained_variance=explained)


def _global_random(device: torch.device) -> dict[str, Tensor]:
    """States of torch's own generators, which dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def _set_global_random(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"].cpu())
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"].cpu())
