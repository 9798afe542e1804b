"""A scroll bar: how much of something long is seen, and where. Used by the thread of the window."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import pygame

from app import theme
from app.widgets.base import Pointer, View, Widget
from app.widgets.painter import Painter

WIDTH = 8
_LEAST_THUMB = 32


@dataclass(frozen=True, slots=True)
class Scrolled:
    """``shown`` px of ``whole`` are seen, from ``at`` on."""

    at: float
    shown: float
    whole: float

    @property
    def furthest(self) -> float:
        """The largest ``at``; 0 where everything is seen."""
        return max(self.whole - self.shown, 0.0)


class ScrollBar(Widget):
    """Drag its thumb, or press beside it for a page; nothing where everything is seen.

    ``on_scroll`` gets the new place from the top, in px.
    """

    def __init__(self, scrolled: Callable[[], Scrolled], on_scroll: Callable[[float], object]) -> None:
        super().__init__()
        self.scrolled, self.on_scroll = scrolled, on_scroll
        self._grip = 0.0

    def contains(self, x: float, y: float) -> bool:
        return super().contains(x, y) and self.scrolled().furthest > 0

    def look(self, view: View) -> Hashable:
        return self.scrolled()

    def thumb(self) -> pygame.FRect:
        """The part that stands for what is seen; of no height where that is everything."""
        now = self.scrolled()
        if not now.furthest:
            return pygame.FRect(self.rect.x, self.rect.y, self.rect.w, 0)
        height = max(self.rect.h * now.shown / now.whole, min(_LEAST_THUMB, self.rect.h))
        y = self.rect.y + (self.rect.h - height) * min(now.at / now.furthest, 1.0)
        return pygame.FRect(self.rect.x, y, self.rect.w, height)

    def draw(self, painter: Painter, view: View) -> None:
        thumb = self.thumb()
        if thumb.h:
            lit = self.hovered or self.pressed
            colour = theme.QUIET if lit else theme.mix(theme.HAIRLINE, theme.QUIET, 0.35)
            painter.box(thumb.inflate(-2, 0), colour, 3)

    def on_pointer(self, event: Pointer) -> bool:
        now, thumb = self.scrolled(), self.thumb()
        if event.kind == "down":
            self.pressed = thumb.top <= event.y <= thumb.bottom
            self._grip = event.y - thumb.top
            if not self.pressed:
                self._scroll_to(now.at + (now.shown if event.y > thumb.bottom else -now.shown))
        elif event.kind == "move" and self.pressed:
            way = max(self.rect.h - thumb.h, 1.0)
            self._scroll_to((event.y - self._grip - self.rect.y) / way * now.furthest)
        elif event.kind == "up":
            self.pressed = False
        return event.kind != "wheel"

    def _scroll_to(self, at: float) -> None:
        self.on_scroll(min(max(at, 0.0), self.scrolled().furthest))
