"""REINFORCE with baseline (Williams 1992; score-following paper, section 3.2, equations 3 and 4).

Plays whole episodes, one in every environment, then takes one gradient step: every action is made likelier
by what was really earned from it on, less what the baseline expected in its state. What is collected, and
how, is in `actor_critic`.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.actor_critic import Batches, Learned, Learner, LearningConfig, Played, figures_of, policy_of
from models.processes import agreed, average_gradients
from models.vectorised import VectorEnv


@dataclass(frozen=True)
class ReinforceConfig(LearningConfig):
    """Everything that can be turned; `batch_size` only bounds memory, all batches make one gradient step."""

    longest_episode: int = 1200
    """Steps after which an episode is cut, the baseline standing for its rest; storage is this long."""


class Reinforce(Learner):
    """One gradient step for an episode in every environment."""

    config: ReinforceConfig

    def __init__(self, network: nn.Module, env: VectorEnv, config: ReinforceConfig) -> None:
        super().__init__(network, env, config, config.longest_episode)
        self._length = 0

    @torch.no_grad()
    def _collect(self) -> Played:
        """One episode in every environment, begun afresh; what is played after its end does not count."""
        rollout = self._rollout
        self._observation = self._env.reset()
        self.network.eval()
        over = torch.zeros(self._env.count, dtype=torch.bool, device=self._env.device)
        self._counts = torch.zeros_like(rollout.ended)                            # (T, N)
        for t in range(self._horizon):
            self._counts[t] = ~over
            self._step(rollout, t)
            over = over | rollout.ended[t]
            self._length = t + 1
            if t % 16 == 15 and over.all():      # asked now and then: the answer waits for the device
                break
        rollout.next_values = self.network(self._observation)[1]
        counted = self._counts[:self._length]
        earned = (rollout.rewards[:self._length] * counted).sum()
        total, steps = torch.stack((earned, counted.sum())).tolist()
        self.steps += round(agreed(steps))    # alike in all processes, so that they end and decide together
        return Played(total / steps, self._env.count, total / self._env.count, steps / self._env.count)

    def _learn(self) -> Learned:
        config, length = self.config, self._length
        returns = returns_of(
            self._rollout.rewards[:length], self._rollout.ended[:length], self._rollout.next_values,
            config.discount,
        )
        values = self._rollout.values[:length]
        flat = Batches(self._rollout, returns - values, returns)
        picked = self._counts[:length].flatten().nonzero().squeeze(1)
        self.network.train(config.dropout)
        self._optimiser.zero_grad(set_to_none=True)
        steps = [self._accumulate(flat, part, len(picked)) for part in picked.split(config.batch_size)]
        average_gradients(self.network)
        nn.utils.clip_grad_norm_(self.network.parameters(), config.max_gradient_norm)
        self._optimiser.step()
        return figures_of(steps, values.flatten()[picked], returns.flatten()[picked])

    def _accumulate(self, flat: Batches, picked: Tensor, total: int) -> dict[str, Tensor]:
        """Add a batch's share of the gradient of the mean over all `total` steps."""
        config = self.config
        logits, values = self.network(flat.observations(picked))
        policy = policy_of(logits)
        policy_loss = -(policy.log_prob(flat.actions[picked]) * flat.advantages[picked]).mean()
        value_loss = (values - flat.returns[picked]).square().mean()
        entropy = policy.entropy().mean()
        loss = policy_loss + config.value_weight * value_loss - config.entropy_weight * entropy
        (loss * (len(picked) / total)).backward()
        return {
            "policy_loss": policy_loss.detach(),
            "value_loss": value_loss.detach(),
            "entropy": entropy.detach(),
        }


def returns_of(rewards: Tensor, ended: Tensor, next_values: Tensor, discount: float) -> Tensor:
    """Discounted sums of the rewards (T, N) to each episode's end; `next_values` (N,) stand for the rest."""
    returns = torch.zeros_like(rewards)
    following = next_values
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following * ~ended[t]
        returns[t] = following
    return returns
