"""Scores rewritten: every sign means what it should, as an engraver who knows nothing of it agrees."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.follower.generator import generate_reading_study, generate_score
from models.follower.rewriting import notes_of, rewrite, transposed
from pieces.engraving import engrave_here
from pieces.errors import BadScore
from pieces.notation import STEPS, Pitch
from pieces.reading import ScoreText

SIGNS = {"flat-flat": -2, "flat": -1, "natural": 0, "sharp": 1, "double-sharp": 2}


def measures_of(score: ScoreText) -> list[ElementTree.Element]:
    return ElementTree.fromstring(score.text).findall("part/measure")


@pytest.fixture(scope="module", params=[3, 4, 5])
def rewritten(request) -> ScoreText:
    return rewrite(generate_score(request.param, 2, bars=30), np.random.default_rng(request.param))


def test_the_engraver_reads_the_pitches_that_are_written(rewritten):
    struck = Counter(
        note.pitch.midi
        for measure in measures_of(rewritten)
        for note in notes_of(measure)
        if not note.has_tie("stop")
    )
    engraved = {note.note_id: note.pitch for note in engrave_here(rewritten).notes}
    assert Counter(engraved.values()) == struck
    assert min(struck) < 36 and max(struck) > 88


def test_a_reader_of_signs_hears_what_is_meant(rewritten):
    """Signature, then accidentals to the end of the measure: what a musician would play."""
    fifths, checked = 0, 0
    for measure in measures_of(rewritten):
        fifths = int(measure.findtext("attributes/key/fifths") or fifths)
        signature = {step: (fifths + 6 - place) // 7 for place, step in enumerate("FCGDAEB")}
        altered: dict[tuple[int, str, int], int] = {}
        for note in sorted(notes_of(measure), key=lambda note: (note.start, not note.is_grace)):
            if note.has_tie("stop"):
                continue
            line = (note.staff, note.pitch.step, note.pitch.octave)
            sign = note.element.findtext("accidental")
            if sign:
                altered[line] = SIGNS[sign]
            assert altered.get(line, signature[line[1]]) == note.pitch.alter
            checked += sign is not None
    assert checked > 20


def test_it_is_harder_to_read_and_deterministic():
    score = generate_score(8, 2, bars=30)
    once, again, other = (rewrite(score, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert once.text == again.text != other.text
    for tag in ("octave-shift", "accidental"):
        assert once.text.count(f"<{tag}") > score.text.count(f"<{tag}")
    texts = [rewrite(generate_score(seed, 2, bars=30), np.random.default_rng(seed)).text for seed in range(6)]
    clefs = [text.count("<clef") for text in texts]
    assert max(clefs) > max(generate_score(seed, 2, bars=30).text.count("<clef") for seed in range(6))
    assert len(measures_of(once)) == len(measures_of(score))


def test_octave_lines_end_where_they_began_on_the_staff(rewritten):
    assert check_lines(rewritten) > 0


def test_a_song_s_own_octave_lines_do_not_meet_those_of_passages():
    shift = '<octave-shift type="{}" size="8" number="1"/>'
    line = f"<direction><direction-type>{shift}</direction-type></direction>"
    for seed in range(4):
        score = generate_score(seed, 2, bars=30)
        text = score.text.replace("</attributes>", "</attributes>" + line.format("down"), 1)
        cut = text.rindex("</measure>")
        text = text[:cut] + line.format("stop") + text[cut:]
        check_lines(rewrite(ScoreText("musicxml", text, score.name), np.random.default_rng(seed)))


def check_lines(score: ScoreText) -> int:
    """How many octave lines there are, each of which is closed before another opens on its staff."""
    open_lines: set[str] = set()
    count = 0
    for shift in ElementTree.fromstring(score.text).iter("octave-shift"):
        staff, kind = shift.get("number", ""), shift.get("type")
        assert (staff in open_lines) == (kind == "stop")
        open_lines.symmetric_difference_update({staff})
        count += kind == "stop"
    assert not open_lines
    return count


def test_tied_notes_stay_on_one_line():
    held: list[Pitch] = []
    for seed in range(6):
        score = rewrite(generate_reading_study(seed), np.random.default_rng(seed))
        for measure in measures_of(score):
            for note in sorted(notes_of(measure), key=lambda note: note.start):
                if note.has_tie("stop"):
                    assert note.pitch in held
                if note.has_tie("start"):
                    held.append(note.pitch)
    assert held


@given(
    st.builds(Pitch, st.integers(1, 7), st.sampled_from(STEPS), st.integers(-2, 2)),
    st.integers(-14, 14),
    st.integers(-2, 2),
)
def test_transposing_moves_by_semitones_and_keeps_to_five_spellings(pitch, fifths, octaves):
    moved = transposed(pitch, fifths, octaves)
    semitones = moved.midi - pitch.midi - 12 * octaves
    assert -6 <= semitones <= 5 and (semitones - 7 * fifths) % 12 == 0
    assert abs(moved.alter) <= 2


def test_within_two_accidentals_an_interval_keeps_its_size():
    assert transposed(Pitch(4, "C"), 1) == Pitch(3, "G")
    assert transposed(Pitch(4, "E", -1), -2) == Pitch(4, "D", -1)
    assert transposed(Pitch(4, "B"), 5) == Pitch(4, "A", 1)


def test_what_cannot_be_rewritten_is_said():
    rng = np.random.default_rng(0)
    with pytest.raises(BadScore, match="MusicXML"):
        rewrite(ScoreText("mei", "<mei/>", "x"), rng)
    with pytest.raises(BadScore, match="no measures"):
        rewrite(ScoreText("musicxml", "<score-partwise/>", "x"), rng)
    score = generate_score(1, 2, bars=4)
    quarter_tone = score.text.replace("</step>", "</step><alter>0.5</alter>", 1)
    with pytest.raises(BadScore, match="quarter tones"):
        rewrite(ScoreText("musicxml", quarter_tone, "x"), rng)
