"""What a bar plays, against bars drawn by hand; the queue loses and doubles nothing."""
from __future__ import annotations

import io
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.timeline import Timeline
from app.sessions.export import NotSaved, midi_bytes, save_midi, save_wav
from app.sessions.launchpad import AGENT, YOU, Arrangement, Link, Song
from app.sessions.launchpad.bars import beat_of, closing_bar, render_bar, step_of
from app.sessions.launchpad.conductor import Conductor
from app.sessions.launchpad.drums import PATTERNS, VELOCITIES
from app.sessions.launchpad.headless import play_bars
from app.sessions.launchpad.questions import Answer, Question, answers
from app.sessions.launchpad.queue import BarQueue
from app.sessions.seats import InlineSeat, Seat
from models.launchpad.instrument import LAUNCHPAD

RATE = 44_100


def played(bar) -> list[tuple[float, str, int, int]]:
    """(beat, kind, pitch, velocity) of the notes."""
    return [(e.beat, e.kind, e.data1, e.data2) for e in bar.events if e.kind.startswith("note")]


def test_a_bar_drawn_by_hand():
    """Row 0 beats every 32 steps from step 15: beats 15/16 and 2 + 15/16; notes last an eighth."""
    song = Song()
    song.press(LAUNCHPAD.toggle(0, 4))
    bar = render_bar(song.now, 2)
    first, second = 8 + 15 / 16, 8 + 47 / 16
    assert played(bar) == [(first, "note_on", 47, 60), (first + 0.5, "note_off", 47, 0),
                           (second, "note_on", 47, 60), (second + 0.5, "note_off", 47, 0)]  # fmt: skip
    assert bar.roll[0].nonzero()[0].tolist() == [15, 47] and set(bar.roll[0, [15, 47]].tolist()) == {YOU}


def test_velocity_follows_the_accents():
    song = Song()
    song.press(LAUNCHPAD.toggle(0, 6))
    for _ in range(1):
        song.press(LAUNCHPAD.shift(0, 0))  # the single beat, from step 63 to step 0
    song.set_accent(0, 127)
    assert played(render_bar(song.now, 0))[0][3] == 127


def test_swing_delays_the_second_sixteenth():
    assert [beat_of(step, 0.5) for step in (0, 4, 8, 63)] == [0.0, 0.25, 0.5, 63 / 16]
    assert [beat_of(step, 0.75) for step in (0, 4, 8)] == [0.0, 0.375, 0.5]
    for step in np.linspace(0, 127, 97):
        assert step_of(beat_of(float(step), 0.66), 0.66) == pytest.approx(step)


def test_a_note_over_the_bar_is_let_go_in_the_next():
    song = Song()
    song.press(LAUNCHPAD.toggle(0, 6))  # step 63
    song.set_note_steps(4)
    first = render_bar(song.now, 0)
    assert [kind for _, kind, *_ in played(first)] == ["note_on"]
    song.clear()
    assert played(render_bar(song.now, 1, first)) == [(4 + 3 / 16, "note_off", 47, 0)]
    assert [(e.beat, e.kind) for e in closing_bar(1, first).events] == [(4.0, "note_off")]


def test_muted_rows_are_silent_and_not_in_the_roll():
    song = Song()
    song.press(LAUNCHPAD.toggle(0, 0), "agent")
    assert (render_bar(song.now, 0).roll == AGENT).sum() == 32
    song.mute(0)
    bar = render_bar(song.now, 0)
    assert not played(bar) and not bar.roll.any()


def test_programs_are_said_once():
    song = Song()
    song.set_instrument(33)
    first = render_bar(song.now, 0)
    assert [e.data1 for e in first.events] == [33]
    assert not render_bar(song.now, 1, first).events
    assert [(e.kind, e.data1) for e in closing_bar(1, first).events] == [("program", 0)]


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_drum_patterns_are_whole_bars(name):
    assert all(len(line) == 16 and set(line) <= set(VELOCITIES) | {"."} for line in PATTERNS[name].values())
    bar = render_bar(replace(Song().now, arrangement=Arrangement(drums=name)), 0)
    assert {event.channel for event in bar.events if event.kind == "note_on"} <= {9} and not bar.ringing


