"""Crops cut and varied on the device that trains, so that a GPU never waits for a processor.

Everything lies there once: strips, targets and frames of all items one after the other; a batch is a gather.
The same crops as :class:`models.follower.batches.Crops` where nothing is varied (a test holds them equal);
what is varied includes rooms (sound that dies away slowly) and pianos out of tune. Runs in the training
process.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features import SPEC
from models.follower.batches import (
    CROP_COLUMNS,
    CROP_FRAMES,
    Batch,
    Spot,
    Spots,
    played_keys,
    score_targets,
)
from models.follower.data import Item
from models.follower.network import COLUMN_PX, SoundEncoder

_SHIFT_ROWS = 3
_SOFT, _NOISY, _IN_ROOM = 0.3, 0.5, 0.4
"""Shares of the crops whose print is soft, whose sound has noise, is heard in a room."""
_ROOM_FRAMES = 24
_DETUNED_SEMITONES = 0.3


class Rows:
    """Arrays of rows one after the other; reads runs of rows, with blank ones beyond an array's ends."""

    def __init__(
        self, parts: Sequence[NDArray[np.generic]], device: torch.device, blank: float = 0.0
    ) -> None:
        blanks = np.full((1, *parts[0].shape[1:]), blank, parts[0].dtype)
        self._rows = torch.from_numpy(np.concatenate([blanks, *parts])).to(device)
        lengths = [len(part) for part in parts]
        self._first = torch.tensor(np.cumsum([1, *lengths[:-1]]), device=device)
        self._length = torch.tensor(lengths, device=device)

    def read(self, which: Tensor, begins: Tensor, count: int) -> Tensor:
        """(n, count, ...) rows of the arrays ``which`` (n,) int64, each from its row ``begins`` (n,)."""
        rows = begins[:, None] + torch.arange(count, device=begins.device)
        there = (rows >= 0) & (rows < self._length[which, None])
        return self._rows[torch.where(there, rows + self._first[which, None], 0)]


