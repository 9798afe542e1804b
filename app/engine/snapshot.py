"""The one thing a scene may read of the engine: a frozen picture of the latest frame.

Made in the engine thread, published by swapping one attribute, read by the main thread without a lock.
Arrays in it are never written again after publication.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pieces.piece import Place

State = Literal["idle", "waiting", "following", "lost", "paused", "finished"]
RUNNING: tuple[State, ...] = ("waiting", "following", "lost")

SPECTROGRAM_FRAMES = 40
BANDS = 78
SILENCE_DB = -120.0


def empty_spectrogram() -> NDArray[np.float32]:
    """(40, 78) float32 of silence, oldest frame first."""
    return np.zeros((SPECTROGRAM_FRAMES, BANDS), np.float32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was heard and decided at one frame (20 a second).

    sample, time_s: end of the newest sample used, on the engine's clock. x_px runs along the strip.
    probabilities: (slower, keep, faster). fit: float32, one value per 4 strip px in 0..1, or None.
    spectrogram: (40, 78) float32, newest row last. level_db: RMS of the last 50 ms; peak_db: peak with hold.
    decision_ms: newest sample in the ring -> this snapshot. late_frames: answers that came too late.
    dropouts: blocks that the sound driver reported as late or lost (a silent one reports none). no_signal:
    nothing heard for 5 s.
    """

    sample: int = 0
    time_s: float = 0.0
    state: State = "idle"
    x_px: float = 0.0
    speed_px_s: float = 0.0
    place: Place | None = None
    probabilities: tuple[float, float, float] = (0.0, 1.0, 0.0)
    value: float = 0.0
    confidence: float = 0.0
    fit: NDArray[np.float32] | None = None
    spectrogram: NDArray[np.float32] = field(default_factory=empty_spectrogram)
    level_db: float = SILENCE_DB
    peak_db: float = SILENCE_DB
    clipped: bool = False
    no_signal: bool = False
    decision_ms: float = 0.0
    late_frames: int = 0
    dropouts: int = 0
