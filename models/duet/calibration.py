"""After the last update: a few biases, set so that greedy play is on the whole as busy as the data.

What is learned by playing at a temperature is not quite what is played without one. Each of KNOBS is one
number that is added to some logits: to those of all holds, of striking the same pitch again, of wide steps.
They are found together, by Broyden's method: as many measures are to be those of the data. Before the knobs,
and once more behind them, the onsets of each pitch class are shifted until it is struck as often as in the
data: the last time on more duets, for those that tell one number do not tell twelve. All is chosen on
training duets, never on validation's or on those held out.
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

Floats = NDArray[np.float64]
TRIES = (8, 4)
"""How often the knobs may be set, before and after the pitch classes are shifted the last time."""
FIRST_TURN, LARGEST_TURN = 0.2, 0.6
"""Logits: by which each knob is turned to see what it does, and at most at a time."""
NEAR = {"PC/bar": 0.01, "PI": 0.03, "IOI": 0.01}
"""Misses below which a measure is the data's."""
LONGEST = 256
"""Steps of each duet."""
LEAST_SHARE = 0.01
"""Added to the shares of pitch classes: what is rare moves little."""
CLASS_ROUNDS = 2
"""How often the pitch classes are shifted at a time."""
CLASS_DUETS = 3
"""So many times as many duets say how, the last time."""
WIDE = 3
"""Semitones from which a step is wide."""


@dataclass(frozen=True)
class Knob:
    """One number.

    Attributes:
        measure: what it is set by, a name in models.duet.measures.MEASURES.
        first, last: semitones of the steps from the machine's last pitch that it favours; None for holds.
    """

    name: str
    measure: str
    first: int | None = None
    last: int = PITCHES - 1


KNOBS = (
    Knob("hold", "IOI"),
    Knob("again", "PC/bar", 0, 0),
    Knob("wide", "PI", WIDE),
)


def calibrate(network: Network, duets: Sequence[Duet], count: int, seed: int) -> dict[str, float]:
    """Shift biases of a network that plays until the measures are those of `count` of the duets.

    Returns the shifts by their names. A network without proposals has but the first knob.
    """
    picked = np.random.default_rng([seed, 2]).permutation(len(duets))
    many = [cut_short(duets[n]) for n in picked[: CLASS_DUETS * count]]
    desk = Desk(network, many[:count])
    classes = match_classes(network, many[:count])
    desk.settle(TRIES[0])
    classes += match_classes(network, many)
    desk.settle(TRIES[1])
    shifts = {knob.name: float(stands) for knob, stands in zip(desk.knobs, desk.stands, strict=True)}
    return shifts | {f"class {n}": float(shift) for n, shift in enumerate(classes)}


class Desk:
    """The knobs of a network that plays, and the duets that say what is right.

    Attributes:
        stands: of each knob, in logits.
    """

    def __init__(self, network: Network, parts: Sequence[Duet]) -> None:
        self.knobs = KNOBS if isinstance(network, CausalNetwork) else KNOBS[:1]
        self.stands = np.zeros(len(self.knobs))
        self._network, self._parts = network, parts
        self._wanted = self._measures([duet.machine for duet in parts])
        self._near = np.array([NEAR[knob.measure] for knob in self.knobs])
        self._slopes: Floats | None = None

    def settle(self, tries: int) -> None:
        """Set the knobs until nothing is missed, at most so often; they are left where least was."""
        missed = self._missed(self.stands)
        if self._slopes is None:
            self._slopes = self._tried(missed)
        tried = [(self._size(missed), self.stands)]
        while len(tried) <= tries and (np.abs(missed) > self._near).any():
            step = np.linalg.lstsq(self._slopes, -missed, rcond=None)[0]
            step *= min(1.0, LARGEST_TURN / max(np.abs(step).max(), 1e-9))
            if not step.any():
                break
            expected = missed + self._slopes @ step
            missed = self._missed(self.stands + step)
            self._slopes += np.outer(missed - expected, step) / (step @ step)
            tried.append((self._size(missed), self.stands))
        self._set(min(tried, key=lambda found: found[0])[1])

    def _tried(self, missed: Floats) -> Floats:
        """(measures, knobs) what a turn of each does to each measure."""
        middle, turns = self.stands, FIRST_TURN * np.eye(len(self.knobs))
        slopes = [(self._missed(middle + one) - missed) / FIRST_TURN for one in turns]
        self._set(middle)
        return np.stack(slopes, 1)

    def _missed(self, stands: Floats) -> Floats:
        """By how much each measure is beyond the data's, the knobs set."""
        self._set(stands)
        *_, played = improvise(self._network, self._parts)
        return self._measures([machine for _, machine in played.lines()]) - self._wanted

    def _size(self, missed: Floats) -> float:
        return float(np.abs(missed / self._near).max())

    def _set(self, stands: Floats) -> None:
        for knob, before, after in zip(self.knobs, self.stands, stands, strict=True):
            turn(self._network, knob, float(before), float(after))
        self.stands = stands

    def _measures(self, lines: Sequence[Tokens]) -> Floats:
        """(knobs,); where nothing is ever struck the next onset is as far as can be."""
        return np.nan_to_num([measured(knob.measure, lines) for knob in self.knobs], nan=LONGEST)


def match_classes(network: Network, parts: Sequence[Duet]) -> Floats:
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


def turn(network: Network, knob: Knob, before: float, after: float) -> None:
    """Set a knob that stood at `before`."""
    with torch.no_grad():
        for bias in biases(network, knob):
            bias += after - before


def biases(network: Network, knob: Knob) -> list[Tensor]:
    """Views of what a knob moves."""
    if knob.first is None or not isinstance(network, CausalNetwork):
        return [network.head.bias[HOLD : MULTI_HOLD.rest]]
    steps = network.proposal.bias[OFFSETS : 2 * OFFSETS]
    up = steps[PITCHES - 1 + knob.first : PITCHES + knob.last]
    down = steps[PITCHES - 1 - knob.last : PITCHES - knob.first]
    return [up, down] if knob.first else [up]
