from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from models import checkpoint
from models.checkpoint import CheckpointError
from models.launchpad.agent import MEMORY_BARS, LaunchpadAgent, Vote, load_agent, preference
from models.launchpad.instrument import LAUNCHPAD

RNG = np.random.default_rng(5)
STATE = LAUNCHPAD.random(RNG)
LINEAR = {"0.weight": RNG.normal(size=(313, 312)), "0.bias": RNG.normal(size=313)}


def agent(seed: int = 0) -> LaunchpadAgent:
    values = RNG.normal(size=313).astype(np.float32)
    return LaunchpadAgent("made up", lambda states: np.repeat(values[None], len(states), 0), seed)


def test_without_temperature_it_takes_the_best_button() -> None:
    player = agent()
    choice = player.choose(STATE)
    assert choice.action == player.values(STATE[None])[0].argmax() == choice.values.argmax()


def test_forbidden_buttons_are_never_pressed() -> None:
    player = agent()
    forbidden = np.ones(313, bool)
    forbidden[[7, 200]] = False
    pressed = {player.choose(STATE, forbidden, temperature=5.0).action for _ in range(50)}
    assert pressed == {7, 200}


def test_with_every_button_forbidden_it_does_nothing() -> None:
    assert agent().choose(STATE, np.ones(313, bool), 1.0).action == LAUNCHPAD.nothing


def test_same_seed_same_choices() -> None:
    one, other = agent(3), agent(3)
    other._q_values = one._q_values
    drawn = [one.choose(STATE, temperature=1.0).action for _ in range(20)]
    assert drawn == [other.choose(STATE, temperature=1.0).action for _ in range(20)]
    assert len(set(drawn)) > 3
    one.reset(3)
    assert drawn == [one.choose(STATE, temperature=1.0).action for _ in range(20)]


def test_restless_it_moves_and_still_turns_silent_rows() -> None:
    values = np.full((1, 313), -1.0, np.float32)
    values[0, [312, LAUNCHPAD.shift(3, 0), LAUNCHPAD.toggle(4, 6)]] = 0.0, -0.5, -0.6
    blank = LAUNCHPAD.empty()

    def choice(restless: float = 1.0) -> int:
        return LaunchpadAgent("made up", lambda states: values).choose(blank, restless=restless).action

    assert choice(restless=0.0) == LAUNCHPAD.nothing and choice() == LAUNCHPAD.toggle(4, 6)
    values[0, LAUNCHPAD.shift(3, 0)] = 0.5      # it gains, so it is no standing still
    assert choice() == LAUNCHPAD.shift(3, 0)


def test_it_remembers_the_bars_that_sounded_however_often_it_is_asked() -> None:
    """As while a slider is dragged, or a person presses many buttons before the next bar."""
    values = np.zeros((1, 313), np.float32)
    values[0, LAUNCHPAD.nothing] = 1.0
    player = LaunchpadAgent("made up", lambda states: np.repeat(values, len(states), 0))
    blank, one = LAUNCHPAD.empty(), LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(4, 6))

    def back_is_stale() -> bool:
        return bool(player.choose(one, bar=2).values[LAUNCHPAD.toggle(4, 6)] < 0.0)

    player.choose(blank, bar=1)
    for action in range(2 * MEMORY_BARS):
        player.choose(one, bar=2)
        player.choose(LAUNCHPAD.press(one, action), bar=2)
    assert back_is_stale() and player.choose(one, bar=2).action != LAUNCHPAD.nothing
    for bar in range(3, 3 + MEMORY_BARS):
        player.choose(one, bar=bar)
    player.choose(LAUNCHPAD.press(one, 0), bar=2)
    assert not back_is_stale()


def test_a_vote_for_a_bar_prefers_buttons_that_lead_there() -> None:
    wanted = LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(4, 3))
    change = preference(LAUNCHPAD, LAUNCHPAD.empty(), [Vote(wanted)])
    assert change.argmax() == LAUNCHPAD.toggle(4, 3) and change[LAUNCHPAD.nothing] == 0.0
    against = preference(LAUNCHPAD, LAUNCHPAD.empty(), [Vote(wanted, -1.0)])
    assert against.argmin() == LAUNCHPAD.toggle(4, 3)


def test_votes_change_what_is_pressed() -> None:
    ninth = np.eye(1, 313, 9, dtype=np.float32)
    flat = LaunchpadAgent("flat", lambda states: np.repeat(ninth, len(states), 0))
    wanted = LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(20, 2))
    assert flat.choose(LAUNCHPAD.empty()).action == 9
    assert flat.choose(LAUNCHPAD.empty(), votes=[Vote(wanted)] * 20).action == LAUNCHPAD.toggle(20, 2)


def test_a_checkpoint_is_loaded_by_path(tmp_path) -> None:
    path = tmp_path / "mine.safetensors"
    tensors = {name: torch.tensor(value).half() for name, value in LINEAR.items()}
    checkpoint.save(path, tensors, {"kind": "linear"})
    player = load_agent(path)
    assert player.name == "mine" and player.metadata["kind"] == "linear"
    expected = LAUNCHPAD.features(STATE) @ LINEAR["0.weight"].T + LINEAR["0.bias"]
    assert np.allclose(player.values(STATE[None])[0], expected, atol=0.1)


@pytest.mark.parametrize("kind", [None, "deep", "motifs", "other", 3])
def test_checkpoints_of_something_else_are_refused(tmp_path, kind) -> None:
    metadata = {"kind": kind}
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, {name: torch.tensor(value) for name, value in LINEAR.items()}, metadata)
    with pytest.raises(CheckpointError):
        load_agent(path)


def test_damaged_and_missing_checkpoints_are_refused(tmp_path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\x08" * 40)
    for wrong in (path, tmp_path / "none.safetensors", "no such agent"):
        with pytest.raises(CheckpointError):
            load_agent(wrong)


def test_the_agent_brings_no_torch() -> None:
    code = "import sys, models.launchpad.agent; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
