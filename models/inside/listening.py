"""The follower's network at one moment of a record: where the sound fits, and what says so.

Torch on the CPU, seconds to a minute a moment: for the main thread of a command, never the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.follower.data import halve
from models.follower.ear import Ear
from models.follower.network import COLUMN_PX, Reader, SoundEncoder
from models.follower.player import FollowerPlayer
from models.inside import INSTALL
from models.inside.record import Record
from models.players import Player
from pieces.errors import RipienoError
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

WINDOW_COLUMNS, CONTEXT_COLUMNS = 100, 250
"""To each side of the place: what is explained, and beyond it what is read with it but held as it is.

The whole strip would take minutes; what is left out changes the fit by a tenth at most places."""
SOUND_FRAMES = 40
STEPS = (64, 128, 256)
_CLOSE = 0.05
_BATCH = 4


class NotTheFollower(RipienoError):
    """A player whose network is none of those that can be explained."""

    exit_code = 2


class NoGradients(RipienoError):
    """captum is not installed."""


@dataclass(frozen=True)
class Moment:
    """A moment as the network met it.

    ``column``: where the belief is heaviest, in columns of 4 strip px. ``strip`` (80, W / 2) float32, ink 1.
    ``frames`` (history + H, 78) float32: the sound up to now, silence before.
    """

    column: int
    strip: FloatArray
    frames: FloatArray


@dataclass(frozen=True)
class Attributions:
    """Integrated gradients of the fit at ``column``.

    Arrays are float32. ``strip``, ``strip_gradients`` (80, 400 at most) start at pixel ``first_px`` of the
    half-size strip; ``frames``, ``frames_gradients`` (40, 78), the newest last. ``fit`` and
    ``baseline_fit``: with the page and sound as they are, and with white paper and silence in their
    place; the gradients' sum is their difference
    but for the error of the integral.
    """

    column: int
    first_px: int
    strip: FloatArray
    strip_gradients: FloatArray
    frames: FloatArray
    frames_gradients: FloatArray
    fit: float
    baseline_fit: float

    @property
    def rough(self) -> bool:
        """Whether the sum is off by more than 5 %."""
        return self.error > _CLOSE

    @property
    def error(self) -> float:
        """What is missing of completeness, as a share of the difference in fit."""
        difference = self.fit - self.baseline_fit
        parts = (self.strip_gradients, self.frames_gradients)
        total = sum(float(part.sum(dtype=np.float64)) for part in parts)
        return abs(total - difference) / max(abs(difference), 1e-9)


def reader_of(player: Player) -> Reader:
    """The network of the shipped follower, or of one trained like it.

    Raises:
        NotTheFollower: another kind of player.
    """
    if isinstance(player, FollowerPlayer) and isinstance(player.ear, Ear):
        return player.ear.reader
    raise NotTheFollower("--at looks into the follower only; leave --follower out or name its checkpoint")


def moment_at(piece: Piece, record: Record, row: int) -> Moment:
    """What the network met at a row of the record whose fit was kept."""
    fit = record.fits[row]
    assert fit is not None  # the follower always has one
    return moment_of(piece, record.frames[: record.heard[row] + 1], int(fit.argmax()))


def moment_of(piece: Piece, frames: FloatArray, column: int) -> Moment:
    """A moment at which ``frames`` (n, 78) had been heard and the belief was heaviest at ``column``."""
    silence = np.zeros((SoundEncoder.history, frames.shape[1]), np.float32)
    strip = halve(piece.strip).astype(np.float32) / 255.0
    return Moment(column, strip, np.concatenate([silence, frames]))


@torch.inference_mode()
def fit_of_sound(reader: Reader, moment: Moment) -> FloatArray:
    """(C,) the network's own fit of the sound to every column, without memory of the place: logits."""
    keys, bias, _ = reader.read(reader.score(torch.from_numpy(moment.strip)[None]))
    sound, _ = reader.sound(torch.from_numpy(moment.frames)[None])
    logits: FloatArray = reader.fit(sound[:, -1:], keys, bias)[0, 0].numpy()
    return logits


