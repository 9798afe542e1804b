"""`duet --headless` as typed: same seed, same file; every melody is answered or refused in one line."""
from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from scipy.io import wavfile

from app import cli
from app.sessions.duet.parts import read_part
from models import checkpoint
from models.duet.networks import DuetNetwork
from tests.app.sessions.duet.conftest import SMALL

TUNE = (67, 69, 71, 72, 74, 72, 71, 69)


@pytest.fixture(scope="module")
def agent(tmp_path_factory) -> str:
    """A checkpoint of a small network nobody trained."""
    torch.manual_seed(4)
    model, path = DuetNetwork("a", SMALL), tmp_path_factory.mktemp("agent") / "small.safetensors"
    checkpoint.save(path, model.state_dict(), {"network": model.arguments()})
    return str(path)


def write(path: Path, *tracks, tempo_bpm: float | None = 100, release: bool = True) -> Path:
    """A MIDI file: of each track (name, channel, pitches), a quarter note each."""
    midi = mido.MidiFile(ticks_per_beat=480)
    head = mido.MidiTrack()
    if tempo_bpm:
        head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo_bpm)))
    midi.tracks.append(head)
    for name, channel, pitches in tracks:
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        for pitch in pitches:
            track.append(mido.Message("note_on", note=pitch, velocity=70, channel=channel, time=0))
            track.append(mido.Message("note_off" if release else "control_change", time=480, channel=channel,
                                      **({"note": pitch} if release else {"control": 1, "value": 0})))
        midi.tracks.append(track)
    midi.save(path)
    return path


def write_key(path: Path, sharps: int) -> None:
    """A melody in a key that there may not be."""
    midi = mido.MidiFile(write(path, ("", 0, TUNE)))
    midi.tracks[0].append(mido.UnknownMetaMessage(0x59, data=(sharps, 0)))
    midi.save(path)


def headless(agent: str, melody: Path | str, out: Path, *more: str) -> int:
    return cli.main(["duet", "--headless", "--agent", agent, "--melody", str(melody), "--out", str(out),
                     *more])  # fmt: skip


def notes(path: Path, channel: int) -> list[tuple[float, float, int]]:
    """(onset, end in seconds, pitch) of a channel."""
    found: list[tuple[float, float, int]] = []
    sounding: dict[int, float] = {}
    now_s = 0.0
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type in ("note_on", "note_off") and message.channel == channel:
            if message.note in sounding:
                found.append((sounding.pop(message.note), now_s, message.note))
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = now_s
    assert not sounding
    return sorted(found)


def test_the_same_seed_writes_the_same_file(tmp_path, agent):
    melody = write(tmp_path / "tune.mid", ("", 0, TUNE))
    files = [tmp_path / name for name in ("one.mid", "again.mid", "other.mid")]
    for file, seed in zip(files, "334", strict=True):
        assert headless(agent, melody, file, "--temperature", "1", "--seed", seed) == 0
    one, again, other = (file.read_bytes() for file in files)
    assert one == again != other


def test_the_melody_is_where_it_was_and_the_answer_on_sixteenths(tmp_path, agent, capsys):
    melody, out = write(tmp_path / "tune.mid", ("", 0, TUNE)), tmp_path / "out.mid"
    more = ["--tempo", "150", "--voice", "tenor", "--temperature", "1", "--wav", str(tmp_path / "out.wav")]
    assert headless(agent, melody, out, *more, "--musicxml", str(tmp_path / "out.musicxml")) == 0
    given = notes(out, 0)
    assert [pitch for _, _, pitch in given] == list(TUNE)
    assert [onset for onset, _, _ in given] == pytest.approx([0.4 * i for i in range(8)], abs=1e-3)
    answer = notes(out, 15)
    assert answer and all(48 <= pitch <= 69 for _, _, pitch in answer)
    steps = np.array([onset for onset, _, _ in answer]) / 0.1
    assert np.abs(steps - np.rint(steps)).max() < 0.01
    assert all(a[1] <= b[0] + 1e-3 for a, b in pairwise(answer)), "one line"
    rate, sound = wavfile.read(tmp_path / "out.wav")
    assert len(sound) / rate == pytest.approx(3.2 + 1.5, abs=0.05) and np.abs(sound).max() > 500
    assert "2 bars" in capsys.readouterr().out and "<note" in (tmp_path / "out.musicxml").read_text()


