"""Crops cut and varied on the device that trains, so that a GPU never waits for a processor.

Everything lies there once: strips, targets and frames of all items one after the other; a batch is a gather.
The same crops as :class:`models.follower.batches.Crops` where nothing is varied (a test holds them equal).
Runs in the training process.
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
from models.follower.varying import ON_GPU, Variety, detuned, in_room, leaning_px, skewed

_SHIFT_ROWS = 3
_SOFT, _NOISY = 0.3, 0.5
"""Shares of the crops whose print is soft, whose sound has noise."""


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
        variety: how far, where they are.
    """

    def __init__(
        self, items: list[Item], seed: int, device: torch.device, augment: bool = True,
        variety: Variety = ON_GPU,
    ) -> None:  # fmt: skip
        self._variety = variety
        self._spots = Spots(items, np.random.default_rng(seed))
        self._random = torch.Generator(device).manual_seed(seed)
        self._device, self._augment = device, augment
        self._strips = Rows([np.ascontiguousarray(item.strip.T) for item in items], device)
        self._leaning_px = Rows([leaning_px(item) for item in items], device)
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
        leaning_px = self._leaning_px.read(item, 2 * column, 2 * CROP_COLUMNS)
        return Batch(
            strip=self._vary_print(strip, leaning_px) if self._augment else strip,
            frames=self._vary_sound(frames) if self._augment else frames,
            column=torch.where((place >= 0) & (place < CROP_COLUMNS), place, torch.nan),
            written=self._written.read(item, column, CROP_COLUMNS).float(),
            struck=self._struck.read(heard, frame, CROP_FRAMES).float(),
            sounding=self._sounding.read(heard, frame, CROP_FRAMES).float(),
            log_quarters=self._log_quarters.read(item, column, CROP_COLUMNS),
        )

    def _vary_print(self, strip: Tensor, leaning_px: Tensor) -> Tensor:
        """Askew, then as `vary_images` does; ``leaning_px`` (B, W) of each crop's columns."""
        if self._variety.skew_degrees:
            slope = self._variety.steepest * (2.0 * self._uniform(len(strip), 1) - 1.0)
            strip = skewed(strip, slope * leaning_px)
        return vary_images(strip, self._random)

    def _vary_sound(self, frames: Tensor) -> Tensor:
        """Out of tune, in a room, with another gain and colour, in noise."""
        count = len(frames)
        if self._variety.detuned_semitones:
            spread = 2.0 * self._uniform(count, 1, 1) - 1.0
            frames = detuned(frames, self._variety.detuned_semitones * spread)
        magnitude = torch.pow(10.0, frames) - 1.0
        if self._variety.in_rooms:
            magnitude = self._in_room(magnitude)
        tilt = (0.08 * self._normal(count, 1, SPEC.bands)).cumsum(-1)
        gain = 0.1 + 0.35 * self._normal(count, 1, 1) + tilt - tilt.mean(-1, keepdim=True)
        magnitude = magnitude * torch.pow(10.0, gain)
        floor = torch.pow(10.0, 2.2 * self._uniform(count, 1, 1) - 3.0)
        floor = torch.where(self._uniform(count, 1, 1) < _NOISY, floor, 0.0)
        magnitude = magnitude + floor * self._normal(*magnitude.shape).abs()
        return torch.log10(1.0 + magnitude)

    def _in_room(self, magnitude: Tensor) -> Tensor:
        """A share of them in rooms where sound dies away by 60 dB in 0.3 to 2 s, 6 to 26 dB below itself."""
        count = len(magnitude)
        away_s = 0.3 + 1.7 * self._uniform(count, 1)
        level = torch.pow(10.0, -(0.3 + self._uniform(count, 1)))
        level = torch.where(self._uniform(count, 1) < self._variety.in_rooms, level, 0.0)
        return in_room(magnitude, away_s, level)

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
