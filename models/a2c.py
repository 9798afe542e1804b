"""Advantage actor-critic, synchronous (Mnih et al. 2016; score-following paper, section 3.3 and table 5).

A few steps in every environment, then one gradient step on all of them: towards what earned more than the
critic expected, the rewards of those steps and the critic's word for what follows. What is collected, and
how, is in `actor_critic`.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from models.actor_critic import Batches, Learned, Learner, LearningConfig, figures_of, policy_of
from models.vectorised import VectorEnv


@dataclass(frozen=True)
class A2CConfig(LearningConfig):
    """Everything that can be turned; `batch_size` plays no part, a rollout is one batch."""

    horizon: int = 15
    """Steps in each environment between updates (t_max)."""


class A2C(Learner):
    """One gradient step a rollout."""

    config: A2CConfig

    def __init__(self, network: nn.Module, env: VectorEnv, config: A2CConfig) -> None:
        super().__init__(network, env, config, config.horizon)

    def _learn(self) -> Learned:
        config, rollout = self.config, self._rollout
        advantages = rollout.advantages(config.discount, gae_lambda=1.0)
        returns = advantages + rollout.values
        flat = Batches(rollout, advantages, returns)
        self.network.train(config.dropout)
        logits, values = self.network(flat.observations(torch.arange(flat.count, device=self._env.device)))
        policy = policy_of(logits)
        policy_loss = -(policy.log_prob(flat.actions) * flat.advantages).mean()
        value_loss = (values - flat.returns).square().mean()
        entropy = policy.entropy().mean()
        self._descend(policy_loss + config.value_weight * value_loss - config.entropy_weight * entropy)
        step = {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": entropy}
        return figures_of([{k: v.detach() for k, v in step.items()}], rollout.values, returns)
