"""MIDI-ODTW and OMR-ODTW as players: the score's notes are rendered once, the live sound is warped onto them.

`follow --headless --follower midi-odtw` and `evaluate follower --agent midi-odtw` use them alike; a step
costs the same however long the piece.
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC
from models.odtw.score import WrittenNotes, recognised, sound_of, true_notes
from models.odtw.warping import FloatArray, OnlineWarp
from models.players import Decision
from pieces.piece import Piece

CHANGE_WEIGHT = 1.0
"""Of what has grown louder since the last frame, beside what sounds."""
REACH_FRAMES = 200
PENALTY = 0.2
"""Of leaving the score's pace; distances lie between 0 and 2."""


class OdtwPlayer:
    """Follows by warping. `read` says what it knows of the notes of a piece."""

    def __init__(self, read: Callable[[Piece], WrittenNotes]) -> None:
        self._read = read

    def open(self, piece: Piece) -> None:
        """Render the score; raises RipienoError where it cannot be read, or there is no sound set."""
        written = self._read(piece)
        self._piece = piece
        self._quarters_per_s = piece.tempo_bpm / 60 * written.length / piece.length_quarters
        # A recogniser that counts otherwise is taken to run through the whole piece, as in the paper.
        self._stretch = piece.length_quarters / written.length
        rows = sound_of(written, self._quarters_per_s)
        before = np.vstack((np.zeros_like(rows[:1]), rows[:-1]))
        self._warp = OnlineWarp(features(rows, before), REACH_FRAMES, PENALTY)
        self.reset(float(piece.onset_x_px[0]))

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at `x_px` and forget the sound heard so far."""
        self._x_px, self._speed_px = float(x_px), float(speed_px_per_frame)
        quarters = float(self._piece.quarters_at_x(x_px))
        self._warp.reset(round(quarters / self._stretch / self._quarters_per_s * SPEC.fps))
        self._before = np.zeros(SPEC.bands, np.float32)

    def step(self, frame: NDArray[np.float32]) -> Decision:
        """Hear one frame, (78,) float32, and stand where the score sounds like it."""
        place = self._warp.step(features(frame[None], self._before[None])[0])
        self._before = frame
        quarters = (place + 1) / SPEC.fps * self._quarters_per_s * self._stretch
        x_px = max(float(self._piece.x_at_quarters(quarters)), 0.0)
        speed_px = x_px - self._x_px
        action = speed_px - self._speed_px
        self._x_px, self._speed_px = x_px, speed_px
        return Decision(action, x_px, speed_px)


def features(rows: NDArray[np.float32], before: NDArray[np.float32]) -> FloatArray:
    """What is compared, (T, 156): what sounds, and what has grown louder since the row `before` each.

    Both of length 1, so that loudness does not count; silence is nothing at all.
    """
    louder = np.maximum(rows - before, 0.0)
    return np.hstack((_unit(rows), CHANGE_WEIGHT * _unit(louder)))


def _unit(rows: NDArray[np.float32]) -> FloatArray:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return rows / np.maximum(lengths, 0.5)


def midi_odtw() -> OdtwPlayer:
    """Knows the true notes: the paper's upper bound."""
    return OdtwPlayer(true_notes)


def omr_odtw(source: Path | None = None) -> OdtwPlayer:
    """Knows what a recogniser read: see `score.recognised`."""
    return OdtwPlayer(lambda piece: recognised(piece, source))
