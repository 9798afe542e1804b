"""The count-in to be seen: a large figure over the page, one a beat."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.widgets.base import View, Widget
from app.widgets.painter import Painter

SIZE = 180


def figure_of(state: str, beat: int) -> int | None:
    """What is shown of a session that is in this state and on this beat, 0 for the first of a bar."""
    return beat + 1 if state == "count-in" else None


class CountIn(Widget):
    """``figure`` is the beat that was clicked last, 1 for the first of the bar; None shows nothing."""

    def __init__(self, figure: Callable[[], int | None]) -> None:
        super().__init__()
        self.figure = figure

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        return self.figure()

    def extent(self, view: View) -> pygame.Rect:
        return self.disc() if self.figure() is not None else pygame.Rect(self.rect.center, (0, 0))

    def disc(self) -> pygame.Rect:
        """Where the figure stands: the middle of the page."""
        size = min(SIZE, self.rect.w - 16, self.rect.h - 16)
        disc = pygame.Rect(0, 0, size, size)
        disc.center = self.rect.center
        return disc

    def draw(self, painter: Painter, view: View) -> None:
        figure = self.figure()
        if figure is None:
            return
        disc = self.disc()
        painter.box(disc, theme.YOU if figure == 1 else theme.RAISED, disc.w / 2)
        colour = theme.GROUND if figure == 1 else theme.TEXT
        painter.text(str(figure), disc, round(disc.h * 0.6), colour, "centre", bold=True)
