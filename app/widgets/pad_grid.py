"""The grid of the launchpad: 24 rows or half of them, the mouse on it, a cursor for the keyboard.

Rows come in as :class:`~app.widgets.pads.RowLook`, the lowest key first; presses go out as (row, column). The
bar's roll lies beside the rows it belongs to. Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pygame

from app import theme
from app.bindings import label_of
from app.sessions.launchpad.words import BUTTON_NAMES
from app.widgets.bar_roll import BarRoll, Playhead
from app.widgets.base import View, Widget
from app.widgets.buttons import IconButton
from app.widgets.pad_mouse import PadMouse
from app.widgets.pad_row import Columns, PadRow, Touch, columns, describe
from app.widgets.pads import ALL_COLUMNS, COLUMNS, LOCK, MUTE, OFFSETS, PATTERNS, SOLO, RowLook
from app.widgets.painter import Painter

HEAD = 24
COMFORTABLE = 15.0
"""Rows lower than this are shown by halves, unless the user wants all of them."""
LENGTHS = ("a 64th", "a 32nd", "a 16th", "an eighth", "a quarter", "a half")
TOOL_WORDS = {
    MUTE: f"Mute this row ({label_of('mute')})",
    SOLO: f"Only this row and other solo ones sound ({label_of('solo')})",
    LOCK: f"Lock this row: the agent leaves it alone ({label_of('lock')})",
}


def column_words(column: int) -> tuple[str, str]:
    """The name of a column of pads and what it does."""
    if column < PATTERNS - 1:
        beats = 32 >> column
        return BUTTON_NAMES[column], f"{beats} {'beat' if beats == 1 else 'beats'} a bar"
    if column == PATTERNS - 1:
        return BUTTON_NAMES[column], "one beat at the end of the bar"
    return BUTTON_NAMES[column], f"later by {LENGTHS[column - PATTERNS]}"


class PadGrid:
    """``on_press(row, column)``: column 0-6 patterns, 7-12 offset bits, then mute, solo, lock; -1 the key."""

    def __init__(self, rows: Sequence[RowLook], on_press: Callable[[int, int], object]) -> None:
        self.on_press = on_press
        self.plan: Columns = columns(800)
        self.rows = [PadRow(index, self.plan, row) for index, row in enumerate(rows)]
        self.head = PadHead(self)
        fit, flip = label_of("rows"), label_of("page_on", "launchpad")
        self.fit = IconButton("rows", self.turn, f"All 24 rows, or half of them ({fit})", size=14)
        self.half = IconButton("down", self.flip, f"The other half ({flip})", size=14)
        self.roll = BarRoll()
        self.playhead = Playhead(self.roll)
        self.mouse = PadMouse(self)
        self.paged: bool | None = None
        self.upper = True
        self.cursor: tuple[int, int] = (len(rows) - 1, 0)
        self.cursor_shown = False
        self.rect = pygame.Rect(0, 0, 0, 0)

    def widgets(self) -> list[Widget]:
        return [*self.rows, self.roll, self.playhead, self.head, self.mouse, self.fit, self.half]

    # --- geometry -------------------------------------------------------------------------------

    @property
    def halved(self) -> bool:
        """Whether twelve rows are shown instead of all."""
        low = (self.rect.h - HEAD) / len(self.rows) < COMFORTABLE
        return low if self.paged is None else self.paged

    def shown(self) -> range:
        """The rows on the screen, lowest first."""
        half = len(self.rows) // 2
        if not self.halved:
            return range(len(self.rows))
        return range(half, len(self.rows)) if self.upper else range(half)

    def place(self, rect: pygame.Rect) -> None:
        """Into the rectangle: a head line, then the rows, the highest key on top."""
        self.rect, self.plan = rect, columns(rect.w)
        row_w = round(self.plan.tool_x + 3 * self.plan.tool_w)
        self._place_rows(row_w)
        self._place_head()
        self.mouse.rect = pygame.Rect(rect.x, rect.y + HEAD, row_w, rect.h - HEAD)
        left, width = round(rect.x + self.plan.roll_x), round(self.plan.roll_w)
        self.roll.rect = self.playhead.rect = pygame.Rect(left, rect.y + HEAD, width, rect.h - HEAD)
        self.roll.visible = self.playhead.visible = width > 0
        self._show_roll()

    def _place_rows(self, width: int) -> None:
        shown = self.shown()
        top, height = self.rect.y + HEAD, (self.rect.h - HEAD) / len(shown)
        for row in self.rows:
            row.visible, row.plan = row.index in shown, self.plan
            line = shown.stop - 1 - row.index
            upper, lower = round(top + line * height), round(top + (line + 1) * height)
            row.rect = pygame.Rect(self.rect.x, upper, width, lower - upper)

    def _place_head(self) -> None:
        rect = self.rect
        side = min(HEAD, round(self.plan.pad_x / 2))
        self.fit.rect = pygame.Rect(rect.x, rect.y, side, HEAD - 2)
        self.half.rect = pygame.Rect(rect.x + side, rect.y, side, HEAD - 2)
        self.half.visible, self.half.icon = self.halved, "down" if self.upper else "up"
        self.head.rect = pygame.Rect(rect.x, rect.y, rect.w, HEAD)

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """The row and the column under a point of the window."""
        column = self.plan.at(x - self.rect.x)
        row = next((row for row in self.rows if row.visible and row.rect.top <= y < row.rect.bottom), None)
        return None if row is None or column is None else (row.index, column)

    def cell_rect(self, row: int, column: int) -> pygame.Rect:
        """Where a button lies."""
        if column < 0:
            return pygame.Rect(self.rows[row].rect.x, self.rows[row].rect.y, round(self.plan.cap_w), 20)
        box = self.rows[row].box(column)
        return pygame.Rect(round(box.x), round(box.y), round(box.w), round(box.h))

    # --- what it shows --------------------------------------------------------------------------

    def show(self, rows: Sequence[RowLook]) -> None:
        """Other rows from now on."""
        for widget, row in zip(self.rows, rows, strict=True):
            widget.row = row
        self._show_roll()

    def _show_roll(self) -> None:
        shown = [(row.row, row.rect) for row in self.rows if row.visible]
        self.roll.show(tuple((row, rect.y, rect.h) for row, rect in shown))

    def turn(self) -> None:
        """Half of the rows instead of all, and back."""
        self.paged = not self.halved
        self.place(self.rect)

    def flip(self) -> None:
        """The other half."""
        self.upper = not self.upper
        self.place(self.rect)

    def update(self, blink: bool, t_s: float) -> None:
        """Once a frame: what the mouse and the cursor are on, and the beat of what is queued."""
        over = self.mouse.over if self.mouse.hovered else None
        self.mouse.rest(t_s)
        for row in self.rows:
            under = over[1] if over and over[0] == row.index else None
            cursor = self.cursor[1] if self.cursor_shown and self.cursor[0] == row.index else None
            row.touch = Touch(under, cursor)
            queued = blink and any(pad.queued is not None for pad in row.row.pads)
            row.blinking = queued

    # --- the keyboard's cursor ------------------------------------------------------------------

    def move(self, columns_: int, rows: int) -> None:
        """By so many columns to the right and rows up."""
        if not self.cursor_shown:
            columns_ = rows = 0
        row = min(max(self.cursor[0] + rows, 0), len(self.rows) - 1)
        self.choose(row, (self.cursor[1] + columns_) % ALL_COLUMNS)

    def choose(self, row: int, column: int | None = None) -> None:
        """Put the cursor on a row; its half comes onto the screen."""
        self.cursor = row, self.cursor[1] if column is None else column
        self.cursor_shown = True
        if row not in self.shown():
            self.upper = row >= len(self.rows) // 2
            self.place(self.rect)

    def press_cursor(self) -> None:
        """Press what the cursor is on."""
        self.cursor_shown = True
        self.on_press(*self.cursor)

    def words(self, row: int, column: int) -> str:
        """A button in words."""
        if column >= COLUMNS:
            return describe(self.rows[row].row, column, "", TOOL_WORDS[column])
        name, what = column_words(max(column, 0))
        return describe(self.rows[row].row, column, name, what)


class PadHead(Widget):
    """The names of the columns above the rows, and the beats above the roll."""

    def __init__(self, grid: PadGrid) -> None:
        super().__init__()
        self.grid = grid

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> tuple[Columns, int | None]:
        over = self.grid.mouse.over
        return self.grid.plan, over[1] if over and self.grid.mouse.hovered else None

    def draw(self, painter: Painter, view: View) -> None:
        plan, lit = self.look(view)
        for column in range(PATTERNS + OFFSETS):
            left, width = plan.span(column)
            box = pygame.FRect(self.rect.x + left - 2, self.rect.y, width + 4, self.rect.h - 2)
            colour = theme.TEXT if column == lit else theme.QUIET
            size = theme.TINY if width >= 28 else theme.TINY - 1
            name = BUTTON_NAMES[column]
            if width < 22 and column >= PATTERNS:
                name = name.removeprefix("+")
            painter.text(name, box, size, colour, "centre")
        for beat in range(4 if plan.roll_w else 0):
            x = self.rect.x + plan.roll_x + beat * plan.roll_w / 4
            box = pygame.FRect(x + 3, self.rect.y, plan.roll_w / 4 - 4, self.rect.h - 2)
            painter.text(str(beat + 1), box, theme.TINY, theme.QUIET)
