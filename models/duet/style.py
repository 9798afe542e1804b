"""What Bach's lines are like, counted: a reward for being like them on the whole, and not only step by step.

Each of TERMS sorts what happens at a step into outcomes, under a condition. A step earns, in nats, how much
more frequent its outcome is in the data than in the agent's own play, log p_data(o | c) - log p_agent(o | c):
what holds too long earns by striking, until it strikes as often as the data. That is the slope of the
divergence between the two distributions. Own play is remembered with a decay.

Lines are (n, T) multi-hold uint8; all functions look at a step and those before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.duet.encoding import BEATS, MULTI_HOLD, Tokens, begins, sounding
from models.duet.keys import UNKNOWN, keys_heard
from models.duet.measures import BAR_STEPS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LONGEST = 16
WIDEST = 12
KEY_STEPS = 32
DEGREE_STEPS = 64
NONE = -1
"""The outcome of a step that a term does not judge."""
SMOOTHING = 0.5
"""Added to every count."""
LIMIT = 2.0
"""Nats; no step earns or loses more by one term."""


@dataclass(frozen=True)
class Term:
    """`sort` gives conditions and outcomes (n, T) of human, machine and the beats (n, T)."""

    conditions: int
    outcomes: int
    sort: Callable[[Tokens, Tokens, Ints], tuple[Ints, Ints]]


def rhythm(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """Given how long the note has sounded (0: rest, to 16) and the beat: hold, again, new pitch or rest."""
    before = _shifted(age(machine), 0)
    last = _shifted(sounding(machine), 0)
    struck = np.where(sounding(machine) == last, 1, 2)
    outcome = np.where(machine == MULTI_HOLD.rest, 3, np.where(begins(machine), struck, 0))
    return before * BEATS + beats, outcome.astype(np.int64)


def melody(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """Given the interval before, at every onset: the interval from the onset before, to an octave."""
    size = 2 * WIDEST + 1
    conditions, outcomes = np.zeros(machine.shape, np.int64), np.full(machine.shape, NONE, np.int64)
    for n, (line, starts) in enumerate(zip(sounding(machine), begins(machine), strict=True)):
        at = np.flatnonzero(starts)
        steps = np.clip(np.diff(line[at]), -WIDEST, WIDEST) + WIDEST
        outcomes[n, at[1:]] = steps
        conditions[n, at[2:]] = steps[:-1]
        conditions[n, at[1:2]] = size
    return conditions, outcomes


def harmony(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """Given the beat and who strikes, where one does and both sound: the interval, octaves left out."""
    high, low = sounding(human), sounding(machine)
    who = begins(human) + 2 * begins(machine)
    judged = (high > 0) & (low > 0) & (who > 0)
    return who * BEATS + beats, np.where(judged, (high - low) % 12, NONE)


def variety(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """At the last sixteenth of a beat: distinct pitches (to 8) and range (to an octave) of the last bar."""
    pitches = np.pad(sounding(machine), ((0, 0), (BAR_STEPS - 1, 0)))
    bars = np.sort(sliding_window_view(pitches, BAR_STEPS, axis=1), -1)
    heard = bars > 0
    distinct = ((np.diff(bars, axis=-1) > 0) & heard[..., 1:]).sum(-1) + heard[..., 0]
    lowest = np.where(heard, bars, 128).min(-1)
    wide = np.clip(bars[..., -1] - lowest, 0, WIDEST)
    outcome = np.minimum(distinct, 8) * (WIDEST + 1) + wide
    return np.zeros_like(outcome), np.where(beats == BEATS - 1, outcome, NONE)


def key(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """At every onset: whether its pitch class was heard in the last two bars, in the other line and in this
    one, and whether those a semitone above and below were, in either.
    """
    given, own = (_heard(sounding(lines)) for lines in (human, machine))
    either, pitches = given | own, sounding(machine)
    marks = [_at(given, pitches), _at(own, pitches), _at(either, pitches + 1), _at(either, pitches - 1)]
    outcome = sum((mark.astype(np.int64) << n for n, mark in enumerate(marks)), np.zeros_like(pitches))
    return np.zeros_like(outcome), np.where(begins(machine), outcome, NONE)


def degree(human: Tokens, machine: Tokens, beats: Ints) -> tuple[Ints, Ints]:
    """Given the mode, at every onset: its pitch class above the tonic of what the human played last."""
    keys = keys_heard(human, DEGREE_STEPS)
    judged = begins(machine) & (keys != UNKNOWN)
    return (keys >= 12).astype(np.int64), np.where(judged, (sounding(machine) - keys) % 12, NONE)


def _heard(pitches: Ints) -> NDArray[np.bool_]:
    """(n, T, 12) pitch classes that sounded in the 32 steps before each step."""
    classes = ((pitches % 12)[..., None] == np.arange(12)) & (pitches > 0)[..., None]
    before = np.pad(classes, ((0, 0), (KEY_STEPS, 0), (0, 0)))[:, :-1]
    return np.asarray(sliding_window_view(before, KEY_STEPS, axis=1).any(-1))


def _at(heard: NDArray[np.bool_], pitches: Ints) -> NDArray[np.bool_]:
    return np.take_along_axis(heard, (pitches % 12)[..., None], -1)[..., 0]


TERMS = {
    "rhythm": Term((LONGEST + 1) * BEATS, 4, rhythm),
    "melody": Term(2 * WIDEST + 2, 2 * WIDEST + 1, melody),
    "harmony": Term(4 * BEATS, 12, harmony),
    "degree": Term(2, 12, degree),
    "key": Term(1, 16, key),
    "variety": Term(1, 9 * (WIDEST + 1), variety),
}


def age(machine: Tokens) -> Ints:
    """(n, T) sixteenths that the note has sounded, this one included, to 16; 0 in a rest."""
    steps = np.arange(machine.shape[1])
    since = np.maximum.accumulate(np.where(begins(machine), steps, 0), axis=1)
    return np.where(sounding(machine) > 0, np.minimum(steps - since + 1, LONGEST), 0)


def _shifted(values: Ints, first: int) -> Ints:
    """Each step's value at the step before."""
    return np.pad(values[:, :-1], ((0, 0), (1, 0)), constant_values=first)


