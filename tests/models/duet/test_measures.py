from __future__ import annotations

import numpy as np
import pytest
from pytest import approx

from models.duet.encoding import line, notes, transposed
from models.duet.measures import (
    accuracy,
    beats_to_adapt,
    consonance,
    consonance_by_beat,
    drift,
    earth_movers,
    entropy_bits,
    inter_onset,
    mean_over_pieces,
    note_lengths,
    pitch_classes,
    pitch_count,
    pitch_interval,
    repetitions,
)

# Bar 1: C4 quarter, E4 quarter, C4 half. Bar 2: G4 held all through.
TUNE = line([(0, 4, 60), (4, 4, 64), (8, 8, 60), (16, 16, 67)], 32)
SILENCE = line([], 32)


def test_pitches_of_a_bar_are_counted_once() -> None:
    assert pitch_count(TUNE) == (2 + 1) / 2
    assert pitch_count(SILENCE) == 0.0


def test_a_note_counts_in_every_bar_in_which_it_sounds() -> None:
    assert pitch_count(line([(12, 8, 60), (20, 12, 62)], 32)) == (1 + 2) / 2


def test_the_interval_is_the_range_of_a_bar() -> None:
    assert pitch_interval(TUNE) == (4 + 0) / 2
    assert np.isnan(pitch_interval(SILENCE))


def test_onsets_are_measured_from_one_to_the_next() -> None:
    assert inter_onset(TUNE) == approx((4 + 4 + 8) / 3)
    assert inter_onset(line([(0, 2, 60), (10, 2, 60)], 16)) == 10.0
    assert np.isnan(inter_onset(SILENCE))


def test_what_is_left_of_a_bar_is_not_measured() -> None:
    assert pitch_count(np.concatenate([TUNE, line([(0, 1, 40), (1, 1, 41)], 8)])) == 1.5


def test_histograms_of_onsets_and_lengths() -> None:
    assert pitch_classes([TUNE, TUNE]).tolist() == [0.5, 0, 0, 0, 0.25, 0, 0, 0.25, 0, 0, 0, 0]
    lengths = note_lengths([TUNE])
    assert (lengths[3], lengths[7], lengths[15]) == (0.5, 0.25, 0.25) and lengths.sum() == 1
    assert note_lengths([line([(0, 30, 60)], 32)])[15] == 1.0
    assert pitch_classes([SILENCE]).sum() == note_lengths([SILENCE]).sum() == 0


def test_earth_is_moved_the_shorter_way() -> None:
    start, end = np.eye(12)[0], np.eye(12)[11]
    assert earth_movers(start, end) == approx(11 / 12)
    assert earth_movers(start, end, circular=True) == approx(1 / 12)
    assert earth_movers(start, np.eye(12)[6], circular=True) == approx(6 / 12)
    half = (start + end) / 2
    assert earth_movers(half, start) == approx(0.5 * 11 / 12)
    assert earth_movers(half, half, circular=True) == 0.0


def test_entropy_of_symbols() -> None:
    assert entropy_bits([SILENCE]) == 0.0
    assert entropy_bits([line([(0, 2, 60)], 4)]) == approx(1.5)  # onset 1/4, hold 1/4, rest 1/2


def test_consonance_counts_steps_in_which_both_sound() -> None:
    human = line([(0, 8, 60)], 12)
    assert consonance(human, line([(0, 4, 64), (4, 4, 62), (8, 4, 67)], 12)) == 0.5
    assert consonance(human, line([(0, 4, 65), (4, 4, 48)], 12)) == 0.5  # a fourth; an octave below
    assert np.isnan(consonance(human, line([(8, 4, 67)], 12)))


def test_repetitions_are_struck_again_not_held() -> None:
    assert repetitions(line([(0, 4, 60), (4, 4, 60), (8, 4, 62), (12, 4, 60)], 16)) == approx(1 / 3)
    assert repetitions(line([(0, 4, 60), (8, 4, 60)], 16)) == 1.0
    assert np.isnan(repetitions(line([(0, 16, 60)], 16)))


def test_accuracy_beside_the_one_who_copies() -> None:
    truth = line([(0, 2, 60), (2, 2, 60), (4, 4, 62)], 8)
    found = accuracy([truth], [truth])
    assert (found.tokens, found.onsets, found.steps, found.notes) == (1.0, 1.0, 7, 2)
    assert found.copy_tokens == approx(5 / 7)  # all holds; neither onset
    assert found.copy_onsets == 0.5  # the second 60, not the 62
    wrong = truth.copy()
    wrong[4] = 0
    assert accuracy([truth], [wrong]).onsets == 0.5
    assert accuracy([truth], [wrong]).tokens == approx(6 / 7)
    assert accuracy([truth], [wrong], first=5).tokens == 1.0


def test_drift_is_measured_in_four_bars_from_each_bar() -> None:
    lively = line([(step, 4, 60 + step % 12) for step in range(0, 64, 4)], 64)  # 3 pitches a bar
    still = line([(0, 64, 50)], 64)
    found = drift([np.concatenate([lively, still])], windows=6)
    means, spreads = found["PC/bar"]
    assert means[:5] == approx([3.0, 2.5, 2.0, 1.5, 1.0])
    assert np.isnan(means[5]) and np.isnan(spreads[5])
    assert found["IOI"][0][0] == 4.0 and not spreads[:5].any()


def test_the_spread_is_that_over_lines() -> None:
    one, other = line([(0, 64, 50)], 64), line([(0, 8, 50), (8, 56, 60)], 64)  # 1 pitch a bar; 2, 1, 1, 1
    means, spreads = drift([one, other], windows=1)["PC/bar"]
    assert (means[0], spreads[0]) == approx(((1 + 1.25) / 2, 0.125))


def test_beats_to_adapt_are_counted_from_the_change() -> None:
    assert beats_to_adapt([0.8, 0.8, 0.8, 0.8, 0.2, 0.8, 0.8, 0.8], 4) == 3
    assert beats_to_adapt([0.8, 0.8, 0.8, 0.8], 2) == 2
    assert beats_to_adapt([0.8, 0.8, 0.1, 0.1, 0.1], 2) == 4
    assert beats_to_adapt([0.8, 0.8, 0.76, 0.76], 2) == 2


def test_consonance_in_each_beat_of_all_pairs() -> None:
    human = line([(0, 8, 60)], 8)
    pairs = [(human, line([(0, 4, 64), (4, 4, 62)], 8)), (human, line([(0, 8, 67)], 8))]
    assert consonance_by_beat(pairs, 2).tolist() == [1.0, 0.5]


def test_figures_are_means_over_pieces() -> None:
    assert mean_over_pieces("PI", [TUNE, transposed(TUNE, 3), SILENCE]) == 2.0
    assert len(notes(TUNE)) == 4


@pytest.mark.parametrize("measure", [pitch_count, pitch_interval, inter_onset, repetitions])
def test_an_empty_line_has_no_figure(measure) -> None:
    assert np.isnan(measure(line([], 0)))
