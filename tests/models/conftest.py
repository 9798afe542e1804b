"""Shared by the tests of models: rounds made up from nothing."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.features import SPEC
from models.game import Round, Truth

MakeRound = Callable[..., Round]


@pytest.fixture
def made_up_round() -> MakeRound:
    """The function that makes rounds."""
    return make_up


def make_up(seed: int, onsets: int = 12) -> Round:
    """A random strip, noise for sound, a truth of a few seconds with uneven tempo; same seed, same round."""
    rng = np.random.default_rng(seed)
    onset_s = 0.4 + np.cumsum(rng.uniform(0.1, 0.5, onsets))
    onset_x_px = 512 + np.cumsum(rng.uniform(5.0, 40.0, onsets))
    width_px = int(onset_x_px[-1]) + 512 + int(rng.integers(0, 3))
    strip = (rng.random((200, width_px)) < 0.2).astype(np.uint8) * 255
    truth = Truth.from_onsets(onset_s, onset_x_px)
    frames = rng.random((truth.last_frame - 2 + int(rng.integers(0, 6)), SPEC.bands)).astype(np.float32)
    return Round(strip, frames, truth)
