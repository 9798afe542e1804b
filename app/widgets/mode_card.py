"""The way from Home into the launchpad: a card with a few pads on it. Used by the thread of the window."""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.widgets.base import View, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.pads import Face, draw_face
from app.widgets.painter import Painter

PICTURE = ("..y..", "a...y", ".a.a.", "y..a.")
"""You, agent, off."""
PAD_W, PAD_H = 13, 9


class ModeCard(Pressable):
    """A picture, a name, and what one does there."""

    def __init__(self, title: str, words: str, on_press: Callable[[], object], hint: str = "") -> None:
        super().__init__(on_press, hint)
        self.title, self.words = title, words

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, self.ground(theme.RAISED), theme.CORNER)
        left = self.rect.x + 14
        self._draw_pads(painter, left)
        x = left + len(PICTURE[0]) * PAD_W + 14
        room = self.rect.right - x - 8
        title = pygame.FRect(x, self.rect.y + 11, room, 22)
        painter.text(self.title, title, theme.BODY, theme.TEXT, bold=True)
        words = pygame.FRect(x, self.rect.y + 33, room, 18)
        painter.text(self.words, words, theme.SMALL, theme.QUIET)
        if self.focused:
            draw_focus(painter, self.rect)

    def _draw_pads(self, painter: Painter, left: float) -> None:
        top = self.rect.centery - len(PICTURE) * PAD_H / 2
        for row, line in enumerate(PICTURE):
            for column, sign in enumerate(line):
                colour = {"y": theme.YOU, "a": theme.MACHINE}.get(sign, theme.HOVER)
                pad = pygame.FRect(left + column * PAD_W, top + row * PAD_H, PAD_W - 3, PAD_H - 3)
                draw_face(painter, pad, Face(colour))
