"""A network plays many duets at once, greedily as in the paper: for evaluation.

The same choices as :class:`models.duet.agent.DuetAgent` makes one by one (a test holds them together); torch,
because a hundred windows then cost little more than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.duet.agent import allowed
from models.duet.chorales import Duet
from models.duet.encoding import BEATS, HIGHEST, LOWEST, STEPS_PER_BEAT, Tokens, sounding, transposed
from models.duet.environment import SEED_STEPS, Improvisation
from models.duet.networks import DuetNetwork
from models.duet.windows import cut

CHUNK = 2048
FOURTH = 5


@torch.no_grad()
def improvise(
    network: DuetNetwork, duets: Sequence[Duet], seed_steps: int = SEED_STEPS
) -> Iterator[Improvisation]:
    """Play the duets to their ends; yields after every step, the last time when it is done."""
    played = Improvisation(duets, seed_steps)
    while not played.done:
        going, seen = played.lengths > played.step, played.seen()
        given = (torch.from_numpy(array[going]) for array in (seen.human, seen.machine, seen.phase))
        logits = network(*given)[:, 0].numpy()
        chosen = np.zeros(len(going), np.int64)
        chosen[going] = np.where(allowed(seen.machine[going, -1]), logits, -np.inf).argmax(-1)
        played.play(chosen)
        yield played


@torch.no_grad()
def predict(network: DuetNetwork, duet: Duet) -> Tokens:
    """(T,) the likeliest symbol at every step, given the true steps before it."""
    steps = np.arange(len(duet.machine))
    windows = (cut(line[None], steps, network.kind)[0] for line in (duet.human, duet.machine))
    given = (torch.from_numpy(array) for array in (*windows, (duet.phase + steps) % BEATS))
    found: NDArray[np.uint8] = network(*given)[:, 0].argmax(-1).numpy().astype(np.uint8)
    return found


def transposed_from(duet: Duet, step: int) -> Duet | None:
    """The human a fourth higher from `step` on, lower where that leaves the range, None where both do."""
    later = sounding(duet.human[step:])
    later = later[later > 0]
    for semitones in (FOURTH, -FOURTH):
        if len(later) and later.min() + semitones >= LOWEST and later.max() + semitones <= HIGHEST:
            human = np.concatenate([duet.human[:step], transposed(duet.human[step:], semitones)])
            return Duet(duet.name, duet.voices, human, duet.machine, duet.phase)
    return None


def thrown(duets: Sequence[Duet], step: int, beats: int) -> list[Duet]:
    """The duets that go on for `beats` after `step`, cut there, their human a fourth away from `step` on."""
    stop = step + beats * STEPS_PER_BEAT
    parts = (
        Duet(duet.name, duet.voices, duet.human[:stop], duet.machine[:stop], duet.phase)
        for duet in duets
        if len(duet.human) >= stop
    )
    found = (transposed_from(part, step) for part in parts)
    return [duet for duet in found if duet is not None]
