"""An agent between closed rows: locked ones, and those outside a key."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.launchpad.agent import load_agent
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.reach import Reach
from models.launchpad.valuation import q_function, row_features

QUARTERS = 3
"""The pattern that beats four times a bar."""
F_SHARP_MINOR_PENTATONIC, B_BLUES, C_MAJOR = (6, 9, 11, 1, 4), (11, 2, 4, 5, 6, 9), (0, 2, 4, 5, 7, 9, 11)


def two_motifs() -> dict[str, NDArray[np.float32]]:
    """The first, which is worth more, wants quarters on keys 0 and 1, the second on keys 4 and 5."""
    patterns = row_features().shape[-1] - LAUNCHPAD.patterns
    weight = np.zeros((LAUNCHPAD.keys, row_features().shape[-1], 2), np.float32)
    weight[:, patterns:] = -1.0
    for motif, keys in enumerate(((0, 1), (4, 5))):
        weight[list(keys), patterns + QUARTERS, motif] = 2.0
    bias, softness = np.array([0.5, 0.0], np.float32), np.full(1, 1e-2, np.float32)
    return {"weight": weight, "bias": bias, "softness": softness}


def closed_rows(rows: list[int], state: States) -> NDArray[np.bool_]:
    """(actions,) what is closed outside a key: their offsets, and switching a pattern of theirs on."""
    closed = np.zeros(LAUNCHPAD.actions, bool)
    buttons = closed[:-1].reshape(LAUNCHPAD.keys, LAUNCHPAD.columns)
    buttons[rows] = True
    lit = state[:, 0, None] >> np.arange(LAUNCHPAD.patterns) & 1
    buttons[:, : LAUNCHPAD.patterns] &= lit == 0
    return closed


def outside(pitch_classes: tuple[int, ...]) -> list[int]:
    return [row for row in range(LAUNCHPAD.keys) if (row + LAUNCHPAD.lowest_pitch) % 12 not in pitch_classes]


def pressed(reach: Reach, state: States, closed: NDArray[np.bool_], count: int) -> set[int]:
    """The buttons of greedy play."""
    found = set()
    for _ in range(count):
        action = int(np.where(closed, -np.inf, reach.values(state, closed)).argmax())
        state = LAUNCHPAD.press(state, action)
        found.add(action)
    return found


def test_where_nothing_is_closed_it_is_the_network() -> None:
    reach, values = Reach(two_motifs()), q_function("motifs", two_motifs())
    state, none = LAUNCHPAD.random(np.random.default_rng(0)), np.zeros(LAUNCHPAD.actions, bool)
    far = LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(4, QUARTERS))
    for grid in (state, far):
        assert np.allclose(reach.values(grid, none), values(grid[None])[0])


def test_a_motif_that_a_locked_row_cuts_off_gives_way_to_one_that_can_be_completed() -> None:
    empty = LAUNCHPAD.empty()
    locked = closed_rows([1], empty)
    second = {LAUNCHPAD.toggle(4, QUARTERS), LAUNCHPAD.toggle(5, QUARTERS)}
    assert pressed(Reach(two_motifs()), empty, locked, 2) == second
    fits = LAUNCHPAD.press(empty, LAUNCHPAD.toggle(1, QUARTERS))         # the lock holds what is wanted
    assert pressed(Reach(two_motifs()), fits, closed_rows([1], fits) | locked, 1) == {
        LAUNCHPAD.toggle(0, QUARTERS)
    }


def test_a_key_that_no_motif_is_in_is_heard_moved_to_one_that_is() -> None:
    empty = LAUNCHPAD.empty()
    g_and_a_flat = closed_rows(outside((7, 8)), empty)
    rows = [row for row in range(LAUNCHPAD.keys) if row not in outside((7, 8))]
    found = pressed(Reach(two_motifs()), empty, g_and_a_flat, 2)
    assert found < {LAUNCHPAD.toggle(row, QUARTERS) for row in rows} and len(found) == 2
    assert abs(np.diff(sorted(found))[0]) == LAUNCHPAD.columns           # side by side, as the motif has them


@pytest.mark.parametrize("key", [F_SHARP_MINOR_PENTATONIC, B_BLUES, C_MAJOR])
def test_the_shipped_agent_does_not_thin_the_music_out_in_a_locked_key(key) -> None:
    agent, state = load_agent(), LAUNCHPAD.empty()
    notes: list[int] = []
    for bar in range(64):
        choice = agent.choose(state, closed_rows(outside(key), state), temperature=0.25, bar=bar)
        state = LAUNCHPAD.press(state, choice.action)
        notes.append(int(LAUNCHPAD.rolls(state).sum()))
    assert np.mean(notes[32:]) >= 6.0, notes                             # 2 or 3 a bar, until it knew of keys
    assert not state[outside(key), 0].any()
