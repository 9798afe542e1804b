"""Rewards by rule: RL-Duet's punishment of repetition, and the music theory of the RL-Rules baseline.

RL-Rules is SequenceTutor (Jaques et al. 2017) as the paper uses it: rules that need neither a known key nor
SequenceTutor's eighths, with its weights; they look at the machine's line alone. One of these is left out,
3 each for a highest and a lowest note that come once: it is paid on the last note of a whole melody, and what
is improvised in training is a stretch cut out of a piece. All functions take a multi-hold line (T,) and give
(T,) float64, judged by each step and those before it; but for repetition, nonzero only where a note begins.

What is repeated too often is SequenceTutor's choice (`detect_repeating_notes` of its published program): its
actions are symbols, to hold on is one of them, and more than four of the same in a row are too many. So a
note is punished from its seventh sixteenth on, which is what keeps an agent from holding for ever: to a
model of the chorales a hold is likelier than any onset.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.duet.encoding import Tokens, begins, notes, sounding

Floats = NDArray[np.float64]
IN_A_ROW = 4
"""So many equal symbols may lie directly before a symbol that is the same: onsets, holds or rests."""
APART = 6
"""So many onsets of its pitch may lie before an onset, none of another pitch among them."""
EXCESS = -100.0
"""SequenceTutor's weight of a symbol that is repeated too often."""
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
    """-1 for every symbol that is repeated too often: RL-Duet's rule."""
    changes = np.flatnonzero(np.diff(tokens, prepend=tokens[:1].astype(np.int64) - 1))
    steps = np.arange(len(tokens))
    before = steps - changes[np.searchsorted(changes, steps, side="right") - 1] if len(tokens) else steps
    excess = before > IN_A_ROW
    run, last = 0, 0
    for start, _, pitch in notes(tokens):
        run = run + 1 if pitch == last else 0
        last = pitch
        excess[start] |= run > APART
    return -excess.astype(np.float64)


def music_theory(tokens: Tokens) -> Floats:
    """The sum of all rules below, and of repetition, each with SequenceTutor's weight."""
    starts = np.flatnonzero(begins(tokens))
    pitches = sounding(tokens)[starts].tolist()
    rewards = -EXCESS * repetition(tokens)
    rewards[starts] += [_judge(pitches[: n + 1]) for n in range(len(pitches))]
    return rewards


def _judge(melody: Sequence[int]) -> float:
    return sum(rule(melody) for rule in RULES)


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


RULES = (preferred_interval, resolved_leap, motif, self_similarity)
