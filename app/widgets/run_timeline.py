"""A whole run along time: value, chances of the three actions, confidence; click or drag to look there."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import groupby

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.sessions.inside.run import Run
from app.widgets.base import Key, Pointer, View, Widget, draw_focus
from app.widgets.painter import Painter

FloatArray = NDArray[np.float64]

NAMES_W, AXIS_H, GAP = 76, 18, 6
ACTIONS = (
    ("slower", theme.MACHINE),
    ("keep", theme.HAIRLINE),
    ("faster", theme.mix(theme.MACHINE, theme.TEXT, 0.6)),
)
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300)
TICK_ROOM = 56.0
STEP_FRAMES, LEAP_FRAMES = 1, 20


class RunTimeline(Widget):
    """``run()`` and ``row()`` are what is shown; ``on_choose`` is told seconds, ``on_step`` frames."""

    focusable = True
    hint = "Click or drag to look at another moment"

    def __init__(
        self,
        run: Callable[[], Run | None],
        row: Callable[[], int | None],
        version: Callable[[], int],
        on_choose: Callable[[float], object],
        on_step: Callable[[int], object],
    ) -> None:
        super().__init__()
        self.run, self.row, self.version = run, row, version
        self.on_choose, self.on_step = on_choose, on_step
        self._lanes: tuple[Hashable, pygame.Surface] | None = None

    def look(self, view: View) -> Hashable:
        return self.version(), self.row()

    def plot(self) -> pygame.Rect:
        """Where time runs."""
        rect = self.rect
        return pygame.Rect(rect.x + NAMES_W, rect.y + 8, rect.w - NAMES_W - 12, rect.h - AXIS_H - 12)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.pressed = True
        if event.kind in ("down", "move") and self.pressed:
            self._choose(event.x)
        if event.kind == "up":
            self.pressed = False
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        steps = {pygame.K_LEFT: -STEP_FRAMES, pygame.K_RIGHT: STEP_FRAMES,
                 pygame.K_PAGEUP: -LEAP_FRAMES, pygame.K_PAGEDOWN: LEAP_FRAMES}  # fmt: skip
        if event.key not in steps:
            return False
        self.on_step(steps[event.key])
        return True

    def _choose(self, x: float) -> None:
        run, plot = self.run(), self.plot()
        if run is not None and plot.w > 0:
            self.on_choose(min(max((x - plot.x) / plot.w, 0.0), 1.0) * run.end_s)

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.SURFACE, theme.CORNER)
        run, plot = self.run(), self.plot()
        if run is None or not len(run.record.time_s):
            return
        lanes = _lanes(plot)
        for name, lane in (("value", lanes[0]), ("confidence", lanes[2])):
            words = pygame.FRect(self.rect.x + 12, lane.y, NAMES_W - 12, 16)
            painter.text(name, words, theme.TINY, theme.QUIET)
        self._draw_legend(painter, lanes[1])
        self._draw_lanes(painter, run, plot, lanes)
        self._draw_axis(painter, run, plot)
        row = self.row()
        if row is not None and row < len(run.record.time_s):
            x = plot.x + float(run.record.time_s[row]) / max(run.end_s, 1e-6) * plot.w
            painter.fill(pygame.FRect(x - 0.75, plot.y - 3, 1.5, plot.h + 6), theme.TEXT)
            painter.circle((x, plot.y - 3), 3.5, theme.TEXT)
        if self.focused:
            draw_focus(painter, self.rect)

    def _draw_legend(self, painter: Painter, lane: pygame.Rect) -> None:
        for index, (name, colour) in enumerate(reversed(ACTIONS)):
            y = lane.y + 13 * index
            painter.box(pygame.FRect(self.rect.x + 12, y + 3, 7, 7), colour, 2)
            painter.text(name, pygame.FRect(self.rect.x + 23, y, NAMES_W - 24, 13), theme.TINY, theme.QUIET)

    def _draw_lanes(self, painter: Painter, run: Run, plot: pygame.Rect, lanes: list[pygame.Rect]) -> None:
        """Kept as a picture: scrubbing moves only the line over it."""
        box = painter.device(plot)
        key = id(run), box.size
        if self._lanes is None or self._lanes[0] != key:
            picture = pygame.Surface(box.size)
            picture.fill(theme.SURFACE)
            inner = Painter(picture, painter.scale)
            moved = [lane.move(-plot.x, -plot.y) for lane in lanes]
            _draw_run(inner, run, moved)
            self._lanes = key, picture
        painter.surface.blit(self._lanes[1], box)

    def _draw_axis(self, painter: Painter, run: Run, plot: pygame.Rect) -> None:
        step_s = next((t for t in TICKS_S if t / max(run.end_s, 1e-6) * plot.w >= TICK_ROOM), TICKS_S[-1])
        for second in range(0, int(run.end_s) + 1, step_s):
            x = plot.x + second / max(run.end_s, 1e-6) * plot.w
            words = pygame.FRect(x - 30, plot.bottom + 3, 60, 14)
            painter.text(f"{second // 60}:{second % 60:02d}", words, theme.TINY, theme.QUIET, "centre")


def _lanes(plot: pygame.Rect) -> list[pygame.Rect]:
    """Three lanes, one below the other: value, actions, confidence."""
    room = plot.h - 2 * GAP
    heights = [round(0.34 * room), round(0.42 * room)]
    heights.append(room - sum(heights))
    lanes, y = [], plot.y
    for height in heights:
        lanes.append(pygame.Rect(plot.x, y, plot.w, height))
        y += height + GAP
    return lanes


def _draw_run(painter: Painter, run: Run, lanes: list[pygame.Rect]) -> None:
    record, end_s = run.record, max(run.end_s, 1e-6)
    value, actions, confidence = lanes
    x = record.time_s / end_s * value.w
    _draw_idle(painter, run, lanes)
    smooth = record.smoothed(record.value)
    low, high = _span(smooth)
    _curve(painter, x, (smooth - low) / (high - low), value, theme.MACHINE)
    shares = np.cumsum(record.smoothed(record.probabilities), axis=1)
    for index in (2, 1, 0):
        _area(painter, x, shares[:, index], actions, ACTIONS[index][1])
    _curve(painter, x, record.smoothed(record.confidence), confidence, theme.GOOD)
    for lane in lanes:
        painter.line((lane.x, lane.bottom), (lane.right, lane.bottom), theme.HAIRLINE)


def _span(values: FloatArray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    margin = max(0.15 * (high - low), 0.05)
    return low - margin, high + margin


def _draw_idle(painter: Painter, run: Run, lanes: list[pygame.Rect]) -> None:
    """A paler ground where nothing was decided."""
    record, end_s = run.record, max(run.end_s, 1e-6)
    top, bottom = lanes[0].y, lanes[-1].bottom
    for idle, rows in groupby(range(len(record.heard)), lambda row: bool(record.heard[row] < 0)):
        span = list(rows)
        if idle:
            left, right = (record.time_s[row] / end_s * lanes[0].w for row in (span[0], span[-1]))
            painter.fill(pygame.FRect(left, top, max(right - left, 1), bottom - top), theme.RAISED)


def _pieces(x: FloatArray, share: FloatArray, lane: pygame.Rect) -> list[list[tuple[float, float]]]:
    """Points of every unbroken stretch, at most two for a px."""
    step = max(len(x) // max(2 * lane.w, 1), 1)
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, height in zip(x[::step].tolist(), share[::step].tolist(), strict=True):
        if np.isfinite(height):
            pieces[-1].append((lane.x + place, lane.bottom - min(max(height, 0.0), 1.0) * (lane.h - 2)))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if len(piece) > 1]


def _curve(
    painter: Painter, x: FloatArray, share: FloatArray, lane: pygame.Rect, colour: theme.Colour
) -> None:
    for points in _pieces(x, share, lane):
        painter.curve(points, colour)


def _area(
    painter: Painter, x: FloatArray, share: FloatArray, lane: pygame.Rect, colour: theme.Colour
) -> None:
    for points in _pieces(x, share, lane):
        base = [(points[-1][0], float(lane.bottom)), (points[0][0], float(lane.bottom))]
        painter.polygon([*points, *base], colour)