class DeviceCrops:
    """Draws batches from items, all on one device; raises torch.OutOfMemoryError where they do not fit.

    Args:
        items: what to draw from.
        seed: of every choice and augmentation.
        device: where items, and batches, lie.
        augment: whether image and sound are varied; off for validation.
    """

    def __init__(self, items: list[Item], seed: int, device: torch.device, augment: bool = True) -> None:
        self._spots = Spots(items, np.random.default_rng(seed))
        self._random = torch.Generator(device).manual_seed(seed)
        self._device, self._augment = device, augment
        self._strips = Rows([np.ascontiguousarray(item.strip.T) for item in items], device)
        scores = [score_targets(item) for item in items]
        self._written = Rows([written for written, _ in scores], device)
        self._log_quarters = Rows([lengths for _, lengths in scores], device, np.nan)
        played = [(index, which) for index, item in enumerate(items) for which in range(len(item.renderings))]
        self._place = {key: place for place, key in enumerate(played)}
        renderings = [items[index].renderings[which] for index, which in played]
        keys = [[part.astype(bool) for part in played_keys(rendering)] for rendering in renderings]
        self._frames = Rows([rendering.frames for rendering in renderings], device)
        self._struck = Rows([struck for struck, _ in keys], device)
        self._sounding = Rows([sounding for _, sounding in keys], device)
        truths = [self._spots.truth_px(*key).astype(np.float32) for key in played]
        self._truths = Rows(truths, device, np.nan)

    def batch(self, size: int) -> Batch:
        """``size`` crops, padded with white and silence where a piece ends."""
        return self.cut(self._spots.draw(size))

    def cut(self, spots: Sequence[Spot]) -> Batch:
        """The crops at these places."""
        rows = [
            (each.item, self._place[each.item, each.rendering], each.frame, each.column) for each in spots
        ]
        item, heard, frame, column = torch.tensor(rows).to(self._device, non_blocking=True).T
        strip = self._strips.read(item, 2 * column, 2 * CROP_COLUMNS).transpose(1, 2).float() / 255.0
        history = SoundEncoder.history
        frames = self._frames.read(heard, frame - history, history + CROP_FRAMES).float()
        place = self._truths.read(heard, frame, CROP_FRAMES) / COLUMN_PX - column[:, None]
        return Batch(
            strip=vary_images(strip, self._random) if self._augment else strip,
            frames=self._vary_sound(frames) if self._augment else frames,
            column=torch.where((place >= 0) & (place < CROP_COLUMNS), place, torch.nan),
            written=self._written.read(item, column, CROP_COLUMNS).float(),
            struck=self._struck.read(heard, frame, CROP_FRAMES).float(),
            sounding=self._sounding.read(heard, frame, CROP_FRAMES).float(),
            log_quarters=self._log_quarters.read(item, column, CROP_COLUMNS),
        )

    def _vary_sound(self, frames: Tensor) -> Tensor:
        """Out of tune, in a room, with another gain and colour, in noise."""
        count = len(frames)
        magnitude = torch.pow(10.0, self._detuned(frames)) - 1.0
        magnitude = self._in_room(magnitude)
        tilt = (0.08 * self._normal(count, 1, SPEC.bands)).cumsum(-1)
        gain = 0.1 + 0.35 * self._normal(count, 1, 1) + tilt - tilt.mean(-1, keepdim=True)
        magnitude = magnitude * torch.pow(10.0, gain)
        floor = torch.pow(10.0, 2.2 * self._uniform(count, 1, 1) - 3.0)
        floor = torch.where(self._uniform(count, 1, 1) < _NOISY, floor, 0.0)
        magnitude = magnitude + floor * self._normal(*magnitude.shape).abs()
        return torch.log10(1.0 + magnitude)

    def _detuned(self, frames: Tensor) -> Tensor:
        """Bands, a semitone each, read between their places."""
        shift = _DETUNED_SEMITONES * (2.0 * self._uniform(len(frames), 1, 1) - 1.0)
        beside = torch.where(shift > 0, frames.roll(1, 2), frames.roll(-1, 2))
        return torch.lerp(frames, beside, shift.abs())

    def _in_room(self, magnitude: Tensor) -> Tensor:
        """Every frame's sound goes on, dying away by 60 dB in 0.3 to 2 s, 6 to 26 dB below it."""
        count = len(magnitude)
        away_s = 0.3 + 1.7 * self._uniform(count, 1)
        level = torch.pow(10.0, -(0.3 + self._uniform(count, 1)))
        level = torch.where(self._uniform(count, 1) < _IN_ROOM, level, 0.0)
        later = torch.arange(_ROOM_FRAMES, device=self._device)
        tail = level * torch.pow(10.0, -3.0 * (later + 1) / (SPEC.fps * away_s))
        kernel = torch.cat([torch.ones(count, 1, device=self._device), tail], 1).square().flip(1)
        powers = magnitude.square().transpose(1, 2)       # uncorrelated: powers add, not magnitudes
        padded = torch.nn.functional.pad(powers, (_ROOM_FRAMES, 0)).transpose(0, 1)
        heard = torch.nn.functional.conv1d(
            padded, kernel[:, None].to(padded.dtype), groups=count
        )
        return heard.transpose(0, 1).transpose(1, 2).sqrt()

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._random, device=self._device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._random, device=self._device)


def vary_images(strip: Tensor, random: torch.Generator) -> Tensor:
    """Crops (B, 80, W) in [0, 1] as other prints or scans might show them: shifted, soft, pale, speckled.

    What `models.follower.batches.vary_image` does to one; ``random`` belongs to the crops' device.
    """
    count, height, _ = strip.shape

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random, device=strip.device)

    shift = (uniform(count, 1) * (2 * _SHIFT_ROWS + 1)).long() - _SHIFT_ROWS
    rows = (torch.arange(height, device=strip.device) - shift) % height
    strip = strip.gather(1, rows[:, :, None].expand_as(strip))
    softened = 0.5 * strip + 0.25 * (strip.roll(1, 2) + strip.roll(1, 1))
    strip = torch.where(uniform(count, 1, 1) < _SOFT, softened, strip)
    strip = strip * (0.7 + 0.4 * uniform(count, 1, 1))
    speckle = 0.03 * uniform(count, 1, 1) * uniform(*strip.shape)
    return (strip + speckle).clamp(0.0, 1.0)
