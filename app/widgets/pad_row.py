"""One row of the launchpad: its key, the patterns, the bits of its offset, and mute, solo and lock.

A row is a widget of its own, so that a pad that pulses repaints its row and nothing else. Drawing only; the
:class:`~app.widgets.pad_grid.PadGrid` places the rows and gets the mouse. Thread of the window.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import View, Widget
from app.widgets.pads import (
    COLUMNS,
    LOCK,
    MUTE,
    OFFSETS,
    PATTERNS,
    SOLO,
    Pad,
    RowLook,
    draw_face,
    face_of,
    owner_colour,
)
from app.widgets.painter import Painter

PULSE_S = 0.16
WHITE_KEY: Colour = (216, 220, 230)
BLACK_KEY: Colour = (34, 38, 47)
TOOLS: dict[int, tuple[str, Colour]] = {
    MUTE: ("M", theme.BAD), SOLO: ("S", theme.GOOD), LOCK: ("L", theme.TEXT),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns lie, in logical px from the grid's left; ``roll_w`` is 0 where there is no room."""

    cap_w: float
    pad_x: float
    pad_w: float
    dot_x: float
    dot_w: float
    tool_x: float
    tool_w: float
    roll_x: float
    roll_w: float

    def span(self, column: int) -> tuple[float, float]:
        """Left edge and width of a column: patterns, offset bits, then mute, solo, lock."""
        if column < PATTERNS:
            return self.pad_x + column * self.pad_w, self.pad_w
        if column < COLUMNS:
            return self.dot_x + (column - PATTERNS) * self.dot_w, self.dot_w
        return self.tool_x + (column - COLUMNS) * self.tool_w, self.tool_w

    def at(self, x: float) -> int | None:
        """The column under ``x``; -1 the key at the left."""
        if 0 <= x < self.cap_w:
            return -1
        spans = ((column, *self.span(column)) for column in range(LOCK + 1))
        return next((column for column, left, width in spans if left <= x < left + width), None)


def columns(width: float) -> Columns:
    """The columns of a grid this wide: the roll of the bar gets a third where there is room for it."""
    roomy = width >= 560
    cap, gap = (48.0, 14.0) if roomy else (38.0, 8.0)
    tool = min(max(width * 0.026, 20.0), 34.0)
    rest = width - cap - 3 * tool - 3 * gap
    roll = round((rest - gap) * 0.36) if rest >= 440 else 0
    pads = rest - (roll + gap if roll else 0)
    pad_w = pads / (PATTERNS + OFFSETS * 0.66)
    pad_x = cap + gap * 0.6
    dot_x = pad_x + PATTERNS * pad_w + gap
    tool_x = dot_x + OFFSETS * pad_w * 0.66 + gap
    return Columns(cap, pad_x, pad_w, dot_x, pad_w * 0.66, tool_x, tool, tool_x + 3 * tool + gap, roll)


@dataclass(frozen=True, slots=True)
class Touch:
    """What of a row is under the mouse and under the keyboard's cursor: columns, or None."""

    over: int | None = None
    cursor: int | None = None


