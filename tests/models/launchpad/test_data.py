from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import mido
import numpy as np
import pytest

from models.launchpad.corpus import BadCorpus, Corpus
from models.launchpad.data import build
from models.launchpad.midi_bars import beat_file_of, cut, in_seconds, read_beats, read_notes, song_bars
from models.launchpad.midi_bars import tick_grid as grid_of_ticks
from models.midi_files import BadMidi, open_midi

TICKS = 480
SIXTEENTH = TICKS // 4
LOWEST = 47
FULL = [(place, pitch, 1) for place in range(0, 16, 2) for pitch in (60, 64)]
"""(sixteenth, pitch, length in sixteenths): a bar of 16 onsets on two keys."""


def write_midi(
    path: Path, notes: Iterable[tuple[float, int, float]], meter: tuple[int, int] | None = None, channel=0
) -> Path:
    events = []
    for place, pitch, length in notes:
        start, end = round(place * SIXTEENTH), round((place + length) * SIXTEENTH)
        events.append((start, 1, mido.Message("note_on", note=pitch, channel=channel)))
        events.append((end, 0, mido.Message("note_off", note=pitch, channel=channel)))
    track, last = mido.MidiTrack(), 0
    if meter:
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - last))
        last = tick
    mido.MidiFile(tracks=[track], ticks_per_beat=TICKS).save(path)
    return path


def all_bars(path: Path, roll="onset"):
    midi = open_midi(path)
    notes = read_notes(midi)
    return cut(notes, grid_of_ticks(midi, float(notes.end.max(initial=0)), path), roll)


def steps(row: int) -> list[int]:
    return [step for step in range(64) if row >> step & 1]


def test_onsets_of_a_bar_written_by_hand(tmp_path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 60, 4), (2.5, 60, 1), (15, 47, 4), (16, 70, 1), (17, 71, 1)])
    first, second = all_bars(path)[:2]
    assert steps(int(first[60 - LOWEST])) == [0, 10] and steps(int(first[0])) == [60]
    assert np.flatnonzero(first).tolist() == [0, 13]
    assert steps(int(second[70 - LOWEST])) == [0] and np.flatnonzero(second).tolist() == [23]  # 71 is no key


def test_sustained_notes_sound_to_their_end_and_over_the_bar_line(tmp_path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 60, 1), (15, 48, 2), (4, 50, 0)])
    first, second = all_bars(path, "sustained")[:2]
    assert steps(int(first[13])) == [0, 1, 2, 3] and steps(int(first[1])) == [60, 61, 62, 63]
    assert steps(int(second[1])) == [0, 1, 2, 3] and steps(int(first[3])) == [16]


def test_drums_are_left_out(tmp_path) -> None:
    assert not all_bars(write_midi(tmp_path / "a.mid", [(0, 60, 1)], channel=9)).any()


def test_bars_that_are_too_light_or_of_one_key_are_dropped(tmp_path) -> None:
    seven = [(16 + place, 60 + place, 1) for place in range(7)]
    one_key = [(32 + place, 60, 1) for place in range(0, 16, 2)]
    path = write_midi(tmp_path / "a.mid", [*FULL, *seven, *one_key])
    assert len(song_bars(path, "onset")) == 1
    assert len(song_bars(path, "sustained")) == 2  # seven sixteenths are 28 cells


def test_a_beat_file_says_where_bars_begin_whatever_the_ticks_say(tmp_path) -> None:
    path = write_midi(tmp_path / "a.mid", [(place + 1.0, pitch, length) for place, pitch, length in FULL])
    late_s = 0.125 + 0.004  # a sixteenth at 120 a minute, and a little
    lines = [f"{late_s + 0.5 * beat} {float(beat % 2 == 0)} {float(beat % 4 == 0)}" for beat in range(9)]
    (tmp_path / "a.beat_midi.txt").write_text("\n".join(lines))
    (bar,) = song_bars(path, "onset")
    assert steps(int(bar[60 - LOWEST])) == list(range(0, 64, 8))


