"""The session on a sound card turned by hand: exact samples, the next bar, stops, tempo, failures."""
from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.queue import SOURCE
from models.launchpad.instrument import LAUNCHPAD, BadState
from pieces.errors import RipienoError
from tests.app.sessions.launchpad.agents import BrokenAgent, ScriptedAgent, SleepingAgent, refuse

RATE = 44_100
BAR = 2 * RATE  # at 120
BLOCK = 256


class Listener:
    """Turns the card and keeps what the song did."""

    def __init__(self, engine, card, session, eventually) -> None:
        self.engine, self.card, self.session, self.eventually = engine, card, session, eventually
        self.events: list = []
        engine.add_sink(lambda event: self.events.append(event) if event.source == SOURCE else None)

    def settle(self) -> None:
        """Everything that was asked for is done."""
        done: list[int] = []
        self.engine.call(lambda: done.append(1))
        assert self.eventually(lambda: bool(done))

    def turn(self, samples: int) -> np.ndarray:
        """What was asked for is done, then so many samples more, in step; what was played, (n,)."""
        self.settle()
        played = []
        for _ in range(-(-samples // BLOCK)):
            played.append(self.card.crank(count=BLOCK)[:, 0])
            if len(played) % 8 == 0:
                self.settle()
        self.settle()
        return np.concatenate(played)

    def notes(self, kind: str) -> list[tuple[int, int]]:
        """(sample, pitch) of the notes so far."""
        self.eventually(lambda: not self.engine.mixer.applied)
        return [(event.sample, event.data1) for event in list(self.events) if event.kind == kind]

    def hanging(self) -> set[tuple[int, int]]:
        """What was struck and not let go."""
        self.eventually(lambda: not self.engine.mixer.applied)
        held: set[tuple[int, int]] = set()
        for event in list(self.events):
            key = (event.channel, event.data1)
            if event.kind == "note_on":
                assert key not in held, "struck twice"
                held.add(key)
            elif event.kind == "note_off":
                held.discard(key)
        return held


@pytest.fixture
def listener(engine, hand_cranked, session, eventually) -> Listener:
    made = Listener(engine, hand_cranked, session, eventually)
    made.turn(4 * BLOCK)
    return made


def first_sample(listener) -> int:
    listener.settle()
    listener.turn(BLOCK)
    return listener.session.snapshot.bar_start_sample


def test_every_onset_is_on_its_sample(listener, session):
    session.press(0, 3)  # every 16 steps from step 7
    session.start()
    start = first_sample(listener)
    sound = listener.turn(2 * BAR)
    expected = [start + round((7 + 16 * beat) * BAR / 64) for beat in range(4)]
    assert [sample for sample, _ in listener.notes("note_on")][:4] == expected
    offset = listener.engine.sample - len(sound)
    assert (np.flatnonzero(sound)[:4] + offset).tolist() == expected


def test_a_press_is_queued_and_sounds_from_the_next_bar(listener, session):
    session.start()
    start = first_sample(listener)
    listener.turn(BAR // 2)
    session.press(5, 6)
    listener.settle()
    snapshot = session.snapshot
    assert snapshot.grid[5, 0] and not snapshot.playing[5, 0]
    listener.turn(BAR // 2 + RATE // 8)
    assert session.snapshot.playing[5, 0] and session.snapshot.bar == 1
    listener.turn(BAR)
    (sample, pitch), = listener.notes("note_on")
    assert (sample, pitch) == (start + BAR + round(63 * BAR / 64), 52)


def test_a_press_just_before_the_bar_still_counts(listener, session):
    """The next bar is made 200 ms ahead; what is pressed up to 50 ms before it changes it."""
    session.start()
    start = first_sample(listener)
    listener.turn(start + BAR - round(0.09 * RATE) - listener.engine.sample)
    session.press(5, 6)
    listener.turn(2 * BAR)
    assert listener.notes("note_on")[0][0] == start + BAR + round(63 * BAR / 64)


def test_stopping_waits_for_the_bar_and_lets_every_note_go(listener, session):
    for row in range(0, 24, 3):
        session.press(row, 1)
    session.start()
    start = first_sample(listener)
    listener.turn(BAR // 3)
    session.stop()
    listener.settle()
    assert session.snapshot.state == "stopping"
    listener.turn(BAR)
    assert session.snapshot.state == "stopped" and not listener.hanging()
    assert max(sample for sample, _ in listener.notes("note_off")) <= start + BAR
    before = len(listener.events)
    listener.turn(BAR)
    assert len(listener.events) == before


@pytest.mark.parametrize("again", [False, True])
def test_stopping_at_once_lets_every_note_go(listener, session, again):
    session.set_instrument(33)
    for row in range(0, 24, 3):
        session.press(row, 0)
    session.start()
    first_sample(listener)
    listener.turn(BAR // 3)
    if again:
        session.stop()
    session.stop(now=not again)
    listener.turn(RATE // 5)
    assert session.snapshot.state == "stopped" and not listener.hanging()
    assert [program for _, program in listener.notes("program")] == [33, 0]
    struck = len(listener.notes("note_on"))
    listener.turn(BAR)
    assert len(listener.notes("note_on")) == struck > 0


def test_tempo_changes_lose_and_double_nothing(listener, session):
    session.press(0, 0)
    session.press(7, 1)
    session.start()
    first_sample(listener)
    rng = np.random.default_rng(5)
    for _ in range(30):
        listener.turn(int(rng.integers(1, RATE // 3)))
        session.set_tempo(float(rng.uniform(60, 300)))
    session.stop()
    listener.turn(5 * RATE)
    assert session.snapshot.state == "stopped" and not listener.hanging()
    struck = [pitch for _, pitch in listener.notes("note_on")]
    bars = struck.count(54) // 16
    assert bars > 3 and (struck.count(47), struck.count(54)) == (32 * bars, 16 * bars)


def test_tempo_is_heard_at_once(listener, session):
    session.press(0, 0)
    session.start()
    first_sample(listener)
    listener.turn(RATE // 2)
    session.set_tempo(240.0)
    listener.settle()
    changed = listener.engine.sample
    listener.turn(RATE)
    onsets = [sample for sample, _ in listener.notes("note_on")]
    gaps = np.diff([sample for sample in onsets if sample > changed + round(0.05 * RATE)])
    assert set(gaps.tolist()) <= {round(BAR / 64), round(BAR / 64) + 1, round(BAR / 64) - 1}


def test_panic_silences_and_the_song_goes_on(listener, session, impulses):
    session.press(0, 3)  # every 16 steps from step 7, each as long as that
    session.set_note_steps(16)
    session.start()
    start = first_sample(listener)
    listener.turn(start + 3 * BAR // 16 - listener.engine.sample)
    listener.engine.panic()
    listener.turn(BLOCK)
    assert impulses.log[-1] == ("all_off", 0) and ("on", 47) in impulses.log
    listener.turn(BAR)
    expected = [start + round((7 + 16 * beat) * BAR / 64) for beat in range(5)]
    assert [sample for sample, _ in listener.notes("note_on")][:5] == expected
    session.stop(now=True)
    listener.turn(BAR // 4)
    assert not listener.hanging()


def test_a_count_in_clicks_first(listener, session):
    session.press(0, 6)
    session.start(count_in_bars=1)
    listener.settle()
    assert session.snapshot.state == "count-in" and session.snapshot.bar == -1
    listener.turn(3 * BAR)
    assert session.snapshot.state == "playing"
    assert listener.notes("note_on")[0][0] > BAR


def test_stopping_in_the_count_in_is_silence(listener, session):
    session.press(0, 0)
    session.start(count_in_bars=2)
    listener.turn(BAR // 2)
    session.stop()
    listener.turn(3 * BAR)
    assert session.snapshot.state == "stopped" and not listener.events


def test_the_playhead_runs_with_the_sound(listener, session):
    session.start()
    start = first_sample(listener)
    listener.turn(BAR // 2 - (listener.engine.sample - start))
    snapshot = session.snapshot
    assert snapshot.step == pytest.approx(32, abs=0.3) and snapshot.beat == 2 and snapshot.bar == 0


def test_a_slow_agent_makes_no_bar_late(engine, hand_cranked, eventually):
    session = LaunchpadSession(engine, SleepingAgent, "sleeper", grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 3))
    listener = Listener(engine, hand_cranked, session, eventually)
    session.start()
    start = first_sample(listener)
    listener.turn(3 * BAR)
    onsets = [sample for sample, _ in listener.notes("note_on")]
    assert onsets[:9] == [start + round((7 + 16 * beat) * BAR / 64) for beat in range(9)]
    assert session.snapshot.late_moves >= 2
    session.close()


def test_an_agent_that_fails_leaves_and_says_so(engine, hand_cranked, eventually):
    session = LaunchpadSession(engine, BrokenAgent, "broken", grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 3))
    listener = Listener(engine, hand_cranked, session, eventually)
    session.start()
    first_sample(listener)
    assert eventually(lambda: any("alone" in message for message in engine.take_messages()))
    listener.turn(2 * BAR)
    assert session.snapshot.agent == "" and len(listener.notes("note_on")) > 4
    session.close()


def test_the_agents_move_is_shown_then_played(engine, hand_cranked, eventually):
    make = partial(ScriptedAgent, LAUNCHPAD.toggle(4, 6))
    session = LaunchpadSession(engine, make, "it", grid=LAUNCHPAD.empty())
    listener = Listener(engine, hand_cranked, session, eventually)
    session.start()
    start = first_sample(listener)
    assert eventually(lambda: session._seat.newest is not None)
    listener.turn(BAR // 4)
    assert session.snapshot.next_move == "E♭3 once on" and not session.snapshot.grid.any()
    listener.turn(2 * BAR)
    assert listener.notes("note_on")[0] == (start + BAR + round(63 * BAR / 64), 51)
    assert session.snapshot.agent == "it"
    session.close()


def test_a_bad_file_changes_nothing(listener, session, tmp_path):
    session.press(3, 3)
    session.start()
    listener.turn(BAR // 2)
    (tmp_path / "other.json").write_text('{"format": "ripieno-launchpad-1", "steps": 4, "keys": []}')
    with pytest.raises(BadState, match="24 keys"):
        session.load_grid(tmp_path / "other.json")
    with pytest.raises(RipienoError, match="Choose another place"):
        session.export_midi(tmp_path / "nowhere" / "out.mid")
    with pytest.raises(RipienoError, match="Choose another place"):
        session.save_grid(tmp_path / "nowhere" / "grid.json")
    assert session.snapshot.state == "playing" and session.snapshot.grid[3, 0]


def test_there_is_nothing_to_export_before_a_note_was_heard(listener, session, tmp_path):
    for bars in (0, 1):
        if bars:
            session.start()
            listener.turn(BAR)
        for export in (session.export_midi, session.export_wav):
            with pytest.raises(RipienoError, match="nothing to export yet"):
                export(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_agent_that_cannot_be_loaded_leaves_you_alone_in_words(engine, eventually):
    session = LaunchpadSession(engine, refuse, "it", grid=LAUNCHPAD.empty())
    told = "You play alone: it is damaged; train another."
    assert eventually(lambda: session.snapshot.agent == "" and told in engine._messages)
    session.close()


def test_a_judge_that_comes_later_draws_the_curve_from_then_on(listener, session):
    session.start()
    listener.turn(BAR)
    assert session.snapshot.rewards == ()
    session.judge_by(lambda grid: 7.0)
    listener.turn(2 * BAR)
    assert set(session.snapshot.rewards) == {7.0}


def test_a_refusal_is_told_and_the_music_goes_on(listener, session, engine):
    session.start()
    first_sample(listener)
    session.set_drums("polka")
    session.recall_part(3)
    listener.turn(BAR)
    told = " ".join(engine.take_messages())
    assert "polka" in told and "not there any more" in told and session.snapshot.state == "playing"


def test_favourites_come_back(listener, session):
    session.press(3, 3)
    listener.settle()
    session.save_favourite("Mine: a/b")
    session.clear()
    session.load_favourite("Mine: a/b")
    listener.settle()
    assert session.snapshot.grid[3, 0] == 8


def test_another_song_is_opened_while_this_one_plays_and_undone(listener, session, tmp_path):
    session.press(5, 3)
    listener.settle()
    session.save_song(tmp_path / "song.json")
    session.new_song()
    session.start()
    listener.turn(BAR)
    assert session.snapshot.grid.any() and not session.snapshot.grid[5, 0]
    session.open_file(tmp_path / "song.json")
    listener.turn(BAR)
    assert session.snapshot.grid[5, 0] == 8 and session.snapshot.state == "playing"
    session.undo()
    listener.settle()
    assert not session.snapshot.grid[5, 0]
    with pytest.raises(RipienoError, match="Choose another place"):
        session.save_song(tmp_path / "nowhere" / "song.json")


def test_what_is_exported_is_what_was_heard(listener, session, tmp_path):
    import mido

    session.press(0, 1)
    session.press(9, 2)
    session.set_drums("rock")
    session.start()
    start = first_sample(listener)
    for bpm in (120.0, 97.0, 203.0):
        session.set_tempo(bpm)
        listener.turn(RATE)
    session.stop()
    listener.turn(3 * RATE)
    session.export_midi(tmp_path / "out.mid")
    heard = sorted((event.sample - start) / RATE for event in listener.events if event.kind == "note_on")
    file, now_s, exported = mido.MidiFile(tmp_path / "out.mid"), 0.0, []
    for message in file:
        now_s += message.time
        if message.type == "note_on":
            exported.append(now_s)
    assert len(heard) == len(exported) > 50
    assert np.abs(np.array(heard) - np.array(exported)).max() < 0.0006


def test_another_rate_goes_on_without_a_hanging_note(listener, session, engine):
    session.press(0, 0)
    session.start()
    first_sample(listener)
    listener.turn(RATE)
    engine.use_stream(listener.card.at_rate(48_000))
    listener.turn(3 * RATE)
    assert session.snapshot.state == "playing" and listener.notes("note_on")
    heard_s = session.snapshot.heard_s
    assert heard_s > 3.0
    session.stop(now=True)
    listener.turn(RATE)
    assert session._playback.heard().duration_s == pytest.approx(session.snapshot.heard_s, abs=0.2)


def test_a_stop_that_waits_for_its_bar_is_no_start_at_another_rate(listener, session, engine):
    session.press(0, 0)
    session.set_instrument(33)
    session.start()
    first_sample(listener)
    listener.turn(RATE // 2)
    session.stop()
    listener.settle()
    assert session.snapshot.state == "stopping"
    engine.use_stream(listener.card.at_rate(48_000))
    listener.turn(RATE)
    assert session.snapshot.state == "stopped"
    assert [program for _, program in listener.notes("program")] == [33, 0]
    session.start()
    listener.turn(RATE)
    assert session.snapshot.state == "playing"


def test_takes_begin_with_the_song(listener, session, engine, tmp_path, eventually):
    from app.engine.take_files import TakeFolder
    from app.engine.takes import TakeRecorder

    recorder = TakeRecorder(engine, TakeFolder(tmp_path))
    recorder.start()
    session.press(0, 0)
    session.start()
    listener.turn(BAR)
    assert eventually(lambda: recorder.recording)
    recorder.close()
    (take,) = recorder.folder.takes()
    assert any(event.source == SOURCE for event in recorder.folder.events(take.key))


def test_closing_is_silence_and_gives_the_source_back(engine, hand_cranked, eventually):
    session = LaunchpadSession(engine, grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 0))
    listener = Listener(engine, hand_cranked, session, eventually)
    assert engine.source == "synth"
    session.start()
    listener.turn(BAR // 2)
    session.close()
    session.close()
    listener.turn(BAR)
    assert not listener.hanging() and engine.source == "input"
