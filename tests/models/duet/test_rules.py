from __future__ import annotations

import numpy as np
import pytest
from pytest import approx

from models.duet.encoding import line
from models.duet.rules import (
    motif,
    music_theory,
    preferred_interval,
    repetition,
    resolved_leap,
    self_similarity,
    too_often,
)


def quarters(*pitches: int) -> np.ndarray:
    return line([(4 * n, 4, pitch) for n, pitch in enumerate(pitches)], 4 * len(pitches))


def test_the_fourth_onset_of_a_pitch_is_punished_and_every_one_after() -> None:
    punished = repetition(quarters(60, 60, 60, 60, 60, 62, 60))
    assert np.flatnonzero(punished).tolist() == [12, 16] and punished.min() == -1.0


def test_holding_is_no_repetition_for_two_bars() -> None:
    assert not repetition(line([(0, 32, 60)], 40)).any()
    assert np.flatnonzero(repetition(line([(0, 36, 60)], 40))).tolist() == [32, 33, 34, 35]


def test_a_rest_does_not_hide_a_repetition() -> None:
    apart = line([(8 * n, 4, 60) for n in range(4)], 32)
    assert np.flatnonzero(repetition(apart)).tolist() == [24]


def test_small_intervals_are_preferred_to_leaps() -> None:
    worth = [preferred_interval([60, 60 + size]) for size in (0, 2, 4, 7, 11, 12, 13)]
    assert worth == approx([0.0, 0.4, 0.75, 0.5, -1.5, 0.1, -5.0])


@pytest.mark.parametrize(("melody", "reward"), [
    ([60, 67, 65], 5.0), ([60, 67, 74], -5.0), ([67, 60, 62], 5.0), ([60, 67, 69], 0.0), ([60, 62, 60], 0.0),
    ([60, 67], 0.0), ([60, 67, 67], 0.0),
])  # fmt: skip
def test_leaps_want_to_be_resolved(melody: list[int], reward: float) -> None:
    assert resolved_leap(melody) == reward


def test_motifs_please_and_please_more_when_they_come_again() -> None:
    tune = [60, 62, 64, 65, 64, 62, 60, 59]
    assert motif(tune) == 3.0 and motif(tune[:-1]) == 0.0
    assert motif([*tune, 67, *tune]) == 7.0
    assert motif([60, 62] * 4) == 0.0


def test_a_melody_that_repeats_itself_in_short_is_punished() -> None:
    assert self_similarity([60] * 8) == -9.0
    assert self_similarity([60, 67] * 4) == -3.0  # lag two
    assert too_often([62, 60, 60, 60, 60]) == -100.0 and too_often([60, 60, 60]) == 0.0


def test_rules_reward_onsets_by_what_came_before_them() -> None:
    melody = quarters(60, 62, 69, 67)
    rewards = music_theory(melody)
    assert rewards[[0, 4, 8]] == approx([0.0, 0.4, 0.5])
    assert rewards[12] == approx(0.4 + 5.0)
    assert np.flatnonzero(rewards).tolist() == [4, 8, 12]
    assert music_theory(melody[:9])[8] == rewards[8]
