"""The one theme: colours, type, spacing, and the caches that make words and corners cheap to draw.

Only the thread of the window uses it. Colours are RGB triples; lengths are logical px, which the
:class:`~app.widgets.painter.Painter` multiplies by the scale of the window.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import pygame

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
SPACE = 4
RAIL, HEADER, PANEL, TRANSPORT, MARGIN = 88, 72, 344, 56, 16
CORNER, CORNER_SMALL = 10, 6
QUICK_S, CALM_S = 0.12, 0.18
"""Seconds of a change of state and of a change of place."""


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


@cache
def font_path(bold: bool = False) -> str | None:
    """DejaVu Sans inside matplotlib (it has flat, sharp and quarter note), else None: pygame's own font."""
    spec = find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(spec.origin).parent / "mpl-data/fonts/ttf" / name if spec and spec.origin else None
    return str(path) if path and path.is_file() else None


@cache
def font(size_px: int, bold: bool = False) -> pygame.font.Font:
    """The face at a size in device px."""
    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.font.Font(font_path(bold), size_px)


class Cache:
    """The surfaces used last, at most ``size`` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], pygame.Surface] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> pygame.Surface | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], surface: pygame.Surface) -> pygame.Surface:
        self._kept[key] = surface
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return surface

    def clear(self) -> None:
        self._kept.clear()


_words = Cache(1500)


def words(text: str, size_px: int, colour: Colour, bold: bool = False) -> pygame.Surface:
    """``text`` drawn, from the cache where it was drawn before."""
    key = (text, size_px, colour, bold)
    return _words.get(key) or _words.put(key, font(size_px, bold).render(text, True, colour))


@cache
def _width(text: str, size_px: int, bold: bool) -> int:
    return font(size_px, bold).size(text)[0]


def text_width(text: str, size_px: int, bold: bool = False) -> int:
    """Width in device px."""
    if len(text) > 40:
        return font(size_px, bold).size(text)[0]
    return _width(text, size_px, bold)


def clear_caches() -> None:
    """Forget all drawn words: after a change of scale they are of no use."""
    _words.clear()
    _width.cache_clear()
