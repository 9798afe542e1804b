"""Draws in logical px on a surface of device px: boxes with smooth corners, words, icons, lines.

The only place that knows the scale. Used by the thread of the window alone.
"""

from __future__ import annotations

import pygame

from app import theme
from app.theme import Colour
from app.widgets import fonts
from app.widgets.icons import icon_surface
from app.widgets.surface_cache import SurfaceCache

Rect = pygame.Rect | pygame.FRect

_corners = SurfaceCache(200)
_OVERSAMPLING = 4


class Painter:
    """``surface`` in device px, ``scale`` device px per logical px."""

    def __init__(self, surface: pygame.Surface, scale: float = 1.0) -> None:
        self.surface = surface
        self.scale = scale

    def px(self, length: float) -> int:
        """A length in device px."""
        return round(length * self.scale)

    def device(self, rect: Rect) -> pygame.Rect:
        """The rectangle in device px; edges are rounded, so neighbours stay neighbours."""
        x0, y0 = round(rect.left * self.scale), round(rect.top * self.scale)
        x1, y1 = round(rect.right * self.scale), round(rect.bottom * self.scale)
        return pygame.Rect(x0, y0, max(x1 - x0, 0), max(y1 - y0, 0))

    def fill(self, rect: Rect, colour: Colour) -> None:
        """A plain box."""
        self.surface.fill(colour, self.device(rect))

    def upright(self, x: float, rect: Rect, colour: Colour, width: float = 1.0) -> None:
        """A line over the height of ``rect`` at ``x``, everywhere of the same width: rounded first, so that
        no line falls between two pixels and is gone."""
        box, across = self.device(rect), max(self.px(width), 1)
        self.surface.fill(colour, pygame.Rect(round(x * self.scale - across / 2), box.y, across, box.h))

    def veil(self, rect: Rect, colour: Colour, opacity: float) -> None:
        """A see-through box. The scratch surface is kept and reused."""
        box = self.device(rect).clip(self.surface.get_clip())
        if box.w and box.h:
            self.surface.blit(_scratch(box.size, colour, round(255 * opacity)), box.topleft)

    def box(self, rect: Rect, colour: Colour, radius: float = theme.CORNER) -> None:
        """A box with smooth round corners."""
        self.device_box(self.device(rect), colour, self.px(radius))

    def device_box(self, box: pygame.Rect, colour: Colour, radius: int) -> None:
        """As :meth:`box`, all in device px."""
        radius = min(radius, box.w // 2, box.h // 2)
        if radius <= 0:
            self.surface.fill(colour, box)
            return
        disc = _disc(radius, colour)
        right, bottom = box.right - radius, box.bottom - radius
        for x, y, sx, sy in (
            (box.x, box.y, 0, 0),
            (right, box.y, radius, 0),
            (box.x, bottom, 0, radius),
            (right, bottom, radius, radius),
        ):
            self.surface.blit(disc, (x, y), (sx, sy, radius, radius))
        self.surface.fill(colour, (box.x + radius, box.y, box.w - 2 * radius, box.h))
        self.surface.fill(colour, (box.x, box.y + radius, radius, box.h - 2 * radius))
        self.surface.fill(colour, (right, box.y + radius, radius, box.h - 2 * radius))

    def frame(self, rect: Rect, colour: Colour, inside: Colour, radius: float, thickness: float = 2) -> None:
        """A rounded outline: a box in ``colour`` with one in the colour of its ``inside`` on it."""
        self.box(rect, colour, radius)
        self.box(rect.inflate(-2 * thickness, -2 * thickness), inside, radius - thickness)

    def circle(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """A smooth disc."""
        size = max(self.px(radius), 1)
        x, y = self.px(centre[0]) - size, self.px(centre[1]) - size
        self.surface.blit(_disc(size, colour), (x, y))

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: Colour, width: float = 1
    ) -> None:
        """A straight line, at least one device px wide."""
        one, other = self._point(start), self._point(end)
        pygame.draw.line(self.surface, colour, one, other, max(self.px(width), 1))

    def curve(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A smooth open line of about one and a half px."""
        if len(points) < 2:
            return
        device = [(x * self.scale, y * self.scale) for x, y in points]
        pygame.draw.aalines(self.surface, colour, False, device)
        pygame.draw.aalines(self.surface, colour, False, [(x, y + 1) for x, y in device])

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled shape."""
        pygame.draw.polygon(self.surface, colour, [self._point(point) for point in points])

    def text(
        self,
        text: str,
        rect: Rect,
        size: int = theme.BODY,
        colour: Colour = theme.TEXT,
        align: str = "left",
        bold: bool = False,
    ) -> None:
        """One line, in the middle of the height of ``rect``, shortened with an ellipsis to its width.

        Lines in rectangles of one height have one baseline, whatever their letters.
        """
        size_px = self.px(size)
        box = self.device(rect)
        drawn = fonts.words(shorten(text, size_px, box.w, bold), size_px, colour, bold)
        x = {"left": box.x, "right": box.right - drawn.get_width()}.get(
            align, box.x + (box.w - drawn.get_width()) // 2
        )
        self.surface.blit(drawn, (x, box.y + (box.h - fonts.line_height(size_px, bold)) // 2))

    def icon(self, name: str, rect: Rect, colour: Colour, size: float = 20) -> None:
        """An icon in the middle of ``rect``."""
        box = self.device(rect)
        drawn = icon_surface(name, self.px(size), colour)
        offset = ((box.w - drawn.get_width()) // 2, (box.h - drawn.get_height()) // 2)
        self.surface.blit(drawn, (box.x + offset[0], box.y + offset[1]))

    def width(self, text: str, size: int = theme.BODY, bold: bool = False) -> float:
        """Width of a line in logical px."""
        return fonts.text_width(text, self.px(size), bold) / self.scale

    def _point(self, point: tuple[float, float]) -> tuple[int, int]:
        return round(point[0] * self.scale), round(point[1] * self.scale)


def shorten(text: str, size_px: int, width_px: int, bold: bool = False) -> str:
    """``text``, or as much of its beginning as fits with an ellipsis."""
    if fonts.text_width(text, size_px, bold) <= width_px:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if fonts.text_width(text[:middle].rstrip() + "…", size_px, bold) <= width_px:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def wrap(text: str, size_px: int, width_px: int, bold: bool = False) -> list[str]:
    """``text`` in lines of at most ``width_px``, broken between words."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and fonts.text_width(joined, size_px, bold) <= width_px:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _disc(radius: int, colour: Colour) -> pygame.Surface:
    """A smooth disc of ``radius`` device px, drawn large and shrunk, kept."""
    found = _corners.get((radius, colour))
    if found is not None:
        return found
    large = pygame.Surface((2 * radius * _OVERSAMPLING,) * 2, pygame.SRCALPHA)
    large.fill((*colour, 0))
    middle = radius * _OVERSAMPLING
    pygame.draw.circle(large, (*colour, 255), (middle, middle), middle)
    return _corners.put((radius, colour), pygame.transform.smoothscale(large, (2 * radius, 2 * radius)))


_veils = SurfaceCache(4)


def _scratch(size: tuple[int, int], colour: Colour, alpha: int) -> pygame.Surface:
    found = _veils.get((size, colour))
    if found is None:
        found = pygame.Surface(size)
        found.fill(colour)
        _veils.put((size, colour), found)
    found.set_alpha(alpha)
    return found
