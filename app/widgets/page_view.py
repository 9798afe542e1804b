"""The printed pages with what is laid over them: the cursor, the glow of where the sound fits, loop flags.

Three widgets over each other, so that a moving cursor repaints a narrow column and nothing else. They share
one :class:`PageScene`. Used by the thread of the window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import Pointer, View, Widget
from app.widgets.page_images import PageImages
from app.widgets.page_turn import Face, PageTurner
from app.widgets.painter import Painter
from app.widgets.score_layout import ScoreLayout, lay_out
from pieces.piece import Piece

_DRAG_PX = 16.0
"""So far, in px of the window, a press is a click."""
_REACH_PX = 16.0
"""How far cursor and glow reach beyond the staves, in page px."""


@dataclass(frozen=True)
class Mark:
    """A position on the strip to be shown on the page."""

    x_px: float
    letter: str


class PageScene:
    """The geometry that the layers share. :meth:`set_room` before anything is drawn."""

    def __init__(self, piece: Piece, images: PageImages) -> None:
        self.piece, self.images = piece, images
        self.rect = pygame.Rect(0, 0, 1, 1)
        self.scale = 1.0
        self.layout: ScoreLayout | None = None
        self.turner: PageTurner | None = None
        self._last: tuple[float, ScoreLayout | None, tuple[int, float, float, float]] | None = None

    def set_room(self, rect: pygame.Rect, scale: float, reduced_motion: bool) -> None:
        """Lay out for a rectangle; kept where nothing changed."""
        if self.layout is None or rect != self.rect or scale != self.scale:
            self.rect, self.scale = rect.copy(), scale
            self.layout = lay_out(self.piece, rect.w, rect.h)
            self.turner = PageTurner(self.layout, reduced_motion)
        assert self.turner
        self.turner.reduced_motion = reduced_motion

    @property
    def image_width(self) -> int:
        """Width of a page in device px."""
        return round(self.layout.page_width * self.scale) if self.layout else 1

    def follow(self, system: int, t_s: float) -> None:
        """The music is in ``system``; the next pages are drawn ahead."""
        if self.turner and self.layout:
            self.turner.follow(system, t_s)
            ahead = self.layout.screen_of(system) + 1
            if ahead < len(self.layout.screens):
                self.images.ask(self.layout.screens[ahead].page, self.image_width)

    def faces(self, t_s: float) -> tuple[Face, ...]:
        return self.turner.faces(t_s) if self.turner else ()

    def screen_at(self, x: float, y: float, t_s: float) -> int | None:
        """The screen that is shown at a point of the window."""
        if not self.layout:
            return None
        for column, face in enumerate(self.faces(t_s)):
            left = self.rect.x + self.layout.column_x(column)
            if left <= x < left + self.layout.page_width:
                shown = (screen for screen in (face.over, face.base) if screen is not None)
                return next((s for s in shown if self.visible(s, y - self.rect.y, t_s)), None)
        return None

    def visible(self, screen: int, y: float, t_s: float) -> bool:
        """Whether a screen is to be seen at height ``y`` of the view."""
        for face in self.faces(t_s):
            if face.over == screen:
                return y < face.edge
            if face.base == screen:
                return y >= face.below
        return False

    def point(self, x_px: float) -> tuple[int, float, float, float]:
        """Screen, and x, top and bottom in the window, of a strip position."""
        assert self.layout
        if self._last is None or self._last[0] != x_px or self._last[1] is not self.layout:
            self._last = (x_px, self.layout, self._point(x_px, self.layout))
        return self._last[2]

    def _point(self, x_px: float, layout: ScoreLayout) -> tuple[int, float, float, float]:
        place = self.piece.place_at_x(x_px)
        screen = layout.screen_of(place.system)
        x, top = layout.to_view(screen, place.page_x_px, place.page_y0_px - _REACH_PX)
        _, bottom = layout.to_view(screen, place.page_x_px, place.page_y1_px + _REACH_PX)
        return screen, self.rect.x + x, self.rect.y + top, self.rect.y + bottom


class PageView(Widget):
    """The paper. A click on the music calls ``on_seek`` with the strip position.

    Where there is an ``on_loop``, dragging over music calls it with the positions of both ends.
    """

    hint = "Click on the music to go there"

    def __init__(
        self,
        scene: PageScene,
        on_seek: Callable[[float], object],
        marks: Callable[[], tuple[Mark, ...]],
        on_loop: Callable[[float, float], object] | None = None,
    ) -> None:
        super().__init__()
        self.scene, self.on_seek, self.marks, self.on_loop = scene, on_seek, marks, on_loop
        self.near_px: Callable[[], float] = lambda: 0.0
        self.now_s = 0.0
        self._grip: tuple[float, float, float] | None = None  # where it was pressed, and the music there

    def look(self, view: View) -> Hashable:
        return self.scene.faces(view.t_s), self.scene.images.version, self.marks()

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.PAPER, 6)
        layout = self.scene.layout
        if not layout:
            return
        clip = painter.surface.get_clip()
        box = painter.device(self.rect)
        for column, face in enumerate(self.scene.faces(view.t_s)):
            self._draw_screen(painter, face.base, box.clip(clip))
            if face.over is not None:
                x = self.rect.x + layout.column_x(column)
                above = pygame.FRect(x, self.rect.y, layout.page_width, face.below)
                painter.surface.set_clip(painter.device(above).clip(clip))
                painter.fill(above, theme.PAPER)
                above.h = face.edge
                self._draw_screen(painter, face.over, painter.device(above).clip(clip))
                painter.surface.set_clip(clip)
                middle = self.rect.y + (face.edge + face.below) / 2
                painter.fill(pygame.FRect(x + 12, middle - 1, layout.page_width - 24, 1.5), theme.MACHINE)
        self._draw_loop(painter, view)
        self._draw_marks(painter, view)
        painter.surface.set_clip(clip)

    def _draw_screen(self, painter: Painter, index: int, clip: pygame.Rect) -> None:
        layout = self.scene.layout
        assert layout
        screen = layout.screens[index]
        image = self.scene.images.get(screen.page, self.scene.image_width, urgency=2)
        device = image.get_width() / self.scene.piece.pages[screen.page].shape[1]
        x, y = layout.to_view(index, 0.0, screen.top)
        source = pygame.Rect(0, round(screen.top * device), image.get_width(), 0)
        source.height = round(screen.bottom * device) - source.y
        before = painter.surface.get_clip()
        painter.surface.set_clip(clip)
        painter.surface.blit(image, (painter.px(self.rect.x + x), painter.px(self.rect.y + y)), source)
        painter.surface.set_clip(before)

    def _draw_loop(self, painter: Painter, view: View) -> None:
        """A veil over the music between two marks; what is played twice in it is veiled once."""
        layout, marks = self.scene.layout, self.marks()
        if layout is None or len(marks) < 2:
            return
        for system, spans in looped(self.scene.piece, marks[0].x_px, marks[1].x_px).items():
            screen = layout.screen_of(system)
            for left, right, y0, y1 in spans:
                x0, top = layout.to_view(screen, left, y0 - _REACH_PX)
                x1, bottom = layout.to_view(screen, right, y1 + _REACH_PX)
                if self.scene.visible(screen, top, view.t_s):
                    area = pygame.FRect(self.rect.x + x0, self.rect.y + top, x1 - x0, bottom - top)
                    painter.veil(area, theme.YOU, 0.14)

    def _draw_marks(self, painter: Painter, view: View) -> None:
        for mark in self.marks():
            screen, x, top, bottom = self.scene.point(mark.x_px)
            if self.scene.visible(screen, top - self.rect.y, view.t_s):
                draw_flag(painter, mark.letter, x, top, bottom)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel" and self.scene.turner:
            shown = self.scene.turner.shown(self.now_s)
            self.scene.turner.show(shown - (1 if event.wheel > 0 else -1), self.now_s)
        elif event.kind == "down":
            x_px = self.position_at(event.x, event.y)
            self._grip = None if x_px is None else (event.x, event.y, x_px)
            if x_px is not None:
                self.on_seek(x_px)
        elif event.kind == "move" and self._grip is not None:
            self._drag(event, *self._grip)
        elif event.kind == "up":
            self._grip = None
        return True

    def _drag(self, event: Pointer, x: float, y: float, from_px: float) -> None:
        """Over other music than where it was pressed; a hand that trembles drags nothing."""
        to_px = self.position_at(event.x, event.y)
        far = math.hypot(event.x - x, event.y - y) >= _DRAG_PX
        if self.on_loop is not None and to_px is not None and far:
            self.on_loop(min(from_px, to_px), max(from_px, to_px))

    @property
    def is_held(self) -> bool:
        """The mouse is down on the music: no page turns under it."""
        return self._grip is not None

    def position_at(self, x: float, y: float) -> float | None:
        """Strip position of a point of the window, None beside the music."""
        screen = self.scene.screen_at(x, y, self.now_s)
        if screen is None or not self.scene.layout:
            return None
        page_x, page_y = self.scene.layout.to_page(screen, x - self.rect.x, y - self.rect.y)
        page = self.scene.layout.screens[screen].page
        return self.scene.piece.x_at_page(page, page_x, page_y, self.near_px())


Span = tuple[float, float, float, float]
"""Of the print: x0, x1, y0 and y1 in page px."""


def looped(piece: Piece, a_px: float, b_px: float) -> dict[int, list[Span]]:
    """The print between two strip positions: by system, stretches that do not overlap."""
    found: dict[int, list[Span]] = {}
    for segment in piece.segments:
        begin, end = max(a_px, segment.strip_x0_px), min(b_px, segment.strip_x1_px)
        if begin < end:
            left, right = (
                segment.page_x0_px + (x_px - segment.strip_x0_px) / segment.scale for x_px in (begin, end)
            )
            spans = found.setdefault(segment.system, [])
            spans.append((left, right, segment.page_y0_px, segment.page_y1_px))
    return {system: _merged(spans) for system, spans in found.items()}


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            left, right, *heights = merged.pop()
            span = (left, max(right, span[1]), heights[0], heights[1])
        merged.append(span)
    return merged


def draw_flag(painter: Painter, letter: str, x: float, top: float, bottom: float) -> None:
    """A loop flag: A looks to the right, B to the left."""
    painter.fill(pygame.FRect(x - 0.75, top, 1.5, bottom - top), theme.YOU_ON_PAPER)
    flag = pygame.FRect(x if letter == "A" else x - 14, top, 14, 14)
    painter.box(flag, theme.YOU_ON_PAPER, 2)
    painter.text(letter, flag, theme.TINY, theme.PAPER, "centre", bold=True)


def draw_cursor(
    painter: Painter, x: float, top: float, bottom: float, colour: Colour, filled: bool = True
) -> None:
    """A line with a head: filled for one that knows where it is, hollow for one that waits."""
    painter.fill(pygame.FRect(x - 1.5, top, 3, bottom - top), colour)
    painter.polygon([(x - 8, top - 1), (x + 8, top - 1), (x, top + 9)], colour)
    if not filled:
        painter.polygon([(x - 4, top + 1), (x + 4, top + 1), (x, top + 6)], theme.PAPER)


_STATE_COLOURS = {
    "following": theme.MACHINE_ON_PAPER,
    "finished": theme.MACHINE_ON_PAPER,
    "lost": theme.BAD_ON_PAPER,
}


class CursorLayer(Widget):
    """The cursor on the page at ``x_px()``: its own narrow rectangle, repainted as it moves."""

    def __init__(self, scene: PageScene, x_px: Callable[[], float]) -> None:
        super().__init__()
        self.scene, self.x_px = scene, x_px

    def contains(self, x: float, y: float) -> bool:
        return False

    def _at(self, view: View) -> tuple[float, float, float] | None:
        if not self.scene.layout:
            return None
        screen, x, top, bottom = self.scene.point(self.x_px())
        middle = (top + bottom) / 2 - self.rect.y
        return (x, top, bottom) if self.scene.visible(screen, middle, view.t_s) else None

    def look(self, view: View) -> Hashable:
        at = self._at(view)
        return (round(at[0] * self.scene.scale), at[1], view.snapshot.state) if at else None

    def extent(self, view: View) -> pygame.Rect:
        at = self._at(view)
        if at is None:
            return pygame.Rect(self.rect.x, self.rect.y, 0, 0)
        around = pygame.Rect(round(at[0]) - 12, int(at[1]) - 3, 24, int(at[2] - at[1]) + 6)
        return around.clip(self.rect)

    def draw(self, painter: Painter, view: View) -> None:
        at = self._at(view)
        if at:
            state = view.snapshot.state
            colour = _STATE_COLOURS.get(state, theme.QUIET_ON_PAPER)
            draw_cursor(painter, *at, colour, filled=state in ("following", "finished"))


class GlowLayer(Widget):
    """Where on the visible systems the sound fits: a soft band, stronger where it fits better."""

    def __init__(self, scene: PageScene) -> None:
        super().__init__()
        self.scene = scene
        self._bands: list[tuple[pygame.Rect, pygame.Surface]] = []
        self._made_for: Hashable = None

    def contains(self, x: float, y: float) -> bool:
        return False

    def refresh(self, view: View) -> None:
        """Make the bands for a new snapshot; called once a frame before drawing."""
        fit = view.snapshot.fit
        made_for = (view.snapshot.sample, fit is not None, self.scene.faces(view.t_s), tuple(self.rect))
        if made_for == self._made_for:
            return
        self._made_for = made_for
        self._bands = [] if fit is None else self._make(fit, view.t_s)

    def _make(self, fit: np.ndarray, t_s: float) -> list[tuple[pygame.Rect, pygame.Surface]]:
        layout = self.scene.layout
        assert layout
        bands = []
        for segment in self.scene.piece.segments:
            screen, _, top, bottom = self.scene.point(segment.strip_x0_px + 1)
            if not self.scene.visible(screen, (top + bottom) / 2 - self.rect.y, t_s):
                continue
            values = fit[int(segment.strip_x0_px / 4) : int(segment.strip_x1_px / 4) + 1]
            if len(values) < 2 or values.max() < 0.08:
                continue
            left = self.rect.x + layout.to_view(screen, segment.page_x0_px, 0)[0]
            right = self.rect.x + layout.to_view(screen, segment.page_x1_px, 0)[0]
            box = pygame.Rect(round(left), round(top), round(right - left), round(bottom - top)).clip(
                self.rect
            )
            if box.w > 1 and box.h > 1:
                bands.append(
                    (
                        box,
                        glow_surface(
                            values, round(box.w * self.scene.scale), round(box.h * self.scene.scale)
                        ),
                    )
                )
        return bands

    def look(self, view: View) -> Hashable:
        return self._made_for if self._bands else None

    def extent(self, view: View) -> pygame.Rect:
        if not self._bands:
            return pygame.Rect(self.rect.x, self.rect.y, 0, 0)
        return self._bands[0][0].unionall([box for box, _ in self._bands[1:]])

    def draw(self, painter: Painter, view: View) -> None:
        for box, band in self._bands:
            painter.surface.blit(band, painter.device(box))


_FALL_OFF = np.array([0.0, 0.55, 1.0, 1.0, 1.0, 1.0, 0.55, 0.0])


def glow_surface(
    values: np.ndarray, width_px: int, height_px: int, strength: float = 110.0
) -> pygame.Surface:
    """(n,) fit in 0..1 as a see-through band, fading above and below."""
    small = pygame.Surface((len(values), len(_FALL_OFF)), pygame.SRCALPHA)
    small.fill((*theme.MACHINE, 0))
    alpha = pygame.surfarray.pixels_alpha(small)
    fit = np.clip(np.nan_to_num(values), 0.0, 1.0)
    alpha[:] = (fit[:, None] ** 1.5 * _FALL_OFF[None, :] * strength).astype(np.uint8)
    del alpha
    return pygame.transform.smoothscale(small, (max(width_px, 1), max(height_px, 1)))
