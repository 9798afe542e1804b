"""Level meter: RMS, peak with hold, clip light, "no signal". Engine thread; time is counted in samples."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.snapshot import SILENCE_DB

HOLD_S = 1.5
FALL_DB_S = 20.0
CLIP_HOLD_S = 2.0
CLIP_LEVEL = 0.999
SIGNAL_DB = -60.0
NO_SIGNAL_S = 5.0


def decibels(amplitude: float) -> float:
    """dB full scale; silence is -120."""
    return max(20.0 * float(np.log10(max(amplitude, 1e-12))), SILENCE_DB)


class LevelMeter:
    """Feed it every block of the chosen source; read the attributes."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.reset()

    def reset(self) -> None:
        """Forget the past: silence, no hold, no hint."""
        self.level_db = SILENCE_DB
        self.peak_db = SILENCE_DB
        self._held_s = self._quiet_s = 0.0
        self._since_clip_s = CLIP_HOLD_S

    @property
    def clipped(self) -> bool:
        """A sample reached full scale within the last 2 s."""
        return self._since_clip_s < CLIP_HOLD_S

    @property
    def no_signal(self) -> bool:
        """Nothing above -60 dB for 5 s."""
        return self._quiet_s >= NO_SIGNAL_S

    def push(self, block: NDArray[np.float32]) -> None:
        """(n,) samples of the source; NaN counts as silence."""
        if not len(block):
            return
        clean = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
        duration_s = len(block) / self._rate
        peak = float(np.abs(clean).max())
        self.level_db = decibels(float(np.sqrt(np.mean(np.square(clean, dtype=np.float64)))))
        self._hold(decibels(peak), duration_s)
        self._since_clip_s = 0.0 if peak >= CLIP_LEVEL else self._since_clip_s + duration_s
        self._quiet_s = 0.0 if decibels(peak) > SIGNAL_DB else self._quiet_s + duration_s

    def _hold(self, peak_db: float, duration_s: float) -> None:
        self._held_s += duration_s
        if peak_db >= self.peak_db:
            self.peak_db, self._held_s = peak_db, 0.0
        elif self._held_s > HOLD_S:
            self.peak_db = max(self.peak_db - FALL_DB_S * duration_s, peak_db, SILENCE_DB)
