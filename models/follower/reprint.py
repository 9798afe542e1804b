"""A strip in another size and spacing than it was engraved in: for LilyPond, whose house style is one.

Verovio engraves anew (`random_engraving`); what LilyPond drew is stretched. Pure; PIL does the work, so only
where data are built.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pieces.piece import PADDING_PX, STRIP_HEIGHT_PX, Piece

STAVES_PX = 140.0
"""The tallest system that the window shows with room for what stands above and below."""


@dataclass(frozen=True)
class Reprint:
    """How much larger the music is, and how much wider apart besides."""

    size: float = 1.0
    spacing: float = 1.0


AS_ENGRAVED = Reprint()


def draw_reprint(piece: Piece, rng: np.random.Generator, spread_log: float) -> Reprint:
    """Size and spacing within ``spread_log`` of 1, in the logarithm; never so large that staves are cut."""
    tallest_px = max((each.page_y1_px - each.page_y0_px) * each.scale for each in piece.segments)
    size, spacing = np.exp(rng.uniform(-spread_log, spread_log, 2))
    return Reprint(float(min(size, max(STAVES_PX / tallest_px, 1.0))), float(spacing))


def reprint(piece: Piece, made: Reprint) -> tuple[NDArray[np.uint8], float]:
    """The strip (200, W) anew, and how many times as wide its music is (see :func:`moved_px`).

    The white at both ends, and the middle of the staves, stay where they are.
    """
    if made == AS_ENGRAVED:
        return piece.strip, 1.0
    from PIL import Image

    music = piece.strip[:, PADDING_PX:-PADDING_PX]
    width_px = max(round(music.shape[1] * made.size * made.spacing), 1)
    height_px = 2 * round(0.5 * STRIP_HEIGHT_PX * made.size)
    drawn = np.asarray(Image.fromarray(music).resize((width_px, height_px), Image.Resampling.BILINEAR))
    beyond_px = (height_px - STRIP_HEIGHT_PX) // 2
    missing_px = max(-beyond_px, 0)
    seen = drawn[max(beyond_px, 0) : height_px - max(beyond_px, 0)]
    padding = ((missing_px, missing_px), (PADDING_PX, PADDING_PX))
    return np.pad(seen, padding), width_px / music.shape[1]


def moved_px(x_px: NDArray[np.float64], wider: float) -> NDArray[np.float64]:
    """Where places of a strip are in one whose music is so many times as wide."""
    if wider == 1.0:
        return x_px
    return PADDING_PX + (x_px - PADDING_PX) * wider
