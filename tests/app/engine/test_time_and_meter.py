"""Timeline, metronome, level meter, calm."""
from __future__ import annotations

import gc
import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine import calm
from app.engine.meter import LevelMeter
from app.engine.metronome import Metronome
from app.engine.scheduler import Scheduler
from app.engine.timeline import Meter, Timeline
from pieces.meter import Beat

RATE = 48_000


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(20, 400)), max_size=6), st.floats(-100, 1e4))
def test_beats_and_samples_are_inverse_whatever_the_tempo_changes(changes, beat):
    timeline = Timeline.steady(RATE, 100.0)
    for sample, bpm in sorted(changes):
        timeline = timeline.with_tempo(bpm, sample)
    assert timeline.beat_at_sample(timeline.sample_at_beat(beat)) == pytest.approx(beat, abs=1e-6)


def test_a_tempo_change_keeps_what_was():
    timeline = Timeline.steady(RATE, 120.0)
    faster = timeline.with_tempo(240.0, from_sample=RATE)
    assert faster.sample_at_beat(2) == RATE and faster.sample_at_beat(4) == 1.5 * RATE
    assert faster.bpm_at_sample(RATE - 1) == 120 and faster.bpm_at_sample(RATE) == 240
    with pytest.raises(ValueError, match="tempo"):
        Timeline.steady(RATE, 0.0)


def test_bars_are_counted_through_the_count_in():
    timeline = Timeline.steady(RATE, 120.0, Meter(3, 4))
    assert [timeline.bar_and_beat(beat) for beat in (-3, -1, 0, 2, 3)] == [
        (-1, 0), (-1, 2), (0, 0), (0, 2), (1, 0)]


def beats(first, of=4):
    """A quarter each."""
    return (Beat(float(number), number % of, of, 1.0) for number in itertools.count(first))


def test_count_in_clicks_before_beat_zero_and_stops_there():
    scheduler = Scheduler()
    metronome = Metronome(scheduler)
    timeline = Timeline.steady(RATE, 60.0, start_sample=4 * RATE)
    metronome.start(timeline, beats(-4), begins_at=0.0, runs_on=False)
    for now in range(0, 8 * RATE, RATE // 20):
        metronome.fill(now, now + RATE // 5)
    clicks = [(event.sample, event.data1) for _, event in scheduler.due(0, 100 * RATE)]
    assert clicks == [(0, 1), (RATE, 0), (2 * RATE, 0), (3 * RATE, 0)]


def test_a_running_metronome_shows_what_is_heard():
    scheduler = Scheduler()
    metronome = Metronome(scheduler)
    metronome.start(Timeline.steady(RATE, 60.0), beats(0))
    metronome.fill(0, RATE // 5)
    assert metronome.pulse is None
    metronome.fill(RATE - 100, RATE + 100)
    assert metronome.pulse is not None and metronome.pulse.beat.number == 0
    metronome.fill(RATE, RATE + 200)
    assert metronome.pulse.beat.number == 1
    metronome.stop()
    metronome.fill(2 * RATE, 3 * RATE)
    assert [event.sample for _, event in scheduler.due(0, 100 * RATE)] == []


def test_a_metronome_goes_on_when_the_sound_card_has_another_clock():
    after = Scheduler()
    metronome = Metronome(Scheduler())
    metronome.start(Timeline.steady(RATE, 60.0, start_sample=3 * RATE), beats(-3, of=3))
    metronome.fill(RATE, RATE + RATE // 5)
    metronome.go_on(after, RATE // 2, RATE // 2, 100)  # a quarter of its seconds after the first click
    metronome.fill(0, 4 * RATE // 2)
    metronome.fill(0, 4 * RATE // 2)
    clicks = [(event.sample - 100, event.data1) for event in after.take_all()]
    assert clicks == [(RATE // 4, 0), (3 * RATE // 4, 0), (5 * RATE // 4, 1), (7 * RATE // 4, 0)]


def test_another_tempo_of_the_click_begins_with_its_next_beat():
    scheduler = Scheduler()
    metronome = Metronome(scheduler)
    metronome.start(Timeline.steady(RATE, 60.0), beats(0))
    metronome.fill(0, RATE + RATE // 10)
    metronome.set_tempo(120.0, RATE // 2)
    metronome.fill(RATE // 2, 2 * RATE)
    assert [event.sample for _, event in scheduler.due(0, 100 * RATE)] == [
        0, RATE * 3 // 4, RATE * 5 // 4, RATE * 7 // 4]


@pytest.mark.parametrize(("runs_on", "count"), [(True, 8), (False, 4)])
def test_what_comes_after_a_count_in_is_decided_while_it_goes_on(runs_on, count):
    scheduler = Scheduler()
    metronome = Metronome(scheduler)
    metronome.start(Timeline.steady(RATE, 60.0, start_sample=4 * RATE), beats(-4), 0.0, not runs_on)
    metronome.fill(0, RATE)
    assert metronome.counts_in
    metronome.runs_on = runs_on
    metronome.fill(RATE, 8 * RATE)
    assert len(list(scheduler.due(0, 100 * RATE))) == count and not metronome.counts_in


def test_peak_holds_then_falls_and_clip_goes_out():
    meter = LevelMeter(RATE)
    meter.push(np.full(480, 0.5, np.float32))
    assert meter.level_db == pytest.approx(-6.02, abs=0.01) and not meter.clipped
    meter.push(np.full(480, 1.0, np.float32))
    assert meter.clipped and meter.peak_db == 0
    silence = np.zeros(RATE, np.float32)
    meter.push(silence)
    assert meter.peak_db == 0 and meter.clipped
    meter.push(silence)
    assert meter.peak_db == pytest.approx(-20) and not meter.clipped


def test_no_signal_after_five_seconds():
    meter = LevelMeter(RATE)
    noise = np.full(RATE, 1e-5, np.float32)
    for _ in range(4):
        meter.push(noise)
    assert not meter.no_signal
    meter.push(noise)
    assert meter.no_signal
    meter.push(np.full(100, 0.01, np.float32))
    assert not meter.no_signal


def test_broken_samples_do_not_break_the_meter():
    meter = LevelMeter(RATE)
    meter.push(np.array([np.nan, np.inf, 0.1], np.float32))
    assert np.isfinite(meter.level_db) and meter.clipped


def test_no_collection_while_anyone_plays():
    first, second = object(), object()
    interval_s = sys.getswitchinterval()
    calm.begin(first)
    calm.begin(second)
    calm.end(first)
    assert not gc.isenabled() and sys.getswitchinterval() == pytest.approx(calm.SWITCH_INTERVAL_S)
    calm.end(second)
    assert gc.isenabled() and sys.getswitchinterval() == pytest.approx(interval_s)
