from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.launchpad.corpus import Bars
from models.launchpad.instrument import LAUNCHPAD, TOY
from models.launchpad.networks import KINDS, AfterstateQ, MotifQ, QNetwork, deep_q, features, linear_q
from models.launchpad.planning import Plan
from models.launchpad.qlearning import QConfig, QLearner, Replay, compress, expand
from models.launchpad.reward import Rewards
from models.launchpad.valuation import q_function


class TargetBar:
    """Minus the distance to the paper's toy bar, and for `heard` nothing."""

    target: ClassVar[np.uint64] = np.uint64(0b1101)

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        return -np.bitwise_count(bars ^ self.target).sum(-1).astype(np.float32)


def states(count: int = 6) -> torch.Tensor:
    return torch.from_numpy(LAUNCHPAD.random(np.random.default_rng(2), count))


@pytest.mark.parametrize("kind", KINDS)
def test_numpy_computes_what_torch_does(kind: str) -> None:
    network = KINDS[kind]()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    expected = network(states()).detach().numpy()
    assert np.allclose(q_function(kind, weights)(states().numpy()), expected, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_chosen_value_is_the_actions_own(kind: str) -> None:
    network = KINDS[kind]()
    actions = torch.tensor([0, 5, 12, 150, 311, 312])
    expected = network(states())[torch.arange(6), actions]
    assert torch.allclose(network.chosen(states(), actions[:, None])[:, 0], expected, atol=1e-4)


def test_torch_sees_the_instruments_features() -> None:
    assert (features(states()).numpy() == LAUNCHPAD.features(states().numpy())).all()


@pytest.mark.parametrize("make", [MotifQ, AfterstateQ])
def test_the_state_that_a_button_leads_to_is_valued(make: Callable[[int], MotifQ | AfterstateQ]) -> None:
    network = make(8)
    values = network(states())
    for action in (0, 9, 200, 312):
        after = torch.from_numpy(LAUNCHPAD.press(states().numpy(), action))
        assert torch.allclose(values[:, action], network.value(after), atol=1e-4)


def test_what_was_learned_shows_at_once_in_the_values() -> None:
    network = AfterstateQ(8)
    network(states())
    with torch.no_grad():
        network.weight.mul_(2.0)
    assert torch.allclose(network(states())[:, -1], network.value(states()), atol=1e-4)


def test_a_planned_network_goes_where_the_plan_says() -> None:
    target = LAUNCHPAD.empty()
    target[3], target[10] = (1 << 3, 9), (1 << 4, 17)
    network = MotifQ.planned(Plan(target[None], np.array([-1.0]), np.full((1, 24, 64), -1.0)))
    state = LAUNCHPAD.random(np.random.default_rng(0), 1)
    for _ in range(160):
        state = LAUNCHPAD.press(state, network(torch.from_numpy(state)).argmax(1).numpy())
    assert (LAUNCHPAD.packed(state[0]) == LAUNCHPAD.packed(target)).all()


def toy_learner(network: QNetwork, **changes: object) -> QLearner:
    values = {"updates": 600, "songs": 8, "updates_per_bar": 2, "song_bars": 30, "replay": 4000,
              "warm_up": 100, "discount": 0.9, "target_every": 50, "learning_rate": (1e-2, 2e-3),
              "epsilon": (0.9, 0.1)}  # fmt: skip
    config = QConfig(**{**values, **changes})  # type: ignore[arg-type]
    return QLearner(network, TargetBar(), config, instrument=TOY)


def solved(learner: QLearner) -> float:
    """The mean reward after twenty greedy buttons from anywhere."""
    learner.train()
    state = TOY.random(np.random.default_rng(1), 32)
    for _ in range(20):
        state = TOY.press(state, learner.network(torch.from_numpy(state)).argmax(1).numpy())
    return float(TargetBar()(TOY.packed(state)).mean())


@pytest.mark.parametrize("double", [False, True])
def test_motifs_learn_a_trivial_instrument(double: bool) -> None:
    torch.manual_seed(1)
    assert solved(toy_learner(MotifQ(32, TOY), double=double)) > -0.2


def test_the_deep_network_learns_a_trivial_instrument() -> None:
    torch.manual_seed(1)
    assert solved(toy_learner(deep_q(TOY), learning_rate=(1e-3, 2e-4))) > -0.2


def test_many_actions_of_each_state_are_learnt_in_fewer_updates() -> None:
    torch.manual_seed(1)
    network = AfterstateQ(16, TOY)
    assert solved(toy_learner(network, updates=300, backups=4, compressed=True, songs=2)) > -0.2


def test_beside_the_action_that_was_taken_others_are_tried() -> None:
    torch.manual_seed(1)
    learner = toy_learner(AfterstateQ(16, TOY), backups=5, songs=1, warm_up=1, replay=1)
    learner.play()
    taken = int(learner._replay.actions[0])
    known, actions, _ = learner._batch()
    assert len(known) == 32 and actions.shape == (32, 5) and (actions[:, 0] == taken).all()
    assert set(actions[:, 1:].ravel().tolist()) == set(range(TOY.actions))


def test_all_that_is_learnt_of_a_state_earns_what_it_leads_to() -> None:
    """One update of a network that says nothing yet: its loss is the mean squared reward of what is tried."""
    learner = toy_learner(linear_q(TOY), backups=6, discount=0.0, songs=1, warm_up=1, replay=1)
    for parameter in learner.network.parameters():
        torch.nn.init.zeros_(parameter)
    learner.play()
    known, actions, _ = learner._batch()
    after = TOY.press(known.repeat(6, 0), actions.ravel())
    learner._batch = lambda: (known, actions, np.zeros(len(known), np.float32))  # type: ignore[method-assign]
    learner.learn()
    loss, _ = learner._sums[-1]
    assert float(loss) == pytest.approx(float(np.square(TargetBar()(TOY.packed(after))).mean()), rel=1e-5)


def test_no_state_is_worth_more_than_the_ceiling() -> None:
    learner = toy_learner(linear_q(TOY), reward_shift=3.0, value_ceiling=1.0, compressed=True)
    rewards, after = torch.tensor([-2.0, 0.5, 3.0]), torch.from_numpy(TOY.empty(3))
    with torch.no_grad():
        for parameter in learner._target.parameters():
            parameter.zero_()
    expected = compress(torch.tensor([-2.0, 0.5, 1.0]))
    assert torch.allclose(learner._backed_up(rewards, after), expected)


@given(st.floats(-1e5, 1e5))
def test_values_are_compressed_without_loss(value: float) -> None:
    there = compress(torch.tensor(value, dtype=torch.float64))
    assert float(expand(there)) == pytest.approx(value, abs=1e-6) and abs(float(there)) <= abs(value) + 1e-9


def test_same_seed_same_weights_and_a_resumed_run_is_the_whole_run() -> None:
    def fresh() -> QLearner:
        torch.manual_seed(4)
        return toy_learner(linear_q(TOY), updates=60)

    whole, stopped, resumed = fresh(), fresh(), fresh()
    whole.train()
    stopped.train(until=31)
    resumed.restore(*stopped.saved())
    resumed.train()
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_reports_may_stop_it() -> None:
    learner = toy_learner(linear_q(TOY), report_every=10)
    learner.train(lambda progress: progress.updates >= 20)
    assert learner.updates == 20


def test_the_replay_forgets_the_oldest() -> None:
    replay = Replay(4, TOY)
    for number in range(6):
        replay.add(TOY.empty(1), np.array([number]), np.array([0.0], np.float32))
    assert len(replay) == 4 and sorted(replay.actions.tolist()) == [2, 3, 4, 5]


def test_a_terrible_reward_counts_no_more_than_the_floor() -> None:
    learner = toy_learner(linear_q(TOY), reward_floor=-1.0, reward_scale=2.0)
    learner.train(until=5)
    assert learner._replay.rewards.min() == -2.0


def test_rewards_are_shifted_then_scaled() -> None:
    learner = toy_learner(linear_q(TOY), reward_shift=3.0, reward_scale=2.0)
    learner.train(until=5)
    rewards = learner._replay.rewards[: len(learner._replay)]
    assert rewards.min() >= -2.0 and rewards.max() == 6.0     # distances 0 to 4


def test_gradients_that_are_too_long_are_shortened() -> None:
    learner = toy_learner(linear_q(TOY), gradient_clip=1e-3, reward_scale=100.0)
    learner.train(until=1)
    gradients = [p.grad for p in learner.network.parameters() if p.grad is not None]
    length = torch.nn.utils.get_total_norm(gradients)
    assert gradients and float(length) == pytest.approx(1e-3, rel=1e-3)
