"""Crops of training items as tensors: a stretch of strip, a stretch of sound, and what is true of both.

Holds the items in memory and draws from them with its own generator; augmentation of image and sound
happens here, on the fly. Runs in the training process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation_only import refuse_training_on
from models.features import SPEC
from models.follower.data import Item, Rendering, item_of, load_item, split_of
from models.follower.network import COLUMN_PX, CROP_COLUMNS, LOWEST_PITCH, PITCHES, SoundEncoder
from models.follower.varying import ON_PROCESSOR, Variety, detuned, in_room, leaning_px, skewed
from models.packing import DAMAGE, BadPack, read_pieces, read_splits

CROP_FRAMES = 256
_SOUNDING_S = 1.5
"""A key counts as sounding for at most this long: a piano's note fades."""


@dataclass(frozen=True)
class Batch:
    """B crops. Times are frames, places are columns of the crop.

    ``strip`` (B, 80, 2 X) in [0, 1]; ``frames`` (B, history + T, 78); ``column`` (B, T) float, the true
    place, NaN where it lies outside the crop; ``written`` (B, X, 88); ``struck`` and ``sounding``
    (B, T, 88); ``log_quarters`` (B, X), NaN where there is no music.
    """

    strip: Tensor
    frames: Tensor
    column: Tensor
    written: Tensor
    struck: Tensor
    sounding: Tensor
    log_quarters: Tensor


class Draws(Protocol):
    """Where training draws its batches from."""

    def batch(self, size: int) -> Batch:
        """``size`` crops, padded with white and silence where a piece ends."""


def load_items(places: list[Path], split: str, excluded: frozenset[str] = frozenset()) -> list[Item]:
    """Every item of a split in folders or packed files, by name; ``excluded`` names the library's own pieces.

    Raises:
        BadPack: a file is damaged, or holds no items.
        EvaluationOnly: a folder is not to be trained on.
    """
    refuse_training_on(places)
    items: list[Item] = []
    for place in places:
        packed = place.is_file()
        names = sorted(read_splits(place) if packed else (path.stem for path in place.glob("*.npz")))
        names = [name for name in names if split_of(name) == split and name not in excluded]
        if not packed:
            items += [_loaded(place / f"{name}.npz") for name in names]
            continue
        try:
            items += [item_of(arrays) for arrays in read_pieces(place, names)]
        except KeyError as error:
            raise BadPack(f"{place} holds no pieces of the follower, but another data set's.") from error
    return items


def _loaded(path: Path) -> Item:
    try:
        return load_item(path)
    except DAMAGE as error:
        raise BadPack(
            f"{path} is damaged, or no piece of the follower; remove it and build the data again."
        ) from error


def truth_px(item: Item, rendering: Rendering) -> NDArray[np.float64]:
    """(T,) true strip position at every frame: the game's onset frames, linear in between."""
    onset_frames = np.floor(rendering.onset_s * SPEC.fps + 1e-9)
    kept, first = np.unique(onset_frames, return_index=True)
    x_px = item.onset_x_px[: len(onset_frames)][first]
    return np.interp(np.arange(len(rendering.frames)), kept, x_px)


def written_pitches(item: Item, columns: int) -> NDArray[np.float32]:
    """What `written_at` says of an item's strip."""
    return written_at(item.note_x_px, item.note_pitch, columns)


def written_at(x_px: NDArray[np.float32], pitches: NDArray[np.int64], columns: int) -> NDArray[np.float32]:
    """(columns, 88): 1 where a notehead stands in the column, 0.5 beside it; of notes (N,) and (N,)."""
    target = np.zeros((columns, PITCHES), np.float32)
    keys = pitches - LOWEST_PITCH
    middle = np.floor(x_px / COLUMN_PX).astype(int)
    inside = (keys >= 0) & (keys < PITCHES) & (middle > 0) & (middle < columns - 1)
    for offset, value in ((-1, 0.5), (1, 0.5), (0, 1.0)):
        spot = (middle[inside] + offset, keys[inside])
        target[spot] = np.maximum(target[spot], value)
    return target


def log_quarters(item: Item, columns: int) -> NDArray[np.float32]:
    """(columns,) log quarters that each column lasts, NaN before the first and after the last onset."""
    edges = np.arange(columns + 1) * COLUMN_PX
    spent = np.diff(np.interp(edges, item.onset_x_px, item.onset_quarters))
    music = (edges[:-1] >= item.onset_x_px[0]) & (edges[1:] <= item.onset_x_px[-1])
    return np.where(music, np.log(np.maximum(spent, 1e-4)), np.nan).astype(np.float32)


