"""Sets widgets one below the other: fixed heights first, what is left to those that can grow.

Pure geometry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from app.widgets.base import Widget
from app.widgets.readouts import Label


@dataclass(frozen=True)
class Row:
    """Widgets side by side with equal widths (or over each other). ``grow`` shares what height is left.

    ``spare``: the first rows to go where there is not room for all, the highest number first; 0 stays.
    """

    widgets: tuple[Widget, ...]
    height: int
    grow: int = 0
    gap: int = 8
    spare: int = 0
    overlaid: bool = False


@dataclass(frozen=True)
class Line:
    """A name and its controls side by side, each with a weight."""

    name: Label
    controls: tuple[tuple[Widget, float], ...]

    @property
    def widgets(self) -> tuple[Widget, ...]:
        return self.name, *(widget for widget, _ in self.controls)

    def spread(self, name_w: int) -> None:
        """Share the room that the stack gave to all of them."""
        rect = self.name.rect
        self.name.rect = pygame.Rect(rect.x, rect.y, name_w, rect.h)
        room = rect.w - name_w - 8 * (len(self.controls) - 1)
        x, total = float(rect.x + name_w), sum(weight for _, weight in self.controls)
        for widget, weight in self.controls:
            width = room * weight / total
            widget.rect = pygame.Rect(round(x), rect.y, round(width), rect.h)
            x += width + 8


def stack(rect: pygame.Rect, rows: Sequence[Row]) -> None:
    """Place the rows from the top of ``rect``; rows for which there is no room become invisible."""
    kept = list(rows)
    while kept and _height(kept) > rect.h:
        expendable = max(kept, key=lambda row: row.spare)
        if expendable.spare == 0:
            break
        kept.remove(expendable)
    left = max(rect.h - _height(kept), 0)
    weight = sum(row.grow for row in kept)
    y = rect.y
    for row in rows:
        there = row in kept
        for widget in row.widgets:
            widget.visible = there
        if not there:
            continue
        height = row.height + (left * row.grow // weight if weight else 0)
        _place(row, pygame.Rect(rect.x, y, rect.w, height))
        y += height + row.gap


def _place(row: Row, rect: pygame.Rect) -> None:
    if row.overlaid:
        for widget in row.widgets:
            widget.rect = rect.copy()
        return
    width = (rect.w - 8 * (len(row.widgets) - 1)) / max(len(row.widgets), 1)
    for index, widget in enumerate(row.widgets):
        widget.rect = pygame.Rect(round(rect.x + index * (width + 8)), rect.y, round(width), rect.h)


def _height(rows: Sequence[Row]) -> int:
    return sum(row.height + row.gap for row in rows) - (rows[-1].gap if rows else 0)
