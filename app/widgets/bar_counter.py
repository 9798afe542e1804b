"""Which bar plays and how far it is: its sixteenths as fields that fill. For the thread of the window."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.widgets.base import View, Widget
from app.widgets.painter import Painter


class BarCounter(Widget):
    """``words`` says which bar, ``detail`` what is special about it, and whether that is a warning.

    ``sixteenth`` is the one that plays, -1 for none, and ``count`` how many the bar has.
    """

    def __init__(
        self,
        words: Callable[[], str],
        detail: Callable[[], tuple[str, bool]],
        sixteenth: Callable[[], int],
        count: Callable[[], int] = lambda: 16,
        hint: str = "",
    ) -> None:
        super().__init__()
        self.words, self.detail, self.sixteenth, self.count, self.hint = words, detail, sixteenth, count, hint

    def look(self, view: View) -> Hashable:
        return self.words(), self.detail(), self.sixteenth(), self.count()

    def draw(self, painter: Painter, view: View) -> None:
        detail, warning = self.detail()
        words = pygame.FRect(self.rect.x, self.rect.y + (8 if detail else 17), 92, 22)
        painter.text(self.words(), words, theme.LARGE, theme.TEXT, bold=True)
        if detail:
            below = pygame.FRect(self.rect.x, self.rect.y + 29, 132, 16)
            painter.text(detail, below, theme.TINY, theme.YOU if warning else theme.QUIET)
        left, at, count = self.rect.x + 96.0, self.sixteenth(), self.count()
        width = (self.rect.right - left) / count
        for sixteenth in range(count):
            first = sixteenth % 4 == 0
            field = pygame.FRect(left + sixteenth * width, self.rect.centery - 5, width - 2, 10)
            lit = theme.TEXT if sixteenth == at else theme.MACHINE
            colour = (
                lit if sixteenth <= at else theme.mix(theme.HAIRLINE, theme.QUIET, 0.25 if first else 0.0)
            )
            painter.box(field, colour, 2)