def score_targets(item: Item) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """What a strip's columns say: `written_pitches` and `log_quarters`."""
    columns = item.strip.shape[1] // 2
    return written_pitches(item, columns).astype(np.float16), log_quarters(item, columns)


def played_keys(rendering: Rendering) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(T, 88) keys struck in a frame (it and the next), and keys sounding in it."""
    count = len(rendering.frames)
    struck = np.zeros((count, PITCHES), np.float32)
    sounding = np.zeros((count, PITCHES), np.float32)
    for onset_s, duration_s, pitch, _ in rendering.played:
        key, start = int(pitch) - LOWEST_PITCH, round(float(onset_s) * SPEC.fps)
        if 0 <= key < PITCHES and start < count:
            struck[start : start + 2, key] = 1.0
            length = max(round(min(float(duration_s), _SOUNDING_S) * SPEC.fps), 2)
            sounding[start : start + length, key] = 1.0
    return struck, sounding


@dataclass(frozen=True)
class Spot:
    """Where a crop is cut: an item, one of its renderings, its first frame and its first column."""

    item: int
    rendering: int
    frame: int
    column: int


class Spots:
    """Draws where to cut. Long pieces come oftener, by the root of their length."""

    def __init__(self, items: list[Item], rng: np.random.Generator) -> None:
        self._items, self._rng = items, rng
        lengths = np.array([len(item.onset_x_px) for item in items], np.float64)
        self._weights = np.sqrt(lengths) / np.sqrt(lengths).sum()
        self._truths: dict[tuple[int, int], NDArray[np.float64]] = {}

    def draw(self, count: int) -> list[Spot]:
        """``count`` places in pieces drawn at random."""
        picks = self._rng.choice(len(self._items), count, p=self._weights)
        return [self._spot(int(index)) for index in picks]

    def truth_px(self, index: int, which: int) -> NDArray[np.float64]:
        """(T,) true strip positions of a rendering; see :func:`truth_px`."""
        if (index, which) not in self._truths:
            item = self._items[index]
            self._truths[index, which] = truth_px(item, item.renderings[which])
        return self._truths[index, which]

    def _spot(self, index: int) -> Spot:
        item = self._items[index]
        which = int(self._rng.integers(len(item.renderings)))
        truth = self.truth_px(index, which)
        first = int(self._rng.integers(0, max(len(truth) - CROP_FRAMES // 2, 1)))
        return Spot(index, which, first, self._first_column(item, truth[first]))

    def _first_column(self, item: Item, x_px: float) -> int:
        """A system's start at or before ``x_px``, so that clef and key are seen; often not the nearest."""
        starts = item.system_x_px[item.system_x_px <= x_px + 1]
        near = starts[starts > x_px - 0.55 * CROP_COLUMNS * COLUMN_PX]
        x0 = float(self._rng.choice(near)) if len(near) else float(starts[-1] if len(starts) else x_px - 200)
        if x_px - x0 > 0.8 * CROP_COLUMNS * COLUMN_PX:
            x0 = x_px - 400.0
        return max(int(x0 / COLUMN_PX) - int(self._rng.integers(0, 8)), 0)


