"""The duet on the engine, block by block: on the sample, never late, the same as offline."""
from __future__ import annotations

import re
from functools import partial

import mido
import numpy as np
import psutil
import pytest

from app.engine.clock import now_s
from app.engine.midi_keys import MidiKeys
from app.engine.scheduler import Event
from app.sessions.duet.choices import Choices
from app.sessions.duet.headless import play_duet
from app.sessions.duet.parts import Part, PartNote
from app.sessions.duet.questions import Question
from app.sessions.duet.session import DuetSession
from app.sessions.export import NotSaved
from app.sessions.heard import NothingHeard
from app.sessions.seats import ProcessSeat, Seat
from models.duet.agent import load_agent
from models.duet.encoding import HOLD, MULTI_HOLD, line, sounding
from models.duet.encoding import notes as line_notes
from models.midi_files import events_of
from tests.app.sessions.duet.agents import BrokenAgent, ScriptedAgent
from tests.app.sessions.duet.test_command import notes, write

RATE = 44_100


def test_it_plays_on_the_sample_after_a_count_in(stage, scripted):
    on = stage(scripted(48, 50, 52, 53))
    session = on.session
    session.set_tempo(240)
    session.start(count_in_bars=1)
    on.settle()
    assert session.snapshot.state == "count-in" and session.snapshot.bar == -1
    on.crank_steps(33)
    struck = [(pitch, sample) for kind, pitch, sample in on.notes() if kind == "note_on"]
    first = struck[0][1]
    assert struck[:8] == [(pitch, first + round(beat * RATE / 4)) for beat, pitch in enumerate(
        (48, 50, 52, 53) * 2)]  # fmt: skip
    now = session.snapshot
    assert now.state == "playing" and now.late_steps == 0 and now.agent == "made up"
    assert [tuple(note) for note in now.machine[:3]] == [(0, 4, 48), (4, 4, 50), (8, 4, 52)]
    session.stop()
    on.settle()
    assert session.snapshot.state == "stopped"
    on.crank(8 * 256)
    on_off = [kind for kind, _, _ in on.notes()]
    assert on_off.count("note_on") == on_off.count("note_off")


STEP = RATE * 60 / 100 / 4
"""Samples of a sixteenth at 100."""
TUNE = ((0, 4, 72), (4, 2, 74), (6, 2, 76), (8, 6, 77), (14, 1, 76), (15, 1, 74), (16, 8, 72), (28, 4, 67),
        (32, 4, 69), (36, 12, 71))  # fmt: skip


def play_tune(on, first_sample: int, source: str = "midi", off_grid: float = 0.0) -> None:
    """Submit a tune on the keys, `off_grid` steps late."""
    for start, steps, pitch in TUNE:
        begin = round(first_sample + (start + off_grid) * STEP)
        on.engine.submit(Event(begin, "note_on", pitch, 70, source=source))
        on.engine.submit(Event(round(begin + (steps - 0.2) * STEP), "note_off", pitch, source=source))


def begin(on, count_in_bars: int = 0, **choices) -> int:
    """Start at 100 BPM; the sample of the first bar."""
    on.session.set_tempo(100)
    on.session.start(count_in_bars)
    on.settle()
    conductor = on.session._playback._conductor
    return conductor.sample_at(0)


