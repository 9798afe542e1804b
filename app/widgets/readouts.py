"""What a panel shows of the agent and the sound: labels, bars, curves, the spectrogram, the level."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

import numpy as np
import pygame

from app import theme
from app.engine.snapshot import Snapshot
from app.theme import Colour
from app.widgets.base import View, Widget
from app.widgets.painter import Painter, wrap

FLOOR_DB = -60.0


class Surface(Widget):
    """A plain rounded background on which other widgets lie."""

    def __init__(self, colour: Colour = theme.SURFACE, radius: float = theme.CORNER) -> None:
        super().__init__()
        self.colour, self.radius = colour, radius

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, self.colour, self.radius)


class Label(Widget):
    """A line of words: fixed, or asked for at every frame."""

    def __init__(
        self,
        text: str | Callable[[View], str],
        size: int = theme.BODY,
        colour: Colour = theme.TEXT,
        align: str = "left",
        bold: bool = False,
    ) -> None:
        super().__init__()
        self.text, self.size, self.colour, self.align, self.bold = text, size, colour, align, bold

    def look(self, view: View) -> Hashable:
        return self._text(view), self.colour

    def _text(self, view: View) -> str:
        return self.text if isinstance(self.text, str) else self.text(view)

    def draw(self, painter: Painter, view: View) -> None:
        painter.text(self._text(view), self.rect, self.size, self.colour, self.align, self.bold)


class Paragraph(Widget):
    """Words over several lines."""

    def __init__(
        self, text: str, size: int = theme.BODY, colour: Colour = theme.QUIET, align: str = "left"
    ) -> None:
        super().__init__()
        self.text, self.size, self.colour, self.align = text, size, colour, align

    def look(self, view: View) -> Hashable:
        return self.text

    def draw(self, painter: Painter, view: View) -> None:
        for number, line in enumerate(wrap(self.text, painter.px(self.size), painter.px(self.rect.w))):
            row = pygame.FRect(
                self.rect.x, self.rect.y + number * (self.size + 7), self.rect.w, self.size + 7
            )
            if row.bottom <= self.rect.bottom + 1:
                painter.text(line, row, self.size, self.colour, self.align)


class Fact(Widget):
    """A name at the left, its value at the right."""

    def __init__(self, name: str, value: Callable[[View], str], colour: Colour = theme.TEXT) -> None:
        super().__init__()
        self.name, self.value, self.colour = name, value, colour

    def look(self, view: View) -> Hashable:
        return self.value(view)

    def draw(self, painter: Painter, view: View) -> None:
        room = painter.width(self.name) + 12
        painter.text(self.name, self.rect, theme.BODY, theme.QUIET)
        right = pygame.FRect(self.rect.x + room, self.rect.y, self.rect.w - room, self.rect.h)
        painter.text(self.value(view), right, theme.BODY, self.colour, "right")


class Bar(Widget):
    """A share between 0 and 1 as a filled bar."""

    def __init__(self, share: Callable[[View], float], colour: Callable[[float], Colour] | Colour) -> None:
        super().__init__()
        self.share, self.colour = share, colour

    def look(self, view: View) -> Hashable:
        return round(self.share(view) * self.rect.w)

    def draw(self, painter: Painter, view: View) -> None:
        share = min(max(self.share(view), 0.0), 1.0)
        bar = pygame.FRect(self.rect.x, self.rect.centery - 4, self.rect.w, 8)
        painter.box(bar, theme.HAIRLINE, 4)
        colour = self.colour(share) if callable(self.colour) else self.colour
        if share > 0.01:
            painter.box(pygame.FRect(bar.x, bar.y, max(bar.w * share, 8), bar.h), colour, 4)


def decided(snapshot: Snapshot) -> bool:
    """Whether its speed, probabilities, value and confidence are an agent's: at rest there are none."""
    return snapshot.state != "idle"


class ActionTiles(Widget):
    """The probabilities of the three actions: a column each, the figure above, the word below."""

    names = ("slower", "keep", "faster")

    def look(self, view: View) -> Hashable:
        return decided(view.snapshot), tuple(round(p, 2) for p in view.snapshot.probabilities)

    def draw(self, painter: Painter, view: View) -> None:
        known = decided(view.snapshot)
        shares = view.snapshot.probabilities if known else (0.0, 0.0, 0.0)
        width = (self.rect.w - 16) / 3
        best = max(range(3), key=lambda i: shares[i])
        for index, (name, share) in enumerate(zip(self.names, shares, strict=True)):
            tile = pygame.FRect(self.rect.x + index * (width + 8), self.rect.y, width, self.rect.h)
            painter.box(tile, theme.RAISED, theme.CORNER_SMALL)
            height = max(tile.h * min(share, 1.0), 4 if known else 0)
            level = pygame.FRect(tile.x, tile.bottom - height, tile.w, height)
            colour = theme.mix(theme.RAISED, theme.MACHINE, 0.5 if index == best else 0.34)
            painter.box(level, colour, min(theme.CORNER_SMALL, height / 2))
            top = pygame.FRect(tile.x, tile.y + 5, tile.w, 18)
            figure = f"{share:.2f}" if known else "–"
            painter.text(figure, top, theme.BODY, theme.TEXT, "centre", bold=known and index == best)
            painter.text(
                name, pygame.FRect(tile.x, tile.bottom - 23, tile.w, 18), theme.SMALL, theme.TEXT, "centre"
            )


