"""The mouse on the rows of the launchpad. Used by the thread of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from app.widgets.base import Pointer, Widget
from app.widgets.pads import PATTERNS

if TYPE_CHECKING:
    from app.widgets.pad_grid import PadGrid

HINT_AFTER_S = 0.7


class PadMouse(Widget):
    """The mouse on the rows: a press, and a stroke over patterns that switches all of them alike."""

    def __init__(self, grid: PadGrid) -> None:
        super().__init__()
        self.grid = grid
        self.over: tuple[int, int] | None = None
        self._stroke: bool | None = None
        self._resting: tuple[int, int] | None = None
        self._rests_since_s, self._t_s = 0.0, 0.0

    @property
    def hint(self) -> str:  # type: ignore[override]
        """What the button under the mouse does: only once it rests there, and not after a press."""
        rested = self._t_s - self._rests_since_s >= HINT_AFTER_S
        return self.grid.words(*self.over) if self.over and rested else ""

    def rest(self, t_s: float) -> None:
        """Once a frame: count how long the mouse has been on the same button."""
        self._t_s = t_s
        if self.over != self._resting:
            self._resting, self._rests_since_s = self.over, t_s

    def hint_rect(self) -> pygame.Rect:
        return self.grid.cell_rect(*self.over) if self.over else self.rect

    def mark(self) -> tuple[bool, ...]:
        return (self.visible,)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            return False
        cell = self.grid.cell(event.x, event.y)
        if event.kind == "down" and cell:
            self.grid.cursor_shown = False
            self.grid.cursor = cell[0], max(cell[1], 0)
            self._resting, self._rests_since_s = cell, float("inf")
            self._begin(cell)
        elif event.kind == "move" and self._stroke is not None and cell and cell != self.over:
            self._go_on(cell)
        elif event.kind == "up":
            self._stroke = None
        self.over = cell
        return True

    def _begin(self, cell: tuple[int, int]) -> None:
        row, column = cell
        if 0 <= column < PATTERNS:
            self._stroke = not self.grid.rows[row].row.pads[column].wanted
        self.grid.on_press(row, column)

    def _go_on(self, cell: tuple[int, int]) -> None:
        row, column = cell
        if 0 <= column < PATTERNS and self.grid.rows[row].row.pads[column].wanted != self._stroke:
            self.grid.on_press(row, column)