@pytest.mark.parametrize(
    ("mode", "block"), [("together", 64), ("together", 256), ("together", 1024), ("call and response", 256)]
)
@pytest.mark.parametrize("off_grid", [-0.3, 0.0, 0.35])
def test_live_is_offline_on_the_same_keys(stage, network_agent, block, off_grid, mode):
    on = stage(network_agent(0), seed=5)
    on.session.set_temperature(1.0)
    on.session.set_mode(mode)
    on.session.set_phrase_bars(1)
    on.crank(1, block)
    first_sample = begin(on)
    if off_grid < 0:
        on.crank_steps(0)
        on.session.stop()
        on.crank(4 * block, block)
        first_sample = begin(on, count_in_bars=1)
    play_tune(on, first_sample, off_grid=off_grid)
    on.crank_steps(50, block)
    notes = tuple(PartNote((s + off_grid) / 4, (n - 0.2) / 4, pitch, 70) for s, n, pitch in TUNE)
    part = Part("tune", notes, 100.0, 4, line([], 0))
    choices = Choices().but(tempo_bpm=100.0, temperature=1.0, mode=mode, phrase_bars=1)
    heard, conductor = play_duet(part, network_agent(0), choices, seed=5)
    yours, machines = on.session._playback._conductor.ensemble.lines()
    expected = conductor.ensemble.lines()
    assert yours[:48].tolist() == expected[0][:48].tolist()
    assert machines[:48].tolist() == expected[1][:48].tolist()
    live = [(kind, pitch, sample - first_sample) for kind, pitch, sample in on.notes()
            if 0 <= sample - first_sample < 47 * STEP]  # fmt: skip
    offline = [(event.kind, event.data1, event.sample) for event in heard.events
               if event.source == "duet" and event.sample < 47 * STEP]  # fmt: skip
    assert live == offline and len(live) > (20 if mode == "together" else 6)
    assert on.session.snapshot.late_steps == 0


def test_a_key_is_heard_within_a_block_and_drawn_while_it_sounds(stage, scripted):
    on = stage(scripted(48))
    begin(on)
    on.crank_steps(4)
    on.engine.note_on(64, 90)
    before = on.engine.sample
    on.crank(1)
    assert next(e for e in on.played if e.data1 == 64).sample < before + 256
    on.crank_steps(7)
    now = on.session.snapshot
    assert [note.pitch for note in now.human] == [64]
    first, steps, pitch = now.human[-1]
    assert pitch == 64 and abs(first - 4) < 0.1 and abs(first + steps - now.step) < 1e-6


