"""Chorales made up from nothing."""

from __future__ import annotations

import numpy as np

from models.duet.chorales import Chorale
from models.duet.encoding import line


def make_chorale(seed: int, bars: int = 5, name: str = "") -> Chorale:
    """Four voices in thirds and fifths over a random walk, in quarters and eighths; same seed, same notes."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([2, 4, 4, 6], 8 * bars)
    starts = np.concatenate([[0], lengths.cumsum()])
    walk = 48 + np.clip(rng.integers(-2, 3, len(lengths)).cumsum(), -6, 6)
    voices = [
        line([(int(start), int(length), int(pitch) + above)
              for start, length, pitch in zip(starts, lengths, walk, strict=False)], 16 * bars)
        for above in (19, 16, 7, 0)
    ]  # fmt: skip
    return Chorale(name or f"made-{seed}", np.stack(voices), np.arange(16 * bars, dtype=np.uint8) % 16, 16)
