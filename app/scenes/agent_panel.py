"""The side panel of Follow: what the agent hears, wants and believes, and how quick it is."""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.bindings import label_of
from app.engine.snapshot import Snapshot
from app.scenes.studio import Studio
from app.widgets.base import View, Widget
from app.widgets.buttons import Button
from app.widgets.inputs import MiniPiano
from app.widgets.readouts import ActionTiles, Bar, Curve, Fact, Label, Spectrogram, decided
from app.widgets.stack import Row, stack

FRAMES_PER_S, SILENT_DB = 20, -90.0


def confidence_colour(share: float) -> theme.Colour:
    """Good, doubtful, lost; the figure beside the bar says it too."""
    return theme.GOOD if share >= 0.5 else theme.YOU if share >= 0.2 else theme.BAD


def confidence_words(now: Snapshot) -> str:
    """How sure it is."""
    return f"{now.confidence:.0%}".replace("%", " %")


def value_words(now: Snapshot) -> str:
    """What it expects of the rest."""
    return f"{now.value:.2f}"


def confidence_share(view: View) -> float:
    """Of the bar: empty where there is no figure."""
    return view.snapshot.confidence if decided(view.snapshot) else 0.0


def decided_fact(name: str, words: Callable[[Snapshot], str]) -> Fact:
    """A figure of the agent's, where it has one."""
    return Fact(name, lambda view: words(view.snapshot) if decided(view.snapshot) else "–")


class AgentPanel:
    """The widgets of the panel and their order. :meth:`update` once a frame."""

    def __init__(self, studio: Studio, choose_follower: Callable[[], object]) -> None:
        self.studio = studio
        self.curve = Curve()
        self.follower = Button(studio.follower, choose_follower, icon="down", hint="Another follower")
        self.look = Button(
            "Look inside", lambda: studio.ask("scene_inside"), "inside", "link",
            f"Why it does so ({label_of('look_inside')})",
        )  # fmt: skip
        self.piano = MiniPiano(lambda: studio.piano.held, studio.piano.press, studio.piano.release)
        self._sample = -1
        self._heard = Label("What it hears", colour=theme.QUIET)
        self._level = Label(self._level_words, theme.SMALL, theme.QUIET, "right")
        self._spectrogram = Spectrogram()
        self._speed = decided_fact(
            "Speed", lambda now: f"{now.speed_px_s / FRAMES_PER_S:.1f} px per frame"
        )
        self._tiles = ActionTiles()
        self._confidence = decided_fact("Confidence", confidence_words)
        self._bar = Bar(confidence_share, confidence_colour)
        self._value = decided_fact("Value of this state", value_words)
        self._name = Label("Follower", colour=theme.QUIET)
        self._decision = Fact("Decision", lambda view: f"{view.snapshot.decision_ms:.1f} ms")
        self._troubles = Fact("Dropouts · late answers", self._trouble_words)

    def widgets(self) -> list[Widget]:
        return [
            self._heard, self._level, self._spectrogram, self._speed, self._tiles, self._confidence,
            self._bar, self._value, self.curve, self._name, self.follower, self._decision,
            self._troubles, self.look, self.piano,
        ]  # fmt: skip

    def place(self, panel: pygame.Rect) -> None:
        """Into the panel; what there is no room for is left out, the least important first."""
        inside = panel.inflate(-40, -32)
        keys = self.studio.settings.now.source == "keyboard"
        if panel.w == 0:
            for widget in self.widgets():
                widget.visible = False
            return
        self.piano.visible = False
        rows = [
            Row((self._heard, self._level), 20, gap=6, overlaid=True),
            Row((self._spectrogram,), 64, grow=5, gap=14),
            Row((self._speed,), 20, gap=8, spare=2),
            Row((self._tiles,), 60, gap=14),
            Row((self._confidence,), 20, gap=2),
            Row((self._bar,), 12, gap=12),
            Row((self._value,), 20, gap=2, spare=4),
            Row((self.curve,), 32, grow=3, gap=12, spare=4),
            Row((self._name, self.follower), 28, gap=8),
            Row((self._decision,), 20, gap=8, spare=1),
            Row((self._troubles,), 20, gap=8, spare=3),
            Row((self.look,), 28, gap=8, spare=5),
            *([Row((self.piano,), 56, gap=0, spare=6)] if keys else []),
        ]
        stack(inside, rows)

    def update(self, view: View) -> None:
        """Add the newest value to the curve."""
        if view.snapshot.sample != self._sample:
            self._sample = view.snapshot.sample
            if view.snapshot.state in ("following", "lost"):
                self.curve.push(view.snapshot.value)
        self.follower.label = self.studio.follower

    def clear(self) -> None:
        """Another piece or a new start: the curve begins anew."""
        self.curve.clear()

    def _trouble_words(self, view: View) -> str:
        desk = self.studio.devices
        card = desk.output_good() or desk.audio_label("input") != "No input"
        dropouts = str(view.snapshot.dropouts) if card else "–"  # without a card nothing can drop out
        return f"{dropouts} · {view.snapshot.late_frames}"

    def _level_words(self, view: View) -> str:
        if self.studio.devices.unheard(view.snapshot):
            return "no signal"
        level_db = view.snapshot.level_db
        return "silence" if level_db <= SILENT_DB else f"{level_db:.0f} dB".replace("-", "−")