def attribute(
    reader: Reader,
    moment: Moment,
    progress: Callable[[float, float], None] | None = None,
    steps: Sequence[int] = STEPS,
) -> Attributions:
    """Integrated gradients (Sundararajan et al. 2017) over pixels and frames, from white paper and silence.

    The sound before the newest 40 frames stays in the ear's memory as it is. The integral is taken in so many
    steps as ``steps`` says first, and in more as long as the sum is not within 5 %.

    Raises:
        NoGradients: captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise NoGradients(f"gradients need captum: {INSTALL}.") from error
    explained = _Explained(reader, moment)
    inputs = (explained.strip, explained.frames)
    baselines = (torch.zeros_like(inputs[0]), explained.silence)
    integrated = IntegratedGradients(explained)
    for count in steps:
        explained.count_to(count, progress)
        seen, heard = integrated.attribute(inputs, baselines, n_steps=count, internal_batch_size=_BATCH)
        result = explained.result(seen, heard, baselines)
        if not result.rough:
            break
    return result


class _Explained:
    """(strips (N, 80, w), frames (N, history + 40, 78)) -> fits (N,) at the moment's column."""

    def __init__(self, reader: Reader, moment: Moment) -> None:
        self._reader, self._column = reader, moment.column
        begin = max(moment.column - WINDOW_COLUMNS - CONTEXT_COLUMNS, 0)
        self._first = max(moment.column - WINDOW_COLUMNS, 0)
        last, end = moment.column + WINDOW_COLUMNS, moment.column + WINDOW_COLUMNS + CONTEXT_COLUMNS
        half = COLUMN_PX // 2
        strip = torch.from_numpy(moment.strip)[None]
        self._before = strip[:, :, begin * half : self._first * half]
        self.strip = strip[:, :, self._first * half : last * half]
        self._after = strip[:, :, last * half : end * half]
        self._index = moment.column - begin
        frames = torch.from_numpy(moment.frames)[None]
        self._newest = min(SOUND_FRAMES, frames.shape[1] - SoundEncoder.history)
        self.frames = frames[:, -self._newest - SoundEncoder.history :]
        self.silence = self.frames.clone()
        self.silence[:, SoundEncoder.history :] = 0.0
        with torch.no_grad():
            earlier = frames[:, : -self._newest]
            self._memory = (
                reader.sound(earlier)[1]
                if earlier.shape[1] > SoundEncoder.history
                else torch.zeros(1, 1, reader.config.ear_memory)
            )
        self.count_to(1, None)

    def count_to(self, total: int, progress: Callable[[float, float], None] | None) -> None:
        """Tell ``progress`` from now on how many strips were read, of so many."""
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, strips: Tensor, frames: Tensor) -> Tensor:
        count = len(strips)
        parts = [self._before.expand(count, -1, -1), strips, self._after.expand(count, -1, -1)]
        keys, bias, _ = self._reader.read(self._reader.score(torch.cat(parts, dim=2)))
        memory = self._memory.expand(-1, count, -1).contiguous()
        query = self._reader.ask(self._reader.sound(frames, memory)[0][:, -1])
        self._done += count
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)
        return (query * keys[:, self._index]).sum(-1) + bias[:, self._index]

    def result(self, seen: Tensor, heard: Tensor, baselines: tuple[Tensor, Tensor]) -> Attributions:
        """What was found, with the context frames, which were held, left out."""
        with torch.no_grad():
            fit, baseline_fit = float(self(self.strip, self.frames)[0]), float(self(*baselines)[0])
        history = SoundEncoder.history
        return Attributions(
            column=self._column, first_px=self._first * (COLUMN_PX // 2),
            strip=self.strip[0].numpy(), strip_gradients=seen[0].detach().float().numpy(),
            frames=self.frames[0, history:].numpy(),
            frames_gradients=heard[0, history:].detach().float().numpy(), fit=fit, baseline_fit=baseline_fit,
        )  # fmt: skip
