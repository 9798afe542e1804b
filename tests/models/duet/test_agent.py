from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.agent import PAST, DuetAgent, Policy, allowed, load_agent, window
from models.duet.chorales import Chorale
from models.duet.encoding import HOLD, MULTI_HOLD, begins, held, line, sounding
from models.duet.networks import KINDS, DuetNetwork, Widths
from models.duet.windows import seen_steps

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=16)
UNSEEN, REST = MULTI_HOLD.unseen, MULTI_HOLD.rest


def network(widths: Widths = SMALL, kind: str = "a") -> DuetNetwork:
    torch.manual_seed(4)
    return DuetNetwork(kind, widths).eval()


def agent(seed: int = 0, widths: Widths = SMALL) -> DuetAgent:
    weights = {name: value.numpy() for name, value in network(widths).state_dict().items()}
    return DuetAgent("made up", Policy(weights), seed)


def random_line(seed: int, steps: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, MULTI_HOLD.symbols, steps).astype(np.uint8)


@pytest.mark.parametrize("widths", [SMALL, Widths()])
@pytest.mark.parametrize("steps", [0, 5, 32, 60])
def test_it_computes_what_the_network_does(widths: Widths, steps: int) -> None:
    model, policy = network(widths), agent(0, widths)._policy
    for phase in range(4):
        human, machine = (window(random_line(seed, steps)) for seed in (phase, phase + 10))
        with torch.no_grad():
            expected = model(*(torch.from_numpy(x)[None] for x in (human, machine)), torch.tensor([phase]))
        assert policy(human, machine, phase) == pytest.approx(expected[0, 0].numpy(), abs=2e-6)


def test_the_window_is_the_one_it_was_trained_on() -> None:
    assert PAST == KINDS["a"].past == KINDS["a"].width
    assert window(random_line(0)).tolist() == random_line(0)[-PAST:].tolist()
    assert window(np.array([3, 4], np.uint8)).tolist() == [UNSEEN] * 30 + [3, 4]


def test_nothing_before_the_window_matters() -> None:
    human, machine = random_line(1, 80), random_line(2, 80)
    expected = agent()._policy(window(human), window(machine), 0)
    human[:48], machine[:48] = 0, 0
    assert np.array_equal(agent()._policy(window(human), window(machine), 0), expected)


@pytest.mark.parametrize("name", ["duet", "duet-mle"])
def test_it_looks_at_no_more_than_the_block_before_the_present_one(name: str) -> None:
    whole, shown = load_agent(name), load_agent(name)
    human, machine = random_line(1, 140), random_line(2, 140)
    for step in (0, 1, 31, 32, 33, 62, 63, 64, 65, 95, 96, 127, 128, 139):
        seen = seen_steps(step)
        assert seen == step if step < 64 else 32 <= seen < 64
        lines = human[:step], machine[:step]
        cut = human[step - seen : step], machine[step - seen : step]
        assert shown.choose(*cut, step, 1.0) == whole.choose(*lines, step, 1.0)
        shown.look_ahead(*cut, step)
        whole.look_ahead(*lines, step)
        assert shown.intend(*cut, step, 5).tolist() == whole.intend(*lines, step, 5).tolist()


def test_same_seed_same_choices() -> None:
    one, other = agent(3), agent(3)
    human, machine = random_line(1), random_line(2)
    drawn = [one.choose(human, machine, 0, temperature=1.0) for _ in range(20)]
    assert drawn == [other.choose(human, machine, 0, temperature=1.0) for _ in range(20)]
    assert len(set(drawn)) > 3
    one.reset(3)
    assert drawn == [one.choose(human, machine, 0, temperature=1.0) for _ in range(20)]


def test_without_temperature_the_likeliest_is_taken() -> None:
    player, human, machine = agent(), random_line(1), random_line(2)
    logits = player._policy(window(human), window(machine), 2)
    assert player.choose(human, machine, 2) == np.where(allowed(machine[-1]), logits, -np.inf).argmax()
    assert player.choose(human, machine, 6) == player.choose(human, machine, 2)


