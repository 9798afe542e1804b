"""Proximal policy optimisation (Schulman et al. 2017; score-following paper, section 3.4 and table 5).

One file from collection to update, for any actor-critic without memory and any VectorEnv. Deterministic in
its seed on one device. Runs in a training process; logging and checkpoints belong to the caller, who is
called after every update.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from models.vectorised import Observation, VectorEnv, empty_like, map_observation, write


@dataclass(frozen=True)
class PPOConfig:
    """Everything that can be turned. The defaults are table 5 of the score-following paper."""

    total_steps: int = 1_000_000
    """Steps in all environments together."""
    horizon: int = 15
    """Steps in each environment between updates (t_max)."""
    epochs: int = 1
    """Passes over the collected steps per update."""
    batch_size: int = 120
    """Steps per gradient step."""
    learning_rate: float = 1e-4
    """Of Adam."""
    learning_rate_decays: bool = False
    """Whether it falls to zero, linearly over total_steps."""
    discount: float = 0.9
    """Gamma: the weight of a reward one step later."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation: 0 trusts the critic, 1 the rewards."""
    clip: float = 0.2
    """Epsilon: how far the probability ratio may move to its advantage."""
    entropy_weight: float = 0.05
    """Reward for staying undecided."""
    value_weight: float = 0.5
    """Weight of the critic's squared error in the joint loss."""
    max_gradient_norm: float = 0.5
    """Gradients are shortened to this."""
    normalise_advantages: bool = True
    """Whether advantages have mean 0 and deviation 1 within a batch."""
    target_kl: float | None = None
    """Where given, an update stops early once the policy has moved further than this."""
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
        """Generalised advantage estimates (T, N): discounted sums of the critic's surprises."""
        advantages = torch.zeros_like(self.rewards)
        following, next_values = torch.zeros_like(self.next_values), self.next_values
        for t in reversed(range(len(self.rewards))):
            goes_on = (~self.ended[t]).float()
            surprise = self.rewards[t] + discount * next_values * goes_on - self.values[t]
            following = surprise + discount * gae_lambda * goes_on * following
            advantages[t], next_values = following, self.values[t]
        return advantages


class PPO:
    """Trains `network`, which maps observations to (logits (N, A), values (N,)), on `env`."""

    def __init__(self, network: nn.Module, env: VectorEnv, config: PPOConfig) -> None:
        self.network = network.to(env.device)
        self.config = config
        self.steps = 0
        self._env = env
        self._random = torch.Generator(env.device).manual_seed(config.seed)
        self._optimiser = torch.optim.Adam(network.parameters(), config.learning_rate, eps=1e-5)
        self._observation = env.reset()
        self._rollout = Rollout(config.horizon, env, self._observation)
        self._running_return = torch.zeros(env.count, device=env.device)
        self._running_length = torch.zeros(env.count, device=env.device)

    def train(self, report: Report | None = None) -> None:
        """Collect and learn, in turn, until total_steps; may be called again after more were allowed."""
        while self.steps < self.config.total_steps:
            if self.config.learning_rate_decays:
                self._optimiser.param_groups[0]["lr"] = self.config.learning_rate * self._left
            played = self._collect()
            learned = self._learn()
            if report and report(UpdateReport(self.steps, played, learned)):
                return

    @property
    def _left(self) -> float:
        return 1.0 - self.steps / self.config.total_steps

    @torch.no_grad()
    def _collect(self) -> Played:
        """Fill the rollout with `horizon` steps of every environment."""
        rollout, finished = self._rollout, []
        # Dropout stays off, here and while learning: ratios must compare the same function.
        self.network.eval()
        for t in range(self.config.horizon):
            logits, values = self.network(self._observation)
            actions = self._sample(logits)
            write(rollout.observations, t, self._observation)
            rollout.actions[t], rollout.values[t] = actions, values
            rollout.log_probabilities[t] = Categorical(logits=logits).log_prob(actions)
            step = self._env.step(actions)
            rollout.rewards[t], rollout.ended[t] = step.reward, step.terminated | step.truncated
            finished.append(self._tally(step.reward, rollout.ended[t]))
            if step.final_observation is not None:     # cut short, not over: what would have come counts
                after = self.config.discount * self.network(step.final_observation)[1]
                rollout.rewards[t] += torch.where(step.truncated, after, 0.0)
            self._observation = step.observation
        rollout.next_values = self.network(self._observation)[1]
        self.steps += self.config.horizon * self._env.count
        return _played(torch.cat(finished, 1), rollout.rewards)

    def _sample(self, logits: Tensor) -> Tensor:
        """Actions (N,) drawn from the policy by this learner's own generator."""
        return torch.multinomial(logits.softmax(-1), 1, generator=self._random).squeeze(1)

    def _tally(self, reward: Tensor, ended: Tensor) -> Tensor:
        """Returns and lengths (2, E) of the episodes that ended with this step."""
        self._running_return += reward
        self._running_length += 1
        finished = torch.stack((self._running_return, self._running_length))[:, ended]
        self._running_return.masked_fill_(ended, 0.0)
        self._running_length.masked_fill_(ended, 0.0)
        return finished

    def _learn(self) -> Learned:
        """Go over the rollout `epochs` times in shuffled batches."""
        config, rollout = self.config, self._rollout
        advantages = rollout.advantages(config.discount, config.gae_lambda)
        returns = advantages + rollout.values
        flat = _Batches(rollout, advantages, returns)
        figures: list[dict[str, Tensor]] = []
        for _ in range(config.epochs):
            order = torch.randperm(flat.count, generator=self._random, device=self._env.device)
            figures += [self._gradient_step(flat, picked) for picked in order.split(config.batch_size)]
            if config.target_kl is not None and figures[-1]["kl"] > config.target_kl:
                break
        means = {name: float(torch.stack([f[name] for f in figures]).mean()) for name in figures[0]}
        unexplained = (returns - rollout.values).var(correction=0) / returns.var(correction=0).clamp_min(1e-8)
        return Learned(**means, explained_variance=float(1.0 - unexplained))

    def _gradient_step(self, flat: _Batches, picked: Tensor) -> dict[str, Tensor]:
        config = self.config
        logits, values = self.network(flat.observations(picked))
        policy = Categorical(logits=logits)
        log_ratio = policy.log_prob(flat.actions[picked]) - flat.log_probabilities[picked]
        ratio = log_ratio.exp()
        advantages = flat.advantages[picked]
        if config.normalise_advantages and len(picked) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        kept = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
        policy_loss = -torch.min(ratio * advantages, kept * advantages).mean()
        value_loss = (values - flat.returns[picked]).square().mean()
        entropy = policy.entropy().mean()
        loss = policy_loss + config.value_weight * value_loss - config.entropy_weight * entropy
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), config.max_gradient_norm)
        self._optimiser.step()
        return {
            "policy_loss": policy_loss.detach(),
            "value_loss": value_loss.detach(),
            "entropy": entropy.detach(),
            "kl": (ratio - 1.0 - log_ratio).mean().detach(),
            "clipped": ((ratio - 1.0).abs() > config.clip).float().mean(),
        }


class _Batches:
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


def _played(finished: Tensor, rewards: Tensor) -> Played:
    """Summary of rewards (T, N) and of the returns and lengths (2, E) of finished episodes."""
    mean_return, mean_length = finished.mean(1).tolist()
    return Played(float(rewards.mean()), finished.shape[1], mean_return, mean_length)
