"""The session: a demo in real time on the silent card, tempo, seek, loop, transport, a worker killed."""
from __future__ import annotations

import gc
import os
import signal
import threading
from functools import partial

import numpy as np
import pytest

from app.devices.audio import NONE, AudioChoice, AudioSystem
from app.devices.null import NullBackend
from app.engine.engine import AHEAD_S, Engine
from app.engine.performer import PerformancePlayer, Played, performance_events
from app.engine.runner import FollowerFailed, InlineRunner, PolicyRunner
from app.engine.scheduler import Event
from app.sessions.follow import FollowSession
from models.game import Truth
from models.performance import STRICT, perform
from models.players import OptimalPlayer, SteadyPlayer, load_player

RATE = 44_100


@pytest.fixture
def session(tune, engine):
    made = FollowSession(tune, engine=engine, runner=InlineRunner(SteadyPlayer()))
    assert made.wait_ready()
    yield made
    made.close()


def turn(card, engine, seconds, eventually):
    """Turn the card for that long, in step with the engine thread."""
    for _ in range(round(seconds * 20)):
        for _ in range(9):
            card.crank(count=245)
        assert eventually(lambda: engine.sample - engine.snapshot.sample < 4410)


def done(engine, player, command):
    """Have the engine run it, and schedule what follows from it, before the card goes on."""
    ran = threading.Event()

    def run():
        command()
        player.fill(engine.sample, engine.sample + round(AHEAD_S * RATE))
        ran.set()

    engine.call(run)
    assert ran.wait(30.0)


def notes_at(played, kind="note_on"):
    return [event.sample for event in played if event.kind == kind]


def test_a_demo_is_played_where_its_notes_are(session, engine, hand_cranked, tune, eventually):
    played: list[Event] = []
    engine.add_sink(played.append)
    performance = perform(tune, 0, STRICT)
    session.play_demo(1.0, performance)
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, performance.end_s + 0.5, eventually)
    assert eventually(lambda: len(notes_at(played)) == 16)
    onsets_s = np.array([note.onset_s for note in performance.notes])
    steps = np.diff(notes_at(played)) / RATE
    assert np.abs(steps - np.diff(onsets_s)).max() < 1e-4


def test_the_demo_is_heard_and_followed(session, engine, hand_cranked, eventually):
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 3.0, eventually)
    assert session.snapshot.state == "following" and engine.source == "synth"
    assert session.snapshot.x_px > session.piece.onset_x_px[2]


def test_a_change_of_tempo_loses_and_doubles_nothing(engine, hand_cranked, eventually):
    events = [Played(0.1 * i, "note_on", 40 + i, 90) for i in range(40)]
    player = PerformancePlayer(engine, events)
    played: list[Event] = []
    engine.add_sink(played.append)
    done(engine, player, player.start)
    turn(hand_cranked, engine, 1.0, eventually)
    done(engine, player, partial(player.set_tempo, 2.0))
    turn(hand_cranked, engine, 0.7, eventually)
    done(engine, player, partial(player.set_tempo, 0.5))
    turn(hand_cranked, engine, 4.2, eventually)
    assert eventually(lambda: len(played) >= 40)
    assert [event.data1 for event in played] == list(range(40, 80))
    steps = np.diff(notes_at(played)) / (0.1 * RATE)
    assert steps.min() > 0.49 and steps.max() < 2.01
    assert sum(abs(step - 0.5) < 0.01 for step in steps) >= 8
    assert sum(abs(step - 2.0) < 0.01 for step in steps) >= 10


def test_another_rate_of_the_sound_card_loses_and_doubles_nothing(engine, hand_cranked, eventually):
    events = [Played(0.1 * i, "note_on", 40 + i, 90) for i in range(40)]
    player = PerformancePlayer(engine, events)
    played: list[Event] = []
    engine.add_sink(played.append)
    done(engine, player, player.start)
    turn(hand_cranked, engine, 1.0, eventually)
    assert eventually(lambda: len(notes_at(played)) >= 9)
    position_s = player.position_s(engine.sample)
    engine.use_stream(hand_cranked.at_rate(48_000))
    assert player.position_s(engine.sample) == pytest.approx(position_s)
    done(engine, player, partial(player.set_tempo, 2.0))
    turn(hand_cranked, engine, 2.0, eventually)
    assert eventually(lambda: len(notes_at(played)) == 40)
    assert [event.data1 for event in played if event.kind == "note_on"] == list(range(40, 80))
    steps = np.diff(notes_at(played))
    assert set(steps[steps > 0]) <= {4410, 2400}
    assert any(event.kind == "all_off" for event in played)  # what a MIDI instrument held


def test_seek_takes_the_demo_along(session, engine, hand_cranked, tune, eventually):
    played: list[Event] = []
    session.play_demo(1.0, perform(tune, 0, STRICT))
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 0.5, eventually)
    engine.add_sink(played.append)
    session.seek(float(tune.onset_x_px[8]))
    turn(hand_cranked, engine, 0.5, eventually)
    assert eventually(lambda: any(event.kind == "note_on" for event in played))
    struck = next(event for event in played if event.kind == "note_on")
    assert struck.data1 == tune.notes[8].pitch
    assert session.snapshot.x_px >= tune.onset_x_px[8]


def test_stop_silences_and_play_begins_again(session, engine, hand_cranked, impulses, eventually):
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 1.0, eventually)
    session.stop()
    assert eventually(lambda: not session.demo_playing)
    turn(hand_cranked, engine, 0.5, eventually)
    assert session.snapshot.state == "idle" and impulses.log[-1] == ("all_off", 0)
    assert gc.isenabled()


