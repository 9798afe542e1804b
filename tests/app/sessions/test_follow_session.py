"""The session: a demo in real time on the silent card, tempo, seek, loop, transport, a worker killed."""
from __future__ import annotations

import gc
import os
import signal
import threading
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from app.devices.audio import NONE, AudioChoice, AudioSystem
from app.devices.null import NullBackend
from app.engine.clip import ClipPlayer
from app.engine.engine import AHEAD_S, Engine
from app.engine.metronome import Pulse
from app.engine.performer import PerformancePlayer, Played, performance_events
from app.engine.runner import FollowerFailed, InlineRunner, PolicyRunner
from app.engine.scheduler import Event
from app.sessions.follow import FollowSession
from app.sessions.music import Demo
from models.game import Truth
from models.performance import STRICT, load_midi, perform
from models.players import Decision, OptimalPlayer, SteadyPlayer, load_player
from pieces.meter import TimeSignature, lay_bars

RATE = 44_100


@pytest.fixture
def session(tune, engine):
    made = FollowSession(tune, engine=engine, runner=InlineRunner(SteadyPlayer()))
    assert made.wait_ready()
    yield made
    made.close()


class Filled:
    """A filler behind all others: up to where the card was when they had played ahead."""

    now_sample = -1

    def fill(self, now_sample: int, until_sample: int) -> None:
        self.now_sample = now_sample


def turn(card, engine, seconds, eventually):
    """Turn the card for that long, in step with the engine thread: it has heard and has played ahead."""
    filled = Filled()
    engine.call(partial(engine.add_filler, filled))
    for _ in range(round(seconds * 20)):
        for _ in range(9):
            card.crank(count=245)
        engine.call(lambda: None)  # wakes it between two frames
        assert eventually(lambda: filled.now_sample == engine.sample)
        assert eventually(lambda: engine.sample - engine.snapshot.sample < 4410)
    engine.call(partial(engine.remove_filler, filled))


def done(engine, player, command):
    """Have the engine run it, and schedule what follows from it, before the card goes on."""
    ran = threading.Event()

    def run():
        command()
        player.fill(engine.sample, engine.sample + round(AHEAD_S * RATE))
        ran.set()

    engine.call(run)
    assert ran.wait(30.0)


def carried_out(engine):
    """What was asked so far has happened."""
    ran = threading.Event()
    engine.call(ran.set)
    assert ran.wait(30.0)


def notes_at(played, kind="note_on"):
    return [event.sample for event in played if event.kind == kind]


def test_a_demo_is_played_where_its_notes_are(session, engine, hand_cranked, tune, eventually):
    played: list[Event] = []
    engine.add_sink(played.append)
    performance = perform(tune, 0, STRICT)
    session.play_demo(1.0, Demo.of(performance))
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, performance.end_s + 0.5, eventually)
    assert eventually(lambda: len(notes_at(played)) == 16)
    onsets_s = np.array([note.onset_s for note in performance.notes])
    steps = np.diff(notes_at(played)) / RATE
    assert np.abs(steps - np.diff(onsets_s)).max() < 1e-4


def test_the_engine_thread_need_not_put_a_performance_in_order(
    engine, hand_cranked, tune, eventually, monkeypatch
):
    """That of a long one takes seconds, in which nothing else would sound."""
    where: list[str] = []

    def noted(*arguments):
        where.append(threading.current_thread().name)
        return performance_events(*arguments)

    monkeypatch.setattr("app.sessions.music.performance_events", noted)
    demo = Demo.of(perform(tune, 0, STRICT))
    with closing(FollowSession(tune, engine=engine, runner=InlineRunner(SteadyPlayer()))) as other:
        assert other.wait_ready()
        for chosen in (None, demo):
            other.play_demo(1.0, chosen)
            assert eventually(lambda: other.demo_playing)
            other.stop()
            assert eventually(lambda: not other.demo_playing)
    assert where == [threading.current_thread().name, "follower-loading"]


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
    session.play_demo(1.0, Demo.of(perform(tune, 0, STRICT)))
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
    for end in (session.pause, session.stop):
        session.start()
        assert eventually(lambda: not gc.isenabled())
        end()
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


def test_a_demo_that_was_stopped_does_not_sound_again_while_somebody_plays(
    session, engine, hand_cranked, eventually
):
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    session.stop()
    engine.set_source("input")
    session.start()
    session.pause()
    session.resume()
    carried_out(engine)
    assert not session.demo_playing and session._following.state == "waiting"


def test_starting_ends_the_demo_that_sounds(session, engine, eventually):
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    engine.set_source("input")
    session.start()
    carried_out(engine)
    assert not session.demo_playing and engine.source == "input"