def test_beats_that_slow_down_are_followed(tmp_path) -> None:
    beats_s = np.cumsum([0.0, *np.linspace(0.4, 0.9, 8)])
    lines = [f"{beat_s} 0 {float(beat % 4 == 0)}" for beat, beat_s in enumerate(beats_s)]
    (tmp_path / "a.beat_midi.txt").write_text("\n".join(lines))
    halves_s = np.interp(np.arange(16) / 2, np.arange(9), beats_s)
    path = write_midi(tmp_path / "a.mid", [(8 * s, pitch, 0.1) for s in halves_s for pitch in (60, 65)])
    bars = song_bars(path, "onset")
    assert [steps(int(bar[13])) for bar in bars] == [list(range(0, 64, 8))] * 2


def test_tempo_changes_are_in_the_seconds(tmp_path) -> None:
    slower = mido.MetaMessage("set_tempo", tempo=1_000_000, time=TICKS)
    notes = [mido.Message(kind, note=60, time=TICKS) for kind in ("note_on", "note_off")]
    tracks = [mido.MidiTrack([slower]), mido.MidiTrack(notes)]
    mido.MidiFile(tracks=tracks, ticks_per_beat=TICKS).save(tmp_path / "a")
    midi = open_midi(tmp_path / "a")
    heard = in_seconds(read_notes(midi), midi)
    assert heard.start.tolist() == [0.5] and heard.end.tolist() == [1.5]


def test_a_note_that_is_struck_again_or_never_released_is_kept(tmp_path) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=9, time=t) for t in (0, 100)])
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    notes = read_notes(open_midi(tmp_path / "a.mid"))
    assert notes.start.tolist() == [0, 100] and notes.end.tolist() == [100, 100]


def test_other_meters_are_refused(tmp_path) -> None:
    with pytest.raises(BadMidi, match="4/4"):
        song_bars(write_midi(tmp_path / "a.mid", FULL, (3, 4)), "onset")
    assert len(song_bars(write_midi(tmp_path / "b.mid", FULL, (2, 2)), "onset")) == 1
    waltz = "\n".join(f"{beat / 2} 0 {float(beat % 3 == 0)}" for beat in range(12))
    (tmp_path / "b.beat_midi.txt").write_text(waltz)
    with pytest.raises(BadMidi, match="4/4"):
        read_beats(tmp_path / "b.beat_midi.txt")


JUNK = {
    "empty": b"",
    "text": b"not music at all",
    "cut": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x40\0\x90",
    "no ticks": b"MThd\0\0\0\6\0\1\0\0\0\0",
    "seconds": b"MThd\0\0\0\6\0\1\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0",
    "for hours": b"MThd\0\0\0\6\0\1\0\1\0\1MTrk\0\0\0\x0f"
                 b"\0\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0\0\xff\x2f\0",
    "for weeks": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x32"
                 b"\0\x90\x3c\x40" + b"\xff" * 40 + b"\x7f\x80\x3c\0\0\xff\x2f\0",
    "11 sharps": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x0a\0\xff\x59\2\x0b\0\0\xff\x2f\0",
    "no note": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0",
}  # fmt: skip


@pytest.mark.parametrize("kind", JUNK)
def test_junk_gives_no_bar_and_one_sentence(tmp_path, kind: str) -> None:
    path = tmp_path / "junk.mid"
    path.write_bytes(JUNK[kind])
    if kind == "no note":
        assert not len(song_bars(path, "onset"))
    else:
        with pytest.raises(BadMidi, match=r"junk\.mid"):
            song_bars(path, "onset")


ASTRAY = "0 0 1\n1 0 0\n0.5 0 0\n2 0 0\n3 0 1"
JUNK_BEATS = ["", "a b c", "1\n2\n3", "0 0 1\nnan 0 0\n2 0 0\n3 0 0\n4 0 1", ASTRAY]


@pytest.mark.parametrize("text", JUNK_BEATS)
def test_junk_beat_files_are_refused(tmp_path, text: str) -> None:
    path = tmp_path / "a.beat_midi.txt"
    path.write_text(text)
    with pytest.raises(BadMidi, match=r"a\.beat_midi\.txt"):
        read_beats(path)


