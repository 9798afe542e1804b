"""Rewards by rule: RL-Duet's punishment of repetition, and the music theory of the RL-Rules baseline.

RL-Rules is SequenceTutor (Jaques et al. 2017) as the paper uses it: rules that need neither a known key nor
SequenceTutor's eighths, with its weights; they look at the machine's line alone. All functions take a
multi-hold line (T,) and give (T,) float64, nonzero only where a note begins and judged by that note and those
before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.duet.encoding import Tokens, begins, notes, sounding

Floats = NDArray[np.float64]
REPEATED = 4
"""So many onsets of one pitch in a row are too many (SequenceTutor's limit)."""
SUSTAINED = 32
"""So many sixteenths of one note are too many: two bars."""
MOTIF_NOTES = 8
INTERVALS = {
    1: 0.08,
    2: 0.08,
    3: 0.15,
    4: 0.15,
    5: 0.07,
    6: 0.02,
    7: 0.1,
    8: 0.05,
    9: 0.05,
    10: -0.3,
    11: -0.3,
}
"""SequenceTutor's preferred intervals, by semitones; a rest between two notes hides none."""
OCTAVE, BEYOND_OCTAVE = 0.02, -1.0
LEAP = 5
"""Semitones from which an interval is a leap."""
THEORY_SCALE = 0.02
"""Of the sum of all rules: their weights are made for rewards fifty times as large as a probability."""


def repetition(tokens: Tokens) -> Floats:
    """-1 for every onset that repeats a pitch for the fourth time or more, and every step held too long."""
    rewards = np.zeros(len(tokens))
    run, last = 0, 0
    for start, length, pitch in notes(tokens):
        run = run + 1 if pitch == last else 1
        last = pitch
        if run >= REPEATED:
            rewards[start] = -1.0
        rewards[start + SUSTAINED : start + length] = -1.0
    return rewards


def music_theory(tokens: Tokens) -> Floats:
    """The sum of all rules below, each with SequenceTutor's weight."""
    starts = np.flatnonzero(begins(tokens))
    pitches = sounding(tokens)[starts].tolist()
    rewards = np.zeros(len(tokens))
    rewards[starts] = [_judge(pitches[: n + 1]) for n in range(len(pitches))]
    return rewards


def _judge(melody: Sequence[int]) -> float:
    return sum(rule(melody) for rule in RULES)


def too_often(melody: Sequence[int]) -> float:
    """-100 where the last four notes are one."""
    return -100.0 if len(melody) >= REPEATED and len(set(melody[-REPEATED:])) == 1 else 0.0


def preferred_interval(melody: Sequence[int]) -> float:
    """5 times the interval's worth."""
    if len(melody) < 2 or melody[-1] == melody[-2]:
        return 0.0
    size = abs(melody[-1] - melody[-2])
    return 5.0 * (OCTAVE if size == 12 else INTERVALS.get(size, BEYOND_OCTAVE))


def resolved_leap(melody: Sequence[int]) -> float:
    """5 where a leap is followed by motion the other way, -5 where by another leap the same way."""
    if len(melody) < 3:
        return 0.0
    leap, then = melody[-2] - melody[-3], melody[-1] - melody[-2]
    if abs(leap) < LEAP or not then:
        return 0.0
    if leap * then < 0:
        return 5.0
    return -5.0 if abs(then) >= LEAP else 0.0


def motif(melody: Sequence[int]) -> float:
    """3 where the last eight notes have three pitches or more, 4 more where they came before."""
    last = list(melody[-MOTIF_NOTES:])
    if len(last) < MOTIF_NOTES or len(set(last)) < 3:
        return 0.0
    heard = (list(melody[n : n + MOTIF_NOTES]) for n in range(len(melody) - 2 * MOTIF_NOTES + 1))
    return 3.0 + (4.0 if last in heard else 0.0)


def self_similarity(melody: Sequence[int]) -> float:
    """-3 for each lag of one to three notes at which the melody correlates with itself by more than 0.15."""
    if len(melody) < MOTIF_NOTES:
        return 0.0
    centred = np.array(melody, np.float64) - np.mean(melody)
    power = float(centred @ centred)
    if not power:
        return -9.0
    return -3.0 * sum(float(centred[lag:] @ centred[:-lag]) / power > 0.15 for lag in (1, 2, 3))


RULES = (too_often, preferred_interval, resolved_leap, motif, self_similarity)
