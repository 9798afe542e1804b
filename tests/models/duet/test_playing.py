from __future__ import annotations

import numpy as np
import torch

from models.duet.agent import DuetAgent, Policy
from models.duet.chorales import Chorale, Duet, all_duets, duets
from models.duet.encoding import line, sounding
from models.duet.networks import DuetNetwork, Widths
from models.duet.playing import improvise, predict, thrown, transposed_from
from tests.models.duet.made_up import make_chorale

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=16)


def network() -> DuetNetwork:
    torch.manual_seed(5)
    return DuetNetwork("a", SMALL).eval()


def agent() -> DuetAgent:
    return DuetAgent("same", Policy({name: value.numpy() for name, value in network().state_dict().items()}))


def some_duets() -> list[Duet]:
    """Of five bars and of three."""
    return [next(duets(make_chorale(1))), next(duets(make_chorale(2, bars=3)))]


def test_many_at_once_play_as_the_agent_plays_alone() -> None:
    *_, played = improvise(network(), some_duets())
    assert played.done
    for duet, (human, machine) in zip(some_duets(), played.lines(), strict=True):
        own = duet.machine[:32]
        for step in range(32, len(duet.human)):
            own = np.append(own, np.uint8(agent().choose(duet.human[:step], own, duet.phase + step)))
        assert np.array_equal(machine, own) and np.array_equal(human, duet.human)


def test_predictions_are_made_from_the_true_past(chorales: list[Chorale]) -> None:
    duet = all_duets(chorales)[5]
    found, policy = predict(network(), duet), agent()._policy
    from models.duet.agent import window

    for step in (0, 7, 50):
        logits = policy(window(duet.human[:step]), window(duet.machine[:step]), step % 4)
        assert found[step] == logits.argmax()


def test_the_human_is_thrown_a_fourth_up_or_down_if_that_is_playable() -> None:
    def made(pitch: int) -> Duet:
        human = line([(0, 4, 60), (4, 4, pitch)], 8)
        return Duet("x", ("alto", "bass"), human, line([(0, 8, 48)], 8), 0)

    for pitch, expected in ((60, 65), (80, 75)):
        changed = transposed_from(made(pitch), 4)
        assert changed is not None
        assert sounding(changed.human).tolist() == [60] * 4 + [expected] * 4
        assert np.array_equal(changed.machine, made(pitch).machine)
    both_ends = Duet("x", ("alto", "bass"), line([(0, 4, 36), (4, 4, 81)], 8), line([], 8), 0)
    assert transposed_from(both_ends, 0) is None


def test_only_duets_that_go_on_are_thrown() -> None:
    assert [len(duet.human) for duet in thrown(some_duets(), 40, 9)] == [76]
