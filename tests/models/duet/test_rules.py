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
)


def quarters(*pitches: int) -> np.ndarray:
    return line([(4 * n, 4, pitch) for n, pitch in enumerate(pitches)], 4 * len(pitches))


def test_the_eighth_onset_of_a_pitch_is_punished_and_every_one_after() -> None:
    punished = repetition(quarters(*[60] * 9, 62, 60))
    assert np.flatnonzero(punished).tolist() == [28, 32] and punished.min() == -1.0


def test_struck_again_at_every_step_the_sixth_onset_is_punished() -> None:
    assert np.flatnonzero(repetition(line([(n, 1, 60) for n in range(7)], 7))).tolist() == [5, 6]


def test_holding_and_resting_are_repetitions_from_the_sixth_of_the_same_on() -> None:
    held = line([(0, 8, 60), (8, 6, 60)], 14)  # an onset and seven holds, an onset and five
    assert np.flatnonzero(repetition(held)).tolist() == [6, 7]
    assert np.flatnonzero(repetition(line([(0, 4, 60)], 11))).tolist() == [9, 10]
    assert repetition(line([], 0)).shape == (0,)


def test_a_rest_does_not_hide_a_repetition() -> None:
    apart = line([(8 * n, 4, 60) for n in range(8)], 64)
    assert np.flatnonzero(repetition(apart)).tolist() == [56]


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


def test_rules_reward_onsets_by_what_came_before_them() -> None:
    melody = quarters(60, 62, 69, 67)
    rewards = music_theory(melody)
    assert rewards[[0, 4, 8]] == approx([0.0, 0.4, 0.5])
    assert rewards[12] == approx(0.4 + 5.0)
    assert np.flatnonzero(rewards).tolist() == [4, 8, 12]
    assert music_theory(melody[:9])[8] == rewards[8]
    assert music_theory(line([(0, 7, 60)], 7)).tolist() == [0.0] * 6 + [-100.0]
