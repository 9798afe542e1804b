"""The attention-guided recurrent network of Figure 4, for generation and for the four reward models.

What each model sees and says is a row of KINDS (Figure 3). A network is given windows of both lines and hides
from itself what its kind must not see: the machine's centre, and the whole line of which it knows nothing.
`agent.py` computes the same in numpy from the same weights; a test holds the two together.

The paper gives neither the length of windows nor widths: ours are in :class:`Kind` and :class:`Widths`, and
on every card.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.duet import causal, teacher
from models.duet.causal import CausalNetwork, CausalWidths
from models.duet.encoding import BEATS, MULTI_HOLD, SINGLE_HOLD, Encoding
from models.duet.teacher import ForesightNetwork


@dataclass(frozen=True)
class Kind:
    """A model's context: `past` steps before step t, the `centre` it predicts, `after` steps behind that.

    A centre of one step lies outside the window: nobody has played it yet. A longer one lies within: the
    human's part of it is seen, the machine's never.
    """

    encoding: Encoding
    human: bool
    machine: bool
    past: int
    centre: int
    after: int

    @property
    def width(self) -> int:
        """Steps in a window."""
        return self.past + (self.centre + self.after if self.after else 0)

    @property
    def place(self) -> int:
        """The step of the window that lies nearest to what is predicted."""
        return self.past if self.after else self.past - 1


KINDS = {
    "a": Kind(MULTI_HOLD, human=True, machine=True, past=32, centre=1, after=0),
    "b": Kind(SINGLE_HOLD, human=True, machine=True, past=16, centre=16, after=16),
    "c": Kind(SINGLE_HOLD, human=False, machine=True, past=16, centre=16, after=16),
    "d": Kind(SINGLE_HOLD, human=True, machine=False, past=16, centre=16, after=16),
}
"""(a) joint, also the generation model; (b) joint, both sides; (c) horizontal; (d) vertical."""


@dataclass(frozen=True)
class Widths:
    """Sizes: of embeddings, of a recurrent layer in one direction, of the layer before the last."""

    embedding: int = 32
    recurrent: int = 64
    beat: int = 16
    hidden: int = 128


class DuetNetwork(nn.Module):
    """p(machine's symbols in the centre | what the kind sees)."""

    def __init__(self, kind: str, widths: Widths | None = None) -> None:
        super().__init__()
        self.name, self.kind = kind, KINDS[kind]
        self.widths = widths or Widths()
        size, inputs = self.widths, self.kind.encoding.symbols + 1
        if self.kind.human:
            self.human = Branch(inputs, size.embedding, size.recurrent)
        if self.kind.machine:
            self.machine = Branch(inputs, size.embedding, size.recurrent)
        self.beat = Branch(BEATS, size.beat, size.beat)
        seen = 2 * size.recurrent * (self.kind.human + self.kind.machine) + 2 * size.beat
        self.summarizer = TemporalContextSummarizer(seen, size.beat, size.hidden)
        self.mix = nn.Linear(3 * seen + size.beat, size.hidden)
        self.head = nn.Linear(size.hidden, self.kind.centre * self.kind.encoding.symbols)

    def forward(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """Logits (n, centre, symbols); see :meth:`features` for what is given."""
        logits: Tensor = self.head(self.features(human, machine, phase))
        return logits.unflatten(-1, (self.kind.centre, -1))

    def features(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """(n, hidden) of windows (n, width) int64, symbols or `unseen`, and the beat (n,) 0..3 of step t."""
        seen = []
        if self.kind.human:
            seen.append(self.human(human))
        if self.kind.machine:
            seen.append(self.machine(self._hidden(machine)))
        seen.append(self._beats()[phase])
        now = self.beat.embedding(phase)
        summary = self.summarizer(torch.cat(seen, -1), now, self.kind.place)
        return torch.relu(self.mix(torch.cat((summary, now), -1)))

    def _hidden(self, machine: Tensor) -> Tensor:
        """The machine's line without its centre."""
        if not self.kind.after:
            return machine
        centre = torch.zeros(self.kind.width, dtype=torch.bool)
        centre[self.kind.past : self.kind.past + self.kind.centre] = True
        return machine.masked_fill(centre, self.kind.encoding.unseen)

    def _beats(self) -> Tensor:
        """(4, width, features) the beat branch for each phase of step t: nothing else decides it."""
        offsets = torch.arange(self.kind.width) - self.kind.past
        branch: Tensor = self.beat((torch.arange(BEATS)[:, None] + offsets) % BEATS)
        return branch

    def arguments(self) -> dict[str, Any]:
        """What a card says of the network, and :func:`from_arguments` needs."""
        kind = asdict(self.kind)
        return {"kind": self.name, "widths": asdict(self.widths), "context": kind}


PLAYERS = ("a", causal.NAME)
"""Kinds of network that can improvise."""
Network = DuetNetwork | CausalNetwork
Learnable = Network | ForesightNetwork
"""Whatever learns by likelihood."""


def new_network(kind: str, widths: dict[str, int]) -> Learnable:
    """With new weights; `widths` are those fields that differ. Raises TypeError for an unknown width."""
    if kind == teacher.NAME:
        return ForesightNetwork(CausalWidths(**widths))
    if kind == causal.NAME:
        return CausalNetwork(CausalWidths(**widths))
    return DuetNetwork(kind, Widths(**widths))


def from_arguments(arguments: dict[str, Any]) -> Learnable:
    """A network as its `arguments()` describe it; raises ValueError where contexts differ."""
    if arguments["kind"] == teacher.NAME:
        return teacher.foresight_from(arguments)
    if arguments["kind"] == causal.NAME:
        return causal.causal_from(arguments)
    network = DuetNetwork(arguments["kind"], Widths(**arguments["widths"]))
    if network.arguments()["context"] != arguments["context"]:
        raise ValueError(f"its context of kind {network.name} is not this program's")
    return network


class Branch(nn.Module):
    """Embedding, then a recurrent layer in both directions: (n, T) int64 -> (n, T, 2 * recurrent)."""

    def __init__(self, inputs: int, embedding: int, recurrent: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(inputs, embedding)
        self.recurrent = nn.GRU(embedding, recurrent, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of every step, each with the whole window in view."""
        found: Tensor = self.recurrent(self.embedding(tokens))[0]
        return found


class TemporalContextSummarizer(nn.Module):
    """Many steps to one: what attention picks, the maximum over time, and the step nearest to the target.

    Attention is additive: a step's weight depends on its features, on those of the nearest step and on the
    beat that comes now.
    """

    def __init__(self, seen: int, beat: int, hidden: int) -> None:
        super().__init__()
        self.keys = nn.Linear(seen, hidden)
        self.query = nn.Linear(seen + beat, hidden, bias=False)
        self.weigh = nn.Linear(hidden, 1, bias=False)

    def forward(self, steps: Tensor, now: Tensor, place: int) -> Tensor:
        """(n, T, seen), (n, beat) -> (n, 3 * seen)."""
        nearest = steps[:, place]
        query = self.query(torch.cat((nearest, now), -1))
        weights = self.weigh(torch.tanh(self.keys(steps) + query[:, None])).softmax(1)
        return torch.cat(((weights * steps).sum(1), steps.max(1).values, nearest), -1)
