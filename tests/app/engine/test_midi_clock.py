"""MIDI clock that goes out: what is sent, in which order, at which moments; and over real ports."""
from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.devices.midi import NONE, MidiSystem
from app.engine.clock import SampleClock, now_s, sleep_until
from app.engine.clock_follower import ClockFollower
from app.engine.midi_clock import ClockOut, clock_messages
from app.engine.timeline import Meter, Timeline

RATE, BLOCK = 48_000, 256
TICK, START, CONTINUE, STOP = (0xF8,), (0xFA,), (0xFB,), (0xFC,)


class FakeEngine:
    """An engine whose samples pass as time does."""

    def __init__(self) -> None:
        self.clock = SampleClock(RATE)
        self.block_samples = BLOCK
        self.begun_s = now_s()
        self.clock.tick(BLOCK, self.begun_s)

    @property
    def mixer(self):
        return self

    @property
    def sample(self) -> int:
        return self.clock.sample_at(now_s())


class Wire:
    """Writes down when what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, tuple[int, ...]]] = []

    def __call__(self, message) -> None:
        self.sent.append((now_s(), tuple(message)))

    @property
    def messages(self) -> list[tuple[int, ...]]:
        return [message for _, message in self.sent]

    def moments(self, wanted=TICK) -> np.ndarray:
        return np.array([moment_s for moment_s, message in self.sent if message == wanted])


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def out(engine, wire):
    made = ClockOut(engine, wire)
    yield made
    made.close()


def first(count: int, *arguments) -> list[tuple[float, tuple[int, ...]]]:
    return list(itertools.islice(clock_messages(*arguments), count))


def test_ticks_run_through_the_count_in_and_start_comes_before_beat_zero():
    found = first(6, -0.1, 0.0, Meter())
    assert [message for _, message in found] == [TICK, TICK, START, TICK, TICK, TICK]
    assert [round(beat * 24, 6) for beat, _ in found] == [-2, -1, -0.5, 0, 1, 2]


def test_a_later_beat_is_song_position_and_continue():
    assert [message for _, message in first(3, 32.5, 32.5, Meter())] == [(0xF2, 2, 1), CONTINUE, TICK]
    assert first(3, 4096.25, 4096.25, Meter())[0][1] == (0xF2, 1, 0)  # beyond 14 bits it begins anew


def test_a_start_that_is_over_is_made_up_for_at_the_next_sixteenth():
    found = [message for _, message in first(8, 0.1, 0.0, Meter())]
    assert found == [TICK, TICK, TICK, (0xF2, 1, 0), CONTINUE, TICK, TICK, TICK]


@settings(deadline=None)
@given(st.floats(-8, 1e4), st.floats(0, 1e4), st.sampled_from([2, 4, 8, 16]))
def test_ticks_are_evenly_spaced_whatever_the_meter(now_beat, from_beat, unit):
    found = first(100, now_beat, from_beat, Meter(4, unit))
    beats = [beat for beat, message in found if message == TICK]
    assert np.allclose(np.diff(beats), unit / 96, atol=1e-6) and beats[0] >= now_beat - 1e-6
    assert [beat for beat, _ in found] == sorted(beat for beat, _ in found)


def test_every_tick_at_its_absolute_deadline(out, wire, engine, eventually):
    timeline = Timeline.steady(RATE, 150.0, start_sample=0.2 * RATE)
    out.start(timeline)
    assert eventually(lambda: len(wire.moments()) >= 60)
    out.close()
    start_s = engine.begun_s + 0.2 + BLOCK / RATE
    begun = int(np.argmax(wire.moments() > wire.moments(START)[0]))
    late_s = wire.moments()[begun:] - (start_s + np.arange(len(wire.moments()) - begun) * 60 / 150 / 24)
    assert late_s.min() >= -2 / RATE
    assert np.quantile(late_s[30:], 0.25) < 0.002  # those that are late on a busy machine delay no others
    assert wire.messages[-1] == STOP and wire.messages.count(START) == 1


def test_the_tempo_changes_while_it_ticks(out, wire, engine, eventually):
    timeline = Timeline.steady(RATE, 60.0)
    out.start(timeline)
    assert eventually(lambda: len(wire.moments()) >= 8)
    change_sample = engine.sample
    changed = timeline.with_tempo(240.0, change_sample)
    out.change(changed)
    count = len(wire.moments())
    assert eventually(lambda: len(wire.moments()) >= count + 40)
    out.close()
    after = wire.moments()[count + 2:]
    due = [changed.sample_at_beat(tick / 24) for tick in range(count, count + 400)]
    due_s = engine.begun_s + (np.array(due) + BLOCK) / RATE
    distances_s = [np.abs(due_s - moment_s).min() for moment_s in after]
    assert np.quantile(distances_s, 0.25) < 0.002
    assert np.mean(np.diff(after)) == pytest.approx(60 / 240 / 24, rel=0.15)


def test_stopped_at_a_beat_and_not_before(out, wire, eventually):
    out.start(Timeline.steady(RATE, 300.0))
    out.stop(at_beat=1.0)
    assert eventually(lambda: STOP in wire.messages)
    time.sleep(0.1)
    assert wire.messages[-1] == STOP
    begun = next(i for i, message in enumerate(wire.messages) if message in (START, CONTINUE))
    position = wire.messages[begun - 1][1] * 6 if wire.messages[begun] == CONTINUE else 0
    assert wire.messages[begun:].count(TICK) == 24 - position


def test_stopped_now_although_the_next_tick_is_far(out, wire, engine, eventually):
    out.start(Timeline.steady(RATE, 60.0, start_sample=engine.sample))
    assert eventually(lambda: START in wire.messages or CONTINUE in wire.messages)
    out.stop()
    assert eventually(lambda: STOP in wire.messages, 0.5)


def test_a_count_in_that_is_broken_off_starts_and_stops_nothing(out, wire, engine, eventually):
    out.start(Timeline.steady(RATE, 120.0, start_sample=engine.sample + 10 * RATE))
    assert eventually(lambda: len(wire.moments()) >= 3)
    out.close()
    assert set(wire.messages) == {TICK}


def test_started_anew_the_stop_comes_first(out, wire, engine, eventually):
    out.start(Timeline.steady(RATE, 120.0, start_sample=engine.sample + 0.05 * RATE))
    assert eventually(lambda: START in wire.messages)
    out.start(Timeline.steady(RATE, 120.0, start_sample=engine.sample + 0.1 * RATE))
    assert eventually(lambda: wire.messages.count(START) == 2)
    said = [message for message in wire.messages if message != TICK]
    assert said == [START, STOP, START]


def test_late_ticks_do_not_come_in_a_heap(engine, eventually):
    moments_s: list[float] = []

    def stumbling(message) -> None:
        if len(moments_s) == 5:
            sleep_until(now_s() + 0.2)
        moments_s.append(now_s())

    out = ClockOut(engine, stumbling)
    out.start(Timeline.steady(RATE, 200.0, start_sample=10**9))
    assert eventually(lambda: len(moments_s) > 60)
    out.close()
    assert np.diff(moments_s)[6:].min() > 0.0015
    assert (moments_s[-1] - moments_s[0]) / (len(moments_s) - 1) == pytest.approx(60 / 200 / 24, rel=0.1)


def test_without_a_start_there_is_nothing_to_stop_or_change(out, wire):
    out.stop()
    out.change(Timeline.steady(RATE, 100.0))
    assert wire.sent == []


@pytest.fixture
def drum_machine(jack):
    """A real port that anything may be sent from, and a system of ours that listens to it."""
    rtmidi = pytest.importorskip("rtmidi")
    port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Drum machine")
    port.open_virtual_port("clock")
    heard = MidiSystem(lambda *_: None, api=rtmidi.API_UNIX_JACK, poll_s=0.1)
    heard.start("Drum machine:clock", NONE)
    yield port, heard
    heard.close()
    port.delete()


def test_over_jack_from_our_clock_to_our_follower(drum_machine, engine, eventually):
    """One sends, the other finds the tempo and the beat, and is told the stop.

    On a busy machine JACK loses what falls into a cycle that it misses, so the beat is held to half of one.
    """
    port, heard = drum_machine
    follower = ClockFollower()
    heard.follow_clock(follower.received)
    assert eventually(lambda: heard.open_input is not None)
    out = ClockOut(engine, port.send_message)
    start_s = now_s() + 0.5
    out.start(Timeline.steady(RATE, 132.0, start_sample=engine.clock.sample_at(start_s)))
    try:
        assert eventually(lambda: follower.reading(now_s()).playing)
        assert eventually(lambda: follower.reading(now_s()).quarters > 4)
        assert eventually(lambda: follower.reading(now_s()).bpm == pytest.approx(132, rel=0.01))
        moment_s = now_s()
        assert follower.reading(moment_s).quarters == pytest.approx((moment_s - start_s) * 132 / 60, abs=0.5)
    finally:
        out.close()
    assert eventually(lambda: follower.reading(now_s()).state == "stopped")
