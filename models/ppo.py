"""Proximal policy optimisation (Schulman et al. 2017; score-following paper, section 3.4 and table 5).

What is collected, and how, is in `actor_critic`; here is how it is learned from. For any actor-critic without
memory and any VectorEnv.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.actor_critic import Batches, Learned, Learner, LearningConfig, figures_of, policy_of
from models.processes import average
from models.vectorised import VectorEnv


@dataclass(frozen=True)
class PPOConfig(LearningConfig):
    """Everything that can be turned. The defaults are table 5 of the score-following paper."""

    horizon: int = 15
    """Steps in each environment between updates (t_max)."""
    epochs: int = 1
    """Passes over the collected steps per update."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation: 0 trusts the critic, 1 the rewards."""
    clip: float = 0.2
    """Epsilon: how far the probability ratio may move to its advantage."""
    normalise_advantages: bool = True
    """Whether advantages have mean 0 and deviation 1 within a batch."""
    target_kl: float | None = None
    """Where given, an update stops early once the policy has moved further than this."""


class PPO(Learner):
    """Goes over every rollout `epochs` times in shuffled batches, held near the policy that collected it."""

    config: PPOConfig

    def __init__(self, network: nn.Module, env: VectorEnv, config: PPOConfig) -> None:
        super().__init__(network, env, config, config.horizon)

    def _learn(self) -> Learned:
        config, rollout = self.config, self._rollout
        advantages = rollout.advantages(config.discount, config.gae_lambda)
        returns = advantages + rollout.values
        flat = Batches(rollout, advantages, returns)
        steps: list[dict[str, Tensor]] = []
        self.network.train(config.dropout)
        for _ in range(config.epochs):
            order = torch.randperm(flat.count, generator=self._random, device=self._env.device)
            steps += [self._gradient_step(flat, picked) for picked in order.split(config.batch_size)]
            if config.target_kl is not None and average(steps[-1]["kl"]) > config.target_kl:
                break
        return figures_of(steps, rollout.values, returns)

    def _gradient_step(self, flat: Batches, picked: Tensor) -> dict[str, Tensor]:
        config = self.config
        logits, values = self.network(flat.observations(picked))
        policy = policy_of(logits)
        log_ratio = policy.log_prob(flat.actions[picked]) - flat.log_probabilities[picked]
        ratio = log_ratio.exp()
        advantages = flat.advantages[picked]
        if config.normalise_advantages and len(picked) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        kept = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
        policy_loss = -torch.min(ratio * advantages, kept * advantages).mean()
        value_loss = (values - flat.returns[picked]).square().mean()
        entropy = policy.entropy().mean()
        self._descend(policy_loss + config.value_weight * value_loss - config.entropy_weight * entropy)
        return {
            "policy_loss": policy_loss.detach(),
            "value_loss": value_loss.detach(),
            "entropy": entropy.detach(),
            "kl": (ratio - 1.0 - log_ratio).mean().detach(),
            "clipped": ((ratio - 1.0).abs() > config.clip).float().mean(),
        }
