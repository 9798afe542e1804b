"""The pill at the foot of the page: what the program waits for, and what to do about it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import pygame

from app import theme
from app.engine.snapshot import Snapshot
from app.widgets.base import View, Widget
from app.widgets.painter import Painter

if TYPE_CHECKING:
    from app.scenes.studio import Studio

_COLOURS = {"plain": theme.MACHINE, "good": theme.GOOD, "bad": theme.BAD, "you": theme.YOU}


class Status(Widget):
    """One line in a pill; nothing where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.area = pygame.Rect(0, 0, 0, 0)
        self.text, self.kind = "", "plain"

    @property
    def pill_top(self) -> int:
        """Its upper edge, whether it is shown or not."""
        return self.area.bottom - 50

    def contains(self, x: float, y: float) -> bool:
        return False

    def say(self, text: str, kind: str = "plain") -> None:
        """Show this from now on."""
        self.text, self.kind = text, kind

    def look(self, view: View) -> Hashable:
        return self.text, self.kind

    def extent(self, view: View) -> pygame.Rect:
        height = 36 if self.text else 0
        return pygame.Rect(self.area.x + 8, self.area.bottom - 52, self.area.w - 16, height)

    def draw(self, painter: Painter, view: View) -> None:
        if not self.text:
            return
        width = min(painter.width(self.text) + 52, self.area.w - 24)
        pill = pygame.FRect(self.area.centerx - width / 2, self.pill_top, width, 32)
        painter.box(pill, theme.RAISED, 16)
        painter.circle((pill.x + 18, pill.centery), 4, _COLOURS[self.kind])
        words = pygame.FRect(pill.x + 32, pill.y, pill.w - 46, pill.h)
        painter.text(self.text, words, theme.BODY, theme.TEXT)


def status_of(snapshot: Snapshot, studio: Studio, running: bool) -> tuple[str, str]:
    """What to say at this moment, and in which colour."""
    session = studio.session
    if session is None:
        return "There is no follower; choose one in Settings", "bad"
    if not session.ready:
        return (session.problem, "bad") if session.problem else ("The follower is getting ready …", "plain")
    resting = snapshot.state in ("paused", "finished")
    if studio.devices.unheard(snapshot) and not resting:
        return studio.devices.unheard_words(), "bad"
    demo = studio.settings.now.source == "demo"
    if snapshot.state == "waiting" and not demo:
        quiet = "; nothing is heard yet" if snapshot.no_signal else ""
        return f"Play: it follows from the first note{quiet}", "you"
    if snapshot.state == "lost":
        return "It has lost you: play on, or click where you are", "bad"
    if snapshot.state == "paused":
        return "Paused. Space goes on", "plain"
    if snapshot.state == "finished":
        return "The end. Space plays it again", "good"
    if snapshot.state == "idle":
        return (
            "Space: the demo plays and is followed" if demo else "Space: it listens and follows you"
        ), "plain"
    return "", "plain"