def balanced(events) -> None:
    """Every note-on has one note-off before it is struck again, and nothing is left."""
    held: set[tuple[int, int]] = set()
    for event in events:
        key = (event.channel, event.data1)
        if event.kind == "note_on":
            assert key not in held
            held.add(key)
        elif event.kind == "note_off":
            assert key in held
            held.discard(key)
    assert not held


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.5, 0.75), st.integers(1, 64), st.floats(20, 300))
def test_no_note_hangs_whatever_is_played(seed, swing, note_steps, bpm):
    rng = np.random.default_rng(seed)
    song = Song(LAUNCHPAD.random(rng) * (rng.random((24, 1)) < 0.2), Arrangement(bpm, swing, drums="break"))
    song.set_note_steps(note_steps)
    conductor = Conductor(song, Seat())
    conductor.begin(RATE, 1000)
    events, sample = [], 0
    for _ in range(12):
        sample += int(rng.integers(1, 2 * RATE))
        events += conductor.due(sample, sample + 8820)
        song.press(int(rng.integers(313)))
        song.set_tempo(float(rng.uniform(20, 300)))
        song.set_swing(float(rng.uniform(0.5, 0.75)))
        if (forget := conductor.changed(sample + 2205)) is not None:
            events = [event for event in events if event.sample < forget]
        events += conductor.due(sample, sample + 8820)
    if rng.random() < 0.5:
        events = [event for event in events if event.sample < sample + 2205] + conductor.halt(sample + 2205)
    else:
        forget = conductor.end_at_bar(sample + 2205)
        events = [event for event in events if forget is None or event.sample < forget]
        events += conductor.due(sample, sample + 20 * RATE)
        conductor.due(sample + 20 * RATE, sample + 20 * RATE)
        assert not conductor.running
    assert [event.sample for event in events] == sorted(event.sample for event in events)
    balanced(events)


def test_a_queue_that_is_rewound_gives_the_same_again():
    song = Song(LAUNCHPAD.random(np.random.default_rng(1)))
    queue = BarQueue(Timeline.steady(RATE, 120.0))
    queue.add(render_bar(song.now, 0).events)
    first = queue.take(60_000)
    cut = first[len(first) // 2].sample  # the scheduler forgets what is due at that very sample too
    queue.rewind(cut)
    assert queue.take(60_000) == [event for event in first if event.sample >= cut]


def test_the_agent_acts_at_its_pace(scripted):
    for pace, turns in ((1, 7), (3, 2), (0, 0)):
        agent = scripted(LAUNCHPAD.shift(0, 0))
        song = Song(arrangement=Arrangement(pace=pace))
        conductor = Conductor(song, InlineSeat(agent, answers))
        conductor.begin(RATE, 0)
        conductor.due(0, 8 * 2 * RATE)
        assert song.grid[0, 1] == turns and conductor.late_moves == 0


def test_the_agent_is_told_of_locks_votes_and_boldness(scripted):
    agent = scripted()
    song = Song()
    song.lock(2)
    song.vote(-1)
    song.set_temperature(0.4)
    conductor = Conductor(song, InlineSeat(agent, answers))
    conductor.begin(RATE, 0)
    state, forbidden, temperature, votes, _ = agent.asked[0]
    assert forbidden[26:39].all() and forbidden.sum() == 13 and temperature == 0.4
    assert [vote.weight for vote in votes] == [-1] and (state == song.grid).all()


def test_the_agent_is_asked_anew_of_the_same_bar_while_a_slider_is_dragged(scripted):
    agent = scripted()
    conductor = Conductor(Song(), InlineSeat(agent, answers))
    conductor.begin(RATE, 0)
    conductor.due(0, RATE)
    for _ in range(3):
        conductor.changed(RATE)
    conductor.due(0, 3 * RATE)
    assert [bar for *_, bar in agent.asked] == [0, 1, 1, 1, 1, 2]


def test_the_chain_leads_through_its_parts(scripted):
    song = Song(arrangement=Arrangement(pace=0))
    for row in range(2):
        song.clear()
        song.press(LAUNCHPAD.toggle(row, 6))
        song.keep_part()
    song.set_chain([Link(0, 2), Link(1, 1)])
    song.play_chain(True)
    conductor = Conductor(song, Seat())
    conductor.begin(RATE, 0)
    pitches = [event.data1 for event in conductor.due(0, 7 * 2 * RATE) if event.kind == "note_on"]
    assert pitches == [47, 47, 48, 47, 47, 48, 47] and conductor.link == 0
    conductor.halt(7 * 2 * RATE)
    assert conductor.link is None


def shortened_by_undo(song: Song) -> None:
    while song.undo() != "chain":
        pass


@pytest.mark.parametrize(("shorten", "leads"), [
    (lambda song: song.set_chain([Link(0)]), 0), (lambda song: song.set_chain([]), None),
    (lambda song: song.forget_part(1), 0), (lambda song: song.play_chain(False), None),
    (shortened_by_undo, None),
])  # fmt: skip
def test_a_link_that_was_taken_away_while_it_played_leads_no_more(shorten, leads):
    song = Song()
    for row in range(2):
        song.press(LAUNCHPAD.toggle(row, 6))
        song.keep_part()
    for chain in ([Link(0, 1)], [Link(0, 1), Link(1, 8)]):
        song.set_chain(chain)
    song.play_chain(True)
    conductor = Conductor(song, Seat())
    conductor.begin(RATE, 0)
    conductor.due(0, 3 * 2 * RATE)
    assert conductor.link == 1
    shorten(song)
    conductor.changed(3 * 2 * RATE)
    assert conductor.link is None
    conductor.due(0, 20 * 2 * RATE)
    assert conductor.link == leads


def test_same_seed_same_file(random_agent, busy):
    one, again, other = (midi_bytes(play_bars(12, random_agent(s), None, busy, s)) for s in (4, 4, 5))
    assert one == again != other


def test_headless_plays_so_many_bars(random_agent, busy):
    heard = play_bars(5, random_agent(0), None, busy, 1)
    end = 5 * 4 * 60 / busy.tempo_bpm
    assert heard.duration_s == pytest.approx(end, abs=0.01)
    balanced(heard.events)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(heard)))
    assert file.length == pytest.approx(end, abs=0.002)
    assert {message.channel for message in file if message.type == "note_on"} == {1, 2, 9}


