"""Many motif networks that differ in a few numbers, each playing songs of its own, all in one tensor.

What evolution changes of a network is how much each motif draws, and how steep its ways are: what the bar,
the offsets and the patterns say for it counts more or less. The grid that a motif wants stays where it is. A
button changes one key, so a step computes one key of each song anew. One thread of a training process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.launchpad.agent import LEAST_GAIN, MEMORY_BARS
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.networks import MotifQ
from models.launchpad.valuation import row_moves

Names = NDArray[np.uint64]
Flags = NDArray[np.bool_]
STEPS = LAUNCHPAD.steps
PARTS = (slice(0, STEPS), slice(STEPS, 2 * STEPS), slice(2 * STEPS, None))
"""Of `valuation.row_features`: a key's bar, its offset, its patterns."""


@dataclass(frozen=True, eq=False)
class Genes:
    """What P networks have: `worth` (P, motifs) more, and `steepness` (P, 3, motifs) times what PARTS say."""

    worth: Tensor
    steepness: Tensor


class Choir:
    """Plays the networks that genes make of `network`, which stays as it is."""

    @torch.no_grad()
    def __init__(self, network: MotifQ) -> None:
        self.network = network
        said = [network.seen[..., part].flatten(0, 1) @ network.weight[:, part] for part in PARTS]
        self._said = torch.stack(said)                                         # (3, keys, rows, motifs)
        row = self._said.sum(0).argmax(1)                                      # (keys, motifs): that it wants
        wanted = self._said.gather(2, row.expand(len(PARTS), -1, -1)[:, :, None]).squeeze(2)
        self._wanted = wanted.sum(1)                                           # (3, motifs)
        self._turned = (network.moves[..., 0] * STEPS + network.moves[..., 1]).flatten(0, 1)

    @torch.no_grad()
    def network_of(self, genes: Genes) -> MotifQ:
        """The network that one set of genes makes, P = 1."""
        made = MotifQ(len(self.network.bias))
        made.load_state_dict(self.network.state_dict())
        for part, steepness in zip(PARTS, genes.steepness[0], strict=True):
            made.weight[:, part] *= steepness
        made.bias.copy_(self._biases(genes)[0])
        return made

    def _biases(self, genes: Genes) -> Tensor:
        """(P, motifs): the grid that a motif wants is worth what it was, and `worth` more."""
        steeper = ((1.0 - genes.steepness) * self._wanted).sum(1)
        return self.network.bias.detach() + genes.worth + steeper

    @torch.no_grad()
    def play(self, genes: Genes, states: States, restless: Flags, bars: int) -> Iterator[States]:
        """The states (P, songs, keys, 2) after each of `bars` bars: every network plays the same songs.

        They begin in `states` (songs, keys, 2); those that are `restless` (songs,) are played as the live
        agent does, the others greedily.
        """
        count, songs = len(genes.worth), len(states)
        steepness = genes.steepness.repeat_interleave(songs, 0)                # (n, 3, motifs)
        played, memory = np.tile(states, (count, 1, 1)), Memory(np.tile(restless, count))
        here, ways = self._begin(self._biases(genes).repeat_interleave(songs, 0), played, steepness)
        each = torch.arange(len(played))
        for _ in range(bars):
            values = (ways + here[:, None, None]).amax(-1).flatten(1)
            action = memory.choose(played, torch.cat((values, here.amax(-1, keepdim=True)), 1))
            played = LAUNCHPAD.press(played, action.numpy())
            key = (action // LAUNCHPAD.columns).clamp_max(LAUNCHPAD.keys - 1)
            gained = ways[each, key, action % LAUNCHPAD.columns]
            here = here + gained * (action < LAUNCHPAD.nothing)[:, None]
            ways[each, key] = self._key(key, torch.from_numpy(played)[each, key], steepness)[1]
            yield played.reshape(count, *states.shape)

    def _begin(self, biases: Tensor, states: States, steepness: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of the grids, (n, motifs), and their changes by button, (n, keys, columns, motifs)."""
        here, shape = biases, (len(states), LAUNCHPAD.keys, LAUNCHPAD.columns, biases.shape[1])
        ways, rows = torch.empty(shape), torch.from_numpy(states)
        for key in range(LAUNCHPAD.keys):
            own, ways[:, key] = self._key(torch.full((len(states),), key), rows[:, key], steepness)
            here = here + own
        return here, ways

    def _key(self, key: Tensor, states: Tensor, steepness: Tensor) -> tuple[Tensor, Tensor]:
        """What one `key` (n,) of each song says, (n, motifs); its changes by button: (n, columns, motifs)."""
        row = states[:, 0].long() * STEPS + states[:, 1]
        after = self._turned[row]                                              # (n, columns)
        own, change = torch.zeros(()), torch.zeros(())
        for said, factor in zip(self._said, steepness.unbind(1), strict=True):
            before = said[key, row]
            own = own + before * factor
            change = change + (said[key[:, None], after] - before[:, None]) * factor[:, None]
        return own, change


class Memory:
    """Chooses as `LaunchpadAgent.choose`: in songs that are `restless` (n,), no bar of the last again."""

    def __init__(self, restless: Flags) -> None:
        self._which = np.flatnonzero(restless)
        self._heard = np.zeros((MEMORY_BARS, len(self._which), 1), np.uint64)

    def choose(self, states: States, values: Tensor) -> Tensor:
        """(n,) actions, by values (n, actions) in states (n, keys, 2), which were just heard."""
        actions = values.argmax(1)
        if not len(self._which):
            return actions
        which = torch.from_numpy(self._which)
        here, after = bar_names(states[self._which])
        self._heard = np.concatenate([self._heard[1:], here[None, :, None]])
        again = np.zeros(after.shape, bool)
        for bar in self._heard:
            again |= after == bar
        own = values[which]
        stale = torch.from_numpy(again) & (own <= own[:, -1:] + LEAST_GAIN)
        unit = (own.amax(1) - own.median(1).values).clamp_min(1e-6)
        actions[which] = (own - unit[:, None] * stale).argmax(1)
        return actions


@lru_cache
def _row_names() -> Names:
    """(keys, 2^patterns, steps) random numbers, the same for what sounds the same."""
    distinct, which = np.unique(LAUNCHPAD.rows, return_inverse=True)
    numbers = np.random.default_rng(0).integers(1, 1 << 63, (LAUNCHPAD.keys, len(distinct)), np.uint64)
    names: Names = numbers[:, which.reshape(LAUNCHPAD.rows.shape)]
    return names


def bar_names(states: States) -> tuple[Names, Names]:
    """(n,) a number for the bar that each of `states` (n, keys, 2) is, (n, actions) those after each button.

    The exclusive or of one random number for every key (Zobrist 1970): of different bars, two have the same
    number once in 2^63.
    """
    keys = np.arange(LAUNCHPAD.keys)
    names, moves = _row_names(), row_moves()
    own = names[keys, states[..., 0], states[..., 1]]                               # (n, keys)
    here = np.bitwise_xor.reduce(own, 1)
    moved = moves[states[..., 0], states[..., 1]]                                   # (n, keys, columns, 2)
    there = names[keys[:, None], moved[..., 0], moved[..., 1]] ^ (own ^ here[:, None])[..., None]
    return here, np.concatenate([there.reshape(len(states), -1), here[:, None]], 1)
