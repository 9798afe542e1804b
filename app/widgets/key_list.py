"""The list of keys over a veiled window, printed from the table of bindings. Thread of the window."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.bindings import EVERYWHERE, PIANO_LABEL, PIANO_SCENES, PIANO_WHAT, bindings_in
from app.widgets.base import Key, Pointer, View, Widget
from app.widgets.painter import Painter

LEAST_ROW = 17.0
_SCROLL = {pygame.K_UP: -3, pygame.K_DOWN: 3, pygame.K_PAGEUP: -9, pygame.K_PAGEDOWN: 9}


def overlay_rows(scene: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups of (key, what it does) of a scene, straight from the table of bindings."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for binding in bindings_in(scene):
        group = "Everywhere" if EVERYWHERE in binding.scenes else "Here"
        rows, row = groups.setdefault(group, []), (binding.label, binding.what)
        if row not in rows:  # Keys that belong together share a line.
            rows.append(row)
    if scene in PIANO_SCENES:
        groups.setdefault("Here", []).append((PIANO_LABEL, PIANO_WHAT))
    return list(groups.items())


class HelpOverlay(Widget):
    """The keys of a scene, in columns over the veiled window. Any click closes it."""

    focusable = False

    def __init__(self, scene: str, on_close: Callable[[], object]) -> None:
        super().__init__()
        self.scene, self.on_close = scene, on_close
        self.first = 0

    def look(self, view: View) -> Hashable:
        return self.scene, self.first

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.on_close()
        elif event.kind == "wheel":
            self.scroll(-round(event.wheel) * 2)
        return True

    def on_key(self, event: Key) -> bool:
        """Arrows scroll where not everything fits; any other key closes."""
        step = _SCROLL.get(event.key, 0) if self._longest() > self._room() else 0
        if step:
            self.scroll(step)
        else:
            self.on_close()
        return True

    def _room(self) -> int:
        """How many keys fit below each other."""
        return max(int((self.rect.h - 32 - 116) // LEAST_ROW), 1)

    def _longest(self) -> int:
        return max(len(rows) for _, rows in overlay_rows(self.scene))

    def columns(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The groups, as much of each as fits; the rest comes with the arrows or the wheel."""
        room = self._room()
        return [
            (group, rows[min(self.first, max(len(rows) - room, 0)) :][:room])
            for group, rows in overlay_rows(self.scene)
        ]

    def scroll(self, rows: int) -> None:
        """So many rows on."""
        self.first = min(max(self.first + rows, 0), max(self._longest() - self._room(), 0))

    def card(self) -> pygame.Rect:
        """The box of the list in the middle of the window."""
        rows = max(len(rows) for _, rows in self.columns())
        width = min(820, self.rect.w - 32)
        height = min(116 + rows * self.row_height(), self.rect.h - 32)
        return pygame.Rect(self.rect.centerx - width // 2, self.rect.centery - height // 2, width, height)

    def row_height(self) -> float:
        rows = max(len(rows) for _, rows in self.columns())
        return min(26.0, (self.rect.h - 32 - 116) / rows)

    def draw(self, painter: Painter, view: View) -> None:
        painter.veil(self.rect, theme.GROUND, 0.78)
        card = self.card()
        painter.frame(card, theme.HAIRLINE, theme.SURFACE, 12, 1)
        painter.text("Keys", pygame.Rect(card.x + 28, card.y + 20, 300, 28), theme.TITLE, bold=True)
        close = pygame.Rect(card.x + 28, card.y + 20, card.w - 56, 28)
        more = "↑ ↓ more keys · " if self._longest() > self._room() else ""
        painter.text(f"{more}Esc closes", close, theme.SMALL, theme.QUIET, "right")
        groups = self.columns()
        width = (card.w - 56 - 32 * (len(groups) - 1)) / len(groups)
        key_w = min(122.0, width * 0.42)
        for column, (group, rows) in enumerate(groups):
            x = card.x + 28 + column * (width + 32)
            painter.text(group, pygame.FRect(x, card.y + 60, width, 20), theme.SMALL, theme.MACHINE)
            for number, (key, what) in enumerate(rows):
                y = card.y + 88 + number * self.row_height()
                _draw_key(painter, key, x, y, self.row_height(), key_w - 8)
                words = pygame.FRect(x + key_w, y, width - key_w, self.row_height())
                painter.text(what, words, theme.SMALL, theme.TEXT)


def _draw_key(painter: Painter, key: str, x: float, y: float, height: float, most: float) -> None:
    width = min(painter.width(key, theme.TINY) + 14, most)
    cap = pygame.FRect(x, y + 2, max(width, 22), height - 5)
    painter.box(cap, theme.HOVER, 5)
    painter.text(key, cap, theme.TINY, theme.TEXT, "centre")
