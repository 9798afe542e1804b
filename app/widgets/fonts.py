"""The typeface of the window: fonts, drawn words and their widths in device px, from caches.

Only the thread of the window uses it.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pygame

from app.theme import Colour
from app.widgets.surface_cache import SurfaceCache


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


_words = SurfaceCache(1500)


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
