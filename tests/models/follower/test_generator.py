"""Generated studies are correct notation: measures are full, and the seed decides everything."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.follower.generator import _Composer, generate_reading_study, generate_score
from pieces.engraving import engrave_here
from pieces.strip import build_piece


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), piano=st.booleans())
def test_every_voice_fills_its_measure(seed, piano):
    composer = _Composer(np.random.default_rng(seed))
    score = composer.piano() if piano else composer.melody()
    for measure in score.measures:
        for voice in measure.voices.values():
            assert sum((event.quarters for event in voice), Fraction(0)) == composer.meter.quarters


@pytest.mark.parametrize("staves", [1, 2])
def test_the_engraver_takes_it(staves):
    engraving = engrave_here(generate_score(11, staves))
    assert len(engraving.notes) > 20
    assert all(21 <= note.pitch <= 108 for note in engraving.notes)


def test_same_seed_same_study():
    assert generate_score(5).text == generate_score(5).text != generate_score(6).text


def test_a_study_can_be_as_long_as_is_asked():
    assert generate_score(5, bars=120).text.count("<measure ") == 120


def test_a_study_for_reading_holds_notes_by_ties_and_fills_its_measures():
    held = 0
    for seed in range(4):
        score = generate_reading_study(seed)
        piece = build_piece(engrave_here(score), score.name)
        heads = score.text.count("<pitch>")
        struck = len(piece.onset_quarters)
        held += score.text.count('<tie type="stop"')
        assert struck == heads - score.text.count('<tie type="stop"')
        bars = [float(number) for number in np.diff([x for x, _ in piece.measure_starts])]
        assert min(bars) > 0
    assert held > 3
    assert generate_reading_study(2).text == generate_reading_study(2).text
