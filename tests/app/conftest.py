"""Fixtures of the program's tests: a short piece made by hand, without engraving."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pieces.piece import PADDING_PX, Piece, PlayedNotehead, Segment

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
NOTE_SPACING_PX = 40.0


def make_tune(measures: int = 4, tempo_bpm: float = 120.0) -> Piece:
    """One staff, one system, quarter notes up and down a scale, four a measure, 40 px apart."""
    count = 4 * measures
    notes = tuple(
        PlayedNotehead(f"n{i}", SCALE[i % 8], float(i), 1.0, str(i // 4 + 1), PADDING_PX + 60 + NOTE_SPACING_PX * i,
                       0, 0, 60 + NOTE_SPACING_PX * i, 100.0, 1)
        for i in range(count)
    )
    width_px = 60 + NOTE_SPACING_PX * count + 20
    starts = tuple((PADDING_PX + 60 + NOTE_SPACING_PX * 4 * m - 15, str(m + 1)) for m in range(measures))
    return Piece(
        "tune", "A tune", "nobody", "made by hand", pages=(np.full((300, 835), 255, np.uint8),), svg_pages=(),
        strip=np.zeros((200, int(width_px) + 2 * PADDING_PX), np.uint8), notes=notes,
        segments=(Segment(0, 0, 0.0, width_px, 80.0, 120.0, PADDING_PX),), measure_starts=starts,
        tempo_bpm=tempo_bpm, length_quarters=float(count), staves=1,
    )


@pytest.fixture(scope="session")
def tune() -> Piece:
    """Four measures at 120: eight seconds of music."""
    return make_tune()


@pytest.fixture(scope="session")
def tune_maker() -> Callable[..., Piece]:
    """`make_tune`, for pieces of another length or tempo."""
    return make_tune
