"""After the last update: how readily an agent holds, set so that greedy play strikes as often as the data.

What is learned by playing at a temperature is not quite what is played without one. One number is set, by
halving an interval: what is added to the logits of all holds. It is chosen on training duets, never on the
held-out ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.duet import measures
from models.duet.chorales import Duet
from models.duet.encoding import HOLD, MULTI_HOLD, Tokens
from models.duet.environment import SEED_STEPS
from models.duet.networks import Network
from models.duet.playing import improvise

REACH = 1.0
"""Largest shift either way, in logits."""
ROUNDS = 6
LONGEST = 256
"""Steps of each duet."""


def calibrate(network: Network, duets: Sequence[Duet], count: int, seed: int) -> float:
    """Shift the bias of a network that plays until IOI is that of `count` of the duets; returns the shift."""
    picked = np.random.default_rng([seed, 2]).permutation(len(duets))[:count]
    parts = [cut_short(duets[n]) for n in picked]
    wanted = inter_onset([duet.machine for duet in parts])
    first = network.head.bias.detach().clone()
    low, high = -REACH, REACH
    for _ in range(ROUNDS):
        shift_holds(network, first, (low + high) / 2)
        *_, played = improvise(network, parts)
        fast = inter_onset([machine for _, machine in played.lines()]) < wanted  # NaN: it never strikes
        low, high = (low, (low + high) / 2) if not fast else ((low + high) / 2, high)
    shift_holds(network, first, (low + high) / 2)
    return (low + high) / 2


def inter_onset(lines: Sequence[Tokens]) -> float:
    """Mean IOI behind the given bars."""
    return measures.mean_over_pieces("IOI", [line[SEED_STEPS:] for line in lines])


def cut_short(duet: Duet) -> Duet:
    """Its first 256 steps."""
    return Duet(duet.name, duet.voices, duet.human[:LONGEST], duet.machine[:LONGEST], duet.phase)


def shift_holds(network: Network, bias: torch.Tensor, shift: float) -> None:
    """Set the bias of the last layer to `bias`, that of holds higher by `shift`."""
    with torch.no_grad():
        network.head.bias.copy_(bias)
        network.head.bias[HOLD : MULTI_HOLD.rest] += shift