def test_a_folder_becomes_a_corpus_and_junk_is_skipped(tmp_path) -> None:
    source, out = tmp_path / "songs", tmp_path / "out"
    source.mkdir()
    write_midi(source / "one.mid", FULL)
    write_midi(source / "two.MID", [(place, pitch + 1, length) for place, pitch, length in FULL])
    (source / "three.mid").write_bytes(b"junk")
    seen = list(build("launchpad", source, out, workers=1))
    assert seen[-1] == (3, 3, "") and sum(bool(reason) for _, _, reason in seen) == 1
    corpus = Corpus.load(out)
    assert (len(corpus), corpus.name, corpus.roll) == (2, "songs", "onset")


def test_an_interrupted_build_goes_on_and_ends_the_same(tmp_path) -> None:
    source = tmp_path / "songs"
    source.mkdir()
    for index in range(5):
        write_midi(source / f"{index}.mid", [(place, pitch + index, length) for place, pitch, length in FULL])
    halves = build("launchpad-sustained", source, tmp_path / "out", workers=1)
    next(halves)
    del halves  # the generator is closed, as by Ctrl C
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "songs").iterdir()}
    assert made
    list(build("launchpad-sustained", source, tmp_path / "out", workers=1))
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())
    list(build("launchpad-sustained", source, tmp_path / "whole", workers=2))
    again, whole = Corpus.load(tmp_path / "out"), Corpus.load(tmp_path / "whole")
    assert (again.bars == whole.bars).all() and again.roll == "sustained"


def shifted(semitones: int) -> list[tuple[float, int, float]]:
    return [(place, pitch + semitones, length) for place, pitch, length in FULL]


def test_another_roll_another_folder_and_a_changed_song_are_read_anew(tmp_path) -> None:
    out, one, other = tmp_path / "out", tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    write_midi(one / "a.mid", [(place, pitch, 2) for place, pitch, _ in FULL])
    write_midi(one / "a.midi", shifted(1))
    write_midi(other / "a.mid", shifted(2))

    def built(name: str, source: Path) -> np.ndarray:
        list(build(name, source, out, workers=1))
        return Corpus.load(out).bars

    onsets = built("launchpad", one)
    assert [np.flatnonzero(bar)[0] for bar in onsets] == [13, 14]
    assert (np.bitwise_count(built("launchpad-sustained", one)[0][[13, 17]]) == 64).all()
    assert [np.flatnonzero(bar)[0] for bar in built("launchpad", other)] == [15]
    write_midi(other / "a.mid", [*shifted(3), *((16 + place, pitch, 1) for place, pitch, _ in FULL)])
    assert [np.flatnonzero(bar)[0] for bar in built("launchpad", other)] == [16, 13]
    assert (built("launchpad", one) == onsets).all()


def test_pop909_is_read_as_it_is_published(tmp_path) -> None:
    late_s = 0.125  # a sixteenth, which the ticks do not know of
    lines = "\n".join(f"{late_s + 0.5 * beat} 0 {float(beat % 4 == 0)}" for beat in range(9))
    for number, semitones in (("001", 0), ("002", 1)):
        folder = tmp_path / "POP909" / number
        (folder / "versions").mkdir(parents=True)
        late = [(place + 1, pitch, length) for place, pitch, length in shifted(semitones)]
        write_midi(folder / f"{number}.mid", late)
        (folder / "beat_midi.txt").write_text(lines)
        write_midi(folder / "versions" / f"{number}-v1.mid", shifted(5))
    seen = list(build("launchpad", tmp_path / "POP909", tmp_path / "out", workers=1))
    assert seen[-1] == (2, 2, "")
    for semitones, bar in enumerate(Corpus.load(tmp_path / "out").bars):
        assert steps(int(bar[60 + semitones - LOWEST])) == list(range(0, 64, 8))
    assert beat_file_of(tmp_path / "POP909" / "001" / "other.mid") is None


def test_a_folder_without_music_is_refused(tmp_path) -> None:
    with pytest.raises(BadCorpus, match="no MIDI file"):
        list(build("launchpad", tmp_path, tmp_path / "out"))
    write_midi(tmp_path / "light.mid", [(0, 60, 1)])
    with pytest.raises(BadCorpus, match="passes the filters"):
        list(build("launchpad", tmp_path, tmp_path / "out", workers=1))
