"""A belief over a whole strip in few bytes: a recording of minutes keeps one for every frame.

The belief of a follower is nearly all in one place; the rest is below what a picture can show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

VISIBLE = 1.0 / 255.0


@dataclass(frozen=True, eq=False)
class PackedFit:
    """Columns ``first`` and on of ``columns``, in steps of 1/255; all others are 0."""

    first: int
    steps: NDArray[np.uint8]
    columns: int

    @classmethod
    def of(cls, fit: FloatArray) -> PackedFit:
        """From (C,) float32 in 0..1."""
        held = np.flatnonzero(fit >= VISIBLE / 2)
        if not len(held):
            return cls(0, np.zeros(0, np.uint8), len(fit))
        first, last = int(held[0]), int(held[-1]) + 1
        return cls(first, np.rint(np.clip(fit[first:last], 0.0, 1.0) * 255).astype(np.uint8), len(fit))

    def unpacked(self) -> FloatArray:
        """(C,) float32."""
        fit = np.zeros(self.columns, np.float32)
        fit[self.first : self.first + len(self.steps)] = self.steps * np.float32(VISIBLE)
        return fit

    @property
    def heaviest(self) -> int:
        """The column with most of it."""
        return self.first + (int(self.steps.argmax()) if len(self.steps) else 0)
