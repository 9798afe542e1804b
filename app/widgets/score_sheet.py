"""Freshly engraved pages, one below the other on paper, your staff and the partner's in their colours.

Unlike :mod:`app.widgets.page_view` it knows no piece: only pages and where their staves are. The pages are
drawn by the renderer's child process. Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.sessions.duet.choices import Who
from app.theme import Colour
from app.widgets.base import Pointer, View, Widget
from app.widgets.page_images import paper_surface
from app.widgets.painter import Painter
from app.widgets.rendering import Drawn, PageRenderer
from pieces.engraving import PAGE_WIDTH_PX
from pieces.layout import SystemBox

MARGIN_PX = 40.0
"""Paper kept around the systems, in page px."""
TINTED_PX = 30.0
"""How far above and below its lines a staff has its colour: less than up to the title."""
WHEEL_PX = 60.0
YOURS, MACHINES = theme.YOU_ON_PAPER, theme.MACHINE_ON_PAPER
INKS: dict[Who, tuple[Colour, Colour]] = {"you": (YOURS, MACHINES), "machine": (MACHINES, YOURS)}
"""Of the upper and the lower staff, by whose the upper one is."""


@dataclass(frozen=True)
class Sheets:
    """Pages as SVG, their systems of two staves, and whose the upper staves are.

    ``number`` grows with every engraving.
    """

    number: int
    svg_pages: tuple[str, ...]
    systems: tuple[SystemBox, ...]
    upper: Who = "you"


class ScoreSheet(Widget):
    """The pages run on without a gap from the first system to the last; the newest is in view."""

    hint = "The wheel, Page Up and Page Down move the score"

    def __init__(self, renderer: PageRenderer) -> None:
        super().__init__()
        self._renderer = renderer
        self.sheets: Sheets | None = None
        self.scale = 1.0
        self._pages: dict[tuple[int, int, int], pygame.Surface] = {}
        self._shown: dict[int, tuple[int, int, int]] = {}
        self._above_px = 0.0
        self._follows = True

    def show(self, sheets: Sheets) -> None:
        """Other pages; until they are drawn, the old ones stay."""
        self.sheets = sheets
        self._ask()

    def set_room(self, rect: pygame.Rect, scale: float) -> None:
        """Into a rectangle of the window; ``scale`` device px per logical px."""
        self.rect, self.scale = rect.copy(), scale
        self._ask()

    @property
    def complete(self) -> bool:
        """Whether the newest pages are all drawn."""
        pages = range(len(self.sheets.svg_pages)) if self.sheets else range(0)
        return all(self._shown.get(page, (-1,))[0] == self.sheets.number for page in pages if self.sheets)

    @property
    def drawn(self) -> bool:
        """Whether there is anything to be seen."""
        return bool(self._shown)

    def take(self, drawn: Drawn) -> bool:
        """Take a page in, where it is one of ours."""
        if not isinstance(drawn.key, tuple) or drawn.key[:1] != ("duet",):
            return False
        key = drawn.key[1:]
        if self.sheets and drawn.grey is not None and drawn.grey.size:
            systems = [system for system in self.sheets.systems if system.page == key[1]]
            self._pages[key] = tinted(drawn.grey, systems, INKS[self.sheets.upper])
            self._pages = {kept: page for kept, page in self._pages.items() if kept[0] >= key[0] - 1}
            self._shown[key[1]] = key
        return True

    def leaf(self, step: int) -> None:
        """So many windows further down, up where negative."""
        self.scroll(step * self.rect.h * 0.85)

    def scroll(self, by_px: float) -> None:
        """Further down by logical px; at the end it follows what is new."""
        lowest = self._lowest_px()
        self._above_px = min(max(self.above_px() + by_px, 0.0), lowest)
        self._follows = self._above_px >= lowest - 1.0

    def above_px(self) -> float:
        """How much lies above the window, in logical px."""
        return self._lowest_px() if self._follows else min(self._above_px, self._lowest_px())

    # --- geometry -------------------------------------------------------------------------------

    @property
    def _px(self) -> float:
        """Logical px of a page px."""
        return self.rect.w / PAGE_WIDTH_PX

    def _slices(self) -> list[tuple[int, float, float]]:
        """(page, top, bottom) in page px of what is shown of every page."""
        slices = []
        for page in range(len(self.sheets.svg_pages) if self.sheets else 0):
            boxes = [box for box in self.sheets.systems if box.page == page] if self.sheets else []
            if boxes:
                top = max(min(box.y0_px for box in boxes) - MARGIN_PX, 0.0)
                slices.append((page, 0.0 if page == 0 else top, max(box.y1_px for box in boxes) + MARGIN_PX))
        return slices

    def _lowest_px(self) -> float:
        whole = sum(bottom - top for _, top, bottom in self._slices()) * self._px
        return max(whole - self.rect.h, 0.0)

    def _ask(self) -> None:
        width = round(self.rect.w * self.scale)
        for page, svg in enumerate(self.sheets.svg_pages if self.sheets and width > 1 else ()):
            key = (self.sheets.number if self.sheets else 0, page, width)
            if key not in self._pages:
                self._renderer.request(("duet", *key), svg, width, urgency=2)
            else:
                self._shown[page] = key

    # --- the widget -----------------------------------------------------------------------------

    def look(self, view: View) -> Hashable:
        return tuple(sorted(self._shown.items())), round(self.above_px(), 1)

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.PAPER, 6)
        before = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.rect.inflate(0, -8)).clip(before))
        y = self.rect.y - self.above_px()
        for page, top, bottom in self._slices():
            image = self._pages.get(self._shown.get(page, (-1, -1, -1)))
            height = (bottom - top) * self._px
            if image is not None:
                per_px = image.get_width() / PAGE_WIDTH_PX
                part = pygame.Rect(0, round(top * per_px), image.get_width(), round((bottom - top) * per_px))
                painter.surface.blit(image, (painter.px(self.rect.x), painter.px(y)), part)
            y += height
        painter.surface.set_clip(before)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            self.scroll(-event.wheel * WHEEL_PX)
        return True


def tinted(
    grey: NDArray[np.uint8], systems: list[SystemBox], inks: tuple[Colour, Colour]
) -> pygame.Surface:
    """(H, W) uint8 grey, 255 paper, as a surface: upper staves in the first ink, lower in the second."""
    scale, page = grey.shape[1] / PAGE_WIDTH_PX, paper_surface(grey)
    for system in systems:
        middle = (system.y0_px + system.y1_px) / 2
        edges = (system.y0_px - TINTED_PX, middle, system.y1_px + TINTED_PX)
        rows = [min(max(round(edge * scale), 0), len(grey)) for edge in edges]
        for ink, top, bottom in zip(inks, rows, rows[1:], strict=False):
            if bottom > top:
                page.blit(paper_surface(grey[top:bottom], ink), (0, top))
    return page