class PadRow(Widget):
    """Row ``index`` of the instrument, counted from the lowest key. ``look_now`` is what it shows."""

    def __init__(self, index: int, plan: Columns, row: RowLook) -> None:
        super().__init__()
        self.index, self.plan, self.row = index, plan, row
        self.touch = Touch()
        self.blinking = False
        self._struck, self._struck_s = -1, -9.0

    def strike(self, pattern: int, t_s: float) -> None:
        """The beats of a pattern sound at this moment."""
        self._struck, self._struck_s = pattern, t_s

    def contains(self, x: float, y: float) -> bool:
        return False

    def glow(self, view: View) -> float:
        """How bright the struck pad still is, in quarters: a picture each, no more."""
        if view.reduced_motion or self.row.silent:
            return 0.0
        left = 1.0 - (view.t_s - self._struck_s) / PULSE_S
        return max(-(-left * 4 // 1), 0.0) / 4 if left <= 1.0 else 0.0

    def look(self, view: View) -> Hashable:
        glow = self.glow(view)
        return self.row, self.plan, self.touch, self.blinking, glow, self._struck if glow else -1

    def box(self, column: int) -> pygame.FRect:
        """Where a button lies in the window."""
        left, width = self.plan.span(column)
        return pygame.FRect(self.rect.x + left, self.rect.y, width, self.rect.h)

    def draw(self, painter: Painter, view: View) -> None:
        glow = self.glow(view)
        self._draw_key(painter, glow)
        for column, pad in enumerate(self.row.pads):
            lit = glow if column == self._struck else 0.0
            face = face_of(pad, self.row, lit, self.blinking, column >= PATTERNS)
            draw_face(painter, self._shape(column), face)
        for column in TOOLS:
            self._draw_tool(painter, column)
        self._draw_touch(painter)

    def _shape(self, column: int) -> pygame.FRect:
        """The pad or the dot within its cell."""
        box = self.box(column)
        if column < PATTERNS:
            return box.inflate(-4, -min(4, box.h * 0.14))
        size = min(box.w - 4, box.h - min(5, box.h * 0.22))
        return pygame.FRect(box.centerx - size / 2, box.centery - size / 2, size, size)

    def _draw_key(self, painter: Painter, glow: float) -> None:
        row = self.row
        cap = pygame.FRect(self.rect.x, self.rect.y + 0.5, self.plan.cap_w, self.rect.h - 1)
        ground = WHITE_KEY if row.natural else BLACK_KEY
        if not row.in_key:
            ground = theme.mix(theme.GROUND, ground, 0.42)
        if glow:
            owner = row.pads[self._struck].owner
            ground = theme.mix(ground, owner_colour(owner), 0.4 + 0.6 * glow)
        painter.box(cap, ground, 4)
        light = theme.contrast(ground, theme.GROUND) > 5.0
        ink = theme.GROUND if light else theme.TEXT if row.in_key else theme.QUIET
        size = theme.SMALL if self.rect.h >= 17 else theme.TINY - 1
        if row.held:
            painter.fill(pygame.FRect(cap.x, self.rect.y, 3, self.rect.h), theme.GOOD)
        indent = 16 if cap.w >= 48 else 10
        words = pygame.FRect(cap.x + indent, cap.y, cap.w - indent - 1, cap.h)
        painter.text(f"{row.name}{row.octave}", words, size, ink, bold=row.tonic)
        if row.tonic:
            painter.circle((cap.x + indent * 0.56, cap.centery), 2.6 if indent > 10 else 2, ink)

    def _draw_tool(self, painter: Painter, column: int) -> None:
        row = self.row
        letter, colour = TOOLS[column]
        on = {MUTE: row.muted, SOLO: row.solo, LOCK: row.locked}[column]
        box = self.box(column).inflate(-4, -min(4, self.rect.h * 0.14))
        if on:
            painter.box(box, colour, 4)
        elif self.touch.over is not None or self.touch.cursor is not None:
            painter.box(box, theme.RAISED, 4)
        ink = theme.GROUND if on else theme.mix(theme.GROUND, theme.QUIET, 0.78)
        if column == LOCK:
            painter.icon("lock", box, ink, min(14, self.rect.h - 5))
        else:
            painter.text(letter, box, theme.TINY, ink, "centre", bold=on)

    def _draw_touch(self, painter: Painter) -> None:
        for column, colour in ((self.touch.over, theme.QUIET), (self.touch.cursor, theme.TEXT)):
            if column is not None and column >= 0:
                box = painter.device(self.box(column).inflate(-1, 0))
                pygame.draw.rect(
                    painter.surface, colour, box, max(painter.px(1.5), 1), border_radius=painter.px(6)
                )


def describe(row: RowLook, column: int, name: str, what: str) -> str:
    """A button in words: for the hint under the pointer and for whoever steers by keys."""
    if column == -1:
        return f"{row.name}{row.octave}" + ("" if row.in_key else " · not in the key")
    if column >= COLUMNS:
        return what
    pad: Pad = row.pads[column]
    owner = {"": "", "you": " · yours", "agent": " · the agent's"}[pad.owner if pad.on else ""]
    queued = "" if pad.queued is None else f" · {'on' if pad.queued else 'off'} at the next bar"
    return f"{row.name}{row.octave}  {name} · {what}{owner}{queued}"
