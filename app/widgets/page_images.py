"""The pages of one piece as surfaces in paper and ink, sharp as soon as they are drawn at the size shown.

Used by the thread of the window; the drawing happens in :mod:`app.widgets.rendering`.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.theme import Colour
from app.widgets.rendering import Drawn, PageRenderer
from pieces.piece import Piece
from pieces.strip import without

_BUDGET_BYTES = 160_000_000
_Key = tuple[int, int, bool]
"""Page, width in device px, bare."""


@cache
def _shades(ink: Colour) -> list[Colour]:
    return [theme.mix(ink, theme.PAPER, shade / 255) for shade in range(256)]


def paper_surface(grey: NDArray[np.uint8], ink: Colour = theme.INK) -> pygame.Surface:
    """(H, W) uint8 grey, 255 paper, as a surface of the display's format in the theme's paper and ink."""
    height, width = grey.shape
    flat = pygame.image.frombuffer(np.ascontiguousarray(grey).tobytes(), (width, height), "P")
    flat.set_palette(_shades(ink))
    return flat.convert() if pygame.display.get_surface() else flat.convert(32)


def scaled_paper(grey: NDArray[np.uint8], size: tuple[int, int]) -> pygame.Surface:
    """As :func:`paper_surface`, ``size`` (width, height) device px large; white stays the paper's shade."""
    from PIL import Image

    if size[0] >= grey.shape[1]:
        return pygame.transform.smoothscale(paper_surface(grey), size)
    # Where pygame makes a picture smaller it loses some of the light.
    return paper_surface(np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.HAMMING)))


class PageImages:
    """Surfaces by page and width in device px, ``bare`` ones without title and measure numbers.

    ``version`` grows when a sharper one has come.
    """

    def __init__(self, piece: Piece, renderer: PageRenderer) -> None:
        self.piece, self.version = piece, 0
        self._renderer = renderer
        self._kept: OrderedDict[_Key, tuple[pygame.Surface, bool]] = OrderedDict()
        self._asked: set[_Key] = set()
        renderer.forget()

    def get(self, page: int, width_px: int, urgency: int = 1, bare: bool = False) -> pygame.Surface:
        """The page ``width_px`` device px wide: sharp, or scaled until the sharp one is there."""
        key = (page, width_px, bare)
        found = self._kept.get(key)
        if found is None:
            as_drawn = width_px == self.piece.pages[page].shape[1] and not bare
            found = (self._scaled(page, width_px), as_drawn)
            self._keep(key, found)
        if not found[1]:
            self.ask(page, width_px, urgency, bare)
        self._kept.move_to_end(key)
        return found[0]

    def ask(self, page: int, width_px: int, urgency: int = 0, bare: bool = False) -> None:
        """Have a page drawn that will be needed soon."""
        key = (page, width_px, bare)
        if 0 <= page < len(self.piece.svg_pages) and key not in self._asked and not self._is_sharp(key):
            self._asked.add(key)
            svg = self.piece.svg_pages[page]
            drawn = without(svg, "pgHead", "mNum") if bare else svg
            self._renderer.request((id(self.piece), *key), drawn, width_px, urgency)

    def take(self, drawn: Drawn) -> bool:
        """Take a page in, where it is one of ours."""
        if not isinstance(drawn.key, tuple) or len(drawn.key) != 4 or drawn.key[0] != id(self.piece):
            return False
        key = (drawn.key[1], drawn.key[2], drawn.key[3])
        if drawn.grey is not None and drawn.grey.size:
            self._asked.discard(key)
            self._keep(key, (paper_surface(drawn.grey), True))
            self.version += 1
        return True

    def _is_sharp(self, key: _Key) -> bool:
        return key in self._kept and self._kept[key][1]

    def _scaled(self, page: int, width_px: int) -> pygame.Surface:
        grey = self.piece.pages[page]
        height, width = grey.shape
        return scaled_paper(grey, (width_px, round(height * width_px / width)))

    def _keep(self, key: _Key, entry: tuple[pygame.Surface, bool]) -> None:
        self._kept[key] = entry
        self._kept.move_to_end(key)
        used = sum(4 * image.get_width() * image.get_height() for image, _ in self._kept.values())
        while used > _BUDGET_BYTES and len(self._kept) > 2:
            _, (image, _) = self._kept.popitem(last=False)
            used -= 4 * image.get_width() * image.get_height()