class Curve(Widget):
    """The last values of something, newest at the right. :meth:`push` adds one; drawing changes nothing."""

    def __init__(
        self, length: int = 120, colour: Colour = theme.MACHINE, low: float = 0.0, high: float = 1.0
    ) -> None:
        super().__init__()
        self.values: deque[float] = deque(maxlen=length)
        self.colour, self.low, self.high = colour, low, high
        self.pushed = 0

    def push(self, value: float) -> None:
        self.values.append(value if np.isfinite(value) else 0.0)
        self.pushed += 1

    def clear(self) -> None:
        self.values.clear()
        self.pushed += 1

    def look(self, view: View) -> Hashable:
        return self.pushed

    def draw(self, painter: Painter, view: View) -> None:
        base = self.rect.bottom - 2
        painter.line((self.rect.x, base), (self.rect.right, base), theme.HAIRLINE)
        if not self.values:
            painter.text("nothing yet", self.rect, theme.SMALL, theme.QUIET, "centre")
            return
        low, high = min(self.low, *self.values), max(self.high, *self.values)
        step = (self.rect.w - 4) / (self.values.maxlen - 1 if self.values.maxlen else 1)
        right, room = self.rect.right - 4, self.rect.h - 8
        points = [
            (
                right - (len(self.values) - 1 - i) * step,
                base - 3 - (value - low) / max(high - low, 1e-9) * room,
            )
            for i, value in enumerate(self.values)
        ]
        painter.curve(points, self.colour)
        painter.circle(points[-1], 2.5, theme.TEXT)


def _palette() -> np.ndarray:
    """(256, 3) uint8 from the panel's ground over blue to almost white."""
    steps = np.linspace(0.0, 1.0, 256)
    stops = np.array([0.0, 0.55, 1.0])
    colours = np.array([(19, 22, 28), theme.MACHINE, (222, 242, 255)], float)
    return np.stack([np.interp(steps, stops, colours[:, c]) for c in range(3)], axis=1).astype(np.uint8)


_PALETTE = _palette()


class Spectrogram(Widget):
    """The frames as the agent gets them: time to the right, low notes at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self._small: pygame.Surface | None = None
        self._large: pygame.Surface | None = None

    def look(self, view: View) -> Hashable:
        return view.snapshot.sample, bool(view.snapshot.spectrogram.any())

    def draw(self, painter: Painter, view: View) -> None:
        box = painter.device(self.rect)
        image = spectrogram_image(view.snapshot.spectrogram)
        if self._small is None or self._small.get_size() != image.shape[:2]:
            self._small = pygame.Surface(image.shape[:2])
        if self._large is None or self._large.get_size() != box.size:
            self._large = pygame.Surface(box.size)
        pygame.surfarray.blit_array(self._small, image)
        pygame.transform.scale(self._small, box.size, self._large)
        painter.surface.blit(self._large, box)
        if not view.snapshot.spectrogram.any():
            painter.text("silence", self.rect, theme.SMALL, theme.QUIET, "centre")


def spectrogram_image(frames: np.ndarray) -> np.ndarray:
    """(T, bands) float32 log magnitudes to (T, bands, 3) uint8, low bands at the bottom."""
    clean = np.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0)
    levels = clean / max(float(clean.max(initial=0.0)), 1.0)
    return _PALETTE[(np.clip(levels, 0.0, 1.0) * 255).astype(np.uint8)[:, ::-1]]


class LevelMeter(Widget):
    """Level, held peak and clip light of what is listened to; where ``silent`` holds, words instead."""

    hint = "Level of what is listened to; the light at the end says that it clips"

    def __init__(self, silent: Callable[[View], bool] = lambda view: False) -> None:
        super().__init__()
        self.silent = silent

    def look(self, view: View) -> Hashable:
        return self.silent(view), look_of_level(view.snapshot, self.rect.w)

    def draw(self, painter: Painter, view: View) -> None:
        if self.silent(view):
            painter.text("no signal", self.rect, theme.SMALL, theme.YOU, "right")
        else:
            draw_level(painter, self.rect, view.snapshot)


class Level(Protocol):
    """How loud it is: a snapshot of the engine, or the meter of an input."""

    @property
    def level_db(self) -> float: ...
    @property
    def peak_db(self) -> float: ...
    @property
    def clipped(self) -> bool: ...


def look_of_level(heard: Level, width: float) -> Hashable:
    """What :func:`draw_level` shows on a meter of this width."""
    level, peak = share_of_db(heard.level_db), share_of_db(heard.peak_db)
    return round(level * width), round(peak * width), heard.clipped


def draw_level(
    painter: Painter, rect: pygame.Rect, heard: Level, unlit: Colour = theme.HAIRLINE
) -> None:
    """A bar for the level, a line for the held peak, a light that tells of clipping."""
    bar = pygame.FRect(rect.x, rect.centery - 3, rect.w - 14, 6)
    painter.box(bar, unlit, 3)
    length = share_of_db(heard.level_db) * bar.w
    if length >= 2:
        colour = theme.GOOD if heard.level_db < -6 else theme.YOU
        painter.box(pygame.FRect(bar.x, bar.y, max(length, 6), bar.h), colour, 3)
    if heard.peak_db > FLOOR_DB:
        x = bar.x + share_of_db(heard.peak_db) * bar.w
        painter.fill(pygame.FRect(x - 1, bar.centery - 6, 2, 12), theme.TEXT)
    painter.circle((rect.right - 5, rect.centery), 4, theme.BAD if heard.clipped else unlit)


def share_of_db(level_db: float) -> float:
    """Where on a meter from -60 to 0 dB a level stands, 0 to 1."""
    return min(max((level_db - FLOOR_DB) / -FLOOR_DB, 0.0), 1.0)
