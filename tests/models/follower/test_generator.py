"""Generated studies are correct notation: measures are full, and the seed decides everything."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.follower.generator import _Composer, generate_score
from pieces.engraving import engrave_here


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
