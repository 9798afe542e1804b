"""Phase 1 of training: learn to read and to hear, and to put sound where it fits.

Four losses over crops: noteheads in a column, how long a column lasts, keys struck and sounding in a
frame, and cross-entropy of the true column given the sound so far. Resumable: the state is saved every few
minutes, in one stroke. Under torchrun every process draws its own crops and the gradients are averaged: on
a CPU, two processes of one thread are faster than one of two. On a GPU (`device`) nothing waits for it but
the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, distributed
from torch.nn import functional

from models import checkpoint
from models.features import SPEC
from models.follower.batches import Batch, Draws
from models.follower.network import Reader
from models.processes import agreed, average_gradients
from models.tensors import below, optimiser_state, prefixed, restore_optimiser

READER_NAME = "reader.safetensors"
"""In a run's folder: the state of this phase."""


@dataclass(frozen=True)
class SupervisedConfig:
    """What phase 1 does. ``minutes`` is the whole budget, over which the learning rate falls."""

    minutes: float = 60.0
    batch_size: int = 8
    learning_rate: float = 2e-3
    final_learning_rate: float = 5e-5
    warmup_steps: int = 100
    half_until: float = 0.75  # share of the budget in bfloat16, faster and coarser
    weight_decay: float = 1e-3
    clip_norm: float = 2.0
    save_every_s: float = 120.0
    log_every: int = 50
    seed: int = 1


def losses(reader: Reader, batch: Batch) -> dict[str, Tensor]:
    """The losses of a batch, each a scalar; ``hit`` is the share of frames placed within 4 columns."""
    features = reader.score(batch.strip).float()
    sound = reader.sound(batch.frames)[0].float()
    keys, bias, log_quarters = (part.float() for part in reader.read(features))
    logits = reader.fit(sound, keys, bias).float()
    known, music = torch.isfinite(batch.column), torch.isfinite(batch.log_quarters)
    # No picking of the known ones: on a GPU that would wait to learn how many they are.
    place = torch.where(known, batch.column, 0.0).clamp(0, logits.shape[-1] - 1.001)
    rows = logits.log_softmax(-1)
    low = place.floor().long()[..., None]
    share = place - low[..., 0]
    likelihood = (1 - share) * rows.gather(-1, low)[..., 0] + share * rows.gather(-1, low + 1)[..., 0]
    lengths = torch.where(music, batch.log_quarters, log_quarters.detach())
    misread = functional.smooth_l1_loss(log_quarters, lengths, beta=0.2, reduction="none")
    return {
        "place": -_mean(likelihood, known),
        "written": sparse_loss(reader.written(features).float(), batch.written),
        "struck": sparse_loss(reader.struck(sound).float(), batch.struck),
        "sounding": sparse_loss(reader.sounding(sound).float(), batch.sounding),
        "length": _mean(misread, music),
        "hit": _mean(((rows.argmax(-1) - place).abs() <= 4).float(), known),
    }


WEIGHTS = {"place": 0.15, "written": 0.5, "struck": 0.5, "sounding": 0.25, "length": 0.5}


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """The mean of those that count."""
    return torch.where(counted, values, 0.0).sum() / counted.sum().clamp_min(1)


def sparse_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy summed over the 88 keys, ones counted three times."""
    weight = torch.where(target > 0.75, 3.0, 1.0)
    return (
        functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
        / target[..., 0].numel()
    )


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Numbers next to zero slow a processor down; the rest of the process keeps them."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@flush_denormals()
def train_reader(
    reader: Reader,
    train: Draws,
    valid: Draws,
    config: SupervisedConfig,
    folder: Path,
    say: Callable[[str], None] = print,
    device: torch.device | None = None,
) -> Reader:
    """Train until the minutes are used up; goes on from ``folder``'s state where there is one.

    An interrupted run is saved as it is left.

    ``device`` is where the batches lie, the CPU where none is given; the reader comes back from there.
    """
    device = device or torch.device("cpu")
    torch.manual_seed(config.seed)
    reader.to(device)
    for module in (reader.score.convolutions, reader.sound.convolutions):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(reader.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    step, spent_s = _resume(reader, optimiser, folder)
    first = not distributed.is_initialized() or distributed.get_rank() == 0
    started, saved = time.monotonic() - spent_s, time.monotonic()
    averages = _Averages()
    progress = spent_s / (60 * config.minutes)
    begun_with = step
    try:
        while progress < 1.0:
            for group in optimiser.param_groups:
                group["lr"] = _learning_rate(config, step, progress)
            batch = train.batch(config.batch_size)
            with torch.autocast(device.type, torch.bfloat16, enabled=progress < config.half_until):
                values = losses(reader.train(), batch)
            optimiser.zero_grad()
            torch.stack([WEIGHTS[name] * values[name] for name in WEIGHTS]).sum().backward()
            average_gradients(reader)
            progress = agreed((time.monotonic() - started) / (60 * config.minutes))
            torch.nn.utils.clip_grad_norm_(reader.parameters(), config.clip_norm)
            optimiser.step()
            step += 1
            averages.add(values)
            if first and step % config.log_every == 0:
                say(f"{progress * config.minutes:6.1f} min  step {step}  " + _table(averages.read()))
            if first and time.monotonic() - saved > config.save_every_s:
                say("valid  " + _table(validate(reader, valid)))
                _save(reader, optimiser, step, time.monotonic() - started, folder)
                saved = time.monotonic()
    finally:
        if first and step > begun_with:
            _save(reader, optimiser, step, time.monotonic() - started, folder)
    return reader.to("cpu")


class _Averages:
    """Running means of the losses, on their device until they are read."""

    def __init__(self) -> None:
        self._means: dict[str, Tensor] = {}

    def add(self, values: dict[str, Tensor]) -> None:
        """Count the losses of one step."""
        for name, value in values.items():
            value = value.detach()
            self._means[name] = torch.lerp(self._means.get(name, value), value, 0.02)

    def read(self) -> dict[str, float]:
        """The means, by name."""
        return {name: float(value) for name, value in self._means.items()}


@torch.no_grad()
def validate(reader: Reader, crops: Draws, batches: int = 4) -> dict[str, float]:
    """Mean losses over a few batches."""
    reader.eval()
    rows = [losses(reader, crops.batch(16)) for _ in range(batches)]
    return {name: float(torch.stack([row[name] for row in rows]).mean()) for name in rows[0]}


def _learning_rate(config: SupervisedConfig, step: int, progress: float) -> float:
    warm = min(1.0, (step + 1) / config.warmup_steps)
    fall = (config.final_learning_rate / config.learning_rate) ** max(0.0, (progress - 0.35) / 0.65)
    return config.learning_rate * warm * fall


def _table(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())


def _save(reader: Reader, optimiser: torch.optim.Optimizer, step: int, spent_s: float, folder: Path) -> None:
    tensors = prefixed("reader.", reader.state_dict()) | optimiser_state(optimiser)
    checkpoint.save(folder / READER_NAME, tensors, {"step": step, "spent_s": spent_s}, SPEC)


def _resume(reader: Reader, optimiser: torch.optim.Optimizer, folder: Path) -> tuple[int, float]:
    """Load the state of an interrupted run; (steps done, seconds spent). Raises CheckpointError."""
    path = folder / READER_NAME
    if not path.exists():
        return 0, 0.0
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        reader.load_state_dict(below("reader.", tensors))
        restore_optimiser(optimiser, tensors)
        return metadata["step"], metadata["spent_s"]
    except (KeyError, ValueError, RuntimeError) as error:
        raise checkpoint.CheckpointError(
            f"{path} is no run of this version to go on with; remove it, or name another folder"
        ) from error
