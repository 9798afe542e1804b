"""The key that is heard, in all twenty-four."""

from __future__ import annotations

import numpy as np
import pytest

from models.duet.encoding import line
from models.duet.keys import UNKNOWN, Key, heard_key, keys_heard, scale_of

TUNES = {False: (0, 4, 7, 5, 4, 2, 0, 0), True: (0, 3, 7, 8, 7, 5, 3, 2, 0, 11, 0, 0)}


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("tonic", range(12))
def test_a_tune_tells_its_key(tonic, minor):
    tune = TUNES[minor]
    notes = line([(4 * i, 4, 48 + tonic + step) for i, step in enumerate(tune)], 4 * len(tune))
    assert heard_key(notes) == Key(tonic, minor)
    assert heard_key(notes[:20], notes[20:]) == Key(tonic, minor)


def test_the_key_of_every_step_is_that_of_the_steps_before_it():
    rng = np.random.default_rng(0)
    lines = np.repeat(rng.integers(0, 93, (3, 30)), 4, axis=1).astype(np.uint8)
    found = keys_heard(lines, 48)
    assert (found[:, :16] == UNKNOWN).all() and len(set(found.ravel())) > 3
    for row, line_ in zip(found, lines, strict=True):
        for step, key in enumerate(row):
            expected = heard_key(line_[max(step - 48, 0) : step])
            assert (None if key == UNKNOWN else Key(key % 12, key >= 12)) == expected


def test_too_little_is_no_key():
    assert heard_key(line([(0, 40, 60)], 40)) is None
    assert heard_key(line([(0, 1, 60), (1, 1, 64), (2, 1, 67)], 3)) is None
    assert heard_key(line([], 30)) is None


def test_names_and_signatures():
    found = {Key(t, m).name: Key(t, m).fifths for t in range(12) for m in (False, True)}
    assert len(found) == 24 and set(np.abs(list(found.values()))) <= set(range(7))
    expected = {"C major": 0, "A minor": 0, "E♭ major": -3, "C minor": -3, "F♯ minor": 3, "B♭ minor": -5}
    assert {name: found[name] for name in expected} == expected
    assert 11 in scale_of(Key(0, True)) and 10 in scale_of(Key(0, True)) and 9 not in scale_of(Key(0, True))