def test_in_turn_it_shows_what_it_means_to_answer_and_nothing_that_is_not_heard(stage, scripted):
    on = stage(scripted(48, 50))
    on.session.set_mode("call and response")
    on.session.set_phrase_bars(1)
    begin(on)
    on.crank_steps(7)
    assert on.session.snapshot.intended == ()
    on.crank_steps(15)
    assert min(note.first_step for note in on.session.snapshot.intended) == 16
    on.crank_steps(33)
    assert {note.first_step // 16 for note in on.session.snapshot.machine} == {1}


def test_the_shipped_agent_answers_every_phrase():
    """It once rested through every other one: shown its own rests, it went on resting."""
    agent = load_agent("duet")
    pitches = (67, 69, 71, 72, 74, 72, 71, 69)
    for bars, voice in ((1, "soprano"), (2, "bass")):
        phrase = 4 * bars
        beats = [beat for beat in range(6 * phrase) if beat // phrase % 2 == 0]
        tune = [PartNote(beat, 0.95, pitches[beat % 8]) for beat in beats]
        part = Part("tune", (*tune, PartNote(6 * phrase - 0.5, 0.25, 67)), 100.0, 4, line([], 0))
        choices = Choices().but(mode="call and response", phrase_bars=bars, voice=voice)
        for seed in range(2):
            machines = play_duet(part, agent, choices, seed)[1].ensemble.lines()[1][: 24 * phrase]
            sounds = (sounding(machines) > 0).reshape(6, 4 * phrase).mean(1)
            assert not sounds[::2].any() and sounds[1::2].min() > 0.25 and sounds[1::2].mean() > 0.75


def test_the_plan_lies_after_what_is_decided(stage, scripted):
    on = stage(scripted(48, 50))
    begin(on)
    on.crank_steps(9)
    now = on.session.snapshot
    assert now.intended and min(note.first_step for note in now.intended) >= now.machine[-1].first_step
    assert {note.pitch for note in now.intended} <= {48, 50}
    on.session.stop()
    on.settle()
    assert not on.session.snapshot.intended


def test_a_slow_agent_is_held_counted_and_never_heard_late(stage, scripted, engine):
    on = stage(scripted(48, 50))
    asked: list[Question] = []
    on.session._seat.ask = asked.append
    begin(on)
    on.crank_steps(12)
    assert on.session.snapshot.late_steps >= 11 and not on.notes()
    del on.session._seat.ask
    on.crank_steps(20)
    struck = [s for kind, _, s in on.notes() if kind == "note_on"]
    conductor = on.session._playback._conductor
    assert struck[:1] == [conductor.sample_at(16)]


def test_a_phrase_whose_first_answer_is_late_begins_with_the_next(stage, scripted):
    """The note that it held unheard was written down where it was too late to strike it."""
    on = stage(scripted(48, 50))
    on.session.set_mode("call and response")
    on.session.set_phrase_bars(1)
    answer = on.session._seat.ask
    on.session._seat.ask = lambda question: None if question.step == 16 else answer(question)
    begin(on)
    on.crank_steps(30)
    conductor = on.session._playback._conductor
    machines = conductor.ensemble.lines()[1][:30]
    written = np.flatnonzero(machines < HOLD)
    onsets = [(int(sounding(machines)[step]), conductor.sample_at(step)) for step in written]
    assert [(pitch, sample) for kind, pitch, sample in on.notes() if kind == "note_on"] == onsets
    assert conductor.late_steps == 1 and onsets[0] == (50, conductor.sample_at(17))


def test_an_agent_that_fails_leaves_and_you_play_on(engine, hand_cranked, eventually):
    session = DuetSession(engine, BrokenAgent, "broken")
    assert eventually(lambda: session.ready)
    session.start(0)
    for _ in range(400):
        hand_cranked.crank()
    assert eventually(lambda: session.snapshot.agent == "" or hand_cranked.crank() is None)
    assert any("play on alone" in said for said in engine.take_messages())
    before = session.snapshot.step
    for _ in range(100):
        hand_cranked.crank()
    assert session.snapshot.step > before and session.snapshot.state == "playing"
    session.close()


class Empty(Seat):
    """Somebody is about to come."""

    taken = True


def test_until_its_agent_is_there_the_other_line_rests(engine, hand_cranked, eventually):
    session = DuetSession(engine, ScriptedAgent, "slow to come", make_seat=lambda make, tell: Empty())
    session.start(0)

    def played() -> list[int]:
        hand_cranked.crank()
        conductor = session._playback._conductor
        return conductor.ensemble.lines()[1].tolist() if conductor is not None else []

    assert eventually(lambda: len(played()) > 4)
    assert set(played()) == {MULTI_HOLD.rest}
    assert session.snapshot.late_steps == 0 and session.snapshot.agent == "slow to come"
    session.close()


def test_an_agent_whose_process_is_killed_comes_back_and_you_play_on(engine, hand_cranked, eventually):
    session = DuetSession(engine, partial(ScriptedAgent, 48, 50), "killed")
    heard: list[Event] = []
    engine.add_sink(heard.append)

    def answered() -> bool:
        hand_cranked.crank()
        return any(event.kind == "note_on" and event.source == "duet" for event in heard)

    assert eventually(lambda: session.ready)
    session.start(0)
    assert eventually(answered)
    assert isinstance(session._seat, ProcessSeat) and session._seat._process is not None
    psutil.Process(session._seat._process.pid).kill()
    assert eventually(lambda: not session.ready)
    assert eventually(lambda: session.ready)
    heard.clear()
    before = session.snapshot.step
    assert eventually(answered) and session.snapshot.step > before
    assert session.snapshot.agent == "killed" and session.snapshot.state == "playing"
    assert engine.take_messages() == ["The agent stopped and is starting again; the music goes on."]
    session.close()


def test_without_a_checkpoint_it_says_what_to_do(engine, eventually):
    session = DuetSession(engine, partial(load_agent, "nobody"), "nobody")
    said: list[str] = []

    def told() -> bool:
        said.extend(engine.take_messages())
        return bool(said)

    assert eventually(told)
    assert "You play alone" in said[0] and "train it" in said[0]
    session.close()


def test_a_change_of_tempo_is_heard_from_the_next_sixteenth_on(stage, scripted):
    on = stage(scripted(48, 50, 52, 53))
    begin(on)
    on.crank_steps(6.2)
    on.session.set_tempo(200)
    on.settle()
    on.crank_steps(30)
    struck = [s for kind, _, s in on.notes() if kind == "note_on"]
    gaps = np.diff(struck)
    assert gaps[0] == pytest.approx(4 * STEP, abs=1) and gaps[-1] == pytest.approx(2 * STEP, abs=1)
    assert 2 * STEP < gaps[1] < 4 * STEP and on.session.snapshot.tempo_bpm == 200
    heard = on.session._playback.heard()
    assert [round(change.bpm) for change in heard.timeline.changes] == [100, 200]


@pytest.mark.parametrize("bpm", [20, 400])
def test_extreme_tempos_are_played_in_time(stage, scripted, bpm):
    on = stage(scripted(48, 50))
    on.session.set_tempo(bpm)
    on.session.start(0)
    on.settle()
    on.crank_steps(9, 256)
    struck = [s for kind, _, s in on.notes() if kind == "note_on"]
    assert np.diff(struck) == pytest.approx(RATE * 60 / bpm, abs=1)
    assert on.session.snapshot.late_steps == 0


@pytest.mark.parametrize("where", [7.6, 7.97, 8.02])
@pytest.mark.parametrize("rests", [False, True])
def test_wherever_it_is_stopped_nothing_hangs(stage, scripted, where, rests, tmp_path):
    on = stage(scripted(*((48, 50, None) if rests else (48, 50))))
    on.session.play_part(write(tmp_path / "tune.mid", ("", 0, (60, 62, 64, 65)), tempo_bpm=100))
    begin(on)
    on.crank_steps(where)
    on.session.stop()
    on.settle()
    on.crank(RATE / 4, 2048)
    sounding: set[tuple[int, int]] = set()
    for event in on.played:
        if event.kind == "note_on":
            sounding.add((event.channel, event.data1))
        elif event.kind == "note_off":
            sounding.discard((event.channel, event.data1))
    assert not sounding and any(event.kind == "note_on" for event in on.played)


def test_starting_over_forgets_and_begins_at_once(stage, scripted):
    agent = scripted(48, 50)
    on = stage(agent)
    begin(on)
    on.crank_steps(20)
    on.session.start_over()
    on.settle()
    assert on.session.snapshot.machine == () and on.session.snapshot.step <= 0.5
    on.crank_steps(9)
    assert [len(human) for human, _, beat in agent.asked if beat == 0] == [0, 0]
    kinds = [kind for kind, _, _ in on.notes()]
    assert kinds.count("note_on") - kinds.count("note_off") <= 1
    assert agent.seeds[-1] == agent.seeds[0]


def test_roles_are_switched_on_the_next_beat(stage, scripted):
    on = stage(scripted(48))
    first = begin(on)
    play_tune(on, first)
    on.crank_steps(9.1)
    on.session.switch_roles()
    on.settle()
    assert not on.session.snapshot.switched
    on.crank_steps(13)
    now = on.session.snapshot
    assert now.switched and now.voice == "soprano"
    assert now.choices.voice == on.session.choices.voice == "bass", "what was chosen is not forgotten"
    on.session.switch_roles()
    on.crank_steps(17)
    assert not on.session.snapshot.switched
    assert [said[:47] for said in on.engine.take_messages()] == [
        "From the next beat on you carry on the partner'", "From the next beat on each carries on their own"]


def test_a_new_start_has_the_voice_that_was_chosen(stage, scripted):
    on = stage(scripted(48))
    play_tune(on, begin(on))
    on.crank_steps(9.1)
    on.session.switch_roles()
    on.crank_steps(13)
    assert on.session.snapshot.voice == "soprano"
    on.session.set_voice("tenor")
    on.settle()
    assert on.session.snapshot.voice == "tenor", "what is chosen counts"
    on.session.start_over()
    on.settle()
    play_tune(on, on.session._playback._conductor.sample_at(0))
    on.crank_steps(9.1)
    on.session.switch_roles()
    on.crank_steps(13)
    assert on.session.snapshot.voice == "soprano"
    on.session.start_over()
    on.settle()
    assert on.session.snapshot.voice == "tenor" and not on.session.snapshot.switched


def test_a_switch_that_changes_nothing_says_so(stage, scripted):
    on = stage(scripted(48))

    def said() -> list[str]:
        on.session.switch_roles()
        on.settle()
        return on.engine.take_messages()

    assert said() == ["Roles are switched while a duet plays: start first."]
    begin(on, count_in_bars=1)
    on.crank_steps(-5)
    assert said() == ["There is no line to carry on yet: switch roles once you both play."]
    on.crank_steps(5)
    assert not on.session.snapshot.switched
    assert "you carry on the partner's line" in said()[0]
    assert said() == ["The roles stay as they are."]
    on.crank_steps(13)
    assert not on.session.snapshot.switched


def test_what_a_piece_cannot_begin_is_told(stage, scripted, tmp_path):
    on = stage(scripted(48))
    on.session.choose_seed("piece")
    on.settle()
    assert "No piece plays your part" in on.engine.take_messages()[0]
    on.session.play_part(write(tmp_path / "tune.mid", ("", 0, (60, 62))))
    on.session.start(0)
    on.settle()
    assert on.engine.take_messages()[1:] == ["tune has only one line; the machine begins cold."]
    two = write(tmp_path / "two.mid", ("", 0, (60, 62)), ("", 1, (48, 50)))
    on.session.choose_seed("piece", two)
    on.session.start_over()
    on.settle()
    assert not any("cold" in said for said in on.engine.take_messages())


def test_panic_silences_and_it_goes_on(stage, scripted):
    on = stage(scripted(48, 50))
    begin(on)
    on.crank_steps(5)
    on.engine.note_on(72)
    on.crank_steps(6)
    on.engine.panic()
    on.crank_steps(8)
    assert on.session.snapshot.human[-1].steps < 1.5
    on.crank_steps(13)
    assert [pitch for kind, pitch, _ in on.notes() if kind == "note_on"][-2:] == [48, 50]


@pytest.mark.parametrize("played", [
    [[0x90, 70, 90]],
    [[0x90, 70, 90], [0xB0, 64, 127]],
    [[0x91, 70, 90], [0xB1, 64, 127], [0x81, 70, 0]],
], ids=["key", "key and pedal", "pedal alone"])  # fmt: skip
def test_a_keyboard_that_is_unplugged_leaves_no_note(stage, scripted, played):
    on = stage(scripted(48))
    keys = MidiKeys(on.engine)
    begin(on)
    for message in played:
        keys.play(message, now_s())
    on.crank_steps(6)
    keys.let_go()
    on.crank_steps(9)
    assert on.session.snapshot.state == "playing"
    yours, _ = on.session._playback._conductor.ensemble.lines()
    assert yours[-1] == MULTI_HOLD.rest and yours[3] != MULTI_HOLD.rest


def test_minutes_of_silence_change_nothing(stage, network_agent):
    on = stage(network_agent(0))
    on.session.set_tempo(400)
    on.session.start(0)
    on.settle()
    on.crank_steps(800, 8192)
    assert on.session.snapshot.state == "playing" and on.session.snapshot.bar >= 50


def test_chords_are_told_once_a_duet(stage, scripted):
    on = stage(scripted(48))
    first = begin(on)
    for step in (0, 4, 8):
        for pitch in (60, 64, 67):
            on.engine.submit(Event(round(first + step * STEP), "note_on", pitch, 80, source="keys"))
            on.engine.submit(Event(round(first + (step + 3) * STEP), "note_off", pitch, source="keys"))
    on.crank_steps(14)
    assert sum("highest one counts" in said for said in on.engine.take_messages()) == 1
    yours, _ = on.session._playback._conductor.ensemble.lines()
    assert sounding(yours[:3]).tolist() == [67] * 3


def test_a_high_note_is_written_where_it_was_played(stage, scripted):
    on = stage(scripted(48))
    on.engine.submit(Event(begin(on), "note_on", 96, 80, source="keys"))
    on.crank_steps(5)
    yours, _ = on.session._playback._conductor.ensemble.lines()
    assert sounding(yours[:4]).tolist() == [72] * 4
    assert re.findall(r"<step>(\w)</step><octave>(\d)</octave>", on.session.musicxml())[0] == ("C", "7")


def test_a_part_that_is_chosen_while_a_duet_plays_begins_it_anew(stage, scripted, tmp_path):
    on = stage(scripted(48, 50))
    begin(on)
    on.crank_steps(9)
    on.session.play_part(write(tmp_path / "tune.mid", ("", 0, (60, 62, 64, 65)), tempo_bpm=200))
    on.settle()
    now = on.session.snapshot
    assert now.state == "playing" and now.step < 1 and now.tempo_bpm == pytest.approx(200)
    on.crank(3 * RATE)
    assert [note.pitch for note in on.session.snapshot.human] == [60, 62, 64, 65]


def test_a_part_that_is_remembered_waits_for_the_next_start(stage, scripted, tmp_path):
    """It comes a second or two after the scene, where somebody may be playing by then."""
    on = stage(scripted(48, 50))
    part = on.session.read_part(write(tmp_path / "tune.mid", ("", 0, (60, 62, 64, 65)), tempo_bpm=200), print)
    begin(on)
    on.crank_steps(9)
    on.session.use_part(part, remembered=True)
    on.settle()
    now = on.session.snapshot
    assert now.step > 8 and now.choices.tempo_bpm == 100 and (now.part_name, now.part) == ("", ())
    assert on.engine.take_messages() == ["tune plays your part from the next start on."]
    on.session.stop()
    on.settle()
    assert on.session.snapshot.part_name == "tune"
    on.session.start(0)
    on.crank(4 * RATE)
    assert [note.pitch for note in on.session.snapshot.human] == [60, 62, 64, 65]


def test_who_plays_live_already_goes_on_without_a_part(stage, scripted):
    on = stage(scripted(48, 50))
    begin(on)
    on.crank_steps(9)
    on.session.no_part()
    on.settle()
    assert on.session.snapshot.step > 8


def test_a_part_plays_in_your_place_and_the_duet_ends_with_it(stage, scripted, tmp_path):
    path = write(tmp_path / "tune.mid", ("", 0, (60, 62, 64, 65)), tempo_bpm=200)
    on = stage(scripted(48, 50))
    on.session.play_part(path)
    on.settle()
    now = on.session.snapshot
    assert now.part_name == "tune" and [note.pitch for note in now.part] == [60, 62, 64, 65]
    assert now.choices.tempo_bpm == pytest.approx(200)
    on.session.start(0)
    on.settle()
    on.crank(3 * RATE)
    now = on.session.snapshot
    assert now.state == "stopped" and [note.pitch for note in now.human] == [60, 62, 64, 65]
    assert [note.first_step for note in now.human] == pytest.approx([0, 4, 8, 12], abs=0.01)
    for source in ("duet", "duet-part"):
        kinds = [kind for kind, _, _ in on.notes(source)]
        assert kinds.count("note_on") == kinds.count("note_off") > 0
    on.session.no_part()
    on.settle()
    assert on.session.snapshot.part_name == ""


def test_instruments_and_volumes_are_heard_and_given_back(stage, scripted):
    on = stage(scripted(48))
    on.session.set_instrument("machine", 32)
    on.session.set_volume("you", 0.5)
    on.settle()
    on.crank(256)
    sent = {(e.kind, e.channel, e.data1, e.data2) for e in on.played}
    assert ("program", 15, 32, 0) in sent and ("control", 0, 7, 64) in sent
    on.session.close()
    on.crank(256)
    last = {(e.kind, e.channel): (e.data1, e.data2) for e in on.played}
    assert last["program", 15] == (0, 0) and last["control", 0] == (7, 100)


def settings_of(on) -> dict[tuple[str, int], int]:
    """The programs and volumes that were set last, by kind and channel."""
    return {(e.kind, e.channel): e.data2 if e.kind == "control" else e.data1 for e in on.played
            if e.kind in ("program", "control")}  # fmt: skip


def test_while_it_rests_the_channels_are_as_others_know_them(stage, scripted):
    on = stage(scripted(48), choices=Choices(your_program=73, machine_program=42, your_level=0.0))
    on.crank(2048)
    chosen = settings_of(on)
    assert chosen["program", 0] == 73 and chosen["program", 15] == 42 and chosen["control", 0] == 0
    begin(on)
    on.crank_steps(2)
    on.session.rest()
    on.crank(2048)
    usual = settings_of(on)
    melodic = [channel for channel in range(16) if channel != 9]
    assert usual == {("program", c): 0 for c in melodic} | {("control", c): 100 for c in melodic}
    assert on.session.snapshot.state == "stopped"
    on.session.set_volume("you", 0.25)
    on.session.start(0)
    on.session.start_over()
    on.crank(2048)
    assert on.session.snapshot.state == "stopped" and settings_of(on) == usual
    on.session.wake()
    on.crank(2048)
    assert settings_of(on) == chosen | {("control", c): 32 for c in melodic[:-1]}


@pytest.mark.parametrize("left_for", ["another scene", "another rate"])
def test_what_is_played_and_set_once_a_duet_is_left_is_not_of_its_export(stage, scripted, left_for):
    on = stage(scripted(48), choices=Choices(your_program=73))
    play_tune(on, begin(on))
    on.crank_steps(9)
    on.session.stop()
    on.crank(2048)
    heard = on.session._playback.heard()
    if left_for == "another scene":
        on.session.rest()
    else:
        on.change_rate(48_000)
    on.crank(RATE)
    on.engine.submit(Event(-1, "note_on", 60, 80, source="keys"))
    on.engine.submit(Event(-1, "note_off", 60, source="keys"))
    on.crank(2048)
    on.session.wake()
    on.session.set_volume("you", 0.5)
    on.crank(2048)
    assert settings_of(on)["control", 0] == 64
    assert on.session._playback.heard() == heard
    on.session.start(0)
    on.crank(2048)
    on.engine.submit(Event(-1, "note_on", 72, 80, source="keys"))
    on.crank(2048)
    heard = on.session._playback.heard()
    assert [e.data1 for e in heard.events if e.source == "keys" and e.kind == "note_on"] == [72]


def test_what_others_set_on_its_channels_is_over_with_the_next_start(stage, scripted, tmp_path):
    """The launchpad gives its channels pianos back a moment after it was left."""
    on = stage(scripted(48), choices=Choices(your_program=73, machine_program=42))
    for channel in (0, 15):
        on.engine.submit(Event(-1, "program", 0, channel=channel, source="launchpad"))
    on.crank(256)
    play_tune(on, begin(on))
    on.crank_steps(9)
    assert (settings_of(on)["program", 0], settings_of(on)["program", 15]) == (73, 42)
    on.session.export_midi(tmp_path / "duet.mid")
    programs = [(message.channel, message.program) for message in mido.MidiFile(tmp_path / "duet.mid")
                if message.type == "program_change"]  # fmt: skip
    assert programs == [(0, 73), (15, 42)]


def test_what_cannot_be_chosen_is_told_and_nothing_changes(stage):
    on = stage()
    for change in (lambda: on.session.set_meter(7), lambda: on.session.set_voice("drone"),
                   lambda: on.session.set_instrument("you", 500)):  # fmt: skip
        change()
        on.settle()
        assert any("there is no" in said for said in on.engine.take_messages())
    on.session.set_tempo(float("nan"))
    on.settle()
    assert on.session.choices.tempo_bpm == 20
    on.session.set_tempo(1e9)
    on.settle()
    assert on.session.choices.tempo_bpm == 400 and on.session.choices.beats_a_bar == 4


def test_exports_hold_both_lines(stage, scripted, tmp_path):
    on = stage(scripted(48, 50, 52, 53))
    with pytest.raises(NothingHeard, match="play a bar"):
        on.session.export_midi(tmp_path / "duet.mid")
    on.session.set_instrument("machine", 42)
    first = begin(on)
    play_tune(on, first, source="keys")
    on.crank_steps(50)
    on.session.stop()
    on.crank(2048)
    on.session.export_midi(tmp_path / "duet.mid")
    given, answer = notes(tmp_path / "duet.mid", 0), notes(tmp_path / "duet.mid", 15)
    assert [n[2] for n in given] == [pitch for _, _, pitch in TUNE]
    assert [n[0] for n in given] == pytest.approx([start * 0.15 for start, _, _ in TUNE], abs=2e-3)
    assert [n[2] for n in answer][:6] == [48, 50, 52, 53, 48, 50]
    on.session.export_wav(tmp_path / "duet.wav")
    on.session.export_musicxml(tmp_path / "duet.musicxml")
    engraved, upper = on.session.engrave()
    pitches = [note.pitch for note in engraved.notes]
    assert pitches.count(77) == 1 and pitches.count(53) >= 3 and engraved.svg_pages
    assert upper == "you"
    assert (tmp_path / "duet.wav").stat().st_size > 100_000
    with pytest.raises(NotSaved):
        on.session.export_midi(tmp_path / "no" / "duet.mid")


@pytest.mark.parametrize("how", ["at once", "after a count-in", "over again"])
def test_a_first_note_that_is_struck_early_is_exported(stage, scripted, how, tmp_path):
    on = stage(scripted(48))
    first = begin(on, count_in_bars=int(how == "after a count-in"))
    if how == "over again":
        on.crank_steps(3)
        on.session.start_over()
        on.settle()
        first = on.session._playback._conductor.sample_at(0)
    for start, steps, pitch in ((-0.4, 3.0, 72), (4.0, 3.0, 74)):
        begun, ended = (round(first + step * STEP) for step in (start, start + steps))
        on.engine.submit(Event(begun, "note_on", pitch, 80, source="midi"))
        on.engine.submit(Event(ended, "note_off", pitch, source="midi"))
    on.crank_steps(9)
    on.session.export_midi(tmp_path / "duet.mid")
    early, late = notes(tmp_path / "duet.mid", 0)
    assert early == pytest.approx((0.0, 2.6 * 0.15, 72), abs=2e-3)
    assert late == pytest.approx((0.6, 1.05, 74), abs=2e-3)
    yours, _ = on.session._playback._conductor.ensemble.lines()
    assert [(step, pitch) for step, _, pitch in line_notes(yours)] == [(0, 72), (4, 74)]


def test_what_is_set_in_the_count_in_is_exported(stage, scripted):
    on = stage(scripted(48))
    play_tune(on, begin(on, count_in_bars=1))
    on.crank_steps(-9)
    on.session.set_instrument("you", 73)
    on.session.set_volume("you", 0.5)
    on.engine.submit(Event(-1, "note_on", 60, 80, source="keys"))
    on.engine.submit(Event(-1, "note_off", 60, source="keys"))
    on.crank_steps(9)
    opening = [e for e in on.session._playback.heard().events if e.channel == 0 and e.sample == 0]
    assert [(e.kind, e.data1, e.data2) for e in opening] == [
        ("program", 73, 0), ("control", 7, 64), ("note_on", 72, 70)]  # fmt: skip


def test_a_change_of_meter_is_exported_where_it_came(stage, scripted, tmp_path):
    on = stage(scripted(48, 50, 52, 53))
    begin(on)
    on.crank_steps(15.2)
    on.session.set_tempo(130)
    on.session.set_meter(3)
    on.settle()
    on.crank_steps(30)
    on.session.stop()
    on.session.set_meter(4)  # of what comes next
    on.session.set_tempo(60)
    on.crank(2048)
    on.session.export_midi(tmp_path / "duet.mid")
    found = events_of(mido.MidiFile(tmp_path / "duet.mid"), "time_signature")
    assert [(tick / 960, m.numerator) for tick, m in found] == [(0, 4), (4, 2), (6, 3)]
    text = on.session.musicxml()
    assert re.findall(r"<beats>(\d)</beats>", text) == ["4", "2", "3"] and 'tempo="100' in text


def test_free_time_follows_your_onsets(stage, scripted):
    on = stage(scripted(48))
    on.session.follow_tempo(True)
    first = begin(on)
    for beat in range(16):
        at = round(first + beat * RATE * 60 / 115)
        on.engine.submit(Event(at, "note_on", 60 + beat % 3, 80, source="midi"))
        on.engine.submit(Event(at + 4000, "note_off", 60 + beat % 3, source="midi"))
    on.crank(15.5 * RATE * 60 / 115)
    assert on.session.snapshot.tempo_bpm == pytest.approx(115, rel=0.03)
    assert on.session.snapshot.choices.tempo_bpm == 100
    on.session.follow_tempo(False)
    on.settle()
    on.crank(RATE / 2)
    assert on.session.snapshot.tempo_bpm == 100


def test_it_begins_with_the_choices_that_it_is_given(stage):
    given = Choices(tempo_bpm=97.0, voice="tenor", machine_program=42, machine_level=0.5)
    on = stage(choices=given)
    on.crank(256)
    assert on.session.snapshot.choices == given and on.session.snapshot.tempo_bpm == 97.0
    last = {(event.kind, event.channel): event.data1 for event in on.played}
    assert last["program", 15] == 42
