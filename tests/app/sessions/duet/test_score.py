"""The duet as a score: read and engraved again, it has the same notes."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.duet.bars import bars, signatures
from app.sessions.duet.hearing import KeyEvent, LineReader
from app.sessions.duet.score import musicxml, spelled, written
from models.duet.encoding import line, notes
from models.duet.keys import Key
from pieces.engraving import engrave_here
from pieces.reading import read_score

COMMON = ((0, 4),)


def random_line(seed: int, steps: int, lowest: int) -> np.ndarray:
    rng, drawn, at = np.random.default_rng(seed), [], 0
    while at < steps:
        length = int(rng.integers(1, 14))
        if rng.random() < 0.8:
            drawn.append((at, min(length, steps - at), lowest + int(rng.integers(0, 20))))
        at += length
    return line(drawn, steps)


LINES = random_line(1, 150, 61), random_line(11, 149, 38)


@pytest.mark.parametrize(("beats", "seed"), [(4, 1), (3, 2), (4, 3)])
def test_what_is_written_is_what_was_played(beats, seed, tmp_path):
    yours, machines = random_line(seed, 150, 61), random_line(seed + 10, 149, 38)
    path = tmp_path / "duet.musicxml"
    path.write_text(musicxml(yours, machines, ((0, beats),), 96.0))
    engraved = engrave_here(read_score(path))
    played = sorted((round(4 * n.quarters, 3), round(4 * n.duration_quarters, 3), n.pitch)
                    for n in engraved.notes)  # fmt: skip
    meant = [(float(a), float(b), pitch) for one in (yours, machines) for a, b, pitch in notes(one)]
    assert played == sorted(meant)
    assert len(engraved.played_measures) == -(-150 // (4 * beats)) and engraved.svg_pages
    assert engraved.tempo_bpm == pytest.approx(96.0)


@pytest.mark.parametrize(
    ("meters", "expected"),
    [
        (COMMON, [4, 4, 4, 4]),
        (((0, 4), (16, 3)), [4, 2, 3, 3]),
        (((0, 4), (17, 3)), [4, 2, 3, 3]),
        (((0, 4), (12, 3)), [3, 3, 3]),
        (((0, 4), (9, 3)), [3, 3, 3, 3]),
        (((0, 4), (28, 3)), [4, 5, 3, 3]),
        (((0, 3), (12, 4), (30, 3)), [3, 1, 5, 3]),
    ],
)
def test_bars_are_where_the_accents_were_heard(meters, expected):
    found = list(itertools.islice(bars(meters), len(expected)))
    assert [beats for _, beats in found] == expected
    assert [first for first, _ in found] == [0, *itertools.accumulate(expected)][:-1]
    given = signatures(meters, sum(expected))
    lengths = [next(c.meter.beats for c in reversed(given) if c.beat <= first) for first, _ in found]
    assert lengths == expected and all(a.meter != b.meter for a, b in itertools.pairwise(given))


def test_a_change_of_meter_is_written_where_it_came(tmp_path):
    text, path = musicxml(*LINES, ((0, 4), (16, 3)), 96.0), tmp_path / "duet.musicxml"
    assert re.findall(r"<beats>(\d)</beats>", text) == ["4", "2", "3"]
    path.write_text(text)
    engraved = engrave_here(read_score(path))
    starts = [bar.quarters for bar in engraved.bars]
    assert starts == [0, 4, *range(6, 38, 3)]
    played = sorted((round(4 * n.quarters, 3), round(4 * n.duration_quarters, 3), n.pitch)
                    for n in engraved.notes)  # fmt: skip
    assert played == sorted(note for one in LINES for note in notes(one))


def test_the_key_and_clefs_are_those_of_the_music():
    scale = line([(4 * i, 4, 62 + step) for i, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0))], 44)
    text = musicxml(line([(0, 44, 50)], 44), scale, COMMON, 100.0)
    assert "<fifths>2</fifths>" in text
    assert text.index("<sign>G</sign>") < text.index("<sign>F</sign>"), "the higher line stands above"


def test_the_upper_staff_is_told_whose_it_is():
    low, high = line([(0, 16, 50)], 16), line([(0, 16, 70)], 16)
    assert written(high, low, COMMON, 100.0).upper == "you"
    assert written(low, high, COMMON, 100.0).upper == "machine"
    two_octaves_up = [36] * 16
    assert written(low, high, COMMON, 100.0, two_octaves_up).upper == "you", "as it was played"


def test_eighths_are_beamed_within_their_beat():
    eighths = line([(2 * i, 2, 60 + i) for i in range(6)] + [(13, 1, 72), (14, 2, 74)], 16)
    text = musicxml(eighths, line([], 16), COMMON, 100.0)
    beams = re.findall(r'<beam number="1">(\w+)</beam>', text)
    assert beams == ["begin", "end"] * 4


def test_what_is_heard_octaves_nearer_is_written_as_it_was_played(tmp_path):
    reader, played, symbols, shifts = LineReader(), (0, 21, 35, 36, 81, 82, 108, 127), [], []
    for step, pitch in enumerate(played):
        reader.add(KeyEvent(step, "on", pitch, 80))
        symbols.append(reader.read(step))
        shifts.append(reader.shift)
    path = tmp_path / "duet.musicxml"
    path.write_text(musicxml(np.array(symbols, np.uint8), line([(0, 8, 48)], 8), COMMON, 100.0, shifts))
    engraved = engrave_here(read_score(path))
    found = [note.pitch for note in sorted(engraved.notes, key=lambda note: note.quarters)
             if note.duration_quarters < 1]  # fmt: skip
    assert found == [12, *played[1:]], "there is no octave below"


@settings(deadline=None)
@given(st.integers(0, 127), st.integers(0, 11), st.booleans())
def test_every_pitch_has_a_name_in_every_key(pitch, tonic, minor):
    assert spelled(pitch, Key(tonic, minor)).midi == pitch


def test_names_go_with_the_key():
    assert [spelled(p, Key(3)).step + str(spelled(p, Key(3)).alter) for p in (58, 66)] == ["B-1", "G-1"]
    assert [spelled(p, Key(2)).step + str(spelled(p, Key(2)).alter) for p in (54, 63)] == ["F1", "D1"]
    assert spelled(68, Key(9, minor=True)).step == "G", "the leading note of A minor"
