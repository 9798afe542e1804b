"""What the partner that ships earns: not being told from Bach, and being like him on the whole.

Three things instead of RL-Duet's ensemble: a discriminator that learns beside the agent, counted style, and
loyalty to the MLE agent it began as (`prior` of :class:`models.duet.reinforce.ReinforceConfig`). All are
judged on the agent's own play, so that what it does greedily is what is corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.duet.chorales import Duet
from models.duet.discriminator import Discriminator, mistakes, not_told_apart
from models.duet.encoding import Tokens
from models.duet.environment import SEED_STEPS, practice
from models.duet.reinforce import ReinforceConfig
from models.duet.style import Style
from models.duet.training import descend
from models.tensors import below, optimiser_state, prefixed, restore_optimiser

Floats = NDArray[np.float64]
COUNTED = 2048
"""Real excerpts that the data's style is counted on."""


@dataclass(frozen=True)
class PartnerConfig:
    """What earns how much.

    Attributes:
        discriminator: weight of -log(1 - D).
        style: weights of the terms of models.duet.style.
        decay: of own play in the counts, a batch.
    """

    discriminator: float = 0.5
    style: dict[str, float] = field(
        default_factory=lambda: {
            "rhythm": 1.0,
            "melody": 0.5,
            "harmony": 2.0,
            "key": 1.0,
            "degree": 1.0,
            "variety": 1.0,
        }
    )
    decay: float = 0.8
    learning_rate: float = 1e-3


class PartnerReward:
    """Called with finished duets; gives what each step earns, then learns to tell them from real ones."""

    def __init__(self, duets: Sequence[Duet], config: PartnerConfig, learning: ReinforceConfig) -> None:
        self._duets, self._config, self._learning = duets, config, learning
        self._rng = np.random.default_rng([learning.seed, 1])
        self.discriminator = Discriminator()
        self._optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=config.learning_rate)
        self._style = Style(config.style, config.decay)
        self._style.learn(*self._real(COUNTED), SEED_STEPS)

    def __call__(self, human: Tokens, machine: Tokens, phase: NDArray[np.int64], first: int) -> Floats:
        """Rewards (n, T - first) of multi-hold lines (n, T) whose first step has the beat `phase` (n,)."""
        with torch.no_grad():
            fooled = not_told_apart(self._logits(human, machine, phase, first)).double().numpy()
        real = self._logits(*self._real(len(human)), first)
        loss = mistakes(real, self._logits(human, machine, phase, first))
        descend(self._optimiser, self.discriminator, loss, 1.0)
        earned: Floats = self._config.discriminator * fooled + self._style(human, machine, phase, first)
        return earned

    def _logits(self, human: Tokens, machine: Tokens, phase: NDArray[np.int64], first: int) -> Tensor:
        given = (torch.from_numpy(array.astype(np.int64)) for array in (human, machine, phase))
        logits: Tensor = self.discriminator(*given)[:, first:]
        return logits

    def _real(self, count: int) -> tuple[Tokens, Tokens, NDArray[np.int64]]:
        """Excerpts as the agent is given them, with Bach's answers: human, machine (n, T), phase (n,)."""
        picked = self._rng.integers(0, len(self._duets), count)
        steps, thrown = self._learning.steps, self._learning.thrown
        parts = [practice(self._duets[n], steps, thrown, self._rng) for n in picked]
        lines = (np.stack([part.human for part in parts]), np.stack([part.machine for part in parts]))
        return *lines, np.array([part.phase for part in parts], np.int64)

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values. What the data is like is counted anew."""
        tensors = prefixed("discriminator.", self.discriminator.state_dict())
        tensors |= optimiser_state(self._optimiser)
        tensors |= {f"own.{name}": torch.from_numpy(counts) for name, counts in self._style.own.items()}
        return tensors, {"random": self._rng.bit_generator.state}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        self.discriminator.load_state_dict(below("discriminator.", tensors))
        restore_optimiser(self._optimiser, tensors)
        self._style.own = {name: counts.numpy().copy() for name, counts in below("own.", tensors).items()}
        self._rng.bit_generator.state = counters["random"]
