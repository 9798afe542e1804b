"""The parts that every scene has: the rail of modes, the chips of the header, the ground of the transport."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import pygame

from app import theme
from app.widgets import fonts
from app.widgets.base import View, Widget, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.painter import Painter


@dataclass(frozen=True)
class Mode:
    """An entry of the rail."""

    name: str
    label: str
    icon: str
    built: bool = True


MODES = (
    Mode("home", "Home", "home"),
    Mode("follow", "Follow", "follow"),
    Mode("play", "Play", "play_mode"),
    Mode("duet", "Duet", "duet"),
    Mode("launchpad", "Launchpad", "launchpad"),
    Mode("compose", "Compose", "compose", built=False),
    Mode("inside", "Inside", "inside"),
)


class RailGround(Widget):
    """The column behind the modes, with the initial of the program."""

    def draw(self, painter: Painter, view: View) -> None:
        painter.fill(self.rect, theme.SURFACE)
        painter.text(
            "R", pygame.Rect(self.rect.x, 16, self.rect.w, 36), 22, theme.MACHINE, "centre", bold=True
        )


class RailButton(Pressable):
    """A mode: icon and word. The current one is raised and has a bar at the edge."""

    def __init__(self, mode: Mode, current: bool, on_press: Callable[[], object]) -> None:
        super().__init__(on_press, "" if mode.built else f"{mode.label}: not built yet")
        self.mode, self.current = mode, current

    def look(self, view: View) -> Hashable:
        return self.current

    def draw(self, painter: Painter, view: View) -> None:
        inner = self.rect.inflate(-16, -4)
        if self.current:
            painter.box(inner, theme.RAISED, theme.CORNER)
            bar = pygame.Rect(self.rect.x, inner.centery - 18, 3, 36)
            painter.fill(bar, theme.MACHINE)
        elif self.hovered:
            painter.box(inner, theme.mix(theme.SURFACE, theme.RAISED, 0.7), theme.CORNER)
        quiet = theme.QUIET if self.mode.built else theme.mix(theme.SURFACE, theme.QUIET, 0.45)
        words = theme.QUIET if self.mode.built else theme.mix(theme.SURFACE, theme.QUIET, 0.72)
        lit = self.current or (self.hovered and self.mode.built)
        tall = inner.h >= 52
        icon = pygame.FRect(inner.x, inner.y + (7 if tall else 2), inner.w, 26 if tall else inner.h - 20)
        painter.icon(
            self.mode.icon,
            icon,
            theme.MACHINE if self.current else theme.TEXT if lit else quiet,
            24 if tall else 20,
        )
        label = pygame.FRect(inner.x - 6, inner.bottom - (25 if tall else 19), inner.w + 12, 18)
        painter.text(self.mode.label, label, theme.TINY, theme.TEXT if lit else words, "centre")
        if self.focused:
            draw_focus(painter, inner)


class Chip(Pressable):
    """A device in the header: a dot that says whether it is there, its name; a click chooses another."""

    def __init__(
        self,
        icon: str,
        name: Callable[[], str],
        good: Callable[[], bool],
        on_press: Callable[[], object],
        hint: str,
    ) -> None:
        super().__init__(on_press, hint)
        self.icon, self.name, self.good = icon, name, good

    def look(self, view: View) -> Hashable:
        return self.name(), self.good()

    def natural_width(self, scale: float) -> float:
        """Logical width that shows the whole name, within reason."""
        words = fonts.text_width(self.name(), round(theme.SMALL * scale)) / scale
        return min(words, 132.0) + 56

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, self.ground(theme.SURFACE), self.rect.h / 2)
        good = self.good()
        dot = (self.rect.x + 14, self.rect.centery)
        painter.circle(dot, 4, theme.GOOD if good else theme.HAIRLINE)
        icon = pygame.FRect(self.rect.x + 22, self.rect.y, 16, self.rect.h)
        painter.icon(self.icon, icon, theme.QUIET, 14)
        words = pygame.FRect(self.rect.x + 42, self.rect.y, self.rect.w - 52, self.rect.h)
        painter.text(self.name(), words, theme.SMALL, theme.TEXT if good else theme.QUIET)
        if self.focused:
            draw_focus(painter, self.rect, self.rect.h / 2)


class Clock(Widget):
    """The red dot and how long has been captured."""

    def __init__(self, seconds: Callable[[], float], running: Callable[[], bool]) -> None:
        super().__init__()
        self.seconds, self.running = seconds, running

    def look(self, view: View) -> Hashable:
        return int(self.seconds()), self.running()

    def draw(self, painter: Painter, view: View) -> None:
        running = self.running()
        painter.circle((self.rect.x + 6, self.rect.centery), 5, theme.BAD if running else theme.HAIRLINE)
        words = pygame.Rect(self.rect.x + 18, self.rect.y, self.rect.w - 18, self.rect.h)
        painter.text(as_time(self.seconds()), words, theme.BODY, theme.TEXT if running else theme.QUIET)


def as_measure(number: str) -> str:
    """A measure by its printed number; what comes before the first has none."""
    return f"m. {number}" if number else "upbeat"


def as_time(seconds: float) -> str:
    """``mm:ss``."""
    whole = max(int(seconds), 0)
    return f"{whole // 60:02d}:{whole % 60:02d}"


class BeatLight(Widget):
    """The metronome to be seen: one dot a beat of the bar, the present one lit, the first one larger."""

    def __init__(self, beat: Callable[[], tuple[int, int] | None]) -> None:
        super().__init__()
        self.beat = beat

    def look(self, view: View) -> Hashable:
        return self.beat()

    def draw(self, painter: Painter, view: View) -> None:
        beat = self.beat()
        if beat is None:
            return
        now, count = beat
        step = min(9.0, (self.rect.w - 6) / max(count - 1, 1))
        radius = min(3.0, 0.45 * step)
        for index in range(count):
            centre = (self.rect.centerx + (index - (count - 1) / 2) * step, self.rect.centery)
            colour = theme.YOU if index == now else theme.HAIRLINE
            painter.circle(centre, radius * 4 / 3 if index == 0 else radius, colour)


def window_icon() -> pygame.Surface:
    """What the system shows for the window."""
    icon = pygame.Surface((64, 64), pygame.SRCALPHA)
    painter = Painter(icon)
    painter.box(pygame.Rect(0, 0, 64, 64), theme.SURFACE, 14)
    painter.text("R", pygame.Rect(0, 0, 64, 62), 44, theme.MACHINE, "centre", bold=True)
    return icon
