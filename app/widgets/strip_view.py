"""The unrolled strip running past a cursor that stands still: the sheet as an agent reads it.

Drawn straight from the page images, segment by segment, so that the longest piece takes no more memory than
its pages. Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import Pointer, View, Widget
from app.widgets.page_images import PageImages
from app.widgets.page_view import Mark, draw_cursor, draw_flag, glow_surface
from app.widgets.painter import Painter
from app.widgets.score_layout import system_spans
from pieces.engraving import PAGE_WIDTH_PX
from pieces.piece import STRIP_HEIGHT_PX, Piece

_BELOW_TITLE_PX = 36.0
"""As much of the page above its first system as a tempo mark needs: the title is not shown."""
CURSOR_SHARE = 0.34
"""Where across the view the cursor stands."""


class Cursor:
    """One cursor on the strip: who it is, where, and in which colour."""

    def __init__(self, name: str, x_px: Callable[[], float], colour: Colour, filled: bool = True) -> None:
        self.name, self.x_px, self.colour, self.filled = name, x_px, colour, filled


class StripView(Widget):
    """The strip around ``cursors[0]``; the others move in relation to it."""

    hint = "Click on the music to go there"

    def __init__(
        self,
        piece: Piece,
        images: PageImages,
        cursors: tuple[Cursor, ...],
        on_seek: Callable[[float], object] | None = None,
        marks: Callable[[], tuple[Mark, ...]] = tuple,
        glow: bool = True,
    ) -> None:
        super().__init__()
        self.piece, self.images, self.cursors = piece, images, cursors
        self.on_seek, self.marks, self.glow = on_seek, marks, glow
        self._spans = {span.system: span for span in system_spans(piece)}

    @property
    def zoom(self) -> float:
        """Logical px per strip px."""
        return min(max((self.rect.h - 96) / STRIP_HEIGHT_PX, 0.6), 2.0)

    @property
    def cursor_x(self) -> float:
        return self.rect.x + self.rect.w * CURSOR_SHARE

    def to_view(self, x_px: float) -> float:
        """Where in the window a strip position lies."""
        return self.cursor_x + (x_px - self.cursors[0].x_px()) * self.zoom

    def look(self, view: View) -> Hashable:
        places = tuple(round(cursor.x_px(), 1) for cursor in self.cursors)
        return places, self.images.version, view.snapshot.sample if self.glow else 0, self.marks()

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.PAPER, 6)
        clip = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.rect).clip(clip))
        height = STRIP_HEIGHT_PX * self.zoom
        top = self.rect.y + (self.rect.h - height) / 2 - 8
        self._draw_segments(painter, top)
        if self.glow and view.snapshot.fit is not None:
            self._draw_fit(painter, view.snapshot.fit, top, height)
        for mark in self.marks():
            draw_flag(painter, mark.letter, self.to_view(mark.x_px), top, top + height)
        for cursor in reversed(self.cursors):
            self._draw_cursor(painter, cursor, top, height)
        painter.surface.set_clip(clip)

    def _draw_segments(self, painter: Painter, top: float) -> None:
        shown = painter.device(self.rect)
        for segment in self.piece.segments:
            left, right = self.to_view(segment.strip_x0_px), self.to_view(segment.strip_x1_px)
            x0, x1 = painter.px(left), painter.px(right)
            if x1 < shown.left or x0 > shown.right:
                continue
            width_px = max(round(PAGE_WIDTH_PX * self.zoom * segment.scale * painter.scale), 1)
            image = self.images.get(segment.page, width_px, urgency=3, bare=True)
            device = width_px / PAGE_WIDTH_PX
            middle = (segment.page_y0_px + segment.page_y1_px) / 2
            half = STRIP_HEIGHT_PX / 2 / segment.scale
            # A person sees the system and nothing of its neighbours on the page.
            span = self._spans[segment.system]
            upper = max(middle - half, span.top)
            if segment.system == 0:
                upper = max(upper, span.staves_top - _BELOW_TITLE_PX)
            lower = min(middle + half, span.bottom)
            source = pygame.Rect(round(segment.page_x0_px * device), round(upper * device), x1 - x0, 0)
            source.height = round((lower - upper) * device)
            y = painter.px(top) + round((upper - middle + half) * device)
            painter.surface.blit(image, (x0, y), source)

    def _draw_fit(self, painter: Painter, fit: np.ndarray, top: float, height: float) -> None:
        """The glow over the part of the strip that is shown."""
        first_px = self.cursors[0].x_px() - (self.cursor_x - self.rect.x) / self.zoom
        first = max(int(first_px / 4), 0)
        values = fit[first : int((first_px + self.rect.w / self.zoom) / 4) + 2]
        if len(values) < 2 or float(values.max()) < 0.05:
            return
        left = self.to_view(first * 4)
        band = pygame.FRect(left, top, len(values) * 4 * self.zoom, height)
        box = painter.device(band)
        painter.surface.blit(glow_surface(values, box.w, box.h, 84.0), box)

    def _draw_cursor(self, painter: Painter, cursor: Cursor, top: float, height: float) -> None:
        x = min(max(self.to_view(cursor.x_px()), self.rect.x + 10), self.rect.right - 10)
        y = top - 6
        draw_cursor(painter, x, y, top + height + 10, cursor.colour, cursor.filled)
        if cursor.name:
            width = painter.width(cursor.name, theme.TINY) + 12
            tag = pygame.FRect(
                x - width / 2, y - 22 if cursor is self.cursors[0] else top + height + 12, width, 18
            )
            tag.clamp_ip(self.rect.inflate(-8, 0))
            painter.box(tag, cursor.colour, 5)
            painter.text(cursor.name, tag, theme.TINY, theme.PAPER, "centre")

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down" and self.on_seek:
            x_px = self.cursors[0].x_px() + (event.x - self.cursor_x) / self.zoom
            first, last = self.piece.segments[0].strip_x0_px, self.piece.segments[-1].strip_x1_px
            self.on_seek(min(max(x_px, first), last))
        return True
