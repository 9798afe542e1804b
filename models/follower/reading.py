"""Teach :class:`~models.follower.rhythm.Rhythm` to read, from engraved strips of one line.

The strips are those of the training items and of studies made up for this, which need no sound. Runs in the
training process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.follower.batches import vary_image
from models.follower.data import Item
from models.follower.device_crops import Rows, vary_images
from models.follower.network import COLUMN_PX
from models.follower.rhythm import LENGTHS, Rhythm

FloatArray = NDArray[np.float32]
T = TypeVar("T", bound=np.generic)

CROP_COLUMNS = 256
BATCH = 8
BLIND = 12
"""Columns at either edge of a crop that are not asked for: what belongs to their notes may be cut off."""
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Lesson:
    """A strip (80, 2 C) uint8, and what is written: ``struck`` (C,) float32, ``length`` (C,) int64."""

    strip: NDArray[np.uint8]
    struck: FloatArray
    length: NDArray[np.int64]


def make_lesson(item: Item) -> Lesson:
    """What an item's strip teaches: 1 in an onset's column, 0.5 beside it, and the length to the next."""
    columns = item.strip.shape[1] // 2
    struck = np.zeros(columns, np.float32)
    length = np.full(columns, UNKNOWN, np.int64)
    middle = np.clip((item.onset_x_px / COLUMN_PX).astype(np.int64), 1, columns - 2)
    for beside in (-1, 1):
        struck[middle + beside] = 0.5
        length[middle[:-1] + beside] = nearest_length(np.diff(item.onset_quarters))
    struck[middle] = 1.0
    length[middle[:-1]] = nearest_length(np.diff(item.onset_quarters))
    return Lesson(item.strip, struck, length)


def nearest_length(quarters: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of :data:`LENGTHS` is nearest, by ratio, to each of ``quarters``."""
    away = np.abs(np.log(np.maximum(quarters, 1e-3))[:, None] - np.log(LENGTHS))
    return np.asarray(away.argmin(1))


@dataclass(frozen=True)
class ReadingConfig:
    """How long, and on what. The learning rate rises and falls once over ``steps`` or ``minutes``."""

    steps: int = 9000
    minutes: float = 0.0
    """Where given, so long instead."""
    batch_size: int = 8
    width: int = 80
    """Of the network; see Rhythm."""
    learning_rate: float = 2e-3
    seed: int = 1
    device: str = "cpu"
    """Where it learns; where a GPU does, the strips lie there too."""
    log_every: int = 50


def train_rhythm(
    lessons: Sequence[Lesson], config: ReadingConfig, say: Callable[[str], None] = print
) -> Rhythm:
    """Train on batches of crops; the network comes back from the device."""
    torch.manual_seed(config.seed)
    device = torch.device(config.device)
    on_gpu = device.type == "cuda"
    draws = DeviceLessons(lessons, config.seed, device) if on_gpu else Lessons(lessons, config.seed)
    rhythm = Rhythm(config.width).to(device)
    rhythm.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(rhythm.parameters(), config.learning_rate, weight_decay=1e-2)
    step, progress, began_s = 0, 0.0, time.monotonic()
    while progress < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _rise_and_fall(progress)
        struck_loss, length_loss, right = losses(rhythm, *draws.batch(config.batch_size))
        optimiser.zero_grad()
        (struck_loss + length_loss).backward()
        torch.nn.utils.clip_grad_norm_(rhythm.parameters(), 1.0)
        optimiser.step()
        step += 1
        spent_s = time.monotonic() - began_s
        progress = spent_s / (60 * config.minutes) if config.minutes else step / config.steps
        if step % config.log_every == 0:
            say(
                f"rhythm {100 * progress:.1f} %  step {step}  struck {float(struck_loss.detach()):.4f}  "
                f"length {float(length_loss.detach()):.4f}  right {float(right):.4f}"
            )
    # Back from the order of channels that trains fastest: a checkpoint holds plain arrays.
    rhythm.convolutions.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return rhythm.to("cpu").eval()