def test_resume_hears_what_was_followed_before(session, engine):
    engine.set_source("input")
    session.start()
    session.pause()
    carried_out(engine)
    engine.set_source("synth")  # as Play does
    session.resume()
    carried_out(engine)
    assert engine.source == "input"


def test_it_begins_where_the_cursor_stands(session, engine, tune):
    session.seek(float(tune.onset_x_px[8]))
    session.start()
    carried_out(engine)
    assert session._following.state == "waiting" and session._following.x_px == tune.onset_x_px[8]


class Arrives(SteadyPlayer):
    """Stands on the last note at once."""

    def __init__(self, x_px) -> None:
        super().__init__()
        self._last_px = x_px

    def step(self, frame) -> Decision:
        return Decision(0.0, self._last_px, 0.0)


@pytest.mark.parametrize("sounded_out", [False, True])
def test_after_the_end_the_last_notes_sound_out_and_a_click_only_places_the_cursor(
    tune, engine, hand_cranked, eventually, sounded_out
):
    last_px = float(tune.onset_x_px[-1])
    session = FollowSession(tune, engine=engine, runner=InlineRunner(Arrives(last_px)))
    assert session.wait_ready()
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    while session.snapshot.state != "finished":
        turn(hand_cranked, engine, 0.1, eventually)
    assert session.demo_playing and gc.isenabled()
    while sounded_out and session.demo_playing:
        turn(hand_cranked, engine, 0.5, eventually)
    session.seek(float(tune.onset_x_px[3]))
    carried_out(engine)
    assert not session.demo_playing and session._following.state == "idle" and gc.isenabled()
    session.play_demo()
    assert eventually(lambda: session.demo_playing)
    assert session._following.x_px == tune.onset_x_px[3]
    session.close()


def ramp(seconds):
    """A recording whose loudness tells how many seconds of it have gone, over 100."""
    return (np.arange(round(seconds * RATE)) / RATE / 100).astype(np.float32)


def level(card, engine, eventually, seconds=0.5):
    """What sounds after that long."""
    turn(card, engine, seconds, eventually)
    return 100 * float(card.crank(count=1)[0, 0])


def test_a_recording_waits_for_the_follower_and_goes_on_after_a_pause(
    tune, engine, hand_cranked, eventually
):
    gate = threading.Event()

    class Slow(InlineRunner):
        def open(self, piece) -> None:
            gate.wait(10)
            super().open(piece)

    session = FollowSession(tune, engine=engine, runner=Slow(SteadyPlayer()))
    session.play_recording(ramp(20.0), RATE)
    assert level(hand_cranked, engine, eventually, 1.0) == 0.0 and engine.source == "input"
    gate.set()
    assert session.wait_ready()
    carried_out(engine)
    assert level(hand_cranked, engine, eventually, 1.4) == pytest.approx(1.0, abs=0.05)
    session.pause()
    carried_out(engine)
    assert level(hand_cranked, engine, eventually) == 0.0 and gc.isenabled()
    engine.set_source("input")
    session.resume()
    carried_out(engine)
    assert level(hand_cranked, engine, eventually, 0.9) == pytest.approx(1.5, abs=0.05)
    assert engine.source == "synth"
    engine.set_source("input")
    session.start()
    carried_out(engine)
    assert level(hand_cranked, engine, eventually) == 0.0 and engine.source == "input"
    session.close()


def test_a_recording_that_is_longer_than_the_score_ends_with_a_pause(tune, engine, hand_cranked, eventually):
    session = FollowSession(tune, engine=engine, runner=InlineRunner(Arrives(float(tune.onset_x_px[-1]))))
    assert session.wait_ready()
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * RATE).astype(np.float32)
    session.play_recording(noise, RATE)
    while session.snapshot.state != "finished":
        turn(hand_cranked, engine, 0.1, eventually)
    assert session.demo_playing and hand_cranked.crank().any()
    session.pause()
    carried_out(engine)
    assert not session.demo_playing and not hand_cranked.crank().any()
    session.start()  # from the beginning, as after any end
    carried_out(engine)
    assert session._following.x_px == tune.onset_x_px[0]
    session.close()


