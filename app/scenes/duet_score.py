"""The score of a duet as it grows: engraved on a thread whenever a bar is full, shown on paper.

Used by the thread of the window.
"""

from __future__ import annotations

import logging
import threading

import pygame

from app.scenes.duet_desk import DuetDesk
from app.sessions.duet.snapshot import DuetSnapshot
from app.widgets.base import Widget
from app.widgets.score_sheet import ScoreSheet, Sheets
from pieces.errors import RipienoError
from pieces.layout import read_layout

log = logging.getLogger(__name__)


class DuetScore:
    """``shown`` in place of the roll. One engraving at a time; the next begins when a new bar is there."""

    def __init__(self, desk: DuetDesk) -> None:
        self.desk = desk
        self.sheet = ScoreSheet(desk.studio.renderer)
        self.shown = False
        self.problem = ""
        self._ready: Sheets | None = None
        self._number = 0
        self._engraved: tuple[int, float] | None = None
        self._thread: threading.Thread | None = None

    def widgets(self) -> list[Widget]:
        return [self.sheet]

    def place(self, rect: pygame.Rect, scale: float) -> None:
        """Into the rectangle of the content."""
        self.sheet.set_room(rect, scale)

    def toggle(self) -> None:
        """Show it, or the roll again."""
        self.shown = not self.shown
        self._engraved = None

    def leaf(self, step: int) -> None:
        """So many windows further down, up where negative."""
        if self.shown:
            self.sheet.leaf(step)

    @property
    def engraving(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def status(self) -> tuple[str, str]:
        """What to say at the foot of the page."""
        if self.problem:
            return self.problem, "bad"
        if self.sheet.sheets is None or not self.sheet.drawn:
            if not self.desk.now.heard_s:
                return "Nothing is written yet: Space, then play", "you"
            return "Engraving …", "plain"
        return "", "plain"

    def update(self, now: DuetSnapshot) -> None:
        """Once a frame: take in what was engraved, and begin anew where there is more to write."""
        ready, self._ready = self._ready, None
        if ready is not None:
            self.sheet.show(ready)
        playing = now.state == "playing"
        there = (max(now.bar, 0), 0.0) if playing else (-1, now.heard_s)
        free = not self.engraving and self.sheet.complete
        if self.shown and now.heard_s and there != self._engraved and free:
            self._engraved = there
            self._number += 1
            self._thread = threading.Thread(
                target=self._engrave, args=(self._number,), name="duet-score", daemon=True
            )
            self._thread.start()

    def _engrave(self, number: int) -> None:
        try:
            engraving, upper = self.desk.session.engrave()
            pages = engraving.svg_pages
            self._ready = Sheets(number, pages, read_layout(pages).systems, upper)
            self.problem = ""
        except RipienoError as problem:
            self.problem = str(problem)
        except Exception:
            log.exception("the duet was not engraved")
            self.problem = "The score could not be engraved; details are in the log."
