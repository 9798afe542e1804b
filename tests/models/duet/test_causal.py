from __future__ import annotations

import numpy as np
import pytest
import torch

from models.duet.agent import CausalPolicy, DuetAgent
from models.duet.causal import (
    CausalNetwork,
    CausalWidths,
    _classes_heard,
    _from_the_machines,
    block_features,
    nothing_heard,
)
from models.duet.chorales import Chorale, Duet, duets
from models.duet.encoding import MULTI_HOLD
from models.duet.networks import from_arguments
from models.duet.playing import improvise, predict
from models.duet.reward import probabilities
from models.duet.windows import Library, Stretch
from tests.models.duet.made_up import make_chorale

SMALL = CausalWidths(embedding=6, beat=3, recurrent=7, hidden=16)


def network() -> CausalNetwork:
    torch.manual_seed(5)
    return CausalNetwork(SMALL).eval()


def policy() -> CausalPolicy:
    return CausalPolicy({name: value.numpy() for name, value in network().state_dict().items()})


def random_lines(seed: int, steps: int) -> np.ndarray:
    """(2, steps)"""
    return np.random.default_rng(seed).integers(0, MULTI_HOLD.symbols, (2, steps)).astype(np.uint8)


def logits_at_every_step(both: np.ndarray, phase: int) -> np.ndarray:
    human, machine = (torch.from_numpy(line[None].astype(np.int64)) for line in both)
    with torch.no_grad():
        found = network().head(block_features(network(), human, machine, torch.tensor([phase])))
        later = network().head(block_features(network(), human, machine, torch.tensor([phase]), 1))
    assert torch.allclose(found[:, 32:], later, atol=1e-6)
    logits: np.ndarray = found[0].numpy()
    return logits


def test_nothing_of_a_step_or_later_is_known_when_it_is_decided() -> None:
    both = random_lines(1, 100)
    expected = logits_at_every_step(both, 1)
    for step in (0, 1, 31, 32, 63, 64, 99):
        changed = both.copy()
        changed[:, step:] = random_lines(2, 100)[:, step:]
        found = logits_at_every_step(changed, 1)
        assert found[: step + 1] == pytest.approx(expected[: step + 1], abs=1e-6)
        assert step == 99 or not np.allclose(found[step + 1], expected[step + 1])


def test_what_lies_before_the_block_before_is_forgotten() -> None:
    both = random_lines(1, 128)
    changed = both.copy()
    changed[:, :64] = random_lines(2, 64)
    one, other = logits_at_every_step(both, 0), logits_at_every_step(changed, 0)
    assert one[96:] == pytest.approx(other[96:], abs=1e-6)
    assert not np.allclose(one[95], other[95])


def test_the_agent_computes_what_the_network_does_in_any_order() -> None:
    both, asked = random_lines(3, 110), policy()
    expected = logits_at_every_step(both, 2)
    for step in (0, 1, 5, 6, 40, 41, 63, 64, 65, 64, 30, 100, 109):
        human, machine = (asked.context(line[:step]) for line in both)
        assert len(human) <= 63
        assert asked(human, machine, (2 + step) % 4) == pytest.approx(expected[step], abs=2e-6)


def test_no_decision_reads_more_than_another_though_contexts_end_and_plans_run_ahead() -> None:
    """Every 32 steps another context begins; a plan runs into it and is given up again."""
    both, asked = random_lines(6, 300), policy()
    agent = DuetAgent("made up", asked)
    played = np.concatenate((both[:, :1], both), 1)
    before = 0
    for step in range(200):
        agent.choose(played[0, :step], played[1, :step], step)
        read = asked._after.cache_info().misses
        assert read - before <= 1, step
        agent.look_ahead(played[0, :step], played[1, :step], step)
        if step % 4 == 3:
            agent.intend(played[0, :step], played[1, :step], step, 8)
        before = asked._after.cache_info().misses


def test_onsets_are_proposed_as_intervals_and_only_what_sounds_is_held() -> None:
    model = network()
    places = torch.tensor([[[30, 20]]])
    with torch.no_grad():
        model.proposal.weight.zero_()
        model.proposal.bias.zero_()
        model.proposal.bias[45 - 3] = 1.0  # three semitones below the human
        model.proposal.bias[91 + 45 + 7] = 2.0  # seven above the machine
        model.proposal.bias[-1] = 5.0
        found = model.propose(torch.zeros(1, 1, SMALL.hidden), places)[0, 0]
    assert found.nonzero().ravel().tolist() == [27, 46 + 20] and found[[27, 66]].tolist() == [3.0, 5.0]


def test_what_it_is_given_of_keys_is_counted_from_the_machines_pitch() -> None:
    lines = torch.tensor([[[0, 4], [46, 50], [92, 11]]])  # human: C, held, rest; machine: E, held, B
    shares, counts = _classes_heard(lines, nothing_heard(1).heard)
    turned = _from_the_machines(shares, torch.tensor([[4, 4, 11]]))[0, -1].reshape(2, 12)
    assert turned[0].nonzero().ravel().tolist() == [1] and turned[0, 1] == pytest.approx(2 / 3)
    assert turned[1].nonzero().ravel().tolist() == [0, 5]  # B itself, and E above it
    again, _ = _classes_heard(lines[:, 2:], _classes_heard(lines[:, :2], nothing_heard(1).heard)[1])
    assert torch.equal(again[:, -1], shares[:, -1]) and counts.sum() == 5


def some_duets() -> list[Duet]:
    """Of five bars and of three."""
    return [next(duets(make_chorale(1))), next(duets(make_chorale(2, bars=3)))]


def test_many_at_once_play_as_the_agent_plays_alone() -> None:
    *_, played = improvise(network(), some_duets())
    agent = DuetAgent("same", policy())
    for duet, (human, machine) in zip(some_duets(), played.lines(), strict=True):
        own = duet.machine[:32]
        for step in range(32, len(duet.human)):
            own = np.append(own, np.uint8(agent.choose(duet.human[:step], own, duet.phase + step)))
        assert np.array_equal(machine, own) and np.array_equal(human, duet.human)


def test_predictions_and_rewards_are_made_from_the_true_past() -> None:
    duet = some_duets()[0]
    logits = logits_at_every_step(np.stack([duet.human, duet.machine]), duet.phase)
    assert np.array_equal(predict(network(), duet), logits.argmax(-1))
    phase = np.array([duet.phase])
    found = probabilities(network(), duet.human[None], duet.machine[None], phase, 40)[0]
    chances = torch.from_numpy(logits).softmax(-1).numpy()
    assert found == pytest.approx(chances[np.arange(40, 80), duet.machine[40:]], abs=1e-6)


def test_it_learns_from_stretches_all_of_whose_steps_are_predicted(chorales: list[Chorale]) -> None:
    batch = Library(chorales, Stretch(64)).draw(np.random.default_rng(0), 20)
    assert np.array_equal(batch.machine, batch.targets) and batch.machine.shape == (20, 64)


def test_it_is_made_anew_from_its_card() -> None:
    again = from_arguments(network().arguments())
    again.load_state_dict(network().state_dict())
    with pytest.raises(ValueError, match="boundaries"):
        from_arguments({**network().arguments(), "context": {"block": 8}})
