"""The transport of the launchpad: start and stop, undo, where in the bar, tempo, click, count-in, export."""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.launchpad_desk import LaunchpadDesk
from app.widgets.bar_counter import BarCounter
from app.widgets.base import Widget
from app.widgets.buttons import Button, IconButton, RoundButton
from app.widgets.chrome import Clock
from app.widgets.readouts import Label
from app.widgets.sliders import Slider

BPM, SLOWEST, FASTEST = 120.0, 40.0, 240.0
CLOCK_WORDS = {"waiting": "waits for the clock", "followed": "MIDI clock leads", "lost": "the clock is lost"}


class LaunchpadTransport:
    """The controls from left to right; in narrow windows the least important are left out."""

    def __init__(self, desk: LaunchpadDesk, export: Callable[[], object]) -> None:
        self.desk = desk
        studio = desk.studio
        self.start = RoundButton(
            desk.start_stop,
            lambda: "stop" if desk.running else "start",
            f"Start; stop at the end of the bar, at once if pressed again ({label_of('start_stop')})",
        )
        self.undo = IconButton("undo", desk.undo, f"Take back what you did, without end ({label_of('undo')})")
        self.redo = IconButton("redo", desk.redo, f"Do again ({label_of('redo')})")
        self.counter = BarCounter(
            self._words, self._detail, self._sixteenth,
            hint="The bar that plays; what is pressed is heard from the next one on",
        )  # fmt: skip
        self.bpm = Label(lambda view: f"♩ = {desk.now.tempo_bpm:.0f}", theme.BODY)
        self.tempo = Slider(
            lambda: desk.arrangement.tempo_bpm, desk.set_tempo, SLOWEST, FASTEST, BPM, 1.0,
            f"Tempo: drag, wheel or {label_of('tempo_down')} {label_of('tempo_up')}; double click resets",
        )  # fmt: skip
        self.click = IconButton(
            "metronome", self.toggle_click, f"A click on every beat ({label_of('click')})",
            lambda: desk.arrangement.click,
        )  # fmt: skip
        self.count_in = IconButton(
            "count_in", studio.toggle_count_in, f"Count-in of one bar ({label_of('count_in', 'launchpad')})",
            lambda: studio.counts_in,
        )  # fmt: skip
        self.clock = Clock(lambda: desk.now.heard_s, lambda: desk.running)
        hint = f"As MIDI, WAV or JSON ({label_of('export')})"
        self.export = Button("Export", export, "export", "link", hint)

    def _words(self) -> str:
        now = self.desk.now
        if now.state == "stopped":
            return "stopped"
        return "count-in" if now.state == "count-in" else f"bar {now.bar + 1}"

    def _detail(self) -> tuple[str, bool]:
        now = self.desk.now
        if now.state == "stopping":
            return "stops with this bar", False
        if now.link is not None:
            part = now.arrangement.chain[now.link].part
            return f"chain: {now.arrangement.parts[part].name}", False
        return CLOCK_WORDS.get(now.clock, ""), now.clock == "lost"

    def _sixteenth(self) -> int:
        now = self.desk.now
        return -1 if now.state == "stopped" else int(now.step) // 4

    def toggle_click(self) -> None:
        self.desk.session.set_click(not self.desk.arrangement.click)

    def widgets(self) -> list[Widget]:
        return [
            self.start, self.undo, self.redo, self.counter, self.bpm, self.tempo, self.click, self.count_in,
            self.clock, self.export,
        ]  # fmt: skip

    def place(self, bar: pygame.Rect) -> None:
        """Into the rectangle of the transport."""
        middle, x = bar.y + (bar.h - 34) // 2, bar.x + 10
        self.start.rect = pygame.Rect(x, bar.y + (bar.h - 36) // 2, 36, 36)
        x += 46
        for button in (self.undo, self.redo):
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
        self.bpm.rect = pygame.Rect(right - 62, middle, 62, 34)
        right -= 62
        self.counter.visible = right - x >= 180
        self.counter.rect = pygame.Rect(x + 14, bar.y, min(right - x - 34, 560), bar.h)

    def update(self) -> None:
        """What can be taken back, and whether the tempo is ours."""
        self.undo.enabled, self.redo.enabled = bool(self.desk.now.undo_label), bool(self.desk.now.redo_label)
        self.tempo.enabled = self.desk.now.clock in ("own", "waiting")
