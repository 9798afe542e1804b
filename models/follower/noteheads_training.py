"""Teach :class:`~models.follower.noteheads.NoteheadReader` to read, from prints alone.

It begins where a follower's encoder is, or where a reader taught before was left. It sees crops that begin
with a system, and keeps a running mean of its weights, which is what is used. Resumable: the state is saved
every few minutes, in one stroke. Under torchrun every process draws its own crops and the gradients are
averaged.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import checkpoint
from models.configuration import changed, check_counts
from models.features import SPEC
from models.follower.batches import vary_image, written_at
from models.follower.noteheads import FINE_COLUMN_PX, FINE_ROWS, NoteheadReader
from models.follower.player import load_reader, noteheads_of
from models.follower.prints import Print, load_prints
from models.follower.supervised import flush_denormals, sparse_loss
from models.follower.train import library_items
from models.processes import agreed, average_gradients, join
from models.tensors import below, optimiser_state, prefixed, restore_optimiser
from pieces.errors import RipienoError
from pieces.files import read_json

STATE_NAME = "noteheads-state.safetensors"
NAME = "noteheads.safetensors"
CROP_COLUMNS = 320
"""Enough for a system and the beginning of the next; clef and key are at the left edge."""
_LEAD_COLUMNS = 8
_SHIFT_PX = 6
SURE = 0.4
"""From this chance on a notehead counts as read, where it is counted."""


class NoteheadTrainingProblem(RipienoError):
    """Training that cannot start: no data, or a configuration that is none."""

    exit_code = 2


@dataclass(frozen=True)
class NoteheadTrainConfig:
    """A run. ``data`` are folders made by `data build prints`; the learning rate falls over ``minutes``.

    ``start_from`` is a follower's checkpoint: its reader of noteheads where it has one, else its encoders.
    """

    data: tuple[str, ...] = ("data/prints-lieder", "data/prints-mutopia")
    start_from: str = "models/checkpoints/follower.safetensors"
    out: str = "runs/noteheads"
    minutes: float = 75.0
    batch_size: int = 8
    learning_rate: float = 1e-3
    final_learning_rate: float = 2e-5
    warmup_steps: int = 100
    weight_decay: float = 1e-3
    clip_norm: float = 2.0
    mean_over_steps: float = 300.0
    save_every_s: float = 180.0
    log_every: int = 50
    seed: int = 1


class PrintCrops:
    """Draws crops of prints that begin with a system; those with more notes come oftener."""

    def __init__(self, prints: Sequence[Print], seed: int, augment: bool = True) -> None:
        self._prints, self._augment = prints, augment
        self._rng = np.random.default_rng(seed)
        self._spots: list[tuple[int, int]] = []
        weights = []
        for index, each in enumerate(prints):
            columns = (each.system_x_px / FINE_COLUMN_PX).astype(np.int64)
            note = (each.note_x_px / FINE_COLUMN_PX).astype(np.int64)
            for column in columns.tolist():
                self._spots.append((index, column))
                weights.append(math.sqrt(((note >= column) & (note < column + CROP_COLUMNS)).sum() + 1))
        # A piece of many systems comes oftener, but not in proportion.
        of_piece = np.bincount([index for index, _ in self._spots], minlength=len(prints))
        share = np.array(weights) / np.sqrt(of_piece[[index for index, _ in self._spots]])
        self._shares = share / share.sum()

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """``size`` crops: strip (N, 192, 4 X) in [0, 1], noteheads (N, X, 88) as `written_at` has them."""
        strips, targets = [], []
        for spot in self._rng.choice(len(self._spots), size, p=self._shares).tolist():
            index, column = self._spots[spot]
            strip, target = self._crop(self._prints[index], column)
            strips.append(strip)
            targets.append(target)
        return torch.from_numpy(np.stack(strips)), torch.from_numpy(np.stack(targets))

    def _crop(self, made: Print, column: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        first = max(column - int(self._rng.integers(0, _LEAD_COLUMNS)), 0)
        part = made.strip[:, FINE_COLUMN_PX * first : FINE_COLUMN_PX * (first + CROP_COLUMNS)]
        strip = np.zeros((FINE_ROWS, FINE_COLUMN_PX * CROP_COLUMNS), np.float32)
        strip[:, : part.shape[1]] = part.astype(np.float32) / 255.0
        target = written_at(made.note_x_px - FINE_COLUMN_PX * first, made.note_pitch, CROP_COLUMNS)
        return vary_image(strip, self._rng, _SHIFT_PX) if self._augment else strip, target


def train(config: Path | None = None, resume: bool = False) -> None:
    """Train, and write the network and its figures on the validation prints beside the run's state.

    Raises:
        NoteheadTrainingProblem: no data, a bad configuration, or a run's folder that is not empty without
            ``resume``.
    """
    settings = read_config(config)
    out = Path(settings.out)
    if (out / STATE_NAME).exists() and not resume:
        raise NoteheadTrainingProblem(
            f"{out} holds an earlier run: go on with --resume, or name another folder."
        )
    folders = [Path(folder) for folder in settings.data]
    prints, held_out = (load_prints(folders, split, library_items()) for split in ("train", "valid"))
    if not prints or not held_out:
        raise NoteheadTrainingProblem(
            "No prints to learn from: make some first, with launch.py data build prints."
        )
    rank = join(torch.device("cpu"))
    torch.manual_seed(settings.seed)
    crops = PrintCrops(prints, settings.seed + 7919 * rank)
    _learn(_begin(Path(settings.start_from)), crops, held_out, settings, rank == 0)


def _begin(path: Path) -> NoteheadReader:
    """What there is to go on with; raises CheckpointError."""
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        taught = noteheads_of(tensors, metadata)
    except (KeyError, TypeError, RuntimeError) as error:
        raise checkpoint.CheckpointError(f"{path} reads noteheads as another version does.") from error
    if taught is not None:
        return taught.train()
    reader, encoder = NoteheadReader(), load_reader(path)
    reader.begin_from(encoder.score, encoder.written)
    return reader


def read_config(path: Path | None) -> NoteheadTrainConfig:
    """The configuration in a JSON file, or the defaults."""
    try:
        settings = changed(NoteheadTrainConfig(), read_json(path) if path else {})
        check_counts(settings, frozenset({"seed"}))
        if settings.minutes <= 0:
            raise ValueError("no minutes")
    except (OSError, ValueError, TypeError) as error:
        raise NoteheadTrainingProblem(
            f"{path} is no training configuration ({error}); see NoteheadTrainConfig."
        ) from error
    return settings


@flush_denormals()
def _learn(
    reader: NoteheadReader,
    crops: PrintCrops,
    held_out: Sequence[Print],
    config: NoteheadTrainConfig,
    first: bool,
    say: Callable[[str], None] = print,
) -> None:
    """Train until the minutes are used up; the ``first`` process of several saves and measures."""
    out = Path(config.out)
    reader.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(reader.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    step, spent_s, mean = _resume(reader, optimiser, out)
    started, saved = time.monotonic() - spent_s, time.monotonic()
    progress, running = spent_s / (60 * config.minutes), math.nan
    begun_with = step
    try:
        while progress < 1.0:
            for group in optimiser.param_groups:
                group["lr"] = _learning_rate(config, step, progress)
            strip, target = crops.batch(config.batch_size)
            loss = sparse_loss(reader.train()(strip), target)
            optimiser.zero_grad()
            loss.backward()
            average_gradients(reader)
            progress = agreed((time.monotonic() - started) / (60 * config.minutes))
            torch.nn.utils.clip_grad_norm_(reader.parameters(), config.clip_norm)
            optimiser.step()
            step += 1
            kept = min(1.0 - 1.0 / config.mean_over_steps, step / (step + 10.0))
            for name, value in reader.state_dict().items():
                mean[name].lerp_(value, 1.0 - kept)
            value = float(loss.detach())
            running = value if math.isnan(running) else 0.98 * running + 0.02 * value
            if first and step % config.log_every == 0:
                say(f"{progress * config.minutes:6.1f} min  step {step}  loss {running:.3f}")
            if first and time.monotonic() - saved > config.save_every_s:
                _save(reader, optimiser, mean, step, time.monotonic() - started, out)
                saved = time.monotonic()
    finally:  # an interrupted run is saved as it is left
        if first and step > begun_with:
            _save(reader, optimiser, mean, step, time.monotonic() - started, out)
    if not first:
        return
    reader.load_state_dict(mean)
    figures = measure(reader.eval(), held_out)
    say("  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    metadata = {
        "config": asdict(config),
        "noteheads": reader.config.to_dict(),
        "steps": step,
        "valid": figures,
    }
    tensors = {
        name: value.contiguous() for name, value in prefixed("noteheads.", reader.state_dict()).items()
    }
    checkpoint.save(out / NAME, tensors, metadata, SPEC)


@torch.inference_mode()
def measure(reader: NoteheadReader, prints: Sequence[Print], crops: int = 128) -> dict[str, float]:
    """Loss, and shares of noteheads that are read and of readings that are right, two columns off at most."""
    draws = PrintCrops(prints, 0, augment=False)
    loss = found = written = right = read = 0.0
    for _ in range(crops // 8):
        strip, target = draws.batch(8)
        logits = reader(strip)
        loss += float(sparse_loss(logits, target)) / (crops // 8)
        heads, seen = target > 0.75, torch.sigmoid(logits) > SURE
        found += float((heads & _nearby(seen)).sum())
        right += float((seen & _nearby(heads)).sum())
        written, read = written + float(heads.sum()), read + float(seen.sum())
    return {"loss": loss, "recall": found / max(written, 1.0), "precision": right / max(read, 1.0)}


def _nearby(marks: Tensor) -> Tensor:
    """(N, X, 88) where there is a mark in the column or within two beside it."""
    spread = torch.nn.functional.max_pool1d(marks.float().transpose(1, 2), 5, stride=1, padding=2)
    return spread.transpose(1, 2) > 0.5


def _learning_rate(config: NoteheadTrainConfig, step: int, progress: float) -> float:
    warm = min(1.0, (step + 1) / config.warmup_steps)
    fall = (config.final_learning_rate / config.learning_rate) ** max(0.0, (progress - 0.3) / 0.7)
    return config.learning_rate * warm * fall


def _save(
    reader: NoteheadReader,
    optimiser: torch.optim.Optimizer,
    mean: dict[str, Tensor],
    step: int,
    spent_s: float,
    folder: Path,
) -> None:
    tensors: dict[str, Any] = prefixed("reader.", reader.state_dict()) | prefixed("mean.", mean)
    tensors = {name: value.contiguous() for name, value in (tensors | optimiser_state(optimiser)).items()}
    checkpoint.save(folder / STATE_NAME, tensors, {"step": step, "spent_s": spent_s}, SPEC)


def _resume(
    reader: NoteheadReader, optimiser: torch.optim.Optimizer, folder: Path
) -> tuple[int, float, dict[str, Tensor]]:
    """Where a run was interrupted: steps, seconds, the running mean. Raises CheckpointError."""
    path = folder / STATE_NAME
    if not path.exists():
        return 0, 0.0, {name: value.clone() for name, value in reader.state_dict().items()}
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        reader.load_state_dict(below("reader.", tensors))
        restore_optimiser(optimiser, tensors)
        mean = {name: value.clone() for name, value in below("mean.", tensors).items()}
        return metadata["step"], metadata["spent_s"], mean
    except (KeyError, ValueError, RuntimeError) as error:
        raise checkpoint.CheckpointError(
            f"{path} is no run of this version to go on with; remove it, or name another folder"
        ) from error
