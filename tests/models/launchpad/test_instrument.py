from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.launchpad.instrument import LAUNCHPAD, TOY, BadState, Button, load_state, save_state


def test_the_papers_sizes() -> None:
    assert (LAUNCHPAD.keys, LAUNCHPAD.steps, LAUNCHPAD.patterns, LAUNCHPAD.exponent) == (24, 64, 7, 6)
    assert LAUNCHPAD.actions == 313 and LAUNCHPAD.features(LAUNCHPAD.empty()).shape == (312,)
    assert TOY.actions == 6 and (1 << TOY.patterns) * TOY.steps == 32


def test_patterns_fill_the_bar_without_overlap() -> None:
    assert (LAUNCHPAD.basis.sum(0) == 1).all()
    assert LAUNCHPAD.basis.sum(1).tolist() == [32, 16, 8, 4, 2, 1, 1]
    assert TOY.basis.astype(int).tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]


def test_a_key_has_2732_distinct_bars() -> None:
    assert len(np.unique(LAUNCHPAD.rows)) == 2732


def test_roll_against_one_drawn_by_hand() -> None:
    state = TOY.press(TOY.press(TOY.empty(), TOY.toggle(0, 0)), TOY.toggle(0, 2))
    assert TOY.rolls(state).astype(int).tolist() == [[1, 0, 1, 1]]
    assert TOY.rolls(TOY.press(state, TOY.shift(0, 0))).astype(int).tolist() == [[1, 1, 0, 1]]
    assert TOY.rolls(TOY.press(state, TOY.shift(0, 1))).astype(int).tolist() == [[1, 1, 1, 0]]


@given(st.integers(0, 2**32), st.integers(0, LAUNCHPAD.actions - 1))
def test_every_action_is_undone_by_its_inverse(seed: int, action: int) -> None:
    state = LAUNCHPAD.random(np.random.default_rng(seed))
    after = LAUNCHPAD.press(state, action)
    assert (LAUNCHPAD.press(after, action, inverse=True) == state).all()
    assert (after == state).all() == (action == LAUNCHPAD.nothing)


@given(st.integers(0, 2**32))
def test_a_batch_is_its_states_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    states, actions = LAUNCHPAD.random(rng, 5), rng.integers(0, LAUNCHPAD.actions, 5)
    after = LAUNCHPAD.press(states, actions)
    for index in range(5):
        assert (after[index] == LAUNCHPAD.press(states[index], int(actions[index]))).all()
        assert (LAUNCHPAD.rolls(after)[index] == LAUNCHPAD.rolls(after[index])).all()


def test_rolls_are_shifted_sums_of_patterns() -> None:
    state = LAUNCHPAD.random(np.random.default_rng(3))
    for key, (mask, offset) in enumerate(state):
        bar = sum(LAUNCHPAD.basis[p].astype(int) for p in range(7) if mask >> p & 1) + np.zeros(64, int)
        assert (np.roll(bar, offset) == LAUNCHPAD.rolls(state)[key]).all()


def test_buttons_name_what_they_press() -> None:
    assert LAUNCHPAD.button(LAUNCHPAD.nothing) is None
    assert LAUNCHPAD.button(LAUNCHPAD.toggle(5, 6)) == Button(5, 6, 0)
    assert LAUNCHPAD.button(LAUNCHPAD.shift(23, 5)) == Button(23, None, 32)


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError):
        LAUNCHPAD.press(LAUNCHPAD.empty(), 313)


def test_states_survive_the_file(tmp_path) -> None:
    state = LAUNCHPAD.random(np.random.default_rng(1))
    save_state(tmp_path / "a.json", state)
    assert (load_state(tmp_path / "a.json") == state).all()


OTHER = '{"format": "ripieno-launchpad-1", "steps": 64, "keys": [1]}'


@pytest.mark.parametrize("text", ["", "[]", "{}", OTHER])
def test_other_files_are_refused(tmp_path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(BadState):
        load_state(path)
    save_state(path, TOY.empty(), TOY)
    with pytest.raises(BadState):
        load_state(path)
    with pytest.raises(BadState):
        load_state(tmp_path / "none.json")


@pytest.mark.parametrize("junk", ["Infinity", "NaN", "3.7", "64", "-1", "true", '"3"', "null", "[" * 100_000])
def test_an_offset_that_is_none_is_refused(tmp_path, junk: str) -> None:
    path = tmp_path / "a.json"
    save_state(path, LAUNCHPAD.empty())
    text = path.read_text()
    path.write_text(text.replace('"offset": 0', f'"offset": {junk}', 1))
    with pytest.raises(BadState, match="24 keys"):
        load_state(path)
    path.write_text(text.replace('"patterns": []', f'"patterns": {junk}', 1))
    with pytest.raises(BadState, match="24 keys"):
        load_state(path)
