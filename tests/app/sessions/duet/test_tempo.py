"""Free time: the follower meets the player's tempo, never jumps, and stays within its bounds."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.timeline import Timeline
from app.sessions.duet.tempo import LARGEST_CHANGE, TempoFollower, nearest_value

RATE = 1000


def play(bpms: list[float], values: list[int], set_bpm: float, jitter_s: float = 0.0) -> list[float]:
    """Played at `bpms` (one a note); the tempo of the timeline after each onset, steered as live."""
    follower, timeline = TempoFollower(set_bpm), Timeline.steady(RATE, set_bpm)
    rng, now_s, led = np.random.default_rng(0), 0.0, []
    for bpm, value in zip(bpms, values, strict=True):
        heard_s = max(now_s + float(rng.normal(0.0, jitter_s)), 0.0)
        sample = heard_s * RATE
        led.append(follower.onset(heard_s, 4 * timeline.beat_at_sample(sample)))
        timeline = timeline.with_tempo(led[-1], sample)
        now_s += value * 15.0 / bpm
    return led


@pytest.mark.parametrize("bpm", [80.0, 90.0, 115.0, 124.0])
@pytest.mark.parametrize("value", [2, 4])
def test_it_meets_another_tempo(bpm, value):
    assert play([bpm] * 40, [value] * 40, 100.0)[-1] == pytest.approx(bpm, rel=0.02)


def test_it_follows_a_ritardando_to_the_end():
    bpms = [100.0 * 0.985**i for i in range(40)]
    assert play(bpms, [4] * 40, 100.0)[-1] == pytest.approx(bpms[-1], rel=0.08)


def test_rhythm_does_not_move_a_steady_tempo():
    values = [4, 2, 2, 6, 2, 4, 8, 1, 1, 2, 4, 3, 1, 4] * 4
    assert play([96.0] * len(values), values, 96.0) == pytest.approx([96.0] * len(values), rel=1e-6)


def test_human_timing_moves_it_little():
    led = play([96.0] * 60, [4] * 60, 96.0, jitter_s=0.015)
    assert np.abs(np.array(led) / 96.0 - 1).max() < 0.06


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.001, 5.0), min_size=1, max_size=60), st.floats(20.0, 400.0))
def test_whatever_is_played_it_is_smooth_and_bounded(gaps_s, bpm):
    follower, now_s, before = TempoFollower(bpm), 0.0, bpm
    for gap_s in gaps_s:
        now_s += gap_s
        led = follower.onset(now_s, now_s * bpm / 15)
        assert bpm / 2 <= led * 1.0001 and led <= 2 * bpm * 1.0001
        assert before / LARGEST_CHANGE / 1.0001 <= led <= before * LARGEST_CHANGE * 1.0001
        before = led


def test_chords_and_pauses_do_not_count():
    follower = TempoFollower(120.0)
    assert [follower.onset(t, 8 * t) for t in (0.0, 0.01, 0.5, 0.52, 9.13)] == [120.0] * 5


def test_note_values():
    assert [nearest_value(gap) for gap in (1.1, 1.9, 3.0, 3.4, 4.4, 6.0, 12.0, 15.0)] == [
        1, 2, 3, 4, 4, 6, 12, 16]  # fmt: skip
