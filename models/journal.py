"""A training run's folder: how far it is, line by line, and now and then all that is needed to go on.

Used by the trainers of the launchpad, of Duet and of the paper's agents, in the process that trains.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from models import checkpoint
from pieces.errors import RipienoError

STATE_NAME = "state.safetensors"
"""A run's state; removed by nobody, so that it can be trained on."""
SAVED_EVERY_S = 60.0


class OtherRun(RipienoError):
    """A run's state that the configuration at hand cannot go on with."""

    exit_code = 2


class Resumable(Protocol):
    """A learner that can be put aside and taken up again."""

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on."""

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called."""


class Journal:
    """Called by the learner with a dataclass of figures, which it prints and appends to `progress.jsonl`."""

    def __init__(self, learner: Resumable, out: Path, earlier_s: float = 0.0) -> None:
        self._learner, self._out = learner, out
        self._begun_s = time.process_time() - earlier_s
        self._saved_s = time.monotonic()

    @property
    def spent_s(self) -> float:
        """Processor time, earlier parts of the run included."""
        return time.process_time() - self._begun_s

    def __call__(self, progress: Any) -> None:
        row = {**dataclasses.asdict(progress), "spent_s": round(self.spent_s)}
        self._out.mkdir(parents=True, exist_ok=True)
        with (self._out / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        line = "  ".join(f"{name} {value:,.6g}" for name, value in row.items())
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - how far it is
        if time.monotonic() - self._saved_s > SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the whole state in one stroke."""
        tensors, counters = self._learner.saved()
        checkpoint.save(self._out / STATE_NAME, tensors, {**counters, "spent_s": self.spent_s})
        self._saved_s = time.monotonic()


def take_up(learner: Resumable, state: Path) -> float:
    """Put the learner where the run stopped; returns the processor time spent so far.

    Raises:
        CheckpointError: the file is damaged, or none of ours.
        OtherRun: it does not fit the learner.
        torch.OutOfMemoryError: the GPU has too little memory for it.
    """
    tensors, counters = checkpoint.load(state, None)
    try:
        learner.restore(tensors, counters)
        return float(counters["spent_s"])
    except torch.OutOfMemoryError:
        raise  # a RuntimeError, but the configuration is the right one
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise OtherRun(
            f"{state} was left by a run of another configuration: go on with the one that it began with, "
            "or name another folder."
        ) from error
