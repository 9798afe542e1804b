"""The transport of Duet: start and stop, roll or score, the bar, tempo, click, count-in, take and export.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.duet_desk import DuetDesk
from app.scenes.duet_menus import DuetMenus
from app.sessions.duet.choices import FASTEST_BPM, SLOWEST_BPM
from app.widgets.bar_counter import BarCounter
from app.widgets.base import Widget
from app.widgets.buttons import Button, IconButton, RoundButton
from app.widgets.chrome import Clock
from app.widgets.form import Dropdown
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Label
from app.widgets.sliders import Slider

Show = Callable[[list[MenuItem], pygame.Rect], object]


class DuetTransport:
    """The controls from left to right; in narrow windows the least important are left out."""

    def __init__(
        self, desk: DuetDesk, menus: DuetMenus, show: Show, view: Callable[[], object],
        shows_score: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.desk = desk
        self.start = RoundButton(
            desk.start_stop, lambda: "stop" if desk.running else "start",
            f"Start or stop ({label_of('start_stop')})",
        )  # fmt: skip
        self.again = IconButton("restart", desk.start_over, f"Start over ({label_of('start_over')})")
        self.view = IconButton("pages", view, f"Roll or score ({label_of('view')})", shows_score)
        self.counter = BarCounter(
            self._words, self._detail, self._sixteenth, lambda: desk.choices.bar_steps, "The bar that plays"
        )
        self.meter = Dropdown(
            lambda: f"{desk.choices.beats_a_bar}/4", lambda: show(menus.meters(), self.meter.rect),
            "Meter; all bars are counted anew",
        )  # fmt: skip
        self.bpm = Label(lambda view: f"♩ = {desk.now.tempo_bpm:.0f}", theme.BODY)
        self.percent = Label(
            lambda view: f"{100 * desk.now.tempo_bpm / desk.own_bpm:.0f} %", theme.TINY, theme.QUIET
        )
        self.tempo = Slider(
            lambda: desk.choices.tempo_bpm, desk.set_tempo, SLOWEST_BPM, FASTEST_BPM, desk.own_bpm, 1.0,
            f"Tempo: drag, wheel or {label_of('tempo_down')} {label_of('tempo_up')}; double click resets",
        )  # fmt: skip
        self.click = IconButton(
            "metronome", desk.toggle_click, f"Metronome ({label_of('metronome')})", lambda: desk.choices.click
        )
        self.count_in = IconButton(
            "count_in", desk.studio.toggle_count_in, f"Count-in of one bar ({label_of('count_in', 'duet')})",
            lambda: desk.studio.counts_in,
        )  # fmt: skip
        self.clock = Clock(lambda: desk.now.heard_s, lambda: desk.running)
        self.export = Button(
            "Export", lambda: show(menus.exports(), self.export.rect), "export", "link",
            f"As MIDI, WAV or MusicXML ({label_of('export')})",
        )  # fmt: skip

    def _words(self) -> str:
        if not self.desk.running:
            return "stopped"
        bar = self.desk.now.bar
        return "count-in" if bar < 0 else f"bar {bar + 1}"

    def _detail(self) -> tuple[str, bool]:
        now = self.desk.now
        if not self.desk.running:
            return "", False
        switched = "roles switched" if now.switched else ""
        return {"you": "your turn", "machine": "its turn"}.get(now.turn, switched), now.turn == "you"

    def _sixteenth(self) -> int:
        return int(self.desk.now.step) % self.desk.choices.bar_steps if self.desk.running else -1

    def widgets(self) -> list[Widget]:
        return [
            self.start, self.again, self.view, self.counter, self.meter, self.bpm, self.percent, self.tempo,
            self.click, self.count_in, self.clock, self.export,
        ]  # fmt: skip

    def place(self, bar: pygame.Rect) -> None:
        """Into the rectangle of the transport."""
        middle, x = bar.y + (bar.h - 34) // 2, bar.x + 10
        self.start.rect = pygame.Rect(x, bar.y + (bar.h - 36) // 2, 36, 36)
        x += 46
        for button in (self.again, self.view):
            button.rect = pygame.Rect(x, middle, 34, 34)
            x += 36
        right = bar.right - 12
        roomy = bar.w >= 700
        self.clock.visible = roomy
        self.export.rect = pygame.Rect(right - 96, middle, 96, 34)
        right -= 104
        if roomy:
            self.clock.rect = pygame.Rect(right - 64, middle, 64, 34)
            right -= 74
        for button in (self.count_in, self.click):
            button.rect = pygame.Rect(right - 34, middle, 34, 34)
            right -= 36
        width = 130 if bar.w >= 900 else 80
        self.tempo.rect = pygame.Rect(right - width, middle, width, 34)
        right -= width + 6
        self.bpm.rect = pygame.Rect(right - 62, bar.y + 11, 62, 20)
        self.percent.rect = pygame.Rect(right - 62, bar.y + 30, 62, 14)
        right -= 62
        self.meter.visible = roomy
        if roomy:
            self.meter.rect = pygame.Rect(right - 64, middle + 2, 56, 30)
            right -= 68
        self.counter.visible = right - x >= 180
        self.counter.rect = pygame.Rect(x + 14, bar.y, min(right - x - 34, 560), bar.h)

    def update(self) -> None:
        """The tempo is ours, or that of whoever plays; a part follows nobody, nor is it followed."""
        self.tempo.enabled = not self.desk.choices.follow_tempo or bool(self.desk.now.part_name)
        self.tempo.default = self.desk.own_bpm
