"""The launchpad's Q networks, for training: the paper's two and the one that ships.

All map states, (n, keys, 2) uint8, to the values of all actions, (n, actions) float32. `valuation.py`
computes the same in numpy from the same weights; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from models.launchpad.instrument import LAUNCHPAD, Instrument
from models.launchpad.planning import Plan, plan_weights
from models.launchpad.valuation import row_features, row_moves

MOTIFS = 256
SOFTNESS = 1.0
"""How far motifs that are nearly as good count along, in units of value."""
PLANNED_SOFTNESS = 0.1


class FeatureQ(nn.Sequential):
    """Layers over the instrument's features (section 2.3.1)."""

    def __init__(self, kind: str, *layers: nn.Module, instrument: Instrument = LAUNCHPAD) -> None:
        super().__init__(*layers)
        self.kind = kind
        self._instrument = instrument

    def forward(self, states: Tensor) -> Tensor:
        """(n, keys, 2) -> (n, actions)."""
        return cast(Tensor, super().forward(features(states, self._instrument)))

    def chosen(self, states: Tensor, actions: Tensor) -> Tensor:
        """(n, m) the values of m actions each: only their rows of the last layer are multiplied."""
        last = cast(nn.Linear, self[-1])
        hidden = features(states, self._instrument)
        for layer in list(self)[:-1]:
            hidden = layer(hidden)
        return (hidden[:, None] * last.weight[actions]).sum(-1) + last.bias[actions]


def features(states: Tensor, instrument: Instrument = LAUNCHPAD) -> Tensor:
    """`Instrument.features` in torch: (n, keys, 2) uint8 -> (n, keys * (2 B + 1)) float32."""
    masks, offsets = _bits(instrument.patterns), _bits(instrument.exponent)
    mask, offset = states.int().unbind(-1)
    return torch.cat((masks[mask], offsets[offset]), -1).flatten(1)


@lru_cache
def _bits(count: int) -> Tensor:
    """(2^count, count) float32: the bits of every number."""
    return (torch.arange(1 << count)[:, None] >> torch.arange(count) & 1).float()


def linear_q(instrument: Instrument = LAUNCHPAD) -> FeatureQ:
    """The paper's baseline: one layer."""
    inputs = instrument.actions - 1
    return FeatureQ("linear", nn.Linear(inputs, instrument.actions), instrument=instrument)