def test_a_recording_keeps_its_place_at_another_rate(engine, hand_cranked, eventually):
    player = ClipPlayer(engine, ramp(20.0), RATE)
    player.start()
    turn(hand_cranked, engine, 2.4, eventually)
    engine.use_stream(hand_cranked.at_rate(48_000))
    assert player.position_s(engine.sample) == pytest.approx(2.0, abs=0.01)
    assert level(hand_cranked, engine, eventually, 1.0) == pytest.approx(2.0 + RATE / 48_000, abs=0.02)
    player.stop()
    assert player.position_s(engine.sample) == pytest.approx(2.0 + RATE / 48_000, abs=0.02)
    player.start(5.0)
    assert level(hand_cranked, engine, eventually, 1.0) == pytest.approx(4.6 + RATE / 48_000, abs=0.02)


@pytest.mark.parametrize("end", [FollowSession.pause, FollowSession.stop])
def test_after_what_the_program_played_the_chosen_source_is_heard_again(session, engine, end):
    engine.set_source("input")
    session.play_recording(ramp(20.0), RATE)
    carried_out(engine)
    assert engine.source == engine.mixer.source == "synth" and engine.chosen_source == "input"
    end(session)
    carried_out(engine)
    assert engine.source == engine.mixer.source == "input"
    session.resume()
    carried_out(engine)
    assert engine.source == ("synth" if end is FollowSession.pause else "input")


def test_what_is_chosen_while_the_program_plays_holds_afterwards(session, engine):
    """As a choice in the window: it has the music stopped, and turns to the source at once."""
    engine.set_source("input")
    session.play_demo()
    carried_out(engine)
    session.stop()
    engine.set_source("synth")
    carried_out(engine)
    assert engine.source == "synth"


@pytest.mark.parametrize("arrives, state", [(True, "finished"), (False, "idle")])
def test_a_recording_that_has_played_to_its_end_is_over(
    tune, engine, hand_cranked, eventually, arrives, state
):
    """Where it is shorter than the score, too: nobody waits for what does not come."""
    player = Arrives(float(tune.onset_x_px[-1])) if arrives else SteadyPlayer()
    session = FollowSession(tune, engine=engine, runner=InlineRunner(player))
    assert session.wait_ready()
    engine.set_source("input")
    session.play_recording(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), RATE)
    turn(hand_cranked, engine, 3.0, eventually)
    assert session.demo_playing and engine.source == "synth"  # the last note sounds out
    turn(hand_cranked, engine, 2.0, eventually)
    assert not session.demo_playing and engine.source == "input" and gc.isenabled()
    assert session.snapshot.state == state
    session.close()


def test_after_a_file_of_ones_own_the_demo_is_the_demo_again(
    session, engine, hand_cranked, tune, eventually, tmp_path
):
    perform(tune, 0, STRICT).save_midi(tmp_path / "played.mid")
    for _ in range(2):
        session.play_demo(1.0, Demo.of(load_midi(tmp_path / "played.mid")))
        carried_out(engine)
        assert not session._music.is_placed
        session.stop()
        session.play_demo(0.5)
        carried_out(engine)
        assert session._music.is_placed and session.demo_tempo == 0.5
        session.stop()


def test_a_file_without_a_score_goes_on_where_it_was_held(
    session, engine, hand_cranked, tune, eventually, tmp_path
):
    perform(tune, 0, STRICT).save_midi(tmp_path / "played.mid")
    struck = []
    engine.add_sink(lambda event: struck.append(event.data1) if event.kind == "note_on" else None)
    session.play_demo(1.0, Demo.of(load_midi(tmp_path / "played.mid")))
    assert eventually(lambda: session.demo_playing)
    turn(hand_cranked, engine, 2.75, eventually)
    session.pause()
    carried_out(engine)
    session.resume()
    carried_out(engine)
    turn(hand_cranked, engine, 1.0, eventually)
    assert struck == [note.pitch for note in tune.notes[:len(struck)]] and 6 <= len(struck) <= 8


def test_a_loop_repeats_the_demo(session, engine, hand_cranked, tune, eventually):
    struck = []
    engine.add_sink(lambda event: struck.append(event.data1) if event.kind == "note_on" else None)
    session.set_loop(float(tune.onset_x_px[4]), float(tune.onset_x_px[6]))
    turn(hand_cranked, engine, 0.5, eventually)
    session.play_demo(1.0, Demo.of(perform(tune, 0, STRICT)))
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


@pytest.mark.parametrize("end", [FollowSession.pause, FollowSession.stop])
def test_a_start_that_was_called_off_before_the_follower_is_ready_changes_nothing(tune, engine, end):
    gate = threading.Event()

    class Slow(InlineRunner):
        def open(self, piece) -> None:
            gate.wait(10)
            super().open(piece)

    engine.set_source("input")
    session = FollowSession(tune, engine=engine, runner=Slow(SteadyPlayer()))
    session.play_demo()
    assert session.start_waits
    end(session)
    assert not session.start_waits
    gate.set()
    assert session.wait_ready()
    carried_out(engine)
    assert engine.source == "input" and session._following.state == "idle" and not session.demo_playing
    session.close()


