"""Maximum likelihood: each of the networks learns to predict the truth from its context.

The first stage of the paper's training, for the MLE agent and for all six reward models. Runs in the process
that calls it; `train.py` keeps the journal. Same seed and configuration, same weights, interrupted or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.duet.networks import Learnable
from models.duet.windows import Batch, Library
from models.tensors import below, optimiser_state, prefixed, restore_optimiser

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True),
}
"""The paper names learning rates (0.005, 0.01, 0.05) and not what they belong to."""

VALIDATED = 256
"""Windows, always the same, on which the loss is validated."""


@dataclass(frozen=True)
class LearningConfig:
    """How to learn.

    Attributes:
        updates: batches to learn from, all drawn at random. Every step of every pair of voices once, the
            paper's epoch, would be 0.8 million windows; the paper has 20.
        learning_rate: at the beginning and, falling in a straight line, at the end.
        clip: largest norm of a gradient.
        dropout: share of what the network's dropout layers, where it has any, leave out while it learns.
    """

    updates: int = 20_000
    batch: int = 256
    optimiser: str = "adam"
    learning_rate: tuple[float, float] = (2e-3, 1e-4)
    clip: float = 1.0
    dropout: float = 0.0
    report_every: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Since the last report: mean loss in nats a symbol, and share of symbols that were the likeliest.

    `validation`: loss on windows of chorales that are not learned from, NaN without any.
    """

    updates: int
    loss: float
    accuracy: float
    validation: float = math.nan


class Likelihood:
    """One network and how far it has learned."""

    def __init__(
        self, network: Learnable, library: Library, config: LearningConfig, validation: Library | None = None
    ) -> None:
        self.network, self.config, self.updates = network.eval(), config, 0
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = config.dropout
        self._asked = validation.draw(np.random.default_rng(0), VALIDATED) if validation else None
        self._library = library
        self._rng = np.random.default_rng(config.seed)
        self._optimiser = OPTIMISERS[config.optimiser](network.parameters(), lr=config.learning_rate[0])
        self._sums: list[tuple[float, float]] = []

    def train(self, report: Callable[[Progress], None]) -> None:
        """To the last update; reports now and then."""
        while self.updates < self.config.updates:
            self._sums.append(self._update(self._library.draw(self._rng, self.config.batch)))
            self.updates += 1
            if self.updates % self.config.report_every == 0 or self.updates == self.config.updates:
                loss, accuracy = np.mean(self._sums, 0).tolist()
                self._sums = []
                report(Progress(self.updates, loss, accuracy, self._validation_loss()))

    def _update(self, batch: Batch) -> tuple[float, float]:
        set_learning_rate(self._optimiser, self.config.learning_rate, self.updates / self.config.updates)
        self.network.train()
        logits, targets = predicted(self.network, batch)
        loss = nn.functional.cross_entropy(logits, targets)
        descend(self._optimiser, self.network, loss, self.config.clip)
        self.network.eval()
        return float(loss.detach()), float((logits.argmax(-1) == targets).float().mean())

    @torch.no_grad()
    def _validation_loss(self) -> float:
        if self._asked is None:
            return math.nan
        return float(nn.functional.cross_entropy(*predicted(self.network, self._asked)))

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values."""
        tensors = prefixed("network.", self.network.state_dict()) | optimiser_state(self._optimiser)
        tensors["random"] = torch.get_rng_state()
        return tensors, {"updates": self.updates, "random": self._rng.bit_generator.state, "sums": self._sums}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        self.network.load_state_dict(below("network.", tensors))
        restore_optimiser(self._optimiser, tensors)
        torch.set_rng_state(tensors["random"])
        self.updates = counters["updates"]
        self._rng.bit_generator.state = counters["random"]
        self._sums = [(loss, accuracy) for loss, accuracy in counters["sums"]]


def predicted(network: Learnable, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits (m, symbols) and truth (m,) of the m symbols of a batch that lie within their pieces."""
    given = (torch.from_numpy(array) for array in (batch.human, batch.machine, batch.phase))
    logits, targets = network(*given), torch.from_numpy(batch.targets)
    known = targets != network.kind.encoding.unseen
    return logits[known], targets[known]


def descend(optimiser: torch.optim.Optimizer, module: nn.Module, loss: Tensor, clip: float) -> None:
    """One step down."""
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), clip)
    optimiser.step()


def set_learning_rate(optimiser: torch.optim.Optimizer, ends: tuple[float, float], done: float) -> None:
    """A straight line from the first to the second; `done` in 0..1."""
    for group in optimiser.param_groups:
        group["lr"] = ends[0] + (ends[1] - ends[0]) * done
