"""Takes: what was played, to be heard again, named, saved as MIDI and WAV, or thrown away.

Used by the thread of the window.
"""

from __future__ import annotations

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.base import Scene
from app.scenes.studio import Studio
from app.widgets.base import View, Widget
from app.widgets.buttons import Button, RoundButton
from app.widgets.inputs import TextField
from app.widgets.readouts import Fact, Label, Paragraph
from app.widgets.stack import Row, stack
from app.widgets.take_list import TakeList, TakeRow

EMPTY = (
    "Nothing was captured yet. Play with the PC keys, a MIDI keyboard or into a microphone: "
    "every note is kept here by itself."
)
CAPTURING = "What you play is being captured. It appears here as soon as it ends."


class Takes(Scene):
    """The list, and what can be done with the take chosen in it."""

    name = "takes"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._playing = ""
        self.list = TakeList(lambda: self._playing)
        self._recording = False
        self.empty = Paragraph(EMPTY, theme.LARGE, align="centre")
        self.name_field = TextField("Give it a name", lambda text: None, self._rename, icon="compose")
        self._head = Label(
            lambda view: self.list.current.title if self.list.current else "", theme.LARGE, bold=True
        )
        self._length = Fact(
            "Length", lambda view: f"{self.list.current.seconds:.1f} s" if self.list.current else ""
        )
        self._play = Button("Play", self._toggle, icon="start")
        self._save = Button("Save as MIDI and WAV", self._export, icon="save")
        self._name = Button("Keep this name", self._rename, icon="check")
        self._delete = Button("Delete", self._remove, icon="trash", kind="danger")
        self._sure = ""
        self._start = RoundButton(
            self._toggle, lambda: "stop" if self._playing else "start", label_of("start_stop")
        )
        self._foot = Label(
            lambda view: "Takes that you name are kept for good; of the others the oldest make room.",
            theme.BODY, theme.QUIET,
        )  # fmt: skip
        self.actions |= {
            "start_stop": self._toggle,
            "save_take": self._export,
            "up": lambda: self.list.move(-1),
            "down": lambda: self.list.move(1),
            "delete": self._remove,
        }

    def title(self) -> str:
        return "Takes"

    def subtitle(self, view: View) -> str:
        count = len(self.list.rows)
        return f"{count} takes" if count != 1 else "one take"

    def body(self) -> list[Widget]:
        return [
            self.list, self.empty, self._head, self._length, self._play, self._save, self.name_field,
            self._name, self._delete, self._start, self._foot,
        ]  # fmt: skip

    def place(self) -> None:
        area = self.areas
        self.list.rect = area.content.inflate(-4, -4)
        middle = area.content.centerx
        self.empty.rect = pygame.Rect(middle - 220, area.content.centery - 40, 440, 80)
        self._start.rect = pygame.Rect(area.transport.x + 10, area.transport.y + 10, 36, 36)
        bar = area.transport
        self._foot.rect = pygame.Rect(bar.x + 60, bar.y, bar.w - 80, bar.h)
        controls = self._controls()
        if area.panel.w:
            rows = [Row((widget,), 40 if index > 1 else 24, gap=10) for index, widget in enumerate(controls)]
            stack(area.panel.inflate(-40, -36), rows)

    def _controls(self) -> list[Widget]:
        """What can be done with the chosen take, from top to bottom."""
        return [self._head, self._length, self._play, self._save, self.name_field, self._name, self._delete]

    def enter(self) -> None:
        """What was played up to now belongs in the list: its take ends, and appears when it is closed."""
        self._sure = ""
        if self.studio.takes and self.studio.takes.recorder.recording:
            self.studio.takes.recorder.split()
        self._read()

    def leave(self) -> None:
        self._sure = ""
        self._stop()

    def update(self, view: View) -> None:
        takes = self.studio.takes
        if self._playing and takes and not takes.replay.playing:
            self._stop()
        self._watch(takes is not None and takes.recorder.recording)
        there = self.list.current is not None
        for widget in (self.panel_ground, *self._controls()):
            widget.visible = there and self.areas.panel.w > 0
        self.empty.visible = not self.list.rows
        for button in (self._play, self._save, self._name, self._delete, self._start, self.name_field):
            button.enabled = there
        self._play.label, self._play.icon = ("Stop", "stop") if self._playing else ("Play", "start")
        if self.list.current is None or self.list.current.key != self._sure:
            self._sure = ""
        self._delete.label = "Delete for good?" if self._sure else "Delete"

    def _watch(self, recording: bool) -> None:
        """A take that has ended comes into the list."""
        if self._recording and not recording:
            self._read()
        self._recording = recording
        self.empty.text = CAPTURING if recording else EMPTY

    def _read(self) -> None:
        takes = self.studio.takes.list() if self.studio.takes else []
        self.list.show([TakeRow(take.key, take.title, take.info.piece, take.duration_s) for take in takes])

    def _toggle(self) -> None:
        takes, row = self.studio.takes, self.list.current
        if takes is None or row is None:
            return
        if self._playing:
            self._stop()
        else:
            takes.replay.play(row.key)
            self._playing = row.key

    def _stop(self) -> None:
        if self.studio.takes and self._playing:
            self.studio.takes.replay.stop()
        self._playing = ""

    def _export(self) -> None:
        if self.studio.takes and self.list.current:
            self.studio.takes.save(self.list.current.key)

    def _rename(self) -> None:
        if self.studio.takes and self.list.current and self.name_field.text.strip():
            self.studio.takes.folder.rename(self.list.current.key, self.name_field.text)
            self.name_field.put("")
            self._read()

    def _remove(self) -> None:
        """The first press asks, the second deletes."""
        row = self.list.current
        if self.studio.takes is None or row is None:
            return
        if self._sure == row.key:
            self._stop()
            self._sure = ""
            try:
                self.studio.takes.folder.delete(row.key)
            except OSError as error:
                words = f"The take could not be deleted ({error.strerror}). It is still there."
                self.studio.say(words, "bad")
            self._read()
        else:
            self._sure = row.key