def deep_q(instrument: Instrument = LAUNCHPAD) -> FeatureQ:
    """The paper's deep network: 312 -> 1024 -> 512 -> 313."""
    inputs = instrument.actions - 1
    return FeatureQ(
        "deep", nn.Linear(inputs, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(),
        nn.Linear(512, instrument.actions), instrument=instrument,
    )  # fmt: skip


class GridQ(nn.Module):
    """Q(s, a) = U(T(s, a)): the value of the grid that a button leads to."""

    moves: Tensor
    """`row_moves`."""
    seen: Tensor
    """`row_features`."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        self.register_buffer("seen", torch.from_numpy(row_features(instrument)), persistent=False)
        self.register_buffer("moves", torch.from_numpy(row_moves(instrument)).long(), persistent=False)

    def value(self, states: Tensor) -> Tensor:
        """U: (n, keys, 2) -> (n,)."""
        raise NotImplementedError

    def chosen(self, states: Tensor, actions: Tensor) -> Tensor:
        """(n, m) the values of m actions each."""
        after = pressed(states, actions, self.moves)
        return self.value(after.flatten(0, 1)).view(actions.shape)


class MotifQ(GridQ):
    """The grid's value as a soft maximum over motifs: a plan, written down as weights.

    A motif scores every key by its bar, its offset and its patterns, and adds the keys up, so a button
    changes one summand of it; what a motif wants of a key, it can say exactly. The grid is worth what the
    motif that it fits best says.
    """

    kind = "motifs"
    softness: Tensor

    def __init__(self, motifs: int = MOTIFS, instrument: Instrument = LAUNCHPAD) -> None:
        super().__init__(instrument)
        self.weight = nn.Parameter(torch.randn(instrument.keys, self.seen.shape[-1], motifs) * 0.05)
        self.bias = nn.Parameter(torch.zeros(motifs))
        self.register_buffer("softness", torch.full((1,), SOFTNESS))

    @classmethod
    def planned(cls, plan: Plan, softness: float = PLANNED_SOFTNESS) -> MotifQ:
        """A network that knows the plan before it learns."""
        weight, bias = plan_weights(plan)
        network = cls(len(bias))
        with torch.no_grad():
            network.weight.copy_(torch.from_numpy(weight))
            network.bias.copy_(torch.from_numpy(bias))
            network.softness.fill_(softness)
        return network

    def forward(self, states: Tensor) -> Tensor:
        """(n, keys, 2) -> (n, actions)."""
        mask, offset = states.long().permute(1, 0, 2).unbind(-1)               # (keys, n)
        after = self.moves[mask, offset]                                       # (keys, n, columns, 2)
        before = self.seen[mask, offset]                                       # (keys, n, features)
        change = self.seen[after[..., 0], after[..., 1]] - before[:, :, None]
        here = torch.bmm(before, self.weight).sum(0) + self.bias               # (n, motifs)
        shares = torch.bmm(change.flatten(1, 2), self.weight).unflatten(1, change.shape[1:3])
        there = (here[:, None, None] + shares.transpose(0, 1)).flatten(1, 2)   # (n, keys * columns, motifs)
        return self._best(torch.cat((there, here[:, None]), 1))

    def value(self, states: Tensor) -> Tensor:
        """U: (n, keys, 2) -> (n,)."""
        mask, offset = states.long().permute(1, 0, 2).unbind(-1)
        return self._best(torch.bmm(self.seen[mask, offset], self.weight).sum(0) + self.bias)

    def _best(self, scores: Tensor) -> Tensor:
        return self.softness * torch.logsumexp(scores / self.softness, -1)


class AfterstateQ(GridQ):
    """The grid's value by a network of three layers: what is learned from reward.

    Its first layer adds up what every key says, read from the key's bar, offset and patterns, so the 313
    grids that the buttons lead to differ in one summand each. Two small layers make a value of the sum.
    """

    kind = "afterstates"
    turned: Tensor

    def __init__(self, hidden: int = 64, instrument: Instrument = LAUNCHPAD) -> None:
        super().__init__(instrument)
        scale = instrument.keys**-0.5 / 4
        self.weight = nn.Parameter(torch.randn(instrument.keys, self.seen.shape[-1], hidden) * scale)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.head = nn.Sequential(
            nn.ReLU(inplace=True), nn.Linear(hidden, hidden // 2),
            nn.ReLU(inplace=True), nn.Linear(hidden // 2, 1),
        )  # fmt: skip
        turned = (self.moves[..., 0] * instrument.steps + self.moves[..., 1]).flatten(0, 1)
        self.register_buffer("turned", turned, persistent=False)
        self._shares: tuple[int, Tensor] | None = None

    @torch.no_grad()
    def forward(self, states: Tensor) -> Tensor:
        """(n, keys, 2) -> (n, actions), without gradients: these are taken of `chosen`."""
        shares, (count, keys) = self._table(), states.shape[:2]
        first = torch.arange(keys) * len(self.turned)                          # of each key, in the table
        mask, offset = states.long().unbind(-1)
        row = mask * self.seen.shape[1] + offset                               # (n, keys)
        after = self.turned.index_select(0, row.flatten()).view(count, keys, -1) + first[:, None]
        before = shares.index_select(0, (row + first).flatten()).view(count, keys, -1)
        here = before.sum(1) + self.bias
        there = shares.index_select(0, after.flatten()).view(*after.shape, -1)
        there += (here[:, None] - before)[:, :, None]
        values = [self.head(scores).squeeze(-1) for scores in (there.flatten(1, 2), here[:, None])]
        return torch.cat(values, 1)

    def value(self, states: Tensor) -> Tensor:
        """U: (n, keys, 2) -> (n,)."""
        mask, offset = states.long().permute(1, 0, 2).unbind(-1)
        summed = torch.bmm(self.seen[mask, offset], self.weight).sum(0) + self.bias
        return cast(Tensor, self.head(summed).squeeze(-1))

    @torch.no_grad()
    def _table(self) -> Tensor:
        """(keys * 2^patterns * steps, hidden) what every key can say; made anew when the weights changed."""
        version = self.weight._version
        if self._shares is None or self._shares[0] != version:
            seen = self.seen.flatten(0, 1)
            self._shares = version, torch.cat([seen @ weight for weight in self.weight])
        return self._shares[1]


def pressed(states: Tensor, actions: Tensor, moves: Tensor) -> Tensor:
    """(n, m, keys, 2) the states (n, keys, 2) after m actions each, (n, m), by `row_moves`."""
    count, m = actions.shape
    column = moves.shape[2]
    after = states[:, None].repeat(1, m, 1, 1).flatten(0, 1)
    button, each = actions.flatten(), torch.arange(count * m)
    key = (button // column).clamp_max(states.shape[1] - 1)
    mask, offset = after[each, key].long().unbind(-1)
    moved = moves[mask, offset, button % column].to(states.dtype)
    presses = (button < states.shape[1] * column)[:, None]
    after[each, key] = torch.where(presses, moved, after[each, key])
    return after.unflatten(0, (count, m))


QNetwork = FeatureQ | MotifQ | AfterstateQ
KINDS: dict[str, Callable[[], QNetwork]] = {
    "linear": linear_q, "deep": deep_q, "motifs": MotifQ, "afterstates": AfterstateQ,
}  # fmt: skip
