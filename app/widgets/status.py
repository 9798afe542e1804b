"""The pill at the foot of the page: what the program waits for, and what to do about it."""

from __future__ import annotations

from collections.abc import Hashable

import pygame

from app import theme
from app.widgets.base import View, Widget
from app.widgets.painter import Painter

_COLOURS = {"plain": theme.MACHINE, "good": theme.GOOD, "bad": theme.BAD, "you": theme.YOU}


class Status(Widget):
    """One line in a pill; nothing where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.area = pygame.Rect(0, 0, 0, 0)
        self.text, self.kind = "", "plain"

    @property
    def pill_top(self) -> int:
        """Its upper edge, whether it is shown or not."""
        return self.area.bottom - 50

    def contains(self, x: float, y: float) -> bool:
        return False

    def say(self, text: str, kind: str = "plain") -> None:
        """Show this from now on."""
        self.text, self.kind = text, kind

    def look(self, view: View) -> Hashable:
        return self.text, self.kind

    def extent(self, view: View) -> pygame.Rect:
        height = 36 if self.text else 0
        return pygame.Rect(self.area.x + 8, self.area.bottom - 52, self.area.w - 16, height)

    def draw(self, painter: Painter, view: View) -> None:
        if not self.text:
            return
        width = min(painter.width(self.text) + 52, self.area.w - 24)
        pill = pygame.FRect(self.area.centerx - width / 2, self.pill_top, width, 32)
        painter.box(pill, theme.RAISED, 16)
        painter.circle((pill.x + 18, pill.centery), 4, _COLOURS[self.kind])
        words = pygame.FRect(pill.x + 32, pill.y, pill.w - 46, pill.h)
        painter.text(self.text, words, theme.BODY, theme.TEXT)