class Crops:
    """Draws batches from items.

    Args:
        items: what to draw from.
        seed: of every choice and augmentation.
        augment: whether image and sound are varied; off for validation.
        variety: how far, where they are.
    """

    def __init__(
        self, items: list[Item], seed: int, augment: bool = True, variety: Variety = ON_PROCESSOR
    ) -> None:
        self.items = items
        self.rng = np.random.default_rng(seed)
        self.augment, self.variety = augment, variety
        self._leaning_px = [leaning_px(item) for item in items]
        self._spots = Spots(items, self.rng)
        self._scores = [score_targets(item) for item in items]

    def batch(self, size: int) -> Batch:
        """``size`` crops, padded with white and silence where a piece ends."""
        rows = [self._crop(spot) for spot in self._spots.draw(size)]
        return Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*rows, strict=True)))

    def _crop(self, spot: Spot) -> tuple[NDArray[np.float32], ...]:
        item, first, start = self.items[spot.item], spot.frame, spot.column
        rendering = item.renderings[spot.rendering]
        truth = self._spots.truth_px(spot.item, spot.rendering)
        sound = self._sound(rendering, first)
        column = np.full(CROP_FRAMES, np.nan, np.float32)
        heard = truth[first : first + CROP_FRAMES] / COLUMN_PX - start
        heard[(heard < 0) | (heard >= CROP_COLUMNS)] = np.nan
        column[: len(heard)] = heard
        struck, sounding = self._keys(rendering, first)
        written, lengths = self._scores[spot.item]
        columns = slice(start, start + CROP_COLUMNS)
        log_q = _padded(lengths[columns], CROP_COLUMNS, np.nan)
        notes = _padded(written[columns].astype(np.float32), CROP_COLUMNS, 0.0)
        return self._image(spot), sound, column, notes, struck, sounding, log_q

    def _image(self, spot: Spot) -> NDArray[np.float32]:
        part = slice(2 * spot.column, 2 * (spot.column + CROP_COLUMNS))
        crop = self.items[spot.item].strip[:, part].astype(np.float32) / 255.0
        image = np.zeros((crop.shape[0], 2 * CROP_COLUMNS), np.float32)
        image[:, : crop.shape[1]] = crop
        if not self.augment:
            return image
        if self.variety.skew_degrees:
            down_px = _padded(self._leaning_px[spot.item][part], 2 * CROP_COLUMNS, 0.0)
            down_px *= np.float32(self.variety.steepest * self.rng.uniform(-1.0, 1.0))
            image = skewed(torch.from_numpy(image)[None], torch.from_numpy(down_px)[None])[0].numpy()
        return vary_image(image, self.rng)

    def _sound(self, rendering: Rendering, first: int) -> NDArray[np.float32]:
        """Frames as they are varied; silence before the beginning and after the end."""
        need = SoundEncoder.history + CROP_FRAMES
        sound = np.zeros((need, SPEC.bands), np.float32)
        low = first - SoundEncoder.history
        part = rendering.frames[max(low, 0) : first + CROP_FRAMES].astype(np.float32)
        at = max(-low, 0)
        sound[at : at + len(part)] = part
        return self._vary_sound(sound) if self.augment else sound

    def _vary_sound(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """Out of tune, in a room, with another gain and colour, in noise."""
        if self.variety.detuned_semitones:
            semitones = self.variety.detuned_semitones * self.rng.uniform(-1.0, 1.0)
            sound = detuned(torch.from_numpy(sound)[None], _one(semitones)[..., None])[0].numpy()
        magnitude = np.power(np.float32(10.0), sound) - 1.0
        if self.variety.in_rooms and self.rng.random() < self.variety.in_rooms:
            away_s, level = self.rng.uniform(0.3, 2.0), 10.0 ** self.rng.uniform(-1.3, -0.3)
            magnitude = in_room(torch.from_numpy(magnitude)[None], _one(away_s), _one(level))[0].numpy()
        tilt = np.cumsum(self.rng.normal(0.0, 0.08, SPEC.bands))
        gain = self.rng.normal(0.1, 0.35) + tilt - tilt.mean()
        magnitude *= np.power(10.0, gain).astype(np.float32)
        if self.rng.random() < 0.5:
            floor = np.float32(10.0 ** self.rng.uniform(-3.0, -0.8))
            magnitude += floor * np.abs(self.rng.standard_normal(magnitude.shape, dtype=np.float32))
        return np.log10(1.0 + magnitude)

    def _keys(self, rendering: Rendering, first: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        end_s = (first + CROP_FRAMES) / SPEC.fps
        onset_s = rendering.played[:, 0]
        near = rendering.played[(onset_s >= first / SPEC.fps - 3.0) & (onset_s < end_s)].copy()
        near[:, 0] -= first / SPEC.fps
        before = max(round(3.0 * SPEC.fps), 0)
        near[:, 0] += before / SPEC.fps
        padded = Rendering(np.zeros((before + CROP_FRAMES, 1), np.float16), rendering.onset_s, near)
        struck, sounding = played_keys(padded)
        return struck[before:], sounding[before:]


def _one(value: float) -> Tensor:
    """(1, 1), of a batch of one crop."""
    return torch.full((1, 1), value)


def vary_image(
    image: NDArray[np.float32], rng: np.random.Generator, shift_px: int = 3
) -> NDArray[np.float32]:
    """A crop (80, W) in [0, 1] as another print or scan might show it: shifted, soft, pale, speckled."""
    image = np.roll(image, int(rng.integers(-shift_px, shift_px + 1)), axis=0)
    if rng.random() < 0.3:  # a soft print
        image = 0.5 * image + 0.25 * (np.roll(image, 1, axis=1) + np.roll(image, 1, axis=0))
    image = image * np.float32(rng.uniform(0.7, 1.1))
    speckle = rng.random(image.shape, dtype=np.float32)
    return np.clip(image + np.float32(rng.uniform(0, 0.03)) * speckle, 0.0, 1.0)


def _padded(values: NDArray[np.float32], length: int, fill: float) -> NDArray[np.float32]:
    out = np.full((length, *values.shape[1:]), fill, np.float32)
    out[: len(values)] = values
    return out
