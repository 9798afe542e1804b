"""The takes as a list to choose from. Used by the thread of the window."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import pygame

from app import theme
from app.widgets.base import Pointer, View, Widget
from app.widgets.chrome import as_time
from app.widgets.painter import Painter

ROW = 56


@dataclass(frozen=True)
class TakeRow:
    """What a line says."""

    key: str
    title: str
    piece: str
    seconds: float


class TakeList(Widget):
    """Lines that scroll; ``playing`` says which one sounds."""

    focusable = True

    def __init__(self, playing: Callable[[], str]) -> None:
        super().__init__()
        self.rows: list[TakeRow] = []
        self.chosen = 0
        self.scroll = 0.0
        self.playing = playing

    def show(self, rows: list[TakeRow]) -> None:
        """Show these takes; the chosen one stays chosen wherever it lies now."""
        kept = self.current.key if self.current else ""
        places = {row.key: index for index, row in enumerate(rows)}
        self.rows = rows
        self.chosen = places.get(kept, min(self.chosen, max(len(rows) - 1, 0)))

    def look(self, view: View) -> Hashable:
        over = view.pointer[1] if self.hovered else None
        return tuple(self.rows), self.chosen, self.scroll, self.playing(), over

    def row_rect(self, index: int) -> pygame.FRect:
        """Where a line lies in the window."""
        return pygame.FRect(self.rect.x, self.rect.y + index * ROW - self.scroll, self.rect.w, ROW - 8)

    def draw(self, painter: Painter, view: View) -> None:
        clip = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.rect.inflate(4, 4)).clip(clip))
        for index, row in enumerate(self.rows):
            box = self.row_rect(index)
            if box.bottom < self.rect.top or box.top > self.rect.bottom:
                continue
            if index == self.chosen:
                painter.box(
                    box.inflate(4, 4), theme.TEXT if self.focused else theme.MACHINE, theme.CORNER + 1
                )
            over = self.hovered and box.collidepoint(view.pointer)
            painter.box(box, theme.RAISED if over or index == self.chosen else theme.SURFACE, theme.CORNER)
            sounds = row.key == self.playing()
            icon = pygame.FRect(box.x + 14, box.y, 24, box.h)
            painter.icon("speaker" if sounds else "take", icon, theme.MACHINE if sounds else theme.QUIET, 20)
            words = pygame.FRect(box.x + 52, box.y + 5, box.w - 130, 20)
            painter.text(row.title, words, theme.BODY, bold=True)
            below = pygame.FRect(words.x, words.y + 19, words.w, 18)
            painter.text(row.piece or "without a piece", below, theme.SMALL, theme.QUIET)
            painter.text(as_time(row.seconds), box.inflate(-32, 0), theme.BODY, theme.QUIET, "right")
        painter.surface.set_clip(clip)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            self._scroll_by(-event.wheel * ROW)
        elif event.kind == "down":
            index = int((event.y - self.rect.y + self.scroll) // ROW)
            if 0 <= index < len(self.rows):
                self.chosen = index
        return True

    def move(self, step: int) -> None:
        """Choose the line above or below."""
        if self.rows:
            self.chosen = min(max(self.chosen + step, 0), len(self.rows) - 1)
            box = self.row_rect(self.chosen)
            self._scroll_by(min(box.top - self.rect.top, 0) + max(box.bottom - self.rect.bottom, 0))

    def _scroll_by(self, distance: float) -> None:
        most = max(len(self.rows) * ROW - 8 - self.rect.h, 0)
        self.scroll = min(max(self.scroll + distance, 0.0), most)

    @property
    def current(self) -> TakeRow | None:
        return self.rows[self.chosen] if self.chosen < len(self.rows) else None
