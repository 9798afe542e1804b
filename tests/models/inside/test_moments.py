"""The map of the page shows the belief and the cursor where they are."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.inside.colours import Colours
from models.inside.moments import PAGE_SCALE, fit_map
from models.inside.record import Record
from pieces.opening import open_piece

COLOURS = Colours((1, 1, 1), (0, 0, 0), (0.5, 0.5, 0.5), (0, 0, 1), (0, 1, 1), (1, 0, 0))


@pytest.fixture(scope="module")
def piece():
    return open_piece("soldiers-joy")


def record_at(x_px: float, belief: np.ndarray) -> Record:
    one = np.zeros(1)
    return Record(
        time_s=one, x_px=one + x_px, value=one, probabilities=np.zeros((1, 3)), confidence=one,
        states=("following",), heard=np.zeros(1, np.int64), frames=np.zeros((1, 78), np.float32),
        embeddings=np.zeros((1, 0), np.float32), fits={0: belief},
    )  # fmt: skip


def pixels(piece, record) -> np.ndarray:
    flat = np.zeros(piece.width_px // 4, np.float32)
    return np.asarray(Image.open(io.BytesIO(fit_map(piece, record, 0, flat, COLOURS))).convert("RGB"), int)


def test_belief_and_cursor_stand_where_they_are_on_the_page(piece) -> None:
    nowhere = np.zeros(piece.width_px // 4, np.float32)
    place_px = float(piece.onset_x_px[5])
    place = piece.place_at_x(place_px)
    plain = record_at(float(piece.onset_x_px[-1]), nowhere)
    believed = nowhere.copy()
    believed[int(place_px / 4)] = 1.0
    for changed in (replace(plain, fits={0: believed}), replace(plain, x_px=np.array([place_px]))):
        differs = np.abs(pixels(piece, changed) - pixels(piece, plain)).sum(2) > 60
        upper = differs[: round(place.page_y1_px * PAGE_SCALE) + 60, :]
        columns = np.flatnonzero(upper[40:].any(0))
        middle_px = columns.mean() / upper.shape[1] * piece.pages[place.page].shape[1]
        assert middle_px == pytest.approx(place.page_x_px, abs=8)
