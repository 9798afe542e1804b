"""REINFORCE, A2C and PPO solve what every learner must, and do the same again with the same seed, interrupted
or not, by one process or two."""
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from models import checkpoint
from models.a2c import A2C, A2CConfig
from models.actor_critic import Rollout, UpdateReport
from models.batched import BatchedFollowing
from models.ppo import PPO, PPOConfig
from models.reinforce import Reinforce, ReinforceConfig, returns_of
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
QUICK: dict[str, Any] = {"total_steps": 6000, "learning_rate": 3e-3, "entropy_weight": 0.0, "discount": 0.5}
METHODS = {
    "reinforce": (Reinforce, ReinforceConfig(**{**QUICK, "learning_rate": 1e-2}, longest_episode=12)),
    "a2c": (A2C, A2CConfig(**{**QUICK, "learning_rate": 1e-2})),
    "ppo": (PPO, PPOConfig(**QUICK, horizon=30, epochs=4)),
}
every_method = pytest.mark.parametrize("method", METHODS)


def learn(make, inputs: int, actions: int, config, seed: int = 0, count: int = 8, learner=PPO):
    """Train to the end; the reports, and the learner."""
    torch.manual_seed(seed)
    reports: list[UpdateReport] = []
    learner = learner(ActorCritic(inputs, actions), GymnasiumVector(make, count, seed), config)
    learner.train(reports.append)
    return reports, learner


def same_weights(one, other) -> bool:
    pairs = zip(one.network.parameters(), other.network.parameters(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


@every_method
def test_identity(method):
    learner, config = METHODS[method]
    reports, _ = learn(Identity, 3, 3, config, learner=learner)
    assert reports[0].played.mean_reward < 0.6
    assert np.mean([report.played.mean_reward for report in reports[-3:]]) > 0.97
    assert reports[-1].learned.entropy < reports[0].learned.entropy


@every_method
def test_same_seed_same_actions(method):
    learner, config = METHODS[method]
    short = replace(config, total_steps=960)
    (one, a), (two, b) = (learn(Identity, 3, 3, short, learner=learner) for _ in range(2))
    assert repr(one) == repr(two) and same_weights(a, b)     # by text: no episode ended, so NaN, is the same
    assert repr(learn(Identity, 3, 3, replace(short, seed=1), learner=learner)[0]) != repr(one)


def follower(method: str, total_steps: int, seed: int = 0):
    """A learner of the game, on made-up rounds."""
    learner, config = METHODS[method]
    truths = [r.truth for r in made_up_rounds(3, onsets=6)]
    env = BatchedFollowing(truths, Pursuit(truths), 4, 50.0, seed=seed)
    torch.manual_seed(0)
    return learner(ActorCritic(2, 3), env, replace(config, total_steps=total_steps, seed=seed))


@every_method
def test_taken_up_again_it_learns_as_if_never_interrupted(method, tmp_path):
    whole, first = follower(method, 1200), follower(method, 600)
    whole.train()
    first.train()
    tensors, counters = first.saved()
    checkpoint.save(tmp_path / "state.safetensors", tensors, counters)
    torch.rand(7)                                             # a new process' generators stand elsewhere
    second = follower(method, 1200, seed=5)
    second.restore(*checkpoint.load(tmp_path / "state.safetensors", None))
    second.train()
    assert second.steps == whole.steps and same_weights(second, whole)


def test_environments_that_cannot_be_put_aside_are_named():
    with pytest.raises(TypeError, match="put aside"):
        learn(Identity, 3, 3, replace(METHODS["a2c"][1], total_steps=100), learner=A2C)[1].saved()


def test_returns_by_hand():
    rewards = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    ended = torch.tensor([[False], [True], [False], [False]])
    # 1 + 2/2 = 2; 2 (ended); 3 + (4 + 8/2)/2 = 7; 4 + 8/2 = 8
    assert returns_of(rewards, ended, torch.tensor([8.0]), 0.5).flatten().tolist() == [2.0, 2.0, 7.0, 8.0]


class Counting(Identity):
    """Ends after as many steps as the environment's number, and pays one each; the number is seen."""

    made = 0

    def __init__(self):
        Counting.made += 1
        self.length = Counting.made

    def reset(self, *, seed=None, options=None):
        self.left = self.length
        return np.eye(3, dtype=np.float32)[0], {}

    def step(self, action):
        self.left -= 1
        return np.eye(3, dtype=np.float32)[0], 1.0, self.left == 0, False, {}


def test_reinforce_counts_one_episode_of_each_environment():
    Counting.made = 0
    config = ReinforceConfig(total_steps=1, longest_episode=4)
    reports, learner = learn(Counting, 3, 3, config, count=6, learner=Reinforce)
    played = reports[0].played
    # lengths 1, 2, 3, 4, and two that are cut at 4
    assert learner.steps == 18 and played.episodes == 6 and played.mean_reward == 1.0
    assert played.mean_length == played.mean_return == 3.0


SPREAD = """
import sys, torch
from models import processes
from tests.models.test_policy_gradients import METHODS, follower
rank = processes.join(torch.device("cpu"))
learner = follower(sys.argv[1], 960, seed=rank)
learner.train()
torch.save([p.detach() for p in learner.network.parameters()], f"{sys.argv[2]}/{rank}.pt")
"""


@pytest.mark.parametrize("method", ["reinforce", "ppo"])
def test_two_processes_learn_as_one(method, tmp_path):
    """Each plays its own games; what they learn is shared, so their weights stay the same."""
    script = tmp_path / "spread.py"
    script.write_text(SPREAD)
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(script), method, str(tmp_path)],
        check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
    )  # fmt: skip
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    alone = follower(method, 960)
    alone.train()
    assert all(torch.equal(p, q) for p, q in zip(one, two, strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(one, alone.network.parameters(), strict=True))


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
