"""Cards of settings: a title, then rows with a name at the left and a control at the right.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import View, Widget, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.painter import Painter
from app.widgets.readouts import Label, Surface
from app.widgets.sliders import INSET

ROW, PAD, HEAD, FIGURE = 44, 20, 48, 64


class Dropdown(Pressable):
    """The present choice with an arrow; pressing it opens a menu."""

    def __init__(self, value: Callable[[], str], on_press: Callable[[], object], hint: str = "") -> None:
        super().__init__(on_press, hint)
        self.value = value

    def look(self, view: View) -> Hashable:
        return self.value()

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, self.ground(theme.RAISED), 8)
        edge = 14 if self.rect.w >= 90 else 7
        words = pygame.Rect(self.rect.x + edge, self.rect.y, self.rect.w - 2 * edge - 17, self.rect.h)
        painter.text(self.value(), words, theme.BODY)
        arrow = pygame.Rect(self.rect.right - edge - 18, self.rect.y, 20, self.rect.h)
        painter.icon("down", arrow, theme.QUIET, 16)
        if self.focused:
            draw_focus(painter, self.rect, 8)


@dataclass(frozen=True)
class Field:
    """A row: ``controls`` share what the name leaves, a figure behind a slider takes little of it."""

    name: str
    controls: tuple[Widget, ...]


class FormCard:
    """One card. :meth:`place` sets its rectangles and returns its height."""

    def __init__(self, title: str, fields: Sequence[Field], colour: Colour = theme.SURFACE) -> None:
        self.fields = tuple(fields)
        self.ground = Surface(colour)
        self.head = Label(title, theme.LARGE, bold=True)
        self.names = [Label(field.name, theme.BODY, theme.QUIET) for field in fields]

    def widgets(self) -> list[Widget]:
        controls = [control for field in self.fields for control in field.controls]
        return [self.ground, self.head, *self.names, *controls]

    @property
    def height(self) -> int:
        return HEAD + ROW * len(self.fields) + 12

    def place(self, x: int, y: int, width: int) -> int:
        """At a place of the content; the height used."""
        self.ground.rect = pygame.Rect(x, y, width, self.height)
        self.head.rect = pygame.Rect(x + PAD, y + 14, width - 2 * PAD, 24)
        inner = width - 2 * PAD
        name_width = round(inner * 0.36)
        for index, (field, name) in enumerate(zip(self.fields, self.names, strict=True)):
            top = y + HEAD + index * ROW
            if not field.name:
                name_width = 0
            name.rect = pygame.Rect(x + PAD, top, name_width, ROW)
            self._place_controls(field, x + PAD + name_width, top, inner - name_width)
        return self.height

    @staticmethod
    def _place_controls(field: Field, x: int, top: int, width: int) -> None:
        if len(field.controls) == 2 and isinstance(field.controls[1], Label):
            slider, figure = field.controls
            slider.rect = pygame.Rect(x - INSET, top + 5, width - FIGURE + INSET, ROW - 10)
            figure.rect = pygame.Rect(x + width - FIGURE, top + 5, FIGURE, ROW - 10)
            return
        count = len(field.controls)
        each = (width - 8 * (count - 1)) / max(count, 1)
        for index, control in enumerate(field.controls):
            control.rect = pygame.Rect(round(x + index * (each + 8)), top + 5, round(each), ROW - 10)
