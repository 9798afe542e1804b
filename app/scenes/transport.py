"""The transport of Follow: start, stop, begin anew, loop, the way through the piece, tempo, take.

A part of the scene, in its own file because it has many controls.
"""

from __future__ import annotations

from typing import Protocol

import pygame

from app import theme
from app.bindings import label_of
from app.settings import FASTEST_DEMO, SLOWEST_DEMO
from app.widgets.base import View, Widget
from app.widgets.buttons import Button, IconButton, RoundButton
from app.widgets.chrome import BeatLight, Clock
from app.widgets.readouts import Label
from app.widgets.sliders import ProgressSlider, Slider


class Conductor(Protocol):
    """What the transport asks of its scene."""

    def start_stop(self) -> None: ...
    def stop(self) -> None: ...
    def restart(self) -> None: ...
    def loop_step(self) -> None: ...
    def seek(self, x_px: float) -> None: ...
    def toggle_metronome(self) -> None: ...
    def toggle_count_in(self) -> None: ...
    def save_take(self) -> None: ...
    def toggle_view(self) -> None: ...
    def shows_strip(self) -> bool: ...
    def set_tempo(self, factor: float) -> None: ...
    def tempo(self) -> float: ...
    def tempo_bpm(self) -> float: ...
    def cursor_px(self) -> float: ...
    def span_px(self) -> tuple[float, float]: ...
    def loop_px(self) -> tuple[float | None, float | None]: ...
    def measure_labels(self) -> tuple[str, str]: ...
    def is_running(self) -> bool: ...
    def has_metronome(self) -> bool: ...
    def has_count_in(self) -> bool: ...
    def beat(self) -> tuple[int, int] | None: ...
    def take_s(self) -> float: ...


class Transport:
    """The controls from left to right; on narrow windows the least important are left out."""

    def __init__(self, conductor: Conductor) -> None:
        c = self.conductor = conductor
        self.start = RoundButton(
            c.start_stop,
            lambda: "pause" if c.is_running() else "start",
            f"Start or stop ({label_of('start_stop')})",
        )
        self.stop = IconButton("stop", c.stop, "Stop and go back to the beginning")
        self.restart = IconButton("restart", c.restart, f"From the beginning ({label_of('restart')})")
        self.loop = IconButton(
            "loop", c.loop_step, f"Loop: A here, B here, off ({label_of('loop_a')} {label_of('loop_b')})",
            lambda: c.loop_px()[0] is not None,
        )  # fmt: skip
        self.view = IconButton("strip", c.toggle_view, f"Pages or strip ({label_of('view')})", c.shows_strip)
        self.progress = ProgressSlider(c.cursor_px, c.span_px, c.seek, c.loop_px, c.measure_labels)
        self.bpm = Label(lambda view: f"♩ = {c.tempo_bpm():.0f}", theme.BODY)
        self.percent = Label(lambda view: f"{100 * c.tempo():.0f} %", theme.TINY, theme.QUIET)
        self.tempo = Slider(
            c.tempo, c.set_tempo, SLOWEST_DEMO, FASTEST_DEMO, 1.0, 0.05,
            "Tempo of the demo; double click resets",
        )  # fmt: skip
        self.metronome = IconButton(
            "metronome", c.toggle_metronome, f"Metronome ({label_of('metronome')})", c.has_metronome
        )
        self.count_in = IconButton(
            "count_in", c.toggle_count_in, f"Count-in of one bar ({label_of('count_in', 'follow')})",
            c.has_count_in,
        )  # fmt: skip
        self.beat = BeatLight(c.beat)
        self.clock = Clock(c.take_s, c.is_running)
        self.save = Button(
            "Save take", c.save_take, kind="link", hint=f"As MIDI and WAV ({label_of('save_take')})"
        )

    def widgets(self) -> list[Widget]:
        return [
            self.start, self.stop, self.restart, self.loop, self.view, self.progress, self.bpm, self.percent,
            self.tempo, self.metronome, self.count_in, self.beat, self.clock, self.save,
        ]  # fmt: skip

    def place(self, rect: pygame.Rect) -> None:
        """Into the rectangle of the transport."""
        y, h, x = rect.y, rect.h, rect.x + 10
        self.start.rect = pygame.Rect(x, y + (h - 36) // 2, 36, 36)
        x += 46
        for button in (self.stop, self.restart, self.loop, self.view):
            button.rect = pygame.Rect(x, y + (h - 34) // 2, 34, 34)
            x += 36
        right = self._place_right(rect)
        self.progress.rect = pygame.Rect(x + 10, y + 2, max(right - x - 26, 80), h - 5)

    def _place_right(self, rect: pygame.Rect) -> int:
        y, h = rect.y, rect.h
        middle = y + (h - 34) // 2
        right = rect.right - 12
        roomy, wide = rect.w >= 700, rect.w >= 940
        beating = wide and (self.conductor.has_metronome() or self.conductor.has_count_in())
        for widget in (self.clock, self.save, self.tempo):
            widget.visible = roomy
        self.beat.visible = beating
        if roomy:
            self.save.rect = pygame.Rect(right - 84, middle, 84, 34)
            self.clock.rect = pygame.Rect(right - 152, middle, 62, 34)
            right -= 164
        for button in (self.count_in, self.metronome):
            button.rect = pygame.Rect(right - 34, middle, 34, 34)
            right -= 36
        if beating:
            self.beat.rect = pygame.Rect(right - 42, middle, 40, 34)
            right -= 48
        if roomy:
            width = 110 if wide else 72
            self.tempo.rect = pygame.Rect(right - width, middle, width, 34)
            right -= width + 8
        self.bpm.rect = pygame.Rect(right - 62, y + 11, 62, 20)
        self.percent.rect = pygame.Rect(right - 62, y + 30, 62, 14)
        return right - 62

    def update(self, view: View, has_piece: bool) -> None:
        """Without a piece nothing can be pressed."""
        for widget in self.widgets():
            widget.enabled = has_piece
