"""What every widget is, what it is shown, and the canvas that redraws only what changed.

A widget is a rectangle in logical px with a pure :meth:`Widget.draw`; :meth:`Widget.look` names everything
the drawing depends on. The :class:`Canvas` compares looks from frame to frame, and repaints the rectangles
that differ. Used by the thread of the window alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pygame

from app import theme
from app.widgets.painter import Painter


@dataclass(frozen=True, slots=True)
class View:
    """One moment as widgets see it: the engine's snapshot, the clock of the window, the pointer."""

    snapshot: Any
    t_s: float
    pointer: tuple[float, float] = (-1.0, -1.0)
    reduced_motion: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """A mouse event in logical px. ``kind`` is down, up, move or wheel; ``clicks`` counts a double click."""

    kind: str
    x: float
    y: float
    clicks: int = 1
    wheel: float = 0.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key pressed while a widget has the focus; ``text`` is what it types."""

    key: int
    modifiers: int = 0
    text: str = ""


class Widget:
    """A rectangle that draws itself. Subclasses override look, draw and what they react to."""

    focusable = False
    hint = ""

    def __init__(self) -> None:
        self.rect = pygame.Rect(0, 0, 0, 0)
        self.visible = True
        self.enabled = True
        self.hovered = False
        self.focused = False
        self.pressed = False

    def look(self, view: View) -> Hashable:
        """Everything the drawing depends on, apart from the rectangle and the flags of the base."""
        return None

    def extent(self, view: View) -> pygame.Rect:
        """The rectangle that :meth:`draw` may touch."""
        return self.rect

    def hint_rect(self) -> pygame.Rect:
        """What the hint hangs on: the whole widget, or the part of it under the pointer."""
        return self.rect

    def draw(self, painter: Painter, view: View) -> None:
        """Draw; changes nothing but the surface."""

    def on_pointer(self, event: Pointer) -> bool:
        """React to the mouse; True where the event is used up."""
        return False

    def on_key(self, event: Key) -> bool:
        """React to a key while focused; True where it is used up."""
        return False

    def contains(self, x: float, y: float) -> bool:
        return self.visible and self.enabled and self.rect.collidepoint(x, y)

    def mark(self) -> tuple[Hashable, ...]:
        """The flags of the base that show."""
        return self.visible, self.enabled, self.hovered, self.focused, self.pressed


def draw_focus(painter: Painter, rect: pygame.Rect, radius: float = theme.CORNER) -> None:
    """The ring around what the keyboard is on: inside the rectangle, so that nothing is clipped."""
    box = painter.device(rect)
    pygame.draw.rect(
        painter.surface, theme.TEXT, box, max(painter.px(1.5), 1), border_radius=painter.px(radius)
    )


class Canvas:
    """Keeps what each widget showed last, and repaints the rectangles where something differs."""

    def __init__(self) -> None:
        self._shown: dict[int, _Shown] = {}
        self._all = True

    def invalidate(self) -> None:
        """Repaint everything at the next frame (after a resize, another scene, an exposed window)."""
        self._all = True
        self._shown.clear()

    def paint(self, painter: Painter, widgets: Sequence[Widget], view: View) -> list[pygame.Rect]:
        """Repaint what changed; the device rectangles touched."""
        damage = self._damage(painter, widgets, view)
        for rect in damage:
            painter.surface.set_clip(rect)
            painter.surface.fill(theme.GROUND)
            for widget in widgets:
                if widget.visible and self._shown[id(widget)].area.colliderect(rect):
                    widget.draw(painter, view)
        painter.surface.set_clip(None)
        return damage

    def _damage(self, painter: Painter, widgets: Sequence[Widget], view: View) -> list[pygame.Rect]:
        whole = painter.surface.get_rect()
        changed: list[pygame.Rect] = []
        shown: dict[int, _Shown] = {}
        for widget in widgets:
            before = self._shown.pop(id(widget), None)
            now = shown[id(widget)] = _seen(painter, widget, view, before)
            if before is None:
                changed.append(now.area)
            elif now.look != before.look or now.extent != before.extent:
                changed += [now.area, before.area]
        changed += [gone.area for gone in self._shown.values()]
        self._shown = shown
        if self._all:
            self._all = False
            return [whole]
        return merge([rect.clip(whole) for rect in changed]) if changed else []


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a widget showed: its look, its rectangle in logical and in device px."""

    look: Hashable
    extent: tuple[int, int, int, int]
    area: pygame.Rect


_NOWHERE = pygame.Rect(0, 0, 0, 0)


def _seen(painter: Painter, widget: Widget, view: View, before: _Shown | None) -> _Shown:
    if not widget.visible:
        return _Shown(None, (0, 0, 0, 0), _NOWHERE)
    rect = widget.extent(view)
    extent = (rect.x, rect.y, rect.w, rect.h)
    area = before.area if before is not None and before.extent == extent else painter.device(rect)
    return _Shown((widget.look(view), widget.mark()), extent, area)


def merge(rects: list[pygame.Rect]) -> list[pygame.Rect]:
    """The same area in rectangles that do not overlap."""
    merged: list[pygame.Rect] = []
    for rect in rects:
        if not rect.w or not rect.h:
            continue
        rect = rect.copy()
        while (index := rect.collidelist(merged)) >= 0:
            rect.union_ip(merged.pop(index))
        merged.append(rect)
    return merged
