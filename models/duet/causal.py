"""A network that hears both lines once, in order: the body of the agents that ship.

The network of Figure 4 (:mod:`models.duet.networks`) reads a window of 32 steps anew for every decision, in
both directions. This one has memory that only runs forwards, so that one pass over a line decides all of its
steps: ten times the decisions and more in the same time, in training, in improvisation and in the reward.
What may be known of a step is the same: nothing of it, and nothing later.

Memory begins anew at block boundaries: step t is decided from the block of 32 steps in which it lies and the
block before it, so nothing older than 63 steps matters and what training saw is what playing sees.
`agent.py` computes the same in numpy from the same weights; a test holds the two together.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.duet.encoding import BEATS, HOLD, MIDDLE, MULTI_HOLD, OCTAVE, PITCHES
from models.duet.windows import BLOCK, Stretch

NAME = "causal"
"""Stands for the kind of network in checkpoints and configurations."""
UNSEEN = MULTI_HOLD.unseen
PERIODS = (12.0, 6.0, 4.0, 3.0, 2.4, 2.0, 24.0, 48.0, 96.0)
"""Semitones; of the waves by which pitches are told apart before anything is learned."""
OFFSETS = 2 * PITCHES - 1
"""Different intervals between two pitches, from the highest down to the highest up."""
FIRST_HOLD = 4.0
"""Logit of holding what sounds before anything is learned: it is right three times of four."""


class Memory(NamedTuple):
    """What is left of the steps before: two recurrent states (1, n, width), and what the lines last did.

    `heard` (n, 2, 12): sixteenths for which each pitch class sounded in either line; `places` (n, 2).
    """

    lower: Tensor | None
    upper: Tensor | None
    heard: Tensor
    places: Tensor


@dataclass(frozen=True)
class CausalWidths:
    """Sizes: of the embeddings, of both recurrent layers, of the layer before the last."""

    embedding: int = 32
    interval: int = 16
    beat: int = 8
    recurrent: int = 128
    hidden: int = 128


class Body(nn.Module):
    """What all of these networks are made of; what they are given decides what they know.

    Music sounds the same a semitone higher, so intervals are given beside pitches: between the lines, of
    each from the step before, and how long each pitch class has sounded, counted from the one the machine
    plays. Onsets are proposed as intervals too, from the machine's last pitch and from the human's
    (:meth:`propose`), and the last layer weighs the proposals.
    """

    def __init__(self, widths: CausalWidths | None = None, beside: int = 0) -> None:
        super().__init__()
        self.widths = size = widths or CausalWidths()
        self.human = embedding_of_symbols(size.embedding)
        self.machine = embedding_of_symbols(size.embedding)
        self.beat = nn.Embedding(BEATS, size.beat)
        self.between, self.human_step, self.machine_step = (
            nn.Embedding(OFFSETS, size.interval) for _ in range(3)
        )
        inputs = 2 * size.embedding + size.beat + 3 * size.interval + 2 * OCTAVE + beside
        self.lower = nn.GRU(inputs, size.recurrent, batch_first=True)
        self.upper = nn.GRU(size.recurrent, size.recurrent, batch_first=True)
        self.mix = nn.Linear(inputs + 2 * size.recurrent, size.hidden)
        self.dropout = nn.Dropout(0.0)
        self.proposal = nn.Linear(size.hidden, 2 * OFFSETS + 1)
        self.head = nn.Linear(size.hidden + MULTI_HOLD.rest, MULTI_HOLD.symbols)
        with torch.no_grad():
            self.proposal.weight.mul_(0.1)
            self.proposal.bias.zero_()
            self.proposal.bias[-1] = FIRST_HOLD
            self.head.weight.mul_(0.1)
            self.head.weight[: MULTI_HOLD.rest, size.hidden :] = torch.eye(MULTI_HOLD.rest)

    def carry(
        self, human: Tensor, machine: Tensor, beats: Tensor, memory: Memory | None,
        beside: Tensor | None = None,
    ) -> tuple[Tensor, Memory]:  # fmt: skip
        """(n, T, hidden + 92) and the memory after them: what was heard at T steps, the beats that follow.

        `beside` (n, T, as many as the constructor was told) is known besides.
        """
        memory = memory or nothing_heard(len(human))
        lines = torch.stack((human, machine), -1)
        places = place(lines)
        classes, heard = _classes_heard(lines, memory.heard)
        last = torch.cat((memory.places[:, None], places[:, :-1]), 1)
        steps = places - last + PITCHES - 1
        given = torch.cat(
            (self.human(human), self.machine(machine), self.beat(beats),
             self.between(places[..., 0] - places[..., 1] + PITCHES - 1),
             self.human_step(steps[..., 0]), self.machine_step(steps[..., 1]),
             _from_the_machines(classes, places[..., 1]), *([] if beside is None else [beside])), -1
        )  # fmt: skip
        first, lower = self.lower(given, memory.lower)
        first = self.dropout(first)
        second, upper = self.upper(first, memory.upper)
        hidden = torch.relu(self.mix(torch.cat((given, first, self.dropout(second)), -1)))
        features = torch.cat((hidden, self.propose(hidden, places)), -1)
        return features, Memory(lower, upper, heard, places[:, -1])

    def propose(self, hidden: Tensor, places: Tensor) -> Tensor:
        """(n, T, 92) for every onset and hold: intervals from the pitches at `places` (n, T, 2).

        Of holds only that of the machine's pitch is proposed.
        """
        from_human, from_machine, holds = self.proposal(hidden).split((OFFSETS, OFFSETS, 1), -1)
        pitches = torch.arange(PITCHES) + PITCHES - 1
        onsets = sum(
            (found.gather(-1, pitches - places[..., line, None])
             for line, found in enumerate((from_human, from_machine))),
            torch.zeros(()),
        )  # fmt: skip
        held = nn.functional.one_hot(places[..., 1], PITCHES) * holds
        return torch.cat((onsets, held), -1)


class CausalNetwork(Body):
    """p(machine's symbol at step t | both lines before t).

    Where it has an `ear`, another one that expects what the human plays, improvising makes use of it
    (:mod:`models.duet.anticipation`) by so much as `anticipation`; what is computed here does not.
    """

    name = NAME
    kind = Stretch(2 * BLOCK)
    """What it learns from."""

    def __init__(self, widths: CausalWidths | None = None) -> None:
        super().__init__(widths)
        self.ear: CausalNetwork | None = None
        self.anticipation = 0.0

    def listen(self, ear: CausalNetwork, anticipation: float) -> None:
        """Take another network as ear; it learns no more."""
        self.ear, self.anticipation = ear.requires_grad_(False), anticipation

    def forward(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """Logits (n, T, symbols) of every step of lines (n, T) that begin with nothing heard.

        Symbols or `unseen`, int64; `phase` (n,) is the beat of the first step. The last step of the lines
        decides nothing.
        """
        logits: Tensor = self.head(self.features(human, machine, phase))
        return logits

    def features(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """(n, T, hidden + 92) of what :meth:`forward` is given."""
        heard, answered = (nn.functional.pad(line[:, :-1], (1, 0), value=UNSEEN) for line in (human, machine))
        beats = (phase[:, None] + torch.arange(human.shape[1])) % BEATS
        return self.carry(heard, answered, beats, None)[0]

    def arguments(self) -> dict[str, Any]:
        """What a card says of the network, and :func:`causal_from` needs."""
        own = {"kind": NAME, "widths": asdict(self.widths), "context": {"block": BLOCK}}
        if self.ear is None:
            return own
        return own | {"anticipation": self.anticipation, "ear": self.ear.arguments()}


def place(symbols: Tensor) -> Tensor:
    """Pitches from the lowest, same shape; MIDDLE where nothing sounds."""
    return torch.where(symbols < MULTI_HOLD.rest, symbols % PITCHES, MIDDLE)


def nothing_heard(count: int) -> Memory:
    """Of `count` duets that begin."""
    return Memory(None, None, torch.zeros(count, 2, OCTAVE), torch.full((count, 2), MIDDLE))


def _classes_heard(lines: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """(n, T, 2, 12) shares of the time for which a line sounded, each step included; the last counts."""
    sounds = (lines < MULTI_HOLD.rest)[..., None]
    classes = nn.functional.one_hot(lines % PITCHES % OCTAVE, OCTAVE) * sounds
    counts = before[:, None] + classes.cumsum(1)
    return counts / (counts.sum(-1, keepdim=True) + 1.0), counts[:, -1]


def _from_the_machines(classes: Tensor, places: Tensor) -> Tensor:
    """(n, T, 24) from (n, T, 2, 12): the pitch class at `places` (n, T) comes first."""
    turned = (places[..., None] + torch.arange(OCTAVE)) % OCTAVE
    return classes.gather(-1, turned[..., None, :].expand_as(classes)).flatten(-2)


def causal_from(arguments: dict[str, Any]) -> CausalNetwork:
    """As :meth:`CausalNetwork.arguments` describes it; raises ValueError where its context differs."""
    network = CausalNetwork(CausalWidths(**arguments["widths"]))
    if network.arguments()["context"] != arguments["context"]:
        raise ValueError("its memory begins at other boundaries than this program's")
    if "ear" in arguments:
        network.listen(causal_from(arguments["ear"]), arguments["anticipation"])
    return network


def embedding_of_symbols(width: int) -> nn.Embedding:
    """Of the symbols and `unseen`."""
    embedding = nn.Embedding(UNSEEN + 1, width)
    with torch.no_grad():
        embedding.weight.copy_(_pitch_waves(width))
    return embedding


def _pitch_waves(width: int) -> Tensor:
    """(symbols + 1, width) to begin with: pitches an octave or a fifth apart resemble each other.

    Waves over the pitch and marks of onset, hold, rest and unseen, mixed at random. That intervals matter and
    not keys need not be found out from the start.
    """
    symbols = torch.arange(UNSEEN + 1)
    pitched = (symbols < MULTI_HOLD.rest).float()[:, None]
    angles = 2 * math.pi * (symbols % PITCHES)[:, None] / torch.tensor(PERIODS)
    marks = [symbols < HOLD, (symbols >= HOLD) & (symbols < MULTI_HOLD.rest)]
    marks += [symbols == MULTI_HOLD.rest, symbols == UNSEEN]
    waves = torch.cat((pitched * angles.sin(), pitched * angles.cos(), torch.stack(marks, 1).float()), 1)
    return waves @ torch.randn(waves.shape[1], width) / math.sqrt(len(PERIODS))


def in_blocks(lines: Tensor, given: int) -> Tensor:
    """(n, T), T a multiple of 32 -> (n * (T / 32 - given), 64): each block but the first with the one before.

    Before the very first block lies nothing: its own 32 steps come first there, and `unseen` behind them.
    """
    blocks = lines.unflatten(1, (-1, BLOCK))
    first = torch.cat((blocks[:, :1], torch.full_like(blocks[:, :1], UNSEEN)), -1)
    later = torch.cat((blocks[:, :-1], blocks[:, 1:]), -1)
    return torch.cat((first, later), 1)[:, given:].flatten(0, 1)


def block_features(
    network: CausalNetwork, human: Tensor, machine: Tensor, phase: Tensor, given: int = 0
) -> Tensor:
    """(n, T - 32 given, hidden) of lines (n, T) in which memory begins anew as when they are played.

    The first `given` blocks are only heard; what was decided in them is not asked.
    """
    count, steps = human.shape
    pad = -steps % BLOCK
    blocks = (steps + pad) // BLOCK - given
    heard, own = (
        in_blocks(nn.functional.pad(line, (0, pad), value=UNSEEN), given) for line in (human, machine)
    )
    found = network.features(heard, own, phase.repeat_interleave(blocks)).unflatten(0, (count, blocks))
    early = found[:, :0, 0] if given else found[:, 0, :BLOCK]
    later = found[:, not given :, BLOCK:].flatten(1, 2)
    return torch.cat((early, later), 1)[:, : steps - given * BLOCK]
