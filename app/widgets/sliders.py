"""Sliders: a value with a default that a double click brings back, and the way through a piece."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.widgets.base import Key, Pointer, View, Widget, draw_focus
from app.widgets.painter import Painter

_KNOB, _FLAG = 7, 12
INSET = _KNOB + 2
"""So far inside its rectangle the bar of a slider begins and ends."""


class Slider(Widget):
    """A value between ``low`` and ``high``: drag, wheel, arrow keys; a double click resets it."""

    focusable = True

    def __init__(
        self,
        value: Callable[[], float],
        on_change: Callable[[float], object],
        low: float,
        high: float,
        default: float,
        step: float = 1.0,
        hint: str = "",
    ) -> None:
        super().__init__()
        self.value, self.on_change = value, on_change
        self.low, self.high, self.default, self.step = low, high, default, step
        self.hint = hint

    def look(self, view: View) -> Hashable:
        return round(self.share(), 4)

    def share(self) -> float:
        """How far along the value stands, 0 to 1."""
        return min(max((self.value() - self.low) / (self.high - self.low), 0.0), 1.0)

    def draw(self, painter: Painter, view: View) -> None:
        track = self.track()
        x = track.x + self.share() * track.w
        painter.box(track, theme.HAIRLINE, 3)
        painter.box(pygame.FRect(track.x, track.y, max(x - track.x, 6), track.h), theme.MACHINE, 3)
        painter.circle((x, track.centery), _KNOB + (1 if self.hovered or self.pressed else 0), theme.TEXT)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL)

    def track(self) -> pygame.FRect:
        """The bar on which the knob runs."""
        return pygame.FRect(
            self.rect.x + INSET, self.rect.centery - 3, max(self.rect.w - 2 * INSET, 1), 6
        )

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            self._set(self.value() + event.wheel * self.step)
            return True
        if event.kind == "down":
            if event.clicks == 2:
                self.on_change(self.default)
                return True
            self.pressed = True
        if self.pressed and event.kind in ("down", "move"):
            track = self.track()
            self._set(self.low + (event.x - track.x) / track.w * (self.high - self.low))
        if event.kind == "up":
            self.pressed = False
        return True

    def on_key(self, event: Key) -> bool:
        step = {pygame.K_LEFT: -1, pygame.K_DOWN: -1, pygame.K_RIGHT: 1, pygame.K_UP: 1}.get(event.key, 0)
        if step:
            self._set(self.value() + step * self.step)
        elif event.key in (pygame.K_DELETE, pygame.K_BACKSPACE):
            self.on_change(self.default)
            return True
        return bool(step)

    def _set(self, value: float) -> None:
        stepped = round(value / self.step) * self.step
        self.on_change(min(max(stepped, self.low), self.high))


class ProgressSlider(Widget):
    """Where in the piece the music is: seek by click or drag, measures above the ends, loop flags below.

    Values are strip px. ``labels`` gives the words above the left and the right end.
    """

    focusable = True
    hint = "Click to go there"

    def __init__(
        self,
        x_px: Callable[[], float],
        span_px: Callable[[], tuple[float, float]],
        on_seek: Callable[[float], object],
        loop_px: Callable[[], tuple[float | None, float | None]],
        labels: Callable[[], tuple[str, str]],
    ) -> None:
        super().__init__()
        self.x_px, self.span_px, self.on_seek = x_px, span_px, on_seek
        self.loop_px, self.labels = loop_px, labels

    def look(self, view: View) -> Hashable:
        return round(self.share(self.x_px()) * self.rect.w * 2), self.span_px(), self.loop_px(), self.labels()

    def extent(self, view: View) -> pygame.Rect:
        return self.rect.inflate(2 * _FLAG, 0)  # with the flags at the ends

    def share(self, x_px: float) -> float:
        low, high = self.span_px()
        return min(max((x_px - low) / max(high - low, 1.0), 0.0), 1.0)

    def _at(self, x_px: float) -> float:
        return self.rect.x + _KNOB + self.share(x_px) * (self.rect.w - 2 * _KNOB)

    def draw(self, painter: Painter, view: View) -> None:
        track = pygame.FRect(self.rect.x + _KNOB, self.rect.bottom - 22, self.rect.w - 2 * _KNOB, 6)
        painter.box(track, theme.HAIRLINE, 3)
        start, end = self.loop_px()
        if start is not None and end is not None:
            left, right = self._at(start), self._at(end)
            painter.fill(
                pygame.FRect(left, track.y, right - left, track.h), theme.mix(theme.HAIRLINE, theme.YOU, 0.5)
            )
        x = self._at(self.x_px())
        painter.box(pygame.FRect(track.x, track.y, max(x - track.x, 6), track.h), theme.MACHINE, 3)
        for name, flag in (("A", start), ("B", end)):
            if flag is not None:
                self._draw_flag(painter, name, self._at(flag), track)
        painter.circle((x, track.centery), _KNOB + (1 if self.hovered or self.pressed else 0), theme.TEXT)
        words = pygame.FRect(track.x, self.rect.y + 6, track.w, 14)
        for label, align in zip(self.labels(), ("left", "right"), strict=True):
            painter.text(label, words, theme.TINY, theme.QUIET, align)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL)

    def _draw_flag(self, painter: Painter, name: str, x: float, track: pygame.FRect) -> None:
        """Outside of the loop: those of a short one do not cover each other, nor the measures above."""
        painter.fill(pygame.FRect(x - 0.75, track.y - 5, 1.5, track.h + 5 + _FLAG), theme.YOU)
        flag = pygame.FRect(x - _FLAG if name == "A" else x, track.bottom, _FLAG, _FLAG)
        painter.box(flag, theme.YOU, 2)
        painter.text(name, flag, theme.TINY - 2, theme.GROUND, "centre", bold=True)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.pressed = True
        if self.pressed and event.kind in ("down", "move"):
            low, high = self.span_px()
            share = (event.x - self.rect.x - _KNOB) / max(self.rect.w - 2 * _KNOB, 1)
            self.on_seek(low + min(max(share, 0.0), 1.0) * (high - low))
        if event.kind == "up":
            self.pressed = False
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        return False