def test_the_same_events_as_sound(tmp_path, scripted):
    from scipy.io import wavfile

    grid = LAUNCHPAD.empty()
    grid[12] = 1 << 6, 33  # once, on step 32: the third beat
    heard = play_bars(2, None, grid, Arrangement())
    save_wav(heard, tmp_path / "out.wav")
    rate, sound = wavfile.read(tmp_path / "out.wav")
    loud = np.flatnonzero(np.abs(sound.astype(int)).max(1) > 300)
    assert rate == RATE and len(sound) == (2 * 2 + 1.5) * RATE
    assert loud[0] == pytest.approx(RATE, abs=RATE // 50)


def test_what_cannot_be_written_says_so_and_leaves_the_old_file(tmp_path):
    heard = play_bars(1, None, None, Arrangement())
    for save in (save_midi, save_wav):
        with pytest.raises(NotSaved, match="Choose another place"):
            save(heard, tmp_path / "nowhere" / "out")
        with pytest.raises(NotSaved):
            save(heard, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_judge_that_fails_costs_no_bar():
    rewards = iter([1.0, 1.0])
    conductor = Conductor(Song(), Seat(), lambda grid: next(rewards))
    conductor.begin(RATE, 0)
    conductor.due(0, 6 * 2 * RATE)
    assert list(conductor.rewards) == [1.0, 1.0] and conductor.next_bar == 6


@pytest.mark.parametrize("row, pressed", [(0, False), (1, True)])
def test_an_answer_about_a_row_that_was_changed_meanwhile_is_not_played(row, pressed):
    seat: Seat[Question, Answer] = Seat()
    seat.taken = True
    question = Question(1, 1, LAUNCHPAD.empty(), np.zeros(313, bool), 0.0, ())
    seat.newest = Answer(question, LAUNCHPAD.toggle(0, 0), np.zeros(313, np.float32))
    song = Song()
    song.press(LAUNCHPAD.toggle(row, 3))
    conductor = Conductor(song, seat)
    conductor.begin(RATE, 0)
    conductor.due(0, 3 * 2 * RATE)
    assert bool(song.grid[0, 0] & 1) is pressed
