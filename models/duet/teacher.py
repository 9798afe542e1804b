"""A teacher that sees the future: it answers a line of which it also hears what is still to come.

For training alone; it cannot improvise. It has the body of the agents that ship (:mod:`models.duet.causal`),
hears the human one step earlier than they do, and is told beside it what a recurrent layer, run backwards,
makes of the human's line up to the end of the window. Of the machine's line it knows no more than the
student: what was played before. A student that is drawn to it on the student's own play learns to prefer
answers that are good whatever comes (ReaLchords, 2024: distillation from an offline model on own play).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from models.duet.causal import UNSEEN, Body, CausalWidths, embedding_of_symbols
from models.duet.encoding import BEATS
from models.duet.windows import BLOCK, Stretch

NAME = "foresight"
"""Stands for the kind of network in checkpoints and configurations."""
AHEAD = 64
"""Width of what comes."""
WIDTH = 3 * BLOCK
"""Steps of a window: the block that is judged, the one before and the one behind it."""
LEAST = -8.0
"""Nats; no answer is judged worse."""


class ForesightNetwork(Body):
    """p(machine's symbol at step t | machine's line before t, the human's whole line)."""

    name = NAME
    kind = Stretch(WIDTH)
    """What it learns from."""

    def __init__(self, widths: CausalWidths | None = None) -> None:
        super().__init__(widths, AHEAD)
        self.coming = embedding_of_symbols(self.widths.embedding)
        self.ahead = nn.GRU(self.widths.embedding + self.widths.beat, AHEAD, batch_first=True)

    def forward(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """Logits (n, T, symbols) of every step of lines (n, T) that begin with nothing heard.

        Symbols or `unseen`, int64; `phase` (n,) is the beat of the first step.
        """
        answered = nn.functional.pad(machine[:, :-1], (1, 0), value=UNSEEN)
        beats = (phase[:, None] + torch.arange(human.shape[1])) % BEATS
        features, _ = self.carry(human, answered, beats, None, self._foresee(human, beats))
        logits: Tensor = self.head(features)
        return logits

    def _foresee(self, human: Tensor, beats: Tensor) -> Tensor:
        """(n, T, AHEAD) of the human's line from each step on."""
        given = torch.cat((self.coming(human), self.beat(beats)), -1)
        found: Tensor = self.ahead(given.flip(1))[0].flip(1)
        return found

    def arguments(self) -> dict[str, Any]:
        """What a card says of the network, and :func:`foresight_from` needs."""
        return {"kind": NAME, "widths": asdict(self.widths), "context": {"block": BLOCK, "ahead": AHEAD}}


def foresight_from(arguments: dict[str, Any]) -> ForesightNetwork:
    """As :meth:`ForesightNetwork.arguments` describes it; raises ValueError where its context differs."""
    network = ForesightNetwork(CausalWidths(**arguments["widths"]))
    if network.arguments()["context"] != arguments["context"]:
        raise ValueError("its windows are not this program's")
    return network


@torch.no_grad()
def opinions(teacher: ForesightNetwork, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
    """Logits (n, T - 32, symbols) of all steps behind the first block of lines (n, T).

    Memory begins with the block before, as the student's does. Behind the last block nothing is known, which
    is not to say that nothing comes: it is read from a window that ends there, as it was in training.
    """
    steps = human.shape[1]
    parts = [slice(start, min(start + WIDTH, steps)) for start in range(0, steps - BLOCK, BLOCK)]
    judged = [teacher(human[:, p], machine[:, p], phase)[:, BLOCK : 2 * BLOCK] for p in parts]
    return torch.cat(judged, 1)


def surprise(student: Tensor, teacher: Tensor) -> Tensor:
    """Nats by which what the student would play surprises the teacher, mean of all steps.

    Of log-probabilities (n, T, symbols). The expectation is the student's own, so what pays is what the
    teacher finds good whatever comes, not what is right in one future. With the student's negative entropy
    added it would be the Kullback-Leibler divergence of ReaLchords; that was tried (see the card), and made
    what is practised, which is drawn, differ from what is played greedily.
    """
    return -(student.exp() * teacher.clamp_min(LEAST)).sum(-1).mean()
