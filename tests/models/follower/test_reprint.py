"""A strip printed anew: larger or smaller, wider or closer, and its labels where the ink is."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.follower.data import Conditions, halve, make_item, play_piece
from models.follower.generator import generate_score
from models.follower.reprint import AS_ENGRAVED, STAVES_PX, Reprint, draw_reprint, reprint
from pieces.engraving import engrave_here
from pieces.piece import PADDING_PX
from pieces.strip import build_piece


@pytest.fixture(scope="module")
def piece():
    return build_piece(engrave_here(generate_score(4, 2)), "study")


def test_as_engraved_it_is_what_it_was(piece):
    item = make_item(piece, ())
    assert np.array_equal(item.strip, halve(piece.strip))
    assert np.array_equal(item.onset_x_px, piece.onset_x_px)
    assert item.note_x_px.tolist() == [np.float32(note.x_px) for note in piece.notes]
    assert np.array_equal(item.system_x_px, [segment.strip_x0_px for segment in piece.segments])


PRINTS = [Reprint(0.85, 1.0), Reprint(1.15, 1.1), Reprint(1.0, 0.85), Reprint(0.8, 1.25)]


@pytest.mark.parametrize("made", PRINTS)
def test_labels_are_where_the_ink_is(made, piece):
    """On a strip with nothing but a line of 3 px at every fifth onset."""
    ink = np.zeros_like(piece.strip)
    for x_px in piece.onset_x_px[::5]:
        ink[60:140, int(x_px) - 1 : int(x_px) + 2] = 255
    item = make_item(replace(piece, strip=ink), (), made)
    profile = item.strip.astype(float).sum(0)
    for x_px in item.onset_x_px[::5]:
        columns = np.arange(round(x_px / 2) - 5, round(x_px / 2) + 6)
        weights = profile[columns]
        assert weights.sum() > 0 and abs(2 * (columns + 0.5) @ weights / weights.sum() - x_px) < 1.0
    rows = np.flatnonzero(item.strip.sum(1))
    assert rows[0] + rows[-1] == pytest.approx(79, abs=1), "the middle of the staves stays in the middle"
    assert rows[-1] - rows[0] + 1 == pytest.approx(40 * made.size, abs=2)


@pytest.mark.parametrize("made", PRINTS)
def test_music_is_stretched_and_the_white_around_it_is_not(made, piece):
    strip, wider = reprint(piece, made)
    assert strip.shape[0] == 200 and strip.dtype == np.uint8
    assert wider == pytest.approx(made.size * made.spacing, rel=1e-3)
    width_px = piece.strip.shape[1] - 2 * PADDING_PX
    assert strip.shape[1] == 2 * PADDING_PX + round(width_px * wider)
    assert not strip[:, :PADDING_PX].any() and not strip[:, -PADDING_PX:].any()
    darkness = piece.strip.astype(float).sum() * made.size * wider
    assert strip.astype(float).sum() == pytest.approx(darkness, rel=0.08)     # less what is cut off


def test_it_is_drawn_within_its_bounds_and_no_staff_is_cut(piece):
    rng = np.random.default_rng(0)
    prints = [draw_reprint(piece, rng, np.log(1.3)) for _ in range(200)]
    tallest_px = max((each.page_y1_px - each.page_y0_px) * each.scale for each in piece.segments)
    sizes, spacings = (np.array([getattr(made, name) for made in prints]) for name in ("size", "spacing"))
    assert sizes.min() < 0.8 and sizes.max() <= min(1.3, STAVES_PX / tallest_px) + 1e-9
    assert 0.76 < spacings.min() < 0.8 and 1.25 < spacings.max() < 1.31


def test_items_are_printed_as_the_conditions_say(piece):
    rng = np.random.default_rng
    usual, anew = (play_piece(piece, rng(3), 0, Conditions(print_log=spread)) for spread in (0.0, 0.25))
    made = draw_reprint(piece, rng(3), 0.25)
    assert np.array_equal(usual.strip, make_item(piece, (), AS_ENGRAVED).strip)
    assert np.array_equal(anew.strip, make_item(piece, (), made).strip)
    assert np.array_equal(anew.note_pitch, usual.note_pitch) and anew.strip.shape != usual.strip.shape