class Style:
    """The counts of the data and of the agent's own play."""

    def __init__(self, weights: dict[str, float], decay: float) -> None:
        self._weights, self._decay = weights, decay
        self._data = {name: _empty(TERMS[name]) for name in weights}
        self.own = {name: _empty(TERMS[name]) for name in weights}

    def learn(self, human: Tokens, machine: Tokens, phase: Ints, first: int) -> None:
        """Count real duets."""
        for name, counts in self._data.items():
            _count(counts, *_sorted(TERMS[name], human, machine, phase, first))

    def __call__(self, human: Tokens, machine: Tokens, phase: Ints, first: int) -> Floats:
        """(n, T - first) what own play earns, itself counted first."""
        earned = np.zeros((len(human), human.shape[1] - first))
        for name, weight in self._weights.items():
            conditions, outcomes = _sorted(TERMS[name], human, machine, phase, first)
            self.own[name] *= self._decay
            _count(self.own[name], conditions, outcomes)
            worth = np.clip(_shares(self._data[name]) - _shares(self.own[name]), -LIMIT, LIMIT)
            earned += weight * np.where(outcomes == NONE, 0.0, worth[conditions, outcomes])
        return earned


def _empty(term: Term) -> Floats:
    return np.zeros((term.conditions, term.outcomes))


def _sorted(term: Term, human: Tokens, machine: Tokens, phase: Ints, first: int) -> tuple[Ints, Ints]:
    beats = (phase[:, None] + np.arange(human.shape[1])) % BEATS
    conditions, outcomes = term.sort(human, machine, beats)
    return conditions[:, first:], outcomes[:, first:]


def _count(counts: Floats, conditions: Ints, outcomes: Ints) -> None:
    judged = outcomes != NONE
    np.add.at(counts, (conditions[judged], outcomes[judged]), 1.0)


def _shares(counts: Floats) -> Floats:
    """Logarithms of the smoothed shares under each condition."""
    smooth = counts + SMOOTHING
    found: Floats = np.log(smooth / smooth.sum(1, keepdims=True))
    return found