def test_no_collection_while_playing(session, engine, hand_cranked, eventually):
    session.start()
    assert eventually(lambda: not gc.isenabled())
    session.stop()
    assert eventually(gc.isenabled)


def test_pause_and_resume(session, engine, hand_cranked, eventually):
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 2.0, eventually)
    session.pause()
    assert eventually(lambda: session._following.state == "paused")
    turn(hand_cranked, engine, 0.5, eventually)
    here = session.snapshot.x_px
    turn(hand_cranked, engine, 1.0, eventually)
    assert session.snapshot.x_px == here
    session.resume()
    turn(hand_cranked, engine, 1.5, eventually)
    assert session.snapshot.x_px > here and session.demo_playing


def test_a_loop_repeats_the_demo(session, engine, hand_cranked, tune, eventually):
    struck = []
    engine.add_sink(lambda event: struck.append(event.data1) if event.kind == "note_on" else None)
    session.set_loop(float(tune.onset_x_px[4]), float(tune.onset_x_px[6]))
    turn(hand_cranked, engine, 0.5, eventually)
    session.play_demo(1.0, perform(tune, 0, STRICT))
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 5.0, eventually)
    assert eventually(lambda: struck.count(tune.notes[4].pitch) >= 2)
    assert set(struck) <= {tune.notes[i].pitch for i in (4, 5, 6)}


def test_what_is_asked_before_the_follower_is_ready_happens_when_it_is(tune, engine, eventually):
    gate = threading.Event()

    class Slow(InlineRunner):
        def open(self, piece) -> None:
            gate.wait(10)
            super().open(piece)

    session = FollowSession(tune, engine=engine, runner=Slow(SteadyPlayer()))
    session.start()
    assert not session.ready
    gate.set()
    assert session.wait_ready() and eventually(lambda: session._following.state == "waiting")
    session.close()


def test_a_follower_that_cannot_be_loaded_is_told(tune, engine):
    class Broken(InlineRunner):
        def open(self, piece) -> None:
            raise FollowerFailed("The follower's file is damaged. Install again.")

    session = FollowSession(tune, engine=engine, runner=Broken(SteadyPlayer()))
    assert not session.wait_ready() and "damaged" in (session.problem or "")
    assert engine.take_messages() == [session.problem]
    session.close()


@pytest.mark.parametrize("fails", [False, True])
def test_closed_while_the_follower_loads_nothing_begins_and_nothing_is_told(tune, engine, eventually, fails):
    gate = threading.Event()

    class Slow(InlineRunner):
        def open(self, piece) -> None:
            gate.wait(10)
            if fails:
                raise FollowerFailed("The follower stopped while opening the piece.")

    session = FollowSession(tune, engine=engine, runner=Slow(SteadyPlayer()))
    session.start()
    session.close()
    gate.set()
    session.wait_ready()
    done = threading.Event()
    engine.call(done.set)
    assert done.wait(10.0) and session._following.state == "idle" and gc.isenabled()
    assert engine.take_messages() == []


def test_count_in_clicks_and_is_not_followed(session, engine, hand_cranked, tune, eventually):
    session.start(count_in_bars=1)
    assert eventually(lambda: session._following.state == "waiting")
    loud = []
    for _ in range(60):
        for _ in range(9):
            loud.append(np.abs(hand_cranked.crank(count=245)).max() > 0.1)
        assert eventually(lambda: engine.sample - engine.snapshot.sample < 4410)
    clicks = np.sum(np.diff(np.array(loud, int)) == 1)
    assert clicks == 4 and session.snapshot.state == "waiting" and engine.metronome.pulse.beat == 3


def test_followed_in_real_time_by_a_worker_that_is_killed_on_the_way(tune, eventually):
    """The silent card keeps the time; the cursor ends in the last bar all the same."""
    performance = perform(tune, 1)
    truth = Truth.from_onsets(performance.anchors_s, tune.onset_x_px)
    engine = Engine(AudioSystem([], NullBackend()), AudioChoice(NONE, NONE))
    runner = PolicyRunner(partial(OptimalPlayer, truth), on_message=engine.tell)
    session = FollowSession(tune, engine=engine, runner=runner)
    assert session.wait_ready()
    engine.start()
    session.play_demo(1.0, performance)
    assert eventually(lambda: engine.snapshot.x_px > tune.onset_x_px[4])
    os.kill(runner.pid or 0, signal.SIGKILL)
    assert eventually(lambda: runner.restarts == 1)
    assert eventually(lambda: engine.snapshot.state == "finished")
    assert engine.snapshot.place and engine.snapshot.place.measure == "4" and engine.snapshot.late_frames > 0
    assert any("starting again" in message for message in engine.take_messages())
    session.close()
    engine.close()


def test_events_of_a_performance_release_before_they_strike(tune):
    events = performance_events(perform(tune, 0))
    assert [event.time_s for event in events] == sorted(event.time_s for event in events)
    assert sum(event.kind == "note_on" for event in events) == sum(
        event.kind == "note_off" for event in events)


def test_a_player_by_name_runs_in_the_worker(tune, engine, eventually):
    session = FollowSession(tune, "steady", engine=engine)
    assert session.wait_ready()
    assert isinstance(load_player("steady", 0), SteadyPlayer)
    assert isinstance(session._runner, PolicyRunner) and session._runner.pid is not None
    session.close()
