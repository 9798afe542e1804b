"""The map of a follower's states: points that lie near each other feel alike; a click shows that moment."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.widgets.base import Pointer, View, Widget
from app.widgets.painter import Painter

CIVIDIS = np.array(
    [(0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115), (138, 134, 120),
     (166, 157, 117), (196, 182, 108), (228, 207, 91), (254, 232, 56)],
    np.float64,
)  # fmt: skip
"""Anchors of the perceptually uniform map cividis (Nuñez et al. 2018), also for the colour-blind."""
LEGEND_H, LEGEND_STEPS, MARGIN, DOT, REACH, RING = 26, 24, 10, 2.6, 10.0, 6.0

Points = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Rows of the record, (N,), and their places on the map, (N, 2)."""


def value_colours(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) from low to high."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, 1e-9) * (len(CIVIDIS) - 1)
    steps = np.arange(len(CIVIDIS))
    return np.stack([np.interp(share, steps, CIVIDIS[:, c]) for c in range(3)], axis=1).astype(np.uint8)


class StateMap(Widget):
    """``points()`` with ``values()`` (N,) of them; ``row()`` is the moment that is looked at."""

    def __init__(
        self,
        points: Callable[[], Points | None],
        values: Callable[[], NDArray[np.float64]],
        row: Callable[[], int | None],
        words: Callable[[], str],
        on_choose: Callable[[int], object],
    ) -> None:
        super().__init__()
        self.points, self.values, self.row, self.words = points, values, row, words
        self.on_choose = on_choose
        self._made: tuple[Hashable, pygame.Surface] | None = None
        self._hovered: int | None = None
        self.moment_words: Callable[[int], str] = lambda row: ""

    @property
    def hint(self) -> str:  # type: ignore[override]
        """What lies under the pointer."""
        if self._hovered is not None:
            return self.moment_words(self._hovered)
        return "States that lie near each other feel alike; click on one" if self.points() else ""

    def look(self, view: View) -> Hashable:
        points = self.points()
        return id(points), self.row(), self._hovered, self.words() if points is None else ""

    def _places(self) -> NDArray[np.float64]:
        """(N, 2) in logical px of the window."""
        points = self.points()
        assert points is not None
        room = pygame.Rect(self.rect.x, self.rect.y, self.rect.w, self.rect.h - LEGEND_H).inflate(
            -2 * MARGIN, -2 * MARGIN
        )
        low, high = points[1].min(axis=0), points[1].max(axis=0)
        scale = min(room.w / max(high[0] - low[0], 1e-9), room.h / max(high[1] - low[1], 1e-9))
        middle = (low + high) / 2
        offsets = (points[1] - middle) * scale * np.array([1.0, -1.0])
        return np.asarray(offsets + np.array(room.center))

    def row_at(self, x: float, y: float) -> int | None:
        """The moment of the point nearest to the pointer, if one is near."""
        points = self.points()
        if points is None:
            return None
        away = np.hypot(*(self._places() - (x, y)).T)
        nearest = int(away.argmin())
        return int(points[0][nearest]) if away[nearest] <= REACH else None

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "move":
            self._hovered = self.row_at(event.x, event.y)
        elif event.kind == "down":
            row = self.row_at(event.x, event.y)
            if row is not None:
                self.on_choose(row)
        return event.kind != "wheel"

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.RAISED, theme.CORNER_SMALL)
        points = self.points()
        if points is None:
            painter.text(self.words(), self.rect.inflate(-16, 0), theme.SMALL, theme.QUIET, "centre")
            return
        box = painter.device(self.rect)
        if self._made is None or self._made[0] != (id(points), tuple(box)):
            self._made = (id(points), tuple(box)), self._picture(painter.scale, box.size)
        painter.surface.blit(self._made[1], box)
        places = self._places()
        for row, colour in ((self._hovered, theme.QUIET), (self.row(), theme.TEXT)):
            if row is not None:
                x, y = places[int(np.abs(points[0] - row).argmin())].tolist()
                centre, radius = (painter.px(x), painter.px(y)), painter.px(RING)
                pygame.draw.circle(painter.surface, colour, centre, radius, max(painter.px(1.8), 1))

    def _picture(self, scale: float, size: tuple[int, int]) -> pygame.Surface:
        """All points and the legend; made once, for there are a thousand."""
        whole = pygame.Surface(size)
        whole.fill(theme.RAISED)
        picture, values = Painter(whole, scale), self.values()
        places = self._places() - np.array(self.rect.topleft)
        for (x, y), (red, green, blue) in zip(places.tolist(), value_colours(values).tolist(), strict=True):
            picture.circle((x, y), DOT, (red, green, blue))
        self._draw_legend(picture, float(values.min()), float(values.max()))
        return whole

    def _draw_legend(self, painter: Painter, low: float, high: float) -> None:
        row = pygame.FRect(MARGIN, self.rect.h - LEGEND_H, self.rect.w - 2 * MARGIN, LEGEND_H - 6)
        left, right = row.x + 40, row.right - 36
        painter.text("value", row, theme.TINY, theme.QUIET)
        lowest = pygame.FRect(left, row.y, 36, row.h)
        painter.text(f"{low:.1f}".replace("-", "\N{MINUS SIGN}"), lowest, theme.TINY, theme.QUIET)
        painter.text(f"{high:.1f}", pygame.FRect(right, row.y, 36, row.h), theme.TINY, theme.QUIET, "right")
        first, width = left + 38, (right - left - 38) / LEGEND_STEPS
        colours = value_colours(np.linspace(low, max(high, low + 1e-9), LEGEND_STEPS))
        for index, (red, green, blue) in enumerate(colours.tolist()):
            step = pygame.FRect(first + index * width, row.centery - 4, width + 1, 8)
            painter.fill(step, (red, green, blue))
