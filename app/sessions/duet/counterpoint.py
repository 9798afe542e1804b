"""Two bars to begin with: a plain line under (or over) what is played. Pure.

What you play on a beat is known only when it sounds. So the line holds its note into the beat, as in fourth
species, and where that has become dissonant it resolves on the next eighth: to a consonance near by, in the
key heard so far, no two unisons, octaves or fifths in a row. It is what the agent takes up, not what it can.
"""

from __future__ import annotations

import numpy as np

from models.duet.encoding import HOLD, LOWEST, MULTI_HOLD, STEPS_PER_BEAT, Tokens, sounding
from models.duet.keys import Key, scale_of
from models.duet.measures import CONSONANT

PERFECT = (0, 7)
RESOLUTION = 2
"""Sixteenths after the beat."""
MIDDLE_PULL, PERFECT_COST, PARALLEL_COST, OUTSIDE_COST = 0.2, 2.0, 12.0, 6.0


def next_symbol(human: Tokens, machine: Tokens, step: int, lowest: int, highest: int, key: Key | None) -> int:
    """The symbol for `step`, after lines (n,) multi-hold. While nothing sounds yet it rests."""
    heard = int(sounding(human[-1:])[0]) if len(human) else 0
    before = int(sounding(machine[-1:])[0]) if len(machine) else 0
    if not heard or (before and not _moves(step, heard, before)):
        return before - LOWEST + HOLD if before else MULTI_HOLD.rest
    last = _last_interval(human, machine)
    costs = {pitch: _cost(pitch, heard, before, last, lowest, highest, key)
             for pitch in range(lowest, highest + 1) if abs(pitch - heard) % 12 in CONSONANT}  # fmt: skip
    best = min(costs, key=lambda pitch: (costs[pitch], pitch))
    return best - LOWEST + (HOLD if best == before else 0)


def _moves(step: int, heard: int, before: int) -> bool:
    """Off the beat where it must, on every other beat where it likes."""
    dissonant = abs(before - heard) % 12 not in CONSONANT
    return (dissonant and step % STEPS_PER_BEAT == RESOLUTION) or step % (2 * STEPS_PER_BEAT) == 0


def _last_interval(human: Tokens, machine: Tokens) -> int | None:
    """Between the lines a beat ago, in semitones modulo 12."""
    if min(len(human), len(machine)) < 2:
        return None
    then, own = (int(sounding(line[-2:-1])[0]) for line in (human, machine))
    return abs(then - own) % 12 if then and own else None


def _cost(
    pitch: int, heard: int, before: int, last: int | None, lowest: int, highest: int, key: Key | None
) -> float:
    interval = abs(pitch - heard) % 12
    cost = abs(pitch - before) if before else 0.0
    cost += MIDDLE_PULL * abs(pitch - (lowest + highest) / 2)
    if interval in PERFECT:
        cost += PARALLEL_COST if interval == last and pitch != before else PERFECT_COST
    if key is not None and not np.isin(pitch % 12, scale_of(key)):
        cost += OUTSIDE_COST
    return cost
