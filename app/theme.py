"""The one theme: colours, sizes of type, spacing. Pictures that are saved without a window have it too.

Colours are RGB triples; lengths are logical px, which the :class:`~app.widgets.painter.Painter` multiplies by
the scale of the window.
"""

from __future__ import annotations

from functools import lru_cache

Colour = tuple[int, int, int]

GROUND: Colour = (15, 17, 21)
SURFACE: Colour = (23, 26, 33)
RAISED: Colour = (31, 36, 46)
HOVER: Colour = (41, 47, 60)
HAIRLINE: Colour = (44, 50, 62)
TEXT: Colour = (232, 234, 240)
QUIET: Colour = (154, 163, 178)
PAPER: Colour = (251, 248, 241)
INK: Colour = (22, 22, 24)
MACHINE: Colour = (86, 180, 233)
YOU: Colour = (230, 159, 0)
GOOD: Colour = (47, 191, 143)
BAD: Colour = (255, 122, 89)
MACHINE_ON_PAPER: Colour = (16, 118, 188)
YOU_ON_PAPER: Colour = (166, 92, 0)
BAD_ON_PAPER: Colour = (200, 62, 32)
QUIET_ON_PAPER: Colour = (104, 106, 112)

TINY, SMALL, BODY, LARGE, TITLE = 11, 12, 13, 14, 20
RAIL, HEADER, PANEL, TRANSPORT, MARGIN = 88, 72, 344, 56, 16
CORNER, CORNER_SMALL = 10, 6
CALM_S = 0.18
"""Seconds of a change of place."""


@lru_cache(maxsize=4096)
def mix(below: Colour, above: Colour, share: float) -> Colour:
    """``above`` laid over ``below`` with opacity ``share``."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(b + (a - b) * share) for b, a in zip(below, above, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of WCAG 2.1, between 1 and 21."""

    def luminance(colour: Colour) -> float:
        parts = (value / 255 for value in colour)
        red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