@pytest.mark.parametrize("fault, told", [
    (FollowerFailed("The follower's file is damaged. Install again."), "damaged"),
    (ZeroDivisionError("what nobody thought of"), "could not be started"),
])  # fmt: skip
def test_a_follower_that_cannot_be_loaded_is_told(tune, engine, fault, told):
    class Broken(InlineRunner):
        def open(self, piece) -> None:
            raise fault

    session = FollowSession(tune, engine=engine, runner=Broken(SteadyPlayer()))
    assert not session.wait_ready() and told in (session.problem or "")
    assert engine.take_messages() == [session.problem]
    session.close()


def test_a_closed_session_does_nothing_any_more(session, engine):
    session.close()
    session.play_recording(np.zeros(4410, np.float32), 44_100)
    carried_out(engine)
    assert session._following.state == "idle" and not session.demo_playing and gc.isenabled()


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


def test_a_pickup_is_counted_in_by_a_bar_and_what_is_missing_of_its_own(
        tune, engine, hand_cranked, eventually):
    """In 3/4 a tune that begins with the third beat: one two three, one two, and accents on its downbeats."""
    three = TimeSignature(3, 4)
    bars = lay_bars([0, *range(1, 17, 3)], [three] * 6)
    session = FollowSession(replace(tune, bars=bars), engine=engine, runner=InlineRunner(SteadyPlayer()))
    session.set_metronome(True)
    session.start(count_in_bars=1)
    assert session.wait_ready() and eventually(lambda: session._following.state == "waiting")
    pulses: list[Pulse | None] = []
    for _ in range(100):
        turn(hand_cranked, engine, 0.05, eventually)
        pulses += [engine.metronome.pulse] if engine.metronome.pulse not in (None, *pulses[-1:]) else []
    session.close()
    told = [(pulse.beat.number, pulse.counts_in) for pulse in pulses if pulse is not None]
    assert told[:8] == [*((n, True) for n in (0, 1, 2, 0, 1)), *((n, False) for n in (2, 0, 1))]


def test_count_in_clicks_and_is_not_followed(session, engine, hand_cranked, tune, eventually):
    """The microphone hears the loudspeaker: clicks are no first note, what comes after them is."""
    engine.set_source("input")
    session.start(count_in_bars=1)
    assert eventually(lambda: session._following.state == "waiting")
    loud = []
    played = np.zeros((245, 2), np.float32)
    for _ in range(60):
        for _ in range(9):
            played = hand_cranked.crank(played[:, 0])
            loud.append(np.abs(played).max() > 0.1)
        assert eventually(lambda: engine.sample - engine.snapshot.sample < 4410)
        assert session.snapshot.state != "following"
    clicks = np.sum(np.diff(np.array(loud, int)) == 1)
    assert clicks == 4 and engine.metronome.pulse.beat.number == 3
    for _ in range(90):
        hand_cranked.crank((0.2 * np.sin(2 * np.pi * 440 * np.arange(245) / RATE)).astype(np.float32))
    assert eventually(lambda: session.snapshot.state == "following")


def test_a_count_in_whose_tempo_is_changed_is_not_followed_either(session, engine, hand_cranked, eventually):
    engine.set_source("input")
    session.start(count_in_bars=1)
    assert eventually(lambda: session._following.state == "waiting")
    session.set_demo_tempo(0.5)
    carried_out(engine)
    played = np.zeros((245, 2), np.float32)
    for _ in range(90):
        for _ in range(9):
            played = hand_cranked.crank(played[:, 0])
        assert eventually(lambda: engine.sample - engine.snapshot.sample < 4410)
        assert session.snapshot.state != "following"
    assert engine.metronome.pulse is not None and engine.metronome.pulse.beat.number == 3


def test_followed_in_real_time_by_a_worker_that_is_killed_on_the_way(tune, eventually):
    """The silent card keeps the time; the cursor ends in the last bar all the same."""
    performance = perform(tune, 1)
    truth = Truth.from_onsets(performance.anchors_s, tune.onset_x_px)
    engine = Engine(AudioSystem([], NullBackend()), AudioChoice(NONE, NONE))
    runner = PolicyRunner(partial(OptimalPlayer, truth), on_message=engine.tell)
    session = FollowSession(tune, engine=engine, runner=runner)
    assert session.wait_ready()
    engine.start()
    session.play_demo(1.0, Demo.of(performance))
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
