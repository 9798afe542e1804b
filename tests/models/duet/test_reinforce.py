from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest import approx

from models.duet.chorales import BadChorales, Chorale, all_duets
from models.duet.encoding import Tokens
from models.duet.networks import DuetNetwork, Widths
from models.duet.reinforce import Reinforce, ReinforceConfig, advantages, returns

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=16)
QUICK = ReinforceConfig(duets=8, batch=4, steps=40)


def test_advantages_are_those_of_a_hand_computation() -> None:
    rewards, values = np.array([[1.0, 0.0, 2.0]]), np.array([[0.5, 1.0, -1.0]])
    # deltas: 1 + 0.5 * 1 - 0.5 = 1; 0 + 0.5 * -1 - 1 = -1.5; 2 + 0 + 1 = 3
    assert advantages(rewards, values, 0.5, 1.0) == approx(np.array([[1 - 0.75 + 0.75, -1.5 + 1.5, 3.0]]))
    assert advantages(rewards, values, 0.5, 0.0) == approx(np.array([[1.0, -1.5, 3.0]]))
    assert advantages(rewards, values, 0.5, 0.4) == approx(np.array([[1 + 0.2 * -0.9, -1.5 + 0.2 * 3, 3.0]]))


def test_rewards_are_discounted_from_each_step_on() -> None:
    assert returns(np.array([[1.0, 0.0, 2.0]]), 0.5) == approx(np.array([[1.5, 1.0, 2.0]]))


def test_with_lambda_one_advantages_are_returns_less_values() -> None:
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=(2, 5, 9))
    assert advantages(rewards, values, 0.7, 1.0) == approx(returns(rewards, 0.7) - values)


def likes(symbol: int):
    """A reward that wants one symbol."""

    def reward(human: Tokens, machine: Tokens, phase: np.ndarray, first: int) -> np.ndarray:
        return (machine[:, first:] == symbol).astype(np.float64)

    return reward


def learner(chorales: list[Chorale], config: ReinforceConfig = QUICK) -> Reinforce:
    torch.manual_seed(0)
    return Reinforce(DuetNetwork("a", SMALL), all_duets(chorales), likes(30), config)


def test_it_learns_what_earns(chorales: list[Chorale]) -> None:
    config = ReinforceConfig(duets=32 * 40, batch=32, steps=34, learning_rate=0.02, discount=0.0)
    earned: list[float] = []
    learner(chorales, config).train(lambda progress: earned.append(progress.reward))
    assert earned[0] < 0.1 and np.mean(earned[-5:]) > 0.8


def test_a_strong_prior_holds_it_back(chorales: list[Chorale]) -> None:
    config = ReinforceConfig(duets=32 * 40, batch=32, steps=34, learning_rate=0.02, discount=0.0, prior=10.0)
    earned: list[float] = []
    learner(chorales, config).train(lambda progress: earned.append(progress.reward))
    assert np.mean(earned[-5:]) < 0.1


def test_interrupted_or_not_the_weights_are_the_same(chorales: list[Chorale]) -> None:
    whole = learner(chorales)
    whole.train(lambda progress: None)
    first, second = learner(chorales), learner(chorales)
    first.learn()
    second.restore(*first.saved())
    second.train(lambda progress: None)
    assert second.played == 8
    for one, other in zip(whole.agent.parameters(), second.agent.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_first_weights_stay_as_the_prior(chorales: list[Chorale]) -> None:
    trained = learner(chorales)
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    trained.train(lambda progress: None)
    assert any(not torch.equal(before[name], value) for name, value in trained.network.state_dict().items())
    assert all(torch.equal(before[name], value) for name, value in trained._prior.state_dict().items())


def test_pieces_that_are_shorter_go_round_and_given_bars_are_not_played(chorales: list[Chorale]) -> None:
    played = learner(chorales, ReinforceConfig(duets=2, batch=2, steps=100))._improvise(1.0)
    assert played.human.shape == played.machine.shape == (2, 100) and (played.human < 93).all()
    with pytest.raises(BadChorales, match="32 steps"):
        learner(chorales, ReinforceConfig(steps=32))


def test_imitation_brings_it_nearer_to_real_answers(chorales: list[Chorale]) -> None:
    def surprise(imitation: float) -> float:
        trained = learner(chorales, ReinforceConfig(
            duets=8 * 12, batch=8, steps=40, learning_rate=0.02, imitation=imitation
        ))  # fmt: skip
        trained._reward = lambda human, machine, phase, first: np.zeros((len(human), 8))
        trained.train(lambda progress: None)
        with torch.no_grad():
            return float(trained._unlike_the_data())

    assert surprise(1.0) < 0.97 * surprise(0.0)


def test_the_learning_rate_falls_to_its_last_share(chorales: list[Chorale]) -> None:
    trained = learner(chorales, ReinforceConfig(duets=8, batch=4, steps=40, learning_rate=0.1, last_rate=0.5))
    rates = []
    trained.train(lambda progress: rates.append(trained._optimiser.param_groups[0]["lr"]))
    assert rates == pytest.approx([0.1, 0.075])
