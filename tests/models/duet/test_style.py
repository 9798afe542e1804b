from __future__ import annotations

import numpy as np
import pytest

from models.duet.encoding import BEATS, line
from models.duet.style import NONE, TERMS, Style, age, degree, harmony, key, melody, rhythm, variety

BEATS_OF_16 = np.arange(16)[None] % BEATS


def one(*notes: tuple[int, int, int], steps: int = 16) -> np.ndarray:
    """A set of one line."""
    return line(notes, steps)[None]


def test_rhythm_sorts_by_age_and_beat_into_hold_again_new_and_rest() -> None:
    machine = one((0, 4, 60), (4, 2, 60), (6, 2, 62))
    conditions, outcomes = rhythm(machine, machine, BEATS_OF_16)
    assert outcomes[0, :10].tolist() == [2, 0, 0, 0, 1, 0, 2, 0, 3, 3]
    assert age(machine)[0, :10].tolist() == [1, 2, 3, 4, 1, 2, 1, 2, 0, 0]
    assert conditions[0, 4] == 4 * BEATS and conditions[0, 6] == 2 * BEATS + 2 and conditions[0, 9] == 1


def test_melody_sorts_intervals_by_the_one_before() -> None:
    machine = one((0, 4, 60), (4, 4, 62), (8, 4, 80), (12, 4, 79))
    conditions, outcomes = melody(machine, machine, BEATS_OF_16)
    assert outcomes[0, [0, 4, 8, 12]].tolist() == [NONE, 14, 24, 11]
    assert conditions[0, [4, 8, 12]].tolist() == [25, 14, 24]
    assert (outcomes >= 0).sum() == 3


def test_harmony_sorts_intervals_where_someone_strikes() -> None:
    human, machine = one((0, 8, 72)), one((0, 4, 60), (4, 4, 65))
    conditions, outcomes = harmony(human, machine, BEATS_OF_16)
    assert outcomes[0, :5].tolist() == [0, NONE, NONE, NONE, 7]
    assert conditions[0, [0, 4]].tolist() == [3 * BEATS, 2 * BEATS]
    assert (outcomes[0, 5:] == NONE).all()


def test_variety_counts_pitches_and_range_of_the_last_bar() -> None:
    machine = one((0, 4, 60), (4, 4, 64), (12, 8, 62), (20, 12, 60), steps=32)
    _, outcomes = variety(machine, machine, np.arange(32)[None] % BEATS)
    at = outcomes[0, 3::4]
    assert at.tolist()[:4] == [13, 2 * 13 + 4, 2 * 13 + 4, 3 * 13 + 4] and at[-1] == 2 * 13 + 2
    assert (np.delete(outcomes[0], np.arange(3, 32, 4)) == NONE).all()


def test_key_asks_whether_a_pitch_class_has_been_heard() -> None:
    human = one((0, 4, 60), (4, 12, 65))
    machine = one((0, 4, 72), (4, 4, 48), (8, 4, 64), (12, 4, 54))
    _, outcomes = key(human, machine, BEATS_OF_16)
    # at 4 C: both lines had it; at 8 E: neither, but F above; at 12 F sharp: neither, but F below
    assert outcomes[0, [0, 4, 8, 12]].tolist() == [0, 3, 4, 8]
    assert (outcomes[0, 1:4] == NONE).all()


@pytest.mark.parametrize(("third", "minor"), [(4, 0), (3, 1)])
def test_degree_counts_from_the_tonic_of_what_the_human_played(third: int, minor: int) -> None:
    human = one(*((4 * n, 4, 62 + step) for n, step in enumerate((0, third, 7, 5, third, 2, 0, 0))), steps=32)
    machine = one((0, 24, 50), (24, 4, 57), (28, 4, 61), steps=32)
    conditions, outcomes = degree(human, machine, np.arange(32)[None] % BEATS)
    assert outcomes[0, [0, 24, 28]].tolist() == [NONE, 7, 11] and (outcomes >= 0).sum() == 2
    assert conditions[0, [24, 28]].tolist() == [minor, minor]


def lively() -> np.ndarray:
    return np.stack([line([(n, 4, 60 + n % 3) for n in range(0, 64, 4)], 64)] * 4)


def test_a_step_earns_the_logarithm_of_the_ratio_of_shares() -> None:
    held = np.stack([line([(n, 8, 60 + n % 3) for n in range(0, 64, 8)], 64)] * 4)
    style, phase = Style({"rhythm": 1.0}, decay=0.5), np.zeros(4, np.int64)
    style.learn(lively(), lively(), phase, 32)
    earned = style(lively(), held, phase, 32)
    # after 4 sixteenths on the beat the data strikes 32 times of 32, this play holds 16 of 16
    expected = np.log((0.5 / 34) / (16.5 / 18))
    assert earned[0, 4] == pytest.approx(max(expected, -2.0))
    assert earned[0, 1] == pytest.approx(np.log((32.5 / 34) / (16.5 / 18)))


def test_play_like_the_data_earns_nothing_and_is_forgotten_with_time() -> None:
    style, phase = Style(dict.fromkeys(TERMS, 1.0), decay=0.5), np.zeros(4, np.int64)
    style.learn(lively(), lively(), phase, 32)
    assert style(lively(), lively(), phase, 32) == pytest.approx(0.0)
    before = style.own["rhythm"].sum()
    style(lively(), lively(), phase, 32)
    assert style.own["rhythm"].sum() == 1.5 * before


def test_nothing_later_counts() -> None:
    rng = np.random.default_rng(0)
    human, machine = rng.integers(0, 93, (2, 3, 64)).astype(np.uint8)
    beats = np.zeros((3, 1), np.int64) + np.arange(64) % BEATS
    for term in TERMS.values():
        whole, part = (
            term.sort(human, machine, beats),
            term.sort(human[:, :40], machine[:, :40], beats[:, :40]),
        )
        for one_, other in zip(whole, part, strict=True):
            assert np.array_equal(one_[:, :40], other)
        assert whole[0].max() < term.conditions and whole[1].max() < term.outcomes