def test_it_holds_only_what_sounds_and_stays_within_its_voice() -> None:
    player, machine = agent(), line([], 0)
    for step in range(200):
        chosen = player.choose(random_line(step), machine, step, 5.0, lowest=48, highest=60)
        machine = np.append(machine, np.uint8(chosen))
    pitches = sounding(machine)
    assert set(np.unique(pitches[pitches > 0])) <= set(range(48, 61)) and len(np.unique(pitches)) > 8
    assert np.array_equal(begins(machine), machine < HOLD)


def test_it_plays_a_note_where_it_may_not_rest() -> None:
    player, human, machine = agent(), line([], 4), line([], 4)
    drawn = [[player.choose(human, machine, 0, 5.0, 60, 61, may_rest) for _ in range(100)]
             for may_rest in (True, False)]  # fmt: skip
    assert [set(symbols) for symbols in drawn] == [{24, 25, REST}, {24, 25}]


def test_what_is_allowed_after_a_note_and_after_silence() -> None:
    both = allowed([24, 24 + HOLD, REST, UNSEEN], 60, 61)
    assert both.shape == (4, MULTI_HOLD.symbols)
    for note, silence in zip(both[:2], both[2:], strict=True):
        assert np.flatnonzero(note).tolist() == [24, 25, 24 + HOLD, REST]
        assert np.flatnonzero(silence).tolist() == [24, 25, REST]


def test_what_it_intends_is_what_it_plays_if_the_human_holds() -> None:
    player, human, machine = agent(), line([(0, 8, 60)], 9), line([(0, 4, 48)], 9)
    plan = player.intend(human, machine, 1, 4)
    for step in range(4):
        chosen = player.choose(human, machine, 1 + step)
        assert chosen == plan[step]
        human, machine = np.append(human, held(human[-1:])), np.append(machine, np.uint8(chosen))
    assert len(player.intend(line([], 0), line([], 0), 0, 3)) == 3


def test_agents_are_loaded_by_path_or_named(tmp_path: Path, chorales: list[Chorale]) -> None:
    path, model = tmp_path / "mine.safetensors", network()
    checkpoint.save(path, model.state_dict(), {"network": model.arguments(), "note": "x"})
    loaded = load_agent(path, 1)
    assert (loaded.name, loaded.metadata["note"]) == ("mine", "x")
    human, machine = chorales[0].tokens[[0, 3], :50]
    assert loaded.choose(human, machine, 2) == agent().choose(human, machine, 2)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_agent("nobody")


@pytest.mark.parametrize("wrong", ["kind", "past", "missing"])
def test_what_is_no_agent_is_refused(tmp_path: Path, wrong: str) -> None:
    model, path = network(kind="b" if wrong == "kind" else "a"), tmp_path / "x.safetensors"
    arguments, tensors = model.arguments(), dict(model.state_dict())
    if wrong == "past":
        arguments["context"]["past"] = 64
    if wrong == "missing":
        del tensors["head.bias"]
    checkpoint.save(path, tensors, {"network": arguments})
    with pytest.raises(CheckpointError, match="no agent of Duet"):
        load_agent(path)


def test_a_decision_takes_less_than_five_milliseconds_of_processor_time() -> None:
    player, human, machine = agent(widths=Widths()), random_line(1), random_line(2)
    spent = []
    for step in range(60):
        begun = time.thread_time()
        player.choose(human, machine, step, temperature=0.8)
        spent.append(time.thread_time() - begun)
    assert np.median(spent) < 0.005


def test_it_needs_no_torch() -> None:
    code = "import models.duet.agent, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_shipped_agents_are_named_and_what_is_none_is_passed_over(tmp_path, monkeypatch):
    from models import checkpoint
    from models.duet.agent import SHIPPED, shipped_agents

    assert shipped_agents()[0] == SHIPPED
    for name in ("duet", "duet-mle", "duet-reward-a1"):
        (tmp_path / f"{name}.safetensors").write_bytes(checkpoint.shipped("duet-mle").read_bytes())
    (tmp_path / "duet-junk.safetensors").write_bytes(b"junk")
    (tmp_path / "duet-follower.safetensors").write_bytes(checkpoint.shipped("launchpad").read_bytes())
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    assert shipped_agents() == ["duet", "duet-mle"]
