"""One voice to notes, on rendered instruments; and through the microphone into the line."""
from __future__ import annotations

import numpy as np
import pytest

from app.engine.metronome import TONELESS, ClickVoice
from app.sessions.duet import microphone
from app.sessions.duet.singing import Frame, NoPitchTracker, Notes, PitchFrames, Sung
from models.duet.encoding import notes as line_notes
from models.performance import Performance, PlayedNote
from models.sound import render_performance

RATE = 44_100
TUNE = (60, 62, 64, 65, 67, 64, 69, 72, 71, 67, 60, 55, 57, 48, 52)
VOICE, VIOLIN, CELLO, CLARINET = 53, 40, 42, 71


def rendered(program: int, beat_s: float = 0.5) -> tuple[np.ndarray, list[PlayedNote]]:
    """A tune of quarters and eighths."""
    notes, now_s = [], 0.5
    for index, pitch in enumerate(TUNE):
        length_s = beat_s * (1.0, 0.5, 0.5)[index % 3]
        notes.append(PlayedNote(now_s, 0.92 * length_s, pitch, 90))
        now_s += length_s
    return render_performance(Performance(tuple(notes)), RATE, program=program), notes


def heard(sound: np.ndarray, block: int = 441) -> list[Sung]:
    frames, notes, found = PitchFrames(RATE), Notes(), []
    for begin in range(0, len(sound), block):
        for frame in frames.push(sound[begin : begin + block]):
            found += notes.push(frame)
    return [*found, *notes.finish()]


@pytest.mark.parametrize("program", [VOICE, VIOLIN, CELLO, CLARINET])
def test_a_tune_is_heard_as_it_was_played(program):
    sound, notes = rendered(program)
    onsets = [sung for sung in heard(sound) if sung.what == "on"]
    assert [sung.pitch for sung in onsets] == list(TUNE)
    late_s = np.array([sung.sample / RATE - note.onset_s for sung, note in zip(onsets, notes, strict=True)])
    assert np.abs(late_s).max() < 0.08 and np.abs(np.median(late_s)) < 0.05


def test_every_note_ends_once_and_blocks_do_not_matter():
    sound, _ = rendered(VOICE)
    found = heard(sound)
    assert found == heard(sound, 1000) == heard(sound, 64)
    kinds = [sung.what for sung in found]
    assert kinds == ["on", "off"] * (len(kinds) // 2)


@pytest.mark.parametrize("sound", [
    np.zeros(RATE, np.float32), np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32),
    np.full(RATE, 0.5, np.float32),
])  # fmt: skip
def test_what_is_no_voice_is_no_note(sound):
    assert heard(sound) == []