def _rise_and_fall(progress: float) -> float:
    """Share of the learning rate: up from a 25th over the first three tenths, then down to nothing."""
    if progress < 0.3:
        return 1.0 - 0.96 * (0.5 + 0.5 * math.cos(math.pi * progress / 0.3))
    return 0.5 + 0.5 * math.cos(math.pi * min((progress - 0.3) / 0.7, 1.0))


class Lessons:
    """Draws crops of lessons, by their strips' widths."""

    def __init__(self, lessons: Sequence[Lesson], seed: int) -> None:
        self._lessons, self._rng = lessons, np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[Tensor, ...]:
        """``size`` crops: strip (N, 80, 2 X), struck (N, X), length (N, X)."""
        return draw(self._lessons, self._rng, size)


class DeviceLessons:
    """The same, of strips that lie on the device where the batches are wanted, and are cut there."""

    def __init__(self, lessons: Sequence[Lesson], seed: int, device: torch.device) -> None:
        self._random = torch.Generator(device).manual_seed(seed)
        self._strips = Rows([np.ascontiguousarray(lesson.strip.T) for lesson in lessons], device)
        self._struck = Rows([lesson.struck for lesson in lessons], device)
        self._length = Rows([lesson.length for lesson in lessons], device, UNKNOWN)
        self._columns = torch.tensor([float(len(lesson.struck)) for lesson in lessons], device=device)

    def batch(self, size: int) -> tuple[Tensor, ...]:
        """``size`` crops: strip (N, 80, 2 X), struck (N, X), length (N, X)."""
        which = torch.multinomial(self._columns, size, replacement=True, generator=self._random)
        spare = (self._columns[which] - CROP_COLUMNS).clamp_min(0) + 1
        place = torch.rand(size, generator=self._random, device=which.device)
        begin = (place * spare).long()
        strips = self._strips.read(which, 2 * begin, 2 * CROP_COLUMNS).transpose(1, 2).float() / 255.0
        struck, length = (rows.read(which, begin, CROP_COLUMNS) for rows in (self._struck, self._length))
        return vary_images(strips, self._random), struck, length


def draw(lessons: Sequence[Lesson], rng: np.random.Generator, size: int = BATCH) -> tuple[Tensor, ...]:
    """``size`` crops, drawn by their strips' widths: strip (N, 80, 2 X), struck (N, X), length (N, X)."""
    widths = np.array([len(lesson.struck) for lesson in lessons], np.float64)
    strips, struck, lengths = [], [], []
    for index in rng.choice(len(lessons), size, p=widths / widths.sum()):
        lesson = lessons[index]
        begin = int(rng.integers(max(len(lesson.struck) - CROP_COLUMNS, 0) + 1))
        part = slice(begin, begin + CROP_COLUMNS)
        crop = lesson.strip[:, 2 * part.start : 2 * part.stop].astype(np.float32) / 255.0
        strips.append(vary_image(_filled(crop.T, 2 * CROP_COLUMNS, 0.0).T, rng))
        struck.append(_filled(lesson.struck[part], CROP_COLUMNS, 0.0))
        lengths.append(_filled(lesson.length[part], CROP_COLUMNS, UNKNOWN))
    return tuple(torch.from_numpy(np.stack(rows)) for rows in (strips, struck, lengths))


def losses(rhythm: Rhythm, strip: Tensor, struck: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Loss of where notes are struck, loss of their lengths, and the share of lengths that are right."""
    asked = slice(BLIND, strip.shape[2] // 2 - BLIND)
    seen_struck, seen_length = (part[:, asked] for part in rhythm(strip))
    struck, length = struck[:, asked], length[:, asked]
    known = length != UNKNOWN
    right = (seen_length.argmax(-1) == length) & known
    return (
        2.0 * functional.binary_cross_entropy_with_logits(seen_struck, struck),
        functional.cross_entropy(seen_length.flatten(0, 1), length.flatten(), ignore_index=UNKNOWN),
        right.sum() / known.sum().clamp_min(1),
    )


def _filled(values: NDArray[T], length: int, fill: float) -> NDArray[T]:
    """The first axis made ``length`` long."""
    out = np.full((length, *values.shape[1:]), fill, values.dtype)
    out[: len(values)] = values
    return out
