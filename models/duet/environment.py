"""Duets to improvise: the human's line is given, the machine's is played step by step.

Many at once, so that a network answers all of them in one go. The human's line is fixed, as in the paper; the
first two bars of the machine's are given too. Pure numpy; draws come from the generator it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.duet.chorales import Duet
from models.duet.encoding import BEATS, HOLD, MULTI_HOLD, STEPS_PER_BEAT, Tokens, room, transposed
from models.duet.networks import KINDS

SEED_STEPS = 32
"""Two bars of 4/4, whatever the meter."""
FOURTH = 5
"""Semitones."""
PLAYER = KINDS["a"]
"""What the one who plays sees."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The state before each duet's next step: windows (n, 32) int64 of both parts, and its beat (n,)."""

    human: NDArray[np.int64]
    machine: NDArray[np.int64]
    phase: NDArray[np.int64]


class Improvisation:
    """Duets of any lengths in progress, all at the same step.

    Attributes:
        human, machine: (n, T) uint8, multi-hold; the machine's is played up to `step`, and unseen from there.
        lengths: (n,) steps of each duet; behind its end both lines are unseen.
        phase: (n,) the beat of step 0.
    """

    def __init__(self, duets: Sequence[Duet], seed_steps: int = SEED_STEPS) -> None:
        self.lengths = np.array([len(duet.human) for duet in duets])
        self.human, self.machine = (_side_by_side(lines) for lines in (
            [duet.human for duet in duets], [duet.machine[:seed_steps] for duet in duets]
        ))  # fmt: skip
        self.machine = np.pad(
            self.machine, ((0, 0), (0, self.human.shape[1] - self.machine.shape[1])),
            constant_values=MULTI_HOLD.unseen,
        )  # fmt: skip
        self.phase = np.array([duet.phase for duet in duets], np.int64)
        self.step = seed_steps

    @property
    def done(self) -> bool:
        """Whether every duet has come to its end."""
        return self.step >= self.human.shape[1]

    @property
    def last(self) -> Tokens:
        """(n,) what the machine played at the step before; unseen where there was none."""
        if not self.step:
            return np.full(len(self.machine), MULTI_HOLD.unseen, np.uint8)
        return self.machine[:, self.step - 1]

    def seen(self) -> Seen:
        """What may be known when step `step` is decided: nothing of it, and nothing later."""
        pad = max(PLAYER.past - self.step, 0)
        human, machine = (
            np.pad(lines[:, max(self.step - PLAYER.past, 0) : self.step].astype(np.int64), ((0, 0), (pad, 0)),
                   constant_values=MULTI_HOLD.unseen)
            for lines in (self.human, self.machine)
        )  # fmt: skip
        return Seen(human, machine, (self.phase + self.step) % BEATS)

    def play(self, symbols: NDArray[np.int64]) -> None:
        """The machine's next step, (n,); of duets that are over it is ignored."""
        self.machine[:, self.step] = np.where(self.step < self.lengths, symbols, MULTI_HOLD.unseen)
        self.step += 1

    def lines(self) -> list[tuple[Tokens, Tokens]]:
        """(human, machine) of every duet, each in its own length."""
        return [
            (human[:length], machine[:length])
            for human, machine, length in zip(self.human, self.machine, self.lengths, strict=True)
        ]


def _side_by_side(lines: Sequence[Tokens]) -> Tokens:
    """(n, longest), unseen behind the ends."""
    found = np.full((len(lines), max(map(len, lines))), MULTI_HOLD.unseen, np.uint8)
    for row, line in zip(found, lines, strict=True):
        row[: len(line)] = line
    return found


def practice(duet: Duet, steps: int, thrown: float, rng: np.random.Generator) -> Duet:
    """An excerpt; with the chance `thrown` both lines go on a fourth higher, or lower, from some beat on."""
    part = excerpt(duet, steps, rng)
    if rng.random() >= thrown:
        return part
    beat = int(rng.integers(SEED_STEPS // STEPS_PER_BEAT, len(part.human) // STEPS_PER_BEAT))
    at, both = beat * STEPS_PER_BEAT, np.stack([part.human, part.machine])
    low, high = room(both[:, at:])
    possible = [semitones for semitones in (-FOURTH, FOURTH) if low <= semitones <= high]
    if not possible:
        return part
    both[:, at:] = transposed(both[:, at:], int(rng.choice(possible)))
    both[:, at] = np.where(both[:, at] < MULTI_HOLD.rest, both[:, at] % HOLD, both[:, at])
    return Duet(part.name, part.voices, both[0], both[1], part.phase)


def going_round(duet: Duet, steps: int) -> Duet:
    """`steps` of a duet that begins anew where it ends. Chorales last whole beats, so beats go on."""
    human, machine = (np.resize(line, steps) for line in (duet.human, duet.machine))
    return Duet(duet.name, duet.voices, human, machine, duet.phase)


def excerpt(duet: Duet, steps: int, rng: np.random.Generator) -> Duet:
    """`steps` steps from some beat on, in any key within the range; a duet that is shorter goes round."""
    length = len(duet.human)
    latest = length - steps if length >= steps else length - STEPS_PER_BEAT
    start = STEPS_PER_BEAT * int(rng.integers(0, latest // STEPS_PER_BEAT + 1))
    round_ = going_round(duet, start + steps)
    both = np.stack([round_.human, round_.machine])[:, start:]
    low, high = room(both)
    human, machine = transposed(both, int(rng.integers(low, high + 1)))
    return Duet(duet.name, duet.voices, human, machine, (duet.phase + start) % BEATS)
