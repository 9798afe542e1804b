"""The bar that plays, drawn beside the rows that play it: every beat in the colour of whoever set it.

What is queued is half-transparent, what will go is an outline. A line runs over it with the sound. Used by
the thread of the window.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import View, Widget
from app.widgets.pads import Note, RowLook, owner_colour
from app.widgets.painter import Painter

STEPS = 64
TRAIL = 16.0
WHITE: Colour = (255, 255, 255)
Lane = tuple[RowLook, int, int]
"""A row, its top and its height in logical px."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A note, where it lies, and whether its row sounds."""

    note: Note
    box: pygame.FRect
    silent: bool


class BarRoll(Widget):
    """Lanes aligned with the rows of the grid."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: tuple[Lane, ...] = ()
        self.by_step: list[list[Placed]] = [[] for _ in range(STEPS)]

    def contains(self, x: float, y: float) -> bool:
        return False

    def show(self, lanes: tuple[Lane, ...]) -> None:
        """Other lanes from now on, in the present rectangle."""
        self.lanes = lanes
        self.by_step = [[] for _ in range(STEPS)]
        for row, top, height in lanes:
            for note in row.notes:
                placed = Placed(note, note_box(self.rect, note, top, height), row.silent)
                self.by_step[note.step].append(placed)

    def between(self, left: float, right: float) -> Iterator[Placed]:
        """The notes that may touch what lies between two places of the window."""
        step_w = max(self.rect.w / STEPS, 1e-6)
        first = max(int((left - self.rect.x) / step_w) - 1, 0)
        for notes in self.by_step[first : int((right - self.rect.x) / step_w) + 2]:
            yield from notes

    def look(self, view: View) -> Hashable:
        return self.lanes

    def draw(self, painter: Painter, view: View) -> None:
        clip = painter.surface.get_clip()
        for row, top, height in self.lanes:
            share = 1.0 if row.tonic else 0.24 if not row.in_key else 0.76 if row.natural else 0.5
            lane = pygame.FRect(self.rect.x, top + 0.5, self.rect.w, height - 1)
            painter.fill(lane, theme.mix(theme.GROUND, theme.RAISED, share))
        for beat in range(1, 4):
            painter.upright(self.rect.x + beat * self.rect.w / 4, self.rect, theme.HAIRLINE)
        for placed in self.between(clip.left / painter.scale, clip.right / painter.scale):
            _draw_note(painter, placed)


def note_box(rect: pygame.Rect, note: Note, top: int, height: int) -> pygame.FRect:
    """Where a note lies in the roll ``rect``."""
    step_w = rect.w / STEPS
    width = max(step_w * 0.86, 2.0)
    return pygame.FRect(rect.x + note.step * step_w, top + height * 0.2, width, height * 0.6)


def _draw_note(painter: Painter, placed: Placed) -> None:
    note, box = placed.note, placed.box
    colour = owner_colour(note.owner, placed.silent)
    if note.queued:
        painter.fill(box, theme.mix(theme.SURFACE, colour, 0.4))
    elif note.going:
        painter.fill(pygame.FRect(box.x, box.centery - 1, box.w, 2), theme.mix(theme.SURFACE, colour, 0.8))
    else:
        painter.box(box, colour, 1.5)


class Playhead(Widget):
    """The line at the step that sounds, and the notes that it has just passed, lit.

    ``share`` of the bar is over; None while nothing plays.
    """

    def __init__(self, roll: BarRoll) -> None:
        super().__init__()
        self.roll = roll
        self.share: float | None = None

    def contains(self, x: float, y: float) -> bool:
        return False

    def _x(self, reduced: bool) -> float:
        share = self.share or 0.0
        return self.rect.x + (int(share * STEPS) / STEPS if reduced else share) * self.rect.w

    def look(self, view: View) -> Hashable:
        return None if self.share is None else (round(self._x(view.reduced_motion), 1), self.roll.lanes)

    def extent(self, view: View) -> pygame.Rect:
        if self.share is None:
            return pygame.Rect(self.rect.x, self.rect.y, 0, 0)
        x = self._x(view.reduced_motion)
        left = int(max(x - TRAIL - 2, self.rect.x))
        return pygame.Rect(left, self.rect.y, int(x) - left + 5, self.rect.h)

    def draw(self, painter: Painter, view: View) -> None:
        if self.share is None:
            return
        x = self._x(view.reduced_motion)
        for placed in self.roll.between(x - TRAIL, x):
            lit = 1.0 - (x - placed.box.x) / TRAIL
            if 0.0 < lit <= 1.0 and not placed.note.queued and not placed.silent:
                colour = theme.mix(owner_colour(placed.note.owner), WHITE, round(0.8 * lit, 1))
                painter.box(placed.box.inflate(2 * lit, 3 * lit), colour, 1.5)
        painter.fill(pygame.FRect(x - 0.75, self.rect.y, 1.5, self.rect.h), theme.TEXT)
