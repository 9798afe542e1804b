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

_BUDGET_BYTES = 160_000_000


@cache
def _shades(ink: Colour) -> list[Colour]:
    return [theme.mix(ink, theme.PAPER, shade / 255) for shade in range(256)]


def paper_surface(grey: NDArray[np.uint8], ink: Colour = theme.INK) -> pygame.Surface:
    """(H, W) uint8 grey, 255 paper, as a surface of the display's format in the theme's paper and ink."""
    height, width = grey.shape
    flat = pygame.image.frombuffer(np.ascontiguousarray(grey).tobytes(), (width, height), "P")
    flat.set_palette(_shades(ink))
    return flat.convert() if pygame.display.get_surface() else flat.convert(32)


class PageImages:
    """Surfaces by (page, width in device px). ``version`` grows when a sharper one has come."""

    def __init__(self, piece: Piece, renderer: PageRenderer) -> None:
        self.piece, self.version = piece, 0
        self._renderer = renderer
        self._kept: OrderedDict[tuple[int, int], tuple[pygame.Surface, bool]] = OrderedDict()
        self._asked: set[tuple[int, int]] = set()
        renderer.forget()

    def get(self, page: int, width_px: int, urgency: int = 1) -> pygame.Surface:
        """The page ``width_px`` device px wide: sharp, or scaled until the sharp one is there."""
        key = (page, width_px)
        found = self._kept.get(key)
        if found is None:
            found = (self._scaled(page, width_px), width_px == self.piece.pages[page].shape[1])
            self._keep(key, found)
        if not found[1]:
            self.ask(page, width_px, urgency)
        self._kept.move_to_end(key)
        return found[0]

    def ask(self, page: int, width_px: int, urgency: int = 0) -> None:
        """Have a page drawn that will be needed soon."""
        key = (page, width_px)
        if 0 <= page < len(self.piece.svg_pages) and key not in self._asked and not self._is_sharp(key):
            self._asked.add(key)
            name = (id(self.piece), *key)
            self._renderer.request(name, self.piece.svg_pages[page], width_px, urgency)

    def take(self, drawn: Drawn) -> bool:
        """Take a page in, where it is one of ours."""
        if not isinstance(drawn.key, tuple) or len(drawn.key) != 3 or drawn.key[0] != id(self.piece):
            return False
        key = (drawn.key[1], drawn.key[2])
        if drawn.grey is not None and drawn.grey.size:
            self._asked.discard(key)
            self._keep(key, (paper_surface(drawn.grey), True))
            self.version += 1
        return True

    def _is_sharp(self, key: tuple[int, int]) -> bool:
        return key in self._kept and self._kept[key][1]

    def _scaled(self, page: int, width_px: int) -> pygame.Surface:
        own = paper_surface(self.piece.pages[page])
        if own.get_width() == width_px:
            return own
        height = round(own.get_height() * width_px / own.get_width())
        return pygame.transform.smoothscale(own, (width_px, height))

    def _keep(self, key: tuple[int, int], entry: tuple[pygame.Surface, bool]) -> None:
        self._kept[key] = entry
        self._kept.move_to_end(key)
        used = sum(4 * image.get_width() * image.get_height() for image, _ in self._kept.values())
        while used > _BUDGET_BYTES and len(self._kept) > 2:
            _, (image, _) = self._kept.popitem(last=False)
            used -= 4 * image.get_width() * image.get_height()
