"""After the last update: a few biases, set so that greedy play is on the whole as busy as the data.

What is learned by playing at a temperature is not quite what is played without one. Each of KNOBS is one
number that is added to some logits: to those of all holds, of striking the same pitch again, of wide steps.
It is found by halving an interval, knob after knob and all again, so that one measure is that of the data.
Before the knobs, and once more behind them, the onsets of each pitch class are shifted until it is struck as
often as in the data: the last time on more duets, for those that tell one number do not tell twelve. All is
chosen on training duets, never on validation's or on those held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.duet import measures
from models.duet.causal import OFFSETS, CausalNetwork
from models.duet.chorales import Duet
from models.duet.encoding import HOLD, LOWEST, MULTI_HOLD, OCTAVE, PITCHES, Tokens
from models.duet.environment import SEED_STEPS
from models.duet.networks import Network
from models.duet.playing import improvise

SWEEPS = ((1.0, 5), (0.25, 4))
"""How far a knob may be turned either way, in logits, and how often that is halved: all knobs are set again,
more finely, because one moves the measures of the others a little.
"""
LONGEST = 256
"""Steps of each duet."""
LEAST_SHARE = 0.01
"""Added to the shares of pitch classes: what is rare moves little."""
CLASS_ROUNDS = 3
"""How often the pitch classes are shifted at a time."""
CLASS_DUETS = 4
"""So many times as many duets say how, the last time."""
WIDE = 3
"""Semitones from which a step is wide."""


@dataclass(frozen=True)
class Knob:
    """One number.

    Attributes:
        measure: what it is set by, a name in models.duet.measures.MEASURES.
        rising: whether more of it is more of the measure.
        first, last: semitones of the steps from the machine's last pitch that it favours; None for holds.
    """

    name: str
    measure: str
    rising: bool
    first: int | None = None
    last: int = PITCHES - 1


KNOBS = (
    Knob("hold", "IOI", True),
    Knob("again", "PC/bar", False, 0, 0),
    Knob("wide", "PI", True, WIDE),
)


def calibrate(network: Network, duets: Sequence[Duet], count: int, seed: int) -> dict[str, float]:
    """Shift biases of a network that plays until the measures are those of `count` of the duets.

    Returns the shifts by their names. A network without proposals has but the first knob.
    """
    picked = np.random.default_rng([seed, 2]).permutation(len(duets))
    many = [cut_short(duets[n]) for n in picked[: CLASS_DUETS * count]]
    parts = many[:count]
    lines = [duet.machine for duet in parts]
    knobs = KNOBS if isinstance(network, CausalNetwork) else KNOBS[:1]
    found = dict.fromkeys((knob.name for knob in knobs), 0.0)
    classes = np.zeros(OCTAVE)
    for reach, rounds in SWEEPS:
        classes += match_classes(network, parts)
        for knob in knobs:
            wanted, stands = measured(knob.measure, lines), found[knob.name]
            for halving in range(rounds):
                found[knob.name] = stands = turn(network, knob, found[knob.name], stands)
                *_, played = improvise(network, parts)
                less = measured(knob.measure, [machine for _, machine in played.lines()]) < wanted
                stands += (reach if less is knob.rising else -reach) / 2 ** (halving + 1)
            found[knob.name] = turn(network, knob, found[knob.name], stands)
    classes += match_classes(network, many)
    return found | {f"class {n}": float(shift) for n, shift in enumerate(classes)}


def match_classes(network: Network, parts: Sequence[Duet]) -> NDArray[np.float64]:
    """Shift onsets of each pitch class by the log ratio of shares, again and again; returns sums (12,)."""
    wanted = measures.pitch_classes([duet.machine[SEED_STEPS:] for duet in parts])
    total = np.zeros(OCTAVE)
    for _ in range(CLASS_ROUNDS):
        *_, played = improvise(network, parts)
        found = measures.pitch_classes([machine[SEED_STEPS:] for _, machine in played.lines()])
        shifts = np.log((wanted + LEAST_SHARE) / (found + LEAST_SHARE))
        total += shifts
        with torch.no_grad():
            onsets = (np.arange(PITCHES) + LOWEST) % OCTAVE
            network.head.bias[:PITCHES] += torch.from_numpy(shifts[onsets]).float()
    return total


def measured(name: str, lines: Sequence[Tokens]) -> float:
    """Mean of a measure behind the given bars; of IOI NaN where nothing is ever struck."""
    return measures.mean_over_pieces(name, [line[SEED_STEPS:] for line in lines])


def cut_short(duet: Duet) -> Duet:
    """Its first 256 steps."""
    return Duet(duet.name, duet.voices, duet.human[:LONGEST], duet.machine[:LONGEST], duet.phase)


def turn(network: Network, knob: Knob, before: float, after: float) -> float:
    """Set a knob that stood at `before`; returns where it stands."""
    with torch.no_grad():
        for bias in biases(network, knob):
            bias += after - before
    return after


def biases(network: Network, knob: Knob) -> list[Tensor]:
    """Views of what a knob moves."""
    if knob.first is None or not isinstance(network, CausalNetwork):
        return [network.head.bias[HOLD : MULTI_HOLD.rest]]
    steps = network.proposal.bias[OFFSETS : 2 * OFFSETS]
    up = steps[PITCHES - 1 + knob.first : PITCHES + knob.last]
    down = steps[PITCHES - 1 - knob.last : PITCHES - knob.first]
    return [up, down] if knob.first else [up]
