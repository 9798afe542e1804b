"""Keys to symbols: onsets fall on the nearest sixteenth, releases too; nothing hangs and nothing is lost."""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.duet.hearing import KeyEvent, LineReader, folded
from models.duet.encoding import HIGHEST, HOLD, LOWEST, MULTI_HOLD, notes

REST = MULTI_HOLD.rest


def on(position: float, pitch: int) -> KeyEvent:
    return KeyEvent(position, "on", pitch, 80)


def off(position: float, pitch: int) -> KeyEvent:
    return KeyEvent(position, "off", pitch)


def read(events: list[KeyEvent], steps: int) -> list[tuple[int, int, int]]:
    """Notes of the line when every event is known in time."""
    reader = LineReader()
    for event in events:
        reader.add(event)
    return notes(np.array([reader.read(step) for step in range(steps)], np.uint8))


def test_an_early_press_counts_for_the_coming_step():
    assert read([on(3.6, 60), off(7.4, 60)], 12) == [(4, 3, 60)]
    assert read([on(4.4, 60), off(7.6, 60)], 12) == [(4, 4, 60)]


def test_a_key_that_is_held_below_is_heard_again_once_the_upper_one_is_let_go():
    trill = [on(0.0, 60), on(4.0, 62), off(5.9, 62), on(8.0, 62), off(10.0, 62), off(12.0, 60)]
    assert read(trill, 16) == [(0, 4, 60), (4, 2, 62), (6, 2, 60), (8, 2, 62), (10, 2, 60)]


def test_of_a_chord_let_go_note_by_note_only_the_highest_is_heard():
    chord = [on(0.0, 60), on(0.1, 64), on(0.1, 67), off(4.0, 67), off(5.0, 64), off(6.0, 60)]
    assert read(chord, 8) == [(0, 4, 67)]


def test_a_short_note_lasts_a_step_and_legato_has_no_gap():
    assert read([on(2.0, 60), off(2.1, 60)], 6) == [(2, 1, 60)]
    assert read([on(0.0, 60), on(3.9, 62), off(4.3, 60), off(8.0, 62)], 12) == [(0, 4, 60), (4, 4, 62)]


def test_a_note_struck_again_begins_anew():
    assert read([on(0.0, 60), off(3.9, 60), on(4.0, 60), off(8.0, 60)], 9) == [(0, 4, 60), (4, 4, 60)]


def test_of_a_chord_the_highest_counts_and_that_is_said_once():
    reader = LineReader()
    for event in (on(0.0, 60), on(0.1, 67), on(0.2, 64), on(4.0, 50), on(4.1, 55)):
        reader.add(event)
    symbols = [reader.read(step) for step in range(5)]
    assert symbols == [67 - LOWEST, *[67 - LOWEST + HOLD] * 3, 55 - LOWEST]
    assert reader.notices == ["chords"]


def test_what_comes_too_late_for_its_step_counts_for_the_next():
    reader = LineReader()
    assert reader.read(0) == REST
    reader.add(on(0.2, 60))
    assert reader.read(1) == 60 - LOWEST


def test_the_pedal_holds_and_lets_go():
    pedal = [KeyEvent(1.0, "pedal down"), KeyEvent(6.0, "pedal up")]
    assert read(sorted([on(0.0, 60), off(2.0, 60), *pedal], key=lambda e: e.position), 9) == [(0, 6, 60)]


def test_all_off_ends_everything():
    assert read([on(0.0, 60), KeyEvent(4.0, "all off")], 9) == [(0, 4, 60)]


@settings(deadline=None)
@given(st.integers(0, 127))
def test_any_pitch_is_heard_by_octaves(pitch):
    heard = folded(pitch)
    assert LOWEST <= heard <= HIGHEST and (heard - pitch) % 12 == 0
    assert heard == pitch or not LOWEST <= pitch <= HIGHEST


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(LOWEST, HIGHEST),
                          st.floats(-0.45, 0.45), st.floats(-0.45, 0.45)), max_size=12))  # fmt: skip
def test_a_line_played_with_human_timing_is_the_line_that_was_meant(drawn):
    line, end = [], 0
    for gap, length, pitch, early, late in drawn:
        start = end + gap
        line.append((start, length, pitch, early, late))
        end = start + length
    events = []
    for start, length, pitch, early, late in line:
        events += [on(start + early, pitch), off(start + length + late, pitch)]
    by_time = sorted(events, key=lambda event: event.position)
    heard = read(by_time, end + 2)
    meant = [(start, length, pitch) for start, length, pitch, _, _ in line]
    assert [note[0] for note in heard] == [note[0] for note in meant]
    if all(a[2] != b[2] or a[0] + a[1] < b[0] for a, b in pairwise(line)):
        assert heard == meant  # a note struck again on its heels may be released after that


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["on", "off", "pedal down", "pedal up", "all off"]),
                          st.floats(-3, 30), st.integers(0, 127)), max_size=60))  # fmt: skip
def test_whatever_hands_do_is_a_line(drawn):
    reader = LineReader()
    for what, position, pitch in drawn:
        reader.add(KeyEvent(position, what, pitch, 80))
    symbols = [reader.read(step) for step in range(40)]
    for before, symbol in zip([REST, *symbols], symbols, strict=False):
        assert 0 <= symbol < MULTI_HOLD.symbols
        assert symbol < HOLD or symbol == REST or before % HOLD == symbol % HOLD


@pytest.mark.parametrize("velocity", [20, 120])
def test_it_knows_how_hard_you_play(velocity):
    reader = LineReader()
    for step in range(16):
        reader.add(KeyEvent(step, "on", 60, velocity))
        reader.read(step)
    assert reader.velocity == pytest.approx(velocity, abs=2)
