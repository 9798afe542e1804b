"""A network plays many duets at once, greedily as in the paper: for evaluation.

The same choices as :class:`models.duet.agent.DuetAgent` makes one by one (a test holds them together); torch,
because a hundred windows then cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.duet.agent import allowed
from models.duet.anticipation import fitted
from models.duet.causal import CausalNetwork, Memory, block_features
from models.duet.chorales import Duet
from models.duet.encoding import (
    BEATS,
    HIGHEST,
    LOWEST,
    MULTI_HOLD,
    STEPS_PER_BEAT,
    Tokens,
    sounding,
    transposed,
)
from models.duet.environment import FOURTH, SEED_STEPS, Improvisation
from models.duet.networks import Network
from models.duet.windows import BLOCK, cut

Decider = Callable[[Improvisation], Tensor]
"""Logits (n, symbols) of the step to come."""


@torch.no_grad()
def improvise(
    network: Network, duets: Sequence[Duet], seed_steps: int = SEED_STEPS
) -> Iterator[Improvisation]:
    """Play the duets to their ends; yields after every step, the last time when it is done."""
    played, decide = Improvisation(duets, seed_steps), _anticipating(network)
    while not played.done:
        logits = decide(played).numpy()
        played.play(np.where(allowed(played.last), logits, -np.inf).argmax(-1))
        yield played


def decider(network: Network) -> Decider:
    """Reads duets in progress; a causal network carries its memory from step to step, so ask at every one."""
    if isinstance(network, CausalNetwork):
        return _Carried(network)

    def decide(played: Improvisation) -> Tensor:
        going, seen = played.lengths > played.step, played.seen()
        given = (torch.from_numpy(array[going]) for array in (seen.human, seen.machine, seen.phase))
        return _spread(network(*given)[:, 0], going)

    return decide


def _anticipating(network: Network) -> Decider:
    """What is played greedily: with the ear, where the network has one. Learning is without."""
    if not isinstance(network, CausalNetwork) or network.ear is None:
        return decider(network)
    own, ear = _Carried(network), _Carried(network.ear, exchanged=True)

    def decide(played: Improvisation) -> Tensor:
        return _fitted(network, own(played), ear(played))

    return decide


def _fitted(network: CausalNetwork, logits: Tensor, coming: Tensor) -> Tensor:
    return torch.from_numpy(fitted(logits.numpy(), coming.numpy(), network.anticipation))


class _Carried:
    """A causal network's memory of duets in progress; of those that are over only to the end of the block.

    With roles `exchanged` it is asked for the human's line.
    """

    def __init__(self, network: CausalNetwork, exchanged: bool = False) -> None:
        self._network, self._order = network, -1 if exchanged else 1
        self._memory: Memory | None = None
        self._going = np.zeros(0, np.bool_)

    def __call__(self, played: Improvisation) -> Tensor:
        step = played.step
        if self._memory is None or not step % BLOCK:
            self._going = played.lengths > step
            self._memory = self._begin(played, max(step // BLOCK - 1, 0) * BLOCK)
        human, machine = self._both(played, step - 1, step)
        beats = self._beats(played, step, 1)
        features, self._memory = self._network.carry(human, machine, beats, self._memory)
        return _spread(self._network.head(features[:, 0]), self._going)

    def _begin(self, played: Improvisation, first: int) -> Memory:
        """Of the steps from `first` on, the last left out."""
        human, machine = (nn.functional.pad(line, (1, 0), value=MULTI_HOLD.unseen)
                          for line in self._both(played, first, played.step - 1))  # fmt: skip
        beats = self._beats(played, first, played.step - first)
        return self._network.carry(human, machine, beats, None)[1]

    def _both(self, played: Improvisation, first: int, stop: int) -> tuple[Tensor, Tensor]:
        """Steps of the line that is answered and of the one that answers."""
        lines = (played.human, played.machine)[:: self._order]
        parts = (line[self._going, first:stop].astype(np.int64) for line in lines)
        human, machine = map(torch.from_numpy, parts)
        return human, machine

    def _beats(self, played: Improvisation, first: int, steps: int) -> Tensor:
        phase = torch.from_numpy(played.phase[self._going])
        return (phase[:, None] + torch.arange(first, first + steps)) % BEATS


def _spread(logits: Tensor, going: NDArray[np.bool_]) -> Tensor:
    """Of those that go on, to where they stand among all."""
    found = torch.zeros(len(going), logits.shape[1])
    found[torch.from_numpy(going)] = logits
    return found


@torch.no_grad()
def predict(network: Network, duet: Duet) -> Tokens:
    """(T,) the likeliest symbol at every step, given the true steps before it."""
    steps = np.arange(len(duet.machine))
    if isinstance(network, CausalNetwork):
        human, machine = (
            torch.from_numpy(line[None].astype(np.int64)) for line in (duet.human, duet.machine)
        )
        phase = torch.tensor([duet.phase])
        logits = network.head(block_features(network, human, machine, phase))[0]
        if network.ear is not None:
            coming = network.ear.head(block_features(network.ear, machine, human, phase))[0]
            logits = _fitted(network, logits, coming)
    else:
        windows = (cut(line[None], steps, network.kind)[0] for line in (duet.human, duet.machine))
        given = (torch.from_numpy(array) for array in (*windows, (duet.phase + steps) % BEATS))
        logits = network(*given)[:, 0]
    found: NDArray[np.uint8] = logits.argmax(-1).numpy().astype(np.uint8)
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