def test_what_is_rendered_begins_where_the_notes_do(tmp_path, agent):
    melody, out, wav = write(tmp_path / "t.mid", ("", 0, (0,))), tmp_path / "o.mid", tmp_path / "o.wav"
    write(melody, ("", 0, (60,)), tempo_bpm=60)
    assert headless(agent, melody, out, "--tempo", "20", "--wav", str(wav), "--temperature", "1") == 0
    rate, sound = wavfile.read(wav)
    assert np.abs(sound[: rate // 100]).max() > 20, "the melody's first note is struck at once"
    onsets = [onset for onset, _, _ in notes(out, 15)]
    assert len(sound) / rate == pytest.approx(12 + 1.5, abs=0.1) and all(onset < 12 for onset in onsets)


@pytest.mark.parametrize("tempo", ["20", "400"])
def test_it_keeps_to_any_tempo(tempo, tmp_path, agent):
    melody, out = write(tmp_path / "tune.mid", ("", 0, TUNE)), tmp_path / "out.mid"
    assert headless(agent, melody, out, "--tempo", tempo) == 0
    beat_s = 60 / float(tempo)
    assert [on for on, _, _ in notes(out, 0)] == pytest.approx([beat_s * i for i in range(8)], abs=2e-3)


def test_of_twenty_tracks_the_melody_is_played(tmp_path, agent, capsys):
    strings = [(f"Strings {i}", i % 9, (48 + i, 50 + i)) for i in range(18)]
    tracks: list[tuple[str, int, tuple[int, ...]]] = [*strings]
    tracks += [("Drums", 9, (81, 81, 81)), ("Soprano", 3, TUNE)]
    out = tmp_path / "out.mid"
    assert headless(agent, write(tmp_path / "many.mid", *tracks), out) == 0
    assert [pitch for _, _, pitch in notes(out, 0)] == list(TUNE)
    assert 'has 19 tracks with notes; "Soprano" is played' in capsys.readouterr().out


def test_hanging_notes_end_with_the_next(tmp_path, agent, capsys):
    out = tmp_path / "out.mid"
    assert headless(agent, write(tmp_path / "h.mid", ("", 0, TUNE), release=False), out) == 0
    given = notes(out, 0)
    assert len(given) == len(TUNE) and all(a[1] <= b[0] + 1e-3 for a, b in pairwise(given))
    assert "never end" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("later", "tempo_bpm", "says"),
    [
        ([("set_tempo", 960, {"tempo": 300_000})], 100,
         "tune.mid changes its tempo; it is played at ♩ = 100 throughout."),
        ([("set_tempo", 960, {"tempo": 600_000})], 100, ""),
        ([("set_tempo", 0, {"tempo": 300_000})], 200, ""),
        ([("time_signature", 0, {"numerator": 5})], 100,
         "tune.mid has bars of 5 quarters; bars of 4 are counted."),
        ([("time_signature", 0, {"numerator": 6, "denominator": 8})], 100, ""),
        ([("time_signature", 0, {"numerator": 3}), ("time_signature", 1440, {"numerator": 4})], 100,
         "tune.mid changes its meter; bars of 3 quarters are counted throughout."),
    ],
)  # fmt: skip
def test_what_a_melody_changes_later_is_told(tmp_path, later, tempo_bpm, says):
    told: list[str] = []
    path = tmp_path / "tune.mid"
    midi = mido.MidiFile(write(path, ("", 0, TUNE)))
    for kind, tick, values in later:
        midi.tracks.append(mido.MidiTrack([mido.MetaMessage(kind, time=tick, **values)]))
    midi.save(path)
    assert read_part(path, told.append).tempo_bpm == pytest.approx(tempo_bpm)
    assert told == ([says] if says else [])


def test_chords_and_far_notes_go_on(tmp_path, agent, capsys):
    out, melody = tmp_path / "out.mid", tmp_path / "chords.mid"
    midi = mido.MidiFile(write(melody, ("", 0, (12, 127, 60))))
    for pitch in (0, 64, 67):
        midi.tracks[1].insert(1, mido.Message("note_on", note=pitch, velocity=70, time=0))
    midi.tracks[1].append(mido.Message("note_off", note=67, time=480))
    midi.save(melody)
    assert headless(agent, melody, out) == 0
    assert {pitch for _, _, pitch in notes(out, 0)} == {0, 12, 60, 64, 67, 127}
    assert "the highest one counts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: write(path), "holds no note"),
        (lambda path: write(path, ("Drums", 9, (40, 41))), "holds no note"),
        (lambda path: path.write_bytes(b"MThd\x00\x00\x00\x06\x00\x01junk"), "not a readable MIDI file"),
        (lambda path: path.write_bytes(b""), "not a readable MIDI file"),
        (lambda path: None, "not a readable MIDI file"),
        (lambda path: write_key(path, sharps=11), "not a readable MIDI file"),
    ],
)
def test_what_is_no_melody_is_one_line(make, says, tmp_path, agent, capsys):
    make(tmp_path / "x.mid")
    assert headless(agent, tmp_path / "x.mid", tmp_path / "out.mid") == 2
    assert says in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out.mid").exists()


@pytest.mark.parametrize("more", [("--tempo", "19"), ("--tempo", "401"), ("--voice", "drone")])
def test_what_cannot_be_is_refused(more, tmp_path, agent):
    melody = write(tmp_path / "tune.mid", ("", 0, TUNE))
    assert headless(agent, melody, tmp_path / "out.mid", *more) == 2


def test_without_an_agent_it_says_what_to_do(tmp_path, capsys):
    melody = write(tmp_path / "tune.mid", ("", 0, TUNE))
    assert headless("nobody", melody, tmp_path / "out.mid") == 2
    assert "train it" in capsys.readouterr().err


def test_a_chorale_of_the_library_begins_with_its_own_bass(tmp_path, agent):
    out = tmp_path / "out.mid"
    assert headless(agent, "aus-meines-herzens-grunde-bwv-269", out, "--begin", "piece") == 0
    bass = [pitch for _, _, pitch in notes(out, 15)]
    assert [pitch for _, _, pitch in notes(out, 0)][:6] == [67, 67, 74, 71, 69, 67]
    assert bass[:3] == [43, 55, 52]


def test_a_melody_without_a_lower_line_begins_cold_and_says_so(tmp_path, agent, capsys):
    melody = write(tmp_path / "tune.mid", ("", 0, TUNE))
    assert headless(agent, melody, tmp_path / "out.mid", "--begin", "piece") == 0
    assert "tune has only one line; the machine begins cold." in capsys.readouterr().out
