from __future__ import annotations

import numpy as np
import pytest
import torch

from models.duet.agent import DuetAgent, _policy
from models.duet.anticipation import fitted
from models.duet.causal import CausalNetwork, CausalWidths, block_features
from models.duet.chorales import Duet, duets
from models.duet.encoding import HOLD, LOWEST, MULTI_HOLD
from models.duet.networks import from_arguments
from models.duet.playing import improvise, predict
from tests.models.duet.made_up import make_chorale

SMALL = CausalWidths(embedding=6, beat=3, recurrent=7, hidden=16)
C = 60 - LOWEST


def network(weight: float = 3.0) -> CausalNetwork:
    """One that strikes readily, with an ear of other weights."""
    torch.manual_seed(5)
    made = CausalNetwork(SMALL).eval()
    with torch.no_grad():
        made.proposal.bias[-1] = 0.0
        made.proposal.weight *= 30.0
    made.listen(CausalNetwork(SMALL).eval(), weight)
    return made


def agent() -> DuetAgent:
    weights = {name: value.numpy() for name, value in network().state_dict().items()}
    return DuetAgent("same", _policy(network().arguments(), weights))


def some_duets() -> list[Duet]:
    """Of five bars and of three."""
    return [next(duets(make_chorale(1))), next(duets(make_chorale(2, bars=3)))]


def expecting(**chances: float) -> np.ndarray:
    """Logits of the human's next symbol."""
    names = {"strikes_c": C, "holds_e": HOLD + C + 4, "rests": MULTI_HOLD.rest}
    logits = np.full(MULTI_HOLD.symbols, -50.0, np.float32)
    for name, chance in chances.items():
        logits[names[name]] = np.log(chance)
    return logits


def test_onsets_rise_by_the_chance_that_they_are_consonant() -> None:
    logits = np.random.default_rng(1).normal(size=MULTI_HOLD.symbols).astype(np.float32)
    found = fitted(logits, expecting(strikes_c=0.5, holds_e=0.25, rests=0.25), 4.0)
    rise = found[:HOLD] - found[C - 2]  # B flat: in discord with both
    before = logits[:HOLD] - logits[C - 2]
    gained = {name: rise[C + n] - before[C + n] for name, n in (("c", 0), ("g", 7), ("es", 3), ("d", 2))}
    assert gained == pytest.approx({"c": 3.0, "g": 3.0, "es": 2.0, "d": 0.0}, abs=1e-5)


def test_when_to_strike_is_decided_as_before() -> None:
    logits = np.random.default_rng(2).normal(size=(3, 5, MULTI_HOLD.symbols)).astype(np.float32)
    coming = np.random.default_rng(3).normal(size=logits.shape).astype(np.float32)
    found = fitted(logits, coming, 4.0)
    assert found[..., HOLD:] == pytest.approx(logits[..., HOLD:])
    assert found[..., :HOLD].max(-1) == pytest.approx(logits[..., :HOLD].max(-1), abs=1e-5)
    assert (found[..., :HOLD].argmax(-1) != logits[..., :HOLD].argmax(-1)).any()
    assert found[1, 2] == pytest.approx(fitted(logits[1, 2], coming[1, 2], 4.0), abs=1e-5)


def test_who_expects_silence_changes_nothing() -> None:
    logits = np.random.default_rng(2).normal(size=MULTI_HOLD.symbols).astype(np.float32)
    assert fitted(logits, expecting(rests=1.0), 4.0) == pytest.approx(logits, abs=1e-5)


def test_many_at_once_play_as_the_agent_plays_alone() -> None:
    *_, played = improvise(network(), some_duets())
    *_, without = improvise(network(0.0), some_duets())
    changed = [(a != b).any() for (_, a), (_, b) in zip(played.lines(), without.lines(), strict=True)]
    assert any(changed)
    for duet, (_, machine) in zip(some_duets(), played.lines(), strict=True):
        own, asked = duet.machine[:32], agent()
        for step in range(32, len(duet.human)):
            own = np.append(own, np.uint8(asked.choose(duet.human[:step], own, duet.phase + step)))
        assert np.array_equal(machine, own)


def test_the_ear_hears_the_lines_with_their_roles_exchanged_and_nothing_of_the_step() -> None:
    duet, made = some_duets()[0], network()
    assert made.ear is not None
    human, machine = (torch.from_numpy(line[None].astype(np.int64)) for line in (duet.human, duet.machine))
    phase = torch.tensor([duet.phase])
    with torch.no_grad():
        own = made.head(block_features(made, human, machine, phase))[0].numpy()
        coming = made.ear.head(block_features(made.ear, machine, human, phase))[0].numpy()
    said = predict(made, duet)
    assert np.array_equal(said, fitted(own, coming, 3.0).argmax(-1))
    later = duet.human.copy()
    later[50:] = duet.human[:30]
    changed = predict(made, Duet(duet.name, duet.voices, later, duet.machine, duet.phase))
    assert np.array_equal(said[:51], changed[:51])


def test_it_is_made_anew_from_its_card_with_its_ear() -> None:
    made = network()
    again = from_arguments(made.arguments())
    again.load_state_dict(made.state_dict())
    assert isinstance(again, CausalNetwork) and again.anticipation == 3.0
    assert again.arguments() == made.arguments()
    assert made.ear is not None and not any(weight.requires_grad for weight in made.ear.parameters())
