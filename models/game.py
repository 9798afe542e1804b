"""The rules of the following game (score-following paper, sections 2 and 4.1), once for everyone.

The player reads a strip of sheet music while hearing a performance, 20 frames of sound a second. With each
frame it chooses -1, 0 or +1; that is added to its speed (px per frame), and the speed to its position. The
reward is 1 - |error| / b; the game is lost when |error| > b and over at the last onset. Both environments,
the players and the evaluation take the rules, the windows and the measures from here.

All positions are pixels of the full-size strip. Pure functions of arrays: any thread may call them.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.features import SPEC
from models.performance import Performance
from pieces.piece import ONE_STAFF_TOLERANCE_PX, TOLERANCE_PX, Piece

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CM_PER_PX = 0.0352778
"""Pages 835 px wide stand for 29.46 cm (the paper's errors in cm)."""
ACTIONS = (-1, 0, 1)
OLD_CONVENTION_FRAMES = 40
"""The reference code compared a counter this far ahead of the onsets, so that many frames after losing the
target still counted as tracked."""


@dataclass(frozen=True)
class GameSpec:
    """What the player sees of the score, and how far it may stray."""

    name: str
    window_rows_px: int
    window_columns_px: int
    shrink: int
    tolerance_px: float
    context_frames: int = 40

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of the window as the network sees it."""
        return self.window_rows_px // self.shrink, self.window_columns_px // self.shrink


NOTTINGHAM = GameSpec("nottingham", 40, 150, 1, ONE_STAFF_TOLERANCE_PX)
MSMD = GameSpec("msmd", 160, 512, 2, TOLERANCE_PX)


@dataclass(frozen=True, eq=False)
class Truth:
    """Where the music is at every frame: the onsets, and straight lines between them.

    `onset_frames` (K,) int64, not decreasing: floor(20 s) of each onset; `onset_x_px` (K,) float64, not
    decreasing. Raises ValueError on other shapes or orders, or on fewer than two distinct frames.
    """

    onset_frames: IntArray
    onset_x_px: FloatArray

    def __post_init__(self) -> None:
        if self.onset_frames.shape != self.onset_x_px.shape or self.onset_frames.ndim != 1:
            raise ValueError("a truth has one position for each onset")
        if np.any(np.diff(self.onset_frames) < 0) or np.any(np.diff(self.onset_x_px) < 0):
            raise ValueError("a truth never runs backwards")
        if len(np.unique(self.onset_frames)) < 2:
            raise ValueError("a truth spans at least two frames")

    @classmethod
    def from_onsets(cls, onset_s: npt.ArrayLike, onset_x_px: npt.ArrayLike) -> Truth:
        """From the seconds and strip positions of the onsets, in the order of time."""
        frames = np.floor(np.asarray(onset_s, np.float64) * SPEC.fps + 1e-6).astype(np.int64)
        return cls(frames, np.maximum.accumulate(np.asarray(onset_x_px, np.float64)))

    @classmethod
    def from_performance(cls, piece: Piece, performance: Performance) -> Truth:
        """From the anchors that tie a performance to the piece it plays."""
        return cls.from_onsets(performance.anchors_s, piece.x_at_quarters(performance.anchors_quarters))

    @property
    def first_frame(self) -> int:
        """Frame of the first onset, at which the game starts."""
        return int(self.onset_frames[0])

    @property
    def last_frame(self) -> int:
        """Frame of the last onset, at which it is over."""
        return int(self.onset_frames[-1])

    @cached_property
    def _knots(self) -> tuple[FloatArray, FloatArray]:
        """Frames, strictly increasing, and positions; of onsets within one frame the last one counts."""
        last_of_frame = np.append(np.diff(self.onset_frames) > 0, True)
        return self.onset_frames[last_of_frame].astype(np.float64), self.onset_x_px[last_of_frame]

    @cached_property
    def x_px(self) -> FloatArray:
        """Position at every frame from 0 to `last_frame`, (last_frame + 1,) float64."""
        return np.interp(np.arange(self.last_frame + 1), *self._knots)

    def x_at_frame(self, frame: int) -> float:
        """Position at a frame; before the first and after the last onset it stands still."""
        return float(self.x_px[min(max(frame, 0), self.last_frame)])

    def frame_at_x(self, x_px: npt.ArrayLike) -> FloatArray:
        """The frame, not a whole number, at which the music is at `x_px`.

        Outside the onsets it goes on at the mean pace, so that errors there keep their size.
        """
        frames, positions = self._knots
        x = np.asarray(x_px, np.float64)
        pace = (frames[-1] - frames[0]) / max(positions[-1] - positions[0], 1e-9)
        before = pace * np.minimum(x - positions[0], 0.0)
        after = pace * np.maximum(x - positions[-1], 0.0)
        return np.asarray(np.interp(x, positions, frames) + before + after)


@dataclass(frozen=True, eq=False)
class Round:
    """One performance of one piece, ready to be played.

    `strip` (200, W) uint8, 255 = ink; `frames` (T, 78) float32; T may end with the last onset or after it.
    """

    strip: npt.NDArray[np.uint8]
    frames: npt.NDArray[np.float32]
    truth: Truth


def move(x_px: float, speed_px: float, action: float) -> tuple[float, float]:
    """Position and speed (px per frame) one frame on: the action changes the speed, that the position."""
    speed_px = speed_px + action
    return x_px + speed_px, speed_px


def reward(error_px: float, tolerance_px: float) -> float:
    """1 on the spot, falling to 0 at the edge of the tracking window and beyond it (equation 1)."""
    return max(0.0, 1.0 - abs(error_px) / tolerance_px)


def is_lost(error_px: float, tolerance_px: float) -> bool:
    """Whether the player has dropped out of the tracking window."""
    return abs(error_px) > tolerance_px


def window_start(x_px: float, width_px: int, spec: GameSpec) -> int:
    """Left column of the window around `x_px` in a strip of `width_px`, kept inside the strip."""
    left = int(np.floor(x_px + 0.5)) - spec.window_columns_px // 2
    return min(max(left, 0), width_px - spec.window_columns_px)


def score_window(strip: npt.NDArray[np.uint8], x_px: float, spec: GameSpec) -> npt.NDArray[np.uint8]:
    """The sheet around `x_px`: the central rows of the strip, shrunk by means; `window_shape` uint8."""
    top = (strip.shape[0] - spec.window_rows_px) // 2
    left = window_start(x_px, strip.shape[1], spec)
    return shrunk(strip[top:top + spec.window_rows_px, left:left + spec.window_columns_px], spec.shrink)


def shrunk(image: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    """(H, W) to (H // factor, W // factor) uint8, the rounded mean of each block; H a multiple of factor."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    total = np.full((rows, columns), factor * factor // 2, np.uint16)
    for i in range(factor):
        for j in range(factor):
            total += image[i::factor, j::factor][:, :columns]
    return (total // (factor * factor)).astype(np.uint8)


def audio_context(frames: npt.NDArray[np.float32], frame: int, length: int) -> npt.NDArray[np.float32]:
    """The `length` newest rows of (T, bands) up to and with `frame`, silence where there are none."""
    begin = frame + 1 - length
    heard = frames[max(begin, 0):max(frame + 1, 0)]
    missing = length - len(heard)
    ahead = min(max(-begin, 0), missing)
    return np.pad(heard, ((ahead, missing - ahead), (0, 0)))