def clicks_in_a_room(loudness: float, toneless: int, reverberation_s: float) -> np.ndarray:
    """Clicks on eight beats, the first of each bar louder, through noise that fades by 60 dB."""
    sound, click = np.zeros((4 * RATE, 2), np.float32), ClickVoice(RATE)
    for beat in range(8):
        click.click(int(beat % 4 == 0) + toneless)
        click.add_to(sound[beat * RATE // 2 :])
    time_s = np.arange(round(reverberation_s * RATE)) / RATE
    room = np.random.default_rng(0).normal(0, 0.02, len(time_s)) * np.exp(-6.9 * time_s / reverberation_s)
    room[0] = 1.0
    return loudness * np.convolve(sound[:, 0], room)[: len(sound)].astype(np.float32)


@pytest.mark.parametrize("reverberation_s", [0.05, 0.4])
@pytest.mark.parametrize("loudness", [0.05, 0.3, 1.0])
def test_a_click_without_a_tone_is_no_note(loudness, reverberation_s):
    assert heard(clicks_in_a_room(loudness, TONELESS, reverberation_s)) == []


def test_a_click_with_a_tone_would_be_one():
    assert heard(clicks_in_a_room(0.3, 0, 0.4))


def test_what_is_sung_is_heard_through_clicks():
    sound, _ = rendered(VOICE)
    clicks = clicks_in_a_room(0.1, TONELESS, 0.4)
    sound[: len(clicks)] += clicks
    assert [sung.pitch for sung in heard(sound) if sung.what == "on"] == list(TUNE)


def test_the_duet_does_not_take_its_own_click_for_your_line(stage, eventually, hand_cranked):
    """No headphones and no count-in: the microphone hears all that the program plays."""
    on = stage(None)
    on.session.listen_to(True)
    on.settle()
    on.session.set_click(True)
    on.session.start(0)
    on.settle()
    played = np.zeros(256, np.float32)
    was_loud = False
    while on.session.snapshot.step < 17:
        played = hand_cranked.crank(0.3 * played)[:, 0]
        was_loud |= bool(np.abs(played).max() > 0.1)
        on.settle()
        assert eventually(lambda: on.session._playback._microphone.position >= on.engine.mixer.ring.written)
    assert was_loud and on.session.snapshot.human == ()


def test_a_note_struck_again_without_a_gap_begins_anew():
    swell = np.concatenate([np.exp(-np.arange(RATE // 2) / 8000)] * 2)
    tone = (0.5 * swell * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    assert [(s.what, s.pitch) for s in heard(tone)][:3] == [("on", 69), ("off", 69), ("on", 69)]


def test_vibrato_is_one_note():
    time_s = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(440 * 2 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * time_s))) / RATE
    found = heard((0.3 * np.sin(phase)).astype(np.float32))
    assert [s.pitch for s in found if s.what == "on"] == [69]


@pytest.mark.parametrize("problem", [NoPitchTracker("singing needs more."), ValueError("expected by nobody")])
def test_a_microphone_that_fails_is_off_and_its_note_ends(stage, scripted, eventually, monkeypatch, problem):
    class Failing:
        def __init__(self, rate, start_sample):
            self.frames = 0

        def push(self, block):
            self.frames += 1
            if self.frames == 20:
                raise problem
            return [Frame(10_000 + 256 * self.frames, 69.0, -20.0)]

    monkeypatch.setattr(microphone, "PitchFrames", Failing)
    on = stage(scripted(48))
    on.session.start(0)
    on.session.listen_to(True)
    on.settle()
    assert eventually(lambda: (on.crank(1), on.session.snapshot.listening == "keys")[1])
    assert on.engine.source == "synth" and not on.session._playback._keys.held
    assert [note.pitch for note in on.session.snapshot.human] == [69]
    told = on.engine.take_messages()
    assert told[-1] in (str(problem), "The microphone cannot be heard any more. Details are in the log.")
    on.session.listen_to(True)
    on.settle()
    assert on.session.snapshot.listening == "microphone", "it can be tried again"


def test_what_is_sung_becomes_your_line_and_is_exported(stage, scripted, eventually, hand_cranked):
    on = stage(scripted(48, 50))
    on.session.listen_to(True)
    on.settle()
    assert on.session.snapshot.listening == "microphone" and on.engine.source == "input"
    on.session.set_tempo(120)
    on.session.start(0)
    on.settle()
    first = on.session._playback._conductor.sample_at(0)
    sound, _ = rendered(VOICE)
    reader = on.session._playback._microphone
    for begin in range(0, len(sound) - 256, 256):
        hand_cranked.crank(sound[begin : begin + 256])
        on.settle()
        assert eventually(lambda: reader.position >= on.engine.mixer.ring.written)
    yours, _ = on.session._playback._conductor.ensemble.lines()
    assert [pitch for _, _, pitch in line_notes(yours)] == list(TUNE)
    assert [note.pitch for note in on.session.snapshot.human] == list(TUNE)
    exported = [e for e in on.session._playback.heard().events if e.channel == 0 and e.kind == "note_on"]
    assert [event.data1 for event in exported] == list(TUNE)
    assert exported[0].sample == pytest.approx(0.5 * RATE - first, abs=0.08 * RATE)
    on.session.listen_to(False)
    assert on.engine.source == "synth"
    on.engine.set_source("input")  # as a scene does that is shown next
    on.settle()
    assert on.session.snapshot.listening == "keys" and on.engine.source == "input"
