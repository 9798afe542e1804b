"""MIDI clock that comes in: tempo and position through jitter, hiccups, changes, stops and losses."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.clock_follower import ClockFollower, steered
from app.engine.tick_loop import TickLoop, fit
from app.engine.timeline import Meter, Timeline

TICK, START, CONTINUE, STOP = [0xF8], [0xFA], [0xFB], [0xFC]
MIXED = [TICK] * 9 + [START, STOP, CONTINUE, [0xF2, 1, 2]]
BPM = st.floats(30, 240)


def period_s(bpm: float) -> float:
    return 60 / 24 / bpm


def ticks_s(bpm: float, beats: int, start_s: float = 100.0) -> np.ndarray:
    return start_s + np.arange(24 * beats) * period_s(bpm)


def jittered(moments_s: np.ndarray, jitter_s: float, seed: int) -> np.ndarray:
    late_s = np.random.default_rng(seed).uniform(0, jitter_s, len(moments_s))
    return np.maximum.accumulate(moments_s + late_s)


def tempi(loop: TickLoop, moments_s) -> list[float]:
    """The tempo after each tick, once there is one."""
    found = []
    for moment_s in moments_s:
        loop.tick(moment_s)
        if loop.period_s is not None:
            found.append(period_s(loop.period_s))  # its own inverse
    return found


def follower(moments_s=(), *first: list[int]) -> ClockFollower:
    """One that has heard some messages, and then ticks."""
    made = ClockFollower()
    for message in first:
        made.received(message, moments_s[0] - 0.001 if len(moments_s) else 100.0)
    for moment_s in moments_s:
        made.received(TICK, moment_s)
    return made


@settings(deadline=None)
@given(BPM, st.floats(0, 0.3), st.integers(0, 99))
def test_the_tempo_is_found_through_jitter(bpm, jitter, seed):
    moments_s = jittered(ticks_s(bpm, 12), jitter * period_s(bpm), seed)
    found = tempi(TickLoop(), moments_s)
    assert len(found) >= len(moments_s) - 7
    assert np.allclose(found[4 * 24:], bpm, rtol=0.015)


@settings(deadline=None)
@given(BPM, st.floats(0.0, 0.49), st.booleans(), st.integers(60, 200), st.floats(0, 0.1), st.integers(0, 99))
def test_one_late_tick_or_a_heap_of_them_moves_nothing(bpm, late_s, heap, which, jitter, seed):
    moments_s = jittered(ticks_s(bpm, 12), jitter * period_s(bpm), seed)
    before = tempi(TickLoop(), moments_s)
    moments_s[which] += late_s if heap else min(late_s, 0.99 * period_s(bpm))
    after = tempi(TickLoop(), np.maximum.accumulate(moments_s))  # what follows waits behind it
    assert np.abs(np.diff(np.log(after[which - 8:]))).max() < 0.01
    assert np.allclose(after, before, rtol=0.03)


@settings(deadline=None)
@given(BPM, st.integers(60, 200), st.booleans())
def test_a_tick_that_is_missing_or_one_too_many_moves_the_tempo_by_no_more_than_a_hair(bpm, which, missing):
    moments_s = ticks_s(bpm, 12)
    extra_s = moments_s[which] + 0.3 * period_s(bpm)
    moments_s = np.delete(moments_s, which) if missing else np.insert(moments_s, which + 1, extra_s)
    assert np.allclose(tempi(TickLoop(), moments_s), bpm, rtol=0.01)


@settings(deadline=None)
@given(BPM, BPM, st.integers(0, 99))
def test_a_new_tempo_is_taken_up_within_two_beats(bpm, other_bpm, seed):
    slow = ticks_s(bpm, 8)
    moments_s = np.concatenate([slow, slow[-1] + period_s(other_bpm) + ticks_s(other_bpm, 6, 0.0)])
    found = tempi(TickLoop(), jittered(moments_s, 0.05 * period_s(max(bpm, other_bpm)), seed))
    assert np.allclose(found[-4 * 24:], other_bpm, rtol=0.03)


def test_a_sender_that_paused_is_followed_in_its_new_phase():
    first = ticks_s(120, 8)
    moments_s = np.concatenate([first, first[-1] + 0.2 + ticks_s(120, 4, 0.0)])
    loop = TickLoop()
    assert np.allclose(tempi(loop, moments_s), 120, rtol=1e-6)
    assert loop.moment_s == pytest.approx(moments_s[-1], abs=1e-6)
    assert follower(moments_s, START).reading(moments_s[-1]).quarters == pytest.approx(12 - 1 / 24, abs=1e-3)


@settings(deadline=None)
@given(st.integers(0, 7), st.floats(-0.5, 0.5))
def test_the_first_fit_bears_one_tick_that_is_off(which, off_s):
    moments_s = ticks_s(120, 1)[:8]
    expected_s = moments_s[-1]
    moments_s[which] += off_s
    last_s, found_s = fit(moments_s.tolist())
    assert found_s == pytest.approx(period_s(120), rel=0.02)
    assert last_s == pytest.approx(expected_s, abs=0.004)


def test_what_is_no_clock_has_no_tempo():
    assert tempi(TickLoop(), np.arange(50) * 0.3) == []
    assert tempi(TickLoop(), np.arange(50) * 0.001) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 0.6), max_size=200))
def test_whatever_comes_the_tempo_stays_one(gaps_s):
    """Any moments at all: never an error, never zero or negative."""
    made, moment_s = ClockFollower(), 0.0
    for gap_s, message in zip(gaps_s, itertools.cycle(MIXED), strict=False):
        moment_s += gap_s
        made.received(message, moment_s)
        reading = made.reading(moment_s)
        assert reading.bpm is None or 5 < reading.bpm < 1000
        assert np.isfinite(reading.quarters) and reading.quarters > -1


def test_states_from_nothing_to_playing():
    moments_s = ticks_s(120, 2)
    made = ClockFollower()
    assert made.reading(0.0).state == "none" and made.reading(0.0).bpm is None
    states = []
    for moment_s in moments_s:
        made.received(TICK, moment_s)
        states.append(made.reading(moment_s).state)
    assert states == ["finding"] * 7 + ["waiting"] * 41
    made.received(START, moments_s[-1] + 0.01)
    assert made.reading(moments_s[-1] + 0.01).state == "waiting"
    made.received(TICK, moments_s[-1] + period_s(120))
    reading = made.reading(moments_s[-1] + period_s(120))
    assert reading.playing and reading.quarters == pytest.approx(0, abs=1e-3)
    assert reading.bpm == pytest.approx(120)


def test_the_position_goes_on_between_ticks_and_ahead():
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    assert made.reading(moments_s[-1]).quarters == pytest.approx(95 / 24, abs=1e-6)
    assert made.reading(moments_s[-1] + 0.25).quarters == pytest.approx(95 / 24 + 0.5, abs=1e-6)


def test_stopped_and_continued_where_it_was():
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    made.received(STOP, moments_s[-1] + 0.01)
    for late_s in (0.02, 0.4, 5.0):
        reading = made.reading(moments_s[-1] + late_s)
        assert reading.state == "stopped" and reading.quarters == 4.0
        assert reading.bpm == pytest.approx(120)
    later_s = ticks_s(120, 1, moments_s[-1] + 6)
    made.received(CONTINUE, later_s[0] - 0.01)
    for moment_s in later_s:
        made.received(TICK, moment_s)
    assert made.reading(later_s[-1]).quarters == pytest.approx(4 + 23 / 24, abs=1e-6)


def test_ticks_that_go_on_while_stopped_keep_the_tempo_but_not_the_place():
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    made.received(STOP, moments_s[-1])
    for moment_s in ticks_s(90, 4, moments_s[-1] + 0.02):
        made.received(TICK, moment_s)
    reading = made.reading(moment_s)
    assert reading.state == "stopped" and reading.quarters == 4.0
    assert reading.bpm == pytest.approx(90, rel=0.01)


def test_song_position():
    moments_s = ticks_s(100, 1)
    made = follower(moments_s, [0xF2, 0x02, 0x01], CONTINUE)  # 130 sixteenths: 32.5 quarters
    assert made.reading(moments_s[-1]).quarters == pytest.approx(32.5 + 23 / 24, abs=1e-6)


def test_lost_after_half_a_second_and_found_again():
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    assert made.reading(moments_s[-1] + 0.49).state == "playing"
    lost = made.reading(moments_s[-1] + 0.51)
    assert lost.state == "lost" and lost.bpm == pytest.approx(120)
    assert made.reading(moments_s[-1] + 60).quarters <= 95 / 24 + 1.0 + 1e-6
    states = []
    for moment_s in ticks_s(90, 1, moments_s[-1] + 3):
        made.received(TICK, moment_s)
        states.append(made.reading(moment_s).state)
    reading = made.reading(moment_s)
    assert reading.bpm == pytest.approx(90, rel=1e-6) and states == ["finding"] * 7 + ["playing"] * 17


@settings(deadline=None)
@given(BPM, st.integers(96, 200), st.floats(0.51, 5.0), st.booleans(), st.floats(0, 0.1), st.integers(0, 99))
def test_ticks_that_went_by_unheard_are_counted_once_the_clock_is_back(bpm, which, gap_s, heap, jitter, seed):
    """Lost, or late all at once: the sender has gone on."""
    true_s = ticks_s(bpm, 12)
    heard_s = jittered(true_s, jitter * period_s(bpm), seed)
    back_s = heard_s[which] + gap_s
    true_s, heard_s = (np.append(s, s[-1] + ticks_s(bpm, 24, period_s(bpm))) for s in (true_s, heard_s))
    gone = (np.arange(len(heard_s)) > which) & (heard_s < back_s)
    heard_s = np.maximum(heard_s, np.where(gone, back_s, 0.0)) if heap else heard_s[~gone]
    reading = follower(np.maximum.accumulate(heard_s), START).reading(true_s[-1])
    bound = (2.6 if heap else 0.6) / 24 + 0.01 * gap_s * bpm / 60
    assert reading.state == "playing"
    assert reading.quarters == pytest.approx((len(true_s) - 1) / 24, abs=bound)


@settings(deadline=None, max_examples=50)
@given(BPM, st.integers(96, 200), st.floats(0.0, 1.0), st.floats(0, 0.1), st.integers(0, 99))
def test_ticks_that_got_lost_in_a_short_gap_are_counted_by_the_time_that_has_passed(
    bpm, which, share, jitter, seed
):
    true_s = ticks_s(bpm, 12)
    heard_s = jittered(true_s, jitter * period_s(bpm), seed)
    gap_s = share * (0.49 - 1.1 * period_s(bpm))  # to the next tick less than half a second
    kept = (np.arange(len(heard_s)) <= which) | (heard_s > heard_s[which] + gap_s)
    made = follower(heard_s[:which + 1], START)
    for due_s, moment_s in zip(true_s[kept][which + 1:], heard_s[kept][which + 1:], strict=True):
        made.received(TICK, moment_s)
        reading = made.reading(due_s)  # in between neither
        assert reading.state == "playing"
        assert reading.quarters == pytest.approx((due_s - true_s[0]) * bpm / 60, abs=0.6 / 24)


@pytest.mark.parametrize("said, quarters", [([START], 0.0), ([CONTINUE], 4.0), ([[0xF2, 32, 0]], 8.0)])
def test_ticks_that_got_lost_before_the_sender_said_where_it_is_are_not_counted(said, quarters):
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    later_s = ticks_s(120, 2, moments_s[-1] + 11 * period_s(120))
    for number, moment_s in enumerate(later_s):
        if number == 3:
            for message in (STOP, *said) if said[0] == CONTINUE else said:
                made.received(message, moment_s - 0.001)
        made.received(TICK, moment_s)
    said_quarters = quarters + (3 / 24 if said[0] == CONTINUE else 0.0)
    assert made.reading(moment_s).quarters == pytest.approx(said_quarters + 44 / 24, abs=1e-3)


@pytest.mark.parametrize("said, quarters", [([START], 0.0), ([CONTINUE], 4.0), ([[0xF2, 32, 0]], 8.0)])
def test_a_sender_that_says_where_it_is_after_a_loss_is_believed(said, quarters):
    moments_s = ticks_s(120, 4)
    made = follower(moments_s, START)
    later_s = ticks_s(120, 1, moments_s[-1] + 3)
    for message in said:
        made.received(message, later_s[0] - 0.001)
    for moment_s in later_s:
        made.received(TICK, moment_s)
    reading = made.reading(moment_s)
    assert reading.quarters == pytest.approx(quarters + 23 / 24, abs=1e-6)
    assert reading.starts == 1 + (said[0] in (START, CONTINUE))


def test_other_system_messages_are_no_clock():
    made = ClockFollower()
    for message in ([0xF0, 1, 0xF7], [0xF1, 3], [0xF2, 1], [0xFE], [0xFF]):
        made.received(message, 1.0)
    assert made.reading(1.0).state == "none" and made.reading(1.0).quarters == 0.0


@settings(deadline=None, max_examples=40)
@given(BPM, st.floats(-3, 3), st.sampled_from([4, 8]))
def test_a_timeline_is_bent_until_it_meets_the_clock_without_a_jump(bpm, behind_quarters, unit):
    rate = 48_000
    timeline = Timeline.steady(rate, 100.0, Meter(4, unit))
    made = follower(ticks_s(bpm, 16, 0.0), START)
    offset = made.reading(0.0).quarters - timeline.beat_at_sample(0) * 4 / unit + behind_quarters
    for _ in range(120):
        sample = timeline.sample_at_beat(timeline.beat_at_sample(timeline.changes[-1].sample) + 1)
        clock = made.reading(0.0)
        clock = type(clock)("playing", clock.bpm, sample / rate * bpm / 60 + offset)
        timeline = steered(timeline, sample, clock)
        assert timeline.changes[-1].bpm * 4 / unit == pytest.approx(bpm, rel=0.101)
        error_quarters = clock.quarters - timeline.beat_at_sample(sample) * 4 / unit
    assert abs(error_quarters) < 0.01


def test_without_a_tempo_there_is_nothing_to_meet():
    timeline = Timeline.steady(48_000, 100.0)
    assert steered(timeline, 0, ClockFollower().reading(0.0)) is timeline
