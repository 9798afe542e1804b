"""`launchpad --headless`: same seed, same file; what cannot be used is one line and an exit code."""
from __future__ import annotations

import mido
import numpy as np
import pytest
from scipy.io import wavfile

from app import cli
from app.sessions.launchpad import Link, Song
from app.sessions.launchpad.song_files import save_song
from models.launchpad.instrument import LAUNCHPAD, save_state


def headless(*more: str) -> int:
    return cli.main(["launchpad", "--headless", *more])


def test_the_same_seed_writes_the_same_file(tmp_path):
    files = [tmp_path / name for name in ("one.mid", "again.mid", "other.mid")]
    for file, seed in zip(files, "778", strict=True):
        assert headless("--bars", "4", "--out", str(file), "--agent", "none", "--seed", seed) == 0
    one, again, other = (file.read_bytes() for file in files)
    assert one == again != other


def test_a_start_is_played_at_a_tempo_as_midi_and_sound(tmp_path, capsys):
    grid, out = tmp_path / "grid.json", tmp_path / "out.mid"
    save_state(grid, LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(0, 5)))
    arguments = ["--bars", "3", "--out", str(out), "--start", str(grid), "--agent", "none"]
    assert headless(*arguments, "--tempo", "240", "--wav", str(tmp_path / "out.wav")) == 0
    notes, now_s = [], 0.0
    for message in mido.MidiFile(out):
        now_s += message.time
        if message.type == "note_on":
            notes.append((message.note, round(now_s, 3)))
    assert notes == [(47, round(bar + 31 / 64, 3)) for bar in range(3)]
    rate, sound = wavfile.read(tmp_path / "out.wav")
    assert len(sound) / rate == pytest.approx(2.5 + 0.125 / 4 + 1.5, abs=0.6) and np.abs(sound).max() > 500
    assert "3 bars, 3 notes" in capsys.readouterr().out


def test_a_song_is_played_with_its_chain_at_its_tempo(tmp_path):
    song, path, out = Song(), tmp_path / "song.json", tmp_path / "out.mid"
    for row in (0, 12):
        song.press(LAUNCHPAD.toggle(row, 6))
        song.keep_part()
    song.set_tempo(240.0)
    song.set_chain([Link(1, 1), Link(0, 2)])
    song.play_chain(True)
    save_song(path, song.now)
    assert headless("--bars", "4", "--out", str(out), "--start", str(path), "--agent", "none") == 0
    midi = mido.MidiFile(out)
    notes = [message.note for message in midi if message.type == "note_on"]
    assert notes == [47, 59, 47, 47, 47, 59] and midi.length == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--agent", "none", "--start", "toy.json"], 2, "24 keys"),
        (["--agent", "none", "--start", "junk.json"], 2, "24 keys"),
        (["--agent", "nobody"], None, "nobody"),
    ],
)
def test_bad_input_is_one_line(arguments, code, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.json").write_text("{]")
    (tmp_path / "toy.json").write_text('{"format": "ripieno-launchpad-1", "steps": 4, "keys": [{}]}')
    exit_code = headless("--bars", "2", "--out", "out.mid", *arguments)
    lines = capsys.readouterr().err.splitlines()
    assert exit_code in ((1, 2) if code is None else (code,)) and says in lines[-1] and len(lines) <= 2
    assert not (tmp_path / "out.mid").exists()


def test_nothing_pressed_and_no_agent_is_so_many_bars_of_silence(tmp_path):
    grid, out, wav = (tmp_path / name for name in ("empty.json", "out.mid", "out.wav"))
    save_state(grid, LAUNCHPAD.empty())
    arguments = ["--bars", "3", "--agent", "none", "--start", str(grid), "--out", str(out)]
    assert headless(*arguments, "--wav", str(wav)) == 0
    midi = mido.MidiFile(out)
    assert midi.length == pytest.approx(6.0) and not [m for m in midi if m.type == "note_on"]
    rate, sound = wavfile.read(wav)
    assert len(sound) / rate == pytest.approx(7.5, abs=0.01) and not sound.any()


def test_a_file_is_as_long_as_its_bars(tmp_path):
    out = tmp_path / "out.mid"
    assert headless("--bars", "5", "--tempo", "90", "--agent", "none", "--out", str(out)) == 0
    assert mido.MidiFile(out).length == pytest.approx(5 * 4 * 60 / 90, abs=0.001)


def test_a_place_that_cannot_be_written_is_said(tmp_path, capsys):
    assert headless("--bars", "2", "--agent", "none", "--out", str(tmp_path / "no" / "out.mid")) == 1
    assert "Choose another place" in capsys.readouterr().err
