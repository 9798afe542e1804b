"""The ways from Home into the modes that need no score: cards with a small picture. Used by the thread of
the window.
"""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.widgets.base import View, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.pads import Face, draw_face
from app.widgets.painter import Painter

PICTURE_W, PICTURE_H = 65, 36
PADS = ("..y..", "a...y", ".a.a.", "y..a.")
"""You, agent, off."""
LINES = (
    (theme.YOU, ((0, 10, 1), (11, 8, 0), (20, 14, 2), (35, 8, 1), (44, 21, 0))),
    (theme.MACHINE, ((0, 20, 5), (21, 9, 7), (31, 9, 6), (41, 11, 5), (53, 12, 7))),
)
"""Notes of a duet: left edge and width in px, row of eight from the top."""

Picture = Callable[[Painter, float, float], object]
"""Draws at a left and an upper edge, `PICTURE_W` by `PICTURE_H`."""


class ModeCard(Pressable):
    """A picture, a name, and what one does there."""

    def __init__(
        self, title: str, words: str, picture: Picture, on_press: Callable[[], object], hint: str = ""
    ) -> None:
        super().__init__(on_press, hint)
        self.title, self.words, self.picture = title, words, picture

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, self.ground(theme.RAISED), theme.CORNER)
        left, middle = self.rect.x + 14, self.rect.centery
        self.picture(painter, left, middle - PICTURE_H / 2)
        x = left + PICTURE_W + 14
        room = self.rect.right - x - 8
        title, words = pygame.FRect(x, middle - 20, room, 20), pygame.FRect(x, middle + 1, room, 18)
        painter.text(self.title, title, theme.BODY, theme.TEXT, bold=True)
        painter.text(self.words, words, theme.SMALL, theme.QUIET)
        if self.focused:
            draw_focus(painter, self.rect)


def draw_pads(painter: Painter, left: float, top: float) -> None:
    """A few pads of the launchpad."""
    width, height = PICTURE_W / len(PADS[0]), PICTURE_H / len(PADS)
    for row, line in enumerate(PADS):
        for column, sign in enumerate(line):
            colour = {"y": theme.YOU, "a": theme.MACHINE}.get(sign, theme.HOVER)
            pad = pygame.FRect(left + column * width, top + row * height, width - 3, height - 3)
            draw_face(painter, pad, Face(colour))


def draw_lines(painter: Painter, left: float, top: float) -> None:
    """A few notes of a duet, yours above."""
    height = PICTURE_H / 8
    for colour, notes in LINES:
        for x, width, row in notes:
            painter.box(pygame.FRect(left + x, top + row * height, width, height - 0.5), colour, 2)
