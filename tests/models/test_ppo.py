"""PPO solves what every learner must, and does the same again with the same seed."""
from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from models.batched import BatchedFollowing
from models.ppo import PPO, PPOConfig, Rollout, UpdateReport
from models.throughput import made_up_rounds
from models.vectorised import GymnasiumVector


class ActorCritic(nn.Module):
    """Two small networks side by side."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, actions))
        self.value = nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 1))

    def forward(self, observation):
        return self.policy(observation), self.value(observation).squeeze(1)


class Identity(gymnasium.Env):
    """Say which of three lights is on."""

    observation_space = gymnasium.spaces.Box(0, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 10
        return self._draw(), {}

    def _draw(self):
        self.on = int(self.np_random.integers(3))
        return np.eye(3, dtype=np.float32)[self.on]

    def step(self, action):
        reward = float(action == self.on)
        self.left -= 1
        return self._draw(), reward, self.left == 0, False, {}


CARTPOLE = PPOConfig(
    total_steps=120_000, horizon=64, epochs=4, batch_size=128, learning_rate=1e-3, learning_rate_decays=True,
    discount=0.98, gae_lambda=0.9, entropy_weight=0.0,
)
IDENTITY = PPOConfig(
    total_steps=6000, horizon=30, epochs=4, learning_rate=3e-3, entropy_weight=0.0, discount=0.5
)


def learn(make, inputs: int, actions: int, config: PPOConfig, seed: int = 0, count: int = 8):
    """Train to the end; the reports, and the learner."""
    torch.manual_seed(seed)
    reports: list[UpdateReport] = []
    learner = PPO(ActorCritic(inputs, actions), GymnasiumVector(make, count, seed), config)
    learner.train(reports.append)
    return reports, learner


def test_identity():
    reports, _ = learn(Identity, 3, 3, IDENTITY)
    assert reports[0].played.mean_reward < 0.6
    assert np.mean([report.played.mean_reward for report in reports[-3:]]) > 0.97


def test_same_seed_same_actions():
    short = PPOConfig(total_steps=1200, horizon=30)
    (one, a), (two, b) = (learn(Identity, 3, 3, short) for _ in range(2))
    assert one == two
    assert all(torch.equal(p, q) for p, q in zip(a.network.parameters(), b.network.parameters(), strict=True))
    assert learn(Identity, 3, 3, PPOConfig(total_steps=1200, horizon=30, seed=1))[0] != one


def test_cartpole():
    torch.manual_seed(0)
    network = ActorCritic(4, 2)
    learner = PPO(network, GymnasiumVector(lambda: gymnasium.make("CartPole-v1"), 16), CARTPOLE)
    learner.train()
    env = gymnasium.make("CartPole-v1")
    returns = []
    for seed in range(10):
        seen, over, total = env.reset(seed=1000 + seed)[0], False, 0.0
        while not over:
            with torch.no_grad():
                action = int(network(torch.as_tensor(seen)[None])[0].argmax())
            seen, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    assert np.mean(returns) >= 475         # Gymnasium's threshold of "solved"


def test_stops_when_told():
    learner = PPO(ActorCritic(3, 3), GymnasiumVector(Identity, 4), PPOConfig(total_steps=10_000))
    learner.train(lambda report: report.steps >= 120)
    assert learner.steps == 120


def test_advantages_by_hand():
    env = GymnasiumVector(Identity, 1)
    rollout = Rollout(3, env, env.reset())
    rollout.rewards[:, 0] = torch.tensor([1.0, 2.0, 3.0])
    rollout.values[:, 0] = torch.tensor([0.5, 1.0, 2.0])
    rollout.ended[1, 0] = True
    rollout.next_values[:] = 4.0
    # surprises: 1 + 0.5*1 - 0.5 = 1; 2 - 1 = 1 (ended); 3 + 0.5*4 - 2 = 3; 0.25 = discount * lambda
    assert rollout.advantages(0.5, 0.5).flatten().tolist() == pytest.approx([1.25, 1.0, 3.0])


class Pursuit:
    """Features of a follower that sees how far the music is ahead: error / 10 px and speed / 5 px."""

    def __init__(self, truths):
        self.x_px = nn.utils.rnn.pad_sequence([torch.from_numpy(t.x_px) for t in truths], batch_first=True)

    def __call__(self, state):
        ahead_px = self.x_px[state.round, state.frame] - state.x_px
        return torch.stack((ahead_px / 10, state.speed_px / 5), 1).float()


def test_learns_to_follow_what_it_sees():
    torch.manual_seed(0)
    truths = [r.truth for r in made_up_rounds(10, onsets=60)]
    env = BatchedFollowing(truths, Pursuit(truths), count=64, tolerance_px=50.0)
    config = PPOConfig(total_steps=60_000, horizon=32, epochs=4, batch_size=512, learning_rate=3e-3)
    reports: list[UpdateReport] = []
    PPO(ActorCritic(2, 3), env, config).train(reports.append)
    assert reports[0].played.mean_reward < 0.7
    assert np.mean([report.played.mean_reward for report in reports[-5:]]) > 0.9


class Cut(Identity):
    """Always reward 1, cut short after every second step: worth 1 / (1 - discount) in truth."""

    def step(self, action):
        self.left -= 1
        return np.eye(3, dtype=np.float32)[0], 1.0, False, self.left % 2 == 0, {}


def test_an_episode_cut_short_is_not_over():
    config = PPOConfig(total_steps=8000, horizon=20, epochs=4, learning_rate=1e-2, discount=0.5)
    _, learner = learn(Cut, 3, 3, config)
    assert learner.network(torch.eye(3)[:1])[1].item() == pytest.approx(2.0, abs=0.1)
