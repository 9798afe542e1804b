"""Tells Bach's answers from the agent's; the agent earns by not being told apart.

The reward -log(1 - D) of GAPT (2026) beside the others, which brings variety back. D looks at 31 steps of
both lines, the step that it judges included, and learns from every batch that the agent plays, against as
many real duets.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.duet.causal import embedding_of_symbols
from models.duet.encoding import BEATS

DILATIONS = (1, 2, 4, 8)
KERNEL = 3
SEEN = 1 + (KERNEL - 1) * sum(DILATIONS)
"""Steps that a judgement rests on."""


class Discriminator(nn.Module):
    """Logits that each step of the machine's line, with the lines before it, is Bach's."""

    def __init__(self, embedding: int = 24, channels: int = 48) -> None:
        super().__init__()
        self.human = embedding_of_symbols(embedding)
        self.machine = embedding_of_symbols(embedding)
        self.beat = nn.Embedding(BEATS, 4)
        sizes = [2 * embedding + 4] + [channels] * len(DILATIONS)
        self.layers = nn.ModuleList(
            nn.Conv1d(given, channels, KERNEL, dilation=dilation)
            for given, dilation in zip(sizes, DILATIONS, strict=False)
        )
        self.head = nn.Linear(channels, 1)

    def forward(self, human: Tensor, machine: Tensor, phase: Tensor) -> Tensor:
        """(n, T) from symbols (n, T) int64 and the beat (n,) of the first step."""
        beats = (phase[:, None] + torch.arange(human.shape[1])) % BEATS
        x = torch.cat((self.human(human), self.machine(machine), self.beat(beats)), -1).transpose(1, 2)
        for layer, dilation in zip(self.layers, DILATIONS, strict=True):
            x = nn.functional.leaky_relu(layer(nn.functional.pad(x, ((KERNEL - 1) * dilation, 0))), 0.1)
        logits: Tensor = self.head(x.transpose(1, 2))[..., 0]
        return logits


def not_told_apart(logits: Tensor) -> Tensor:
    """-log(1 - D)."""
    return nn.functional.softplus(logits)


def mistakes(real: Tensor, played: Tensor) -> Tensor:
    """The discriminator's loss: cross-entropy of both, in nats a step."""
    return (nn.functional.softplus(-real).mean() + nn.functional.softplus(played).mean()) / 2
