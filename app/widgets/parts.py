"""The strip below the grid: snapshots with a picture of their bar, and the links of the chain.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.widgets.base import Key, Pointer, View, Widget, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.pads import NOBODY, OWNERS, owner_colour
from app.widgets.painter import Painter
from app.widgets.surface_cache import SurfaceCache

PART_W, LINK_W = 66, 40
_pictures = SurfaceCache(64)


def bar_picture(onsets: NDArray[np.int8], size: tuple[int, int]) -> pygame.Surface:
    """(keys, steps) int8 owners, -1 silent, as a picture of ``size`` device px, the highest key on top."""
    key = (onsets.tobytes(), size)
    found = _pictures.get(key)
    if found is not None:
        return found
    colours = np.array([theme.RAISED, NOBODY, theme.YOU, theme.MACHINE], np.uint8)
    # Steps and rows are smaller than pixels here: of 4 x 2 that fall together, one that sounds is shown.
    small = onsets.reshape(onsets.shape[0] // 2, 2, -1, 4).max(axis=(1, 3))
    image = pygame.surfarray.make_surface(colours[small[::-1].T + 1])
    return _pictures.put(key, pygame.transform.scale(image, size))


class PartButton(Pressable):
    """A snapshot: its letter and its bar. Enter or a click brings it back, Del lets it go."""

    def __init__(
        self,
        on_press: Callable[[], object],
        on_delete: Callable[[], object],
    ) -> None:
        super().__init__(on_press)
        self.on_delete = on_delete
        self.name = ""
        self.onsets: NDArray[np.int8] | None = None
        self.current = False

    def show(self, name: str, onsets: NDArray[np.int8], current: bool, hint: str) -> None:
        """Show this snapshot; ``current``: the grid is just like it."""
        self.name, self.onsets, self.current, self.hint = name, onsets, current, hint

    def look(self, view: View) -> Hashable:
        return self.name, self.current, id(self.onsets)

    def draw(self, painter: Painter, view: View) -> None:
        if self.onsets is None:
            return
        painter.box(self.rect, self.ground(theme.RAISED), theme.CORNER_SMALL)
        if self.current:
            painter.fill(
                pygame.FRect(self.rect.x + 6, self.rect.bottom - 2, self.rect.w - 12, 2), theme.MACHINE
            )
        letter = pygame.FRect(self.rect.x + 2, self.rect.y, 20, self.rect.h)
        painter.text(self.name[:2], letter, theme.SMALL, theme.TEXT, "centre", bold=True)
        room = painter.device(
            pygame.FRect(self.rect.x + 23, self.rect.y + 5, self.rect.w - 28, self.rect.h - 10)
        )
        painter.surface.blit(bar_picture(self.onsets, room.size), room)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL)

    def on_key(self, event: Key) -> bool:
        if event.key in (pygame.K_DELETE, pygame.K_BACKSPACE):
            self.on_delete()
            return True
        return super().on_key(event)


class LinkButton(Pressable):
    """A link of the chain: which part, for how many bars; lit while it plays. It opens a menu."""

    def __init__(self, on_press: Callable[[], object]) -> None:
        super().__init__(on_press, "A part of the song: how long, or away with it")
        self.name, self.bars, self.current = "", 0, False

    def look(self, view: View) -> Hashable:
        return self.name, self.bars, self.current

    def draw(self, painter: Painter, view: View) -> None:
        ground = theme.MACHINE if self.current else theme.RAISED
        painter.box(self.rect, self.ground(ground), theme.CORNER_SMALL)
        ink = theme.GROUND if self.current else theme.TEXT
        left = pygame.FRect(self.rect.x + 7, self.rect.y, self.rect.w - 10, self.rect.h)
        painter.text(self.name, left, theme.SMALL, ink, bold=True)
        right = pygame.FRect(self.rect.x, self.rect.y, self.rect.w - 7, self.rect.h)
        quiet = theme.GROUND if self.current else theme.QUIET
        painter.text(f"×{self.bars}", right, theme.TINY, quiet, "right")
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL)


class Legend(Widget):
    """What the colours and shapes of the pads mean."""

    def contains(self, x: float, y: float) -> bool:
        return False

    def draw(self, painter: Painter, view: View) -> None:
        x = float(self.rect.right)
        for name in ("queued", "agent", "you"):
            x -= painter.width(name, theme.TINY)
            painter.text(name, pygame.FRect(x, self.rect.y, 80, self.rect.h), theme.TINY, theme.QUIET)
            x -= 20
            box = pygame.FRect(x, self.rect.centery - 5, 15, 10)
            if name == "queued":
                painter.frame(box, theme.QUIET, theme.mix(theme.GROUND, theme.QUIET, 0.3), 3, 1.5)
            else:
                painter.box(box, OWNERS[name], 3)
            if name == "agent":
                painter.circle(box.center, 2, theme.GROUND)
            x -= 14


class AccentBars(Widget):
    """How hard each sixteenth of the bar is struck: drag over the bars, or arrows on the focused one."""

    focusable = True
    hint = "How hard each sixteenth is struck: draw with the mouse, or ← → ↑ ↓"

    def __init__(
        self, accents: Callable[[], tuple[int, ...]], on_change: Callable[[int, int], object]
    ) -> None:
        super().__init__()
        self.accents, self.on_change = accents, on_change
        self.at = 0

    def look(self, view: View) -> Hashable:
        return self.accents(), self.at if self.focused else None

    def draw(self, painter: Painter, view: View) -> None:
        accents = self.accents()
        width = self.rect.w / len(accents)
        for index, velocity in enumerate(accents):
            left = self.rect.x + index * width
            room = pygame.FRect(left + 1, self.rect.y, width - 2, self.rect.h)
            painter.box(room, theme.RAISED, 2)
            height = max(velocity / 127 * self.rect.h, 2)
            bar = pygame.FRect(room.x, room.bottom - height, room.w, height)
            strong = owner_colour("you") if index % 4 == 0 else theme.mix(theme.RAISED, theme.YOU, 0.62)
            painter.box(bar, strong, 2)
            if self.focused and index == self.at:
                painter.fill(pygame.FRect(room.x, room.bottom - 2, room.w, 2), theme.TEXT)
        if self.focused:
            draw_focus(painter, self.rect, 4)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.pressed = True
        if self.pressed and event.kind in ("down", "move"):
            count = len(self.accents())
            self.at = min(max(int((event.x - self.rect.x) / self.rect.w * count), 0), count - 1)
            self._set(round((self.rect.bottom - event.y) / self.rect.h * 127))
        if event.kind == "up":
            self.pressed = False
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        sideways = {pygame.K_LEFT: -1, pygame.K_RIGHT: 1}.get(event.key, 0)
        louder = {pygame.K_UP: 8, pygame.K_DOWN: -8}.get(event.key, 0)
        accents = self.accents()
        self.at = (self.at + sideways) % len(accents)
        if louder:
            self._set(accents[self.at] + louder)
        return bool(sideways or louder)

    def _set(self, velocity: int) -> None:
        self.on_change(self.at, min(max(velocity, 1), 127))
