"""What the game of Play shows: the signed tracking error, and what came of it.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.sessions.play import Result, SteeringGame
from app.widgets.base import View, Widget
from app.widgets.painter import Painter


class ErrorMeter(Widget):
    """How far behind (left) or ahead (right) you are, between the edges where you lose the music."""

    def __init__(self, game: Callable[[], SteeringGame | None]) -> None:
        super().__init__()
        self.game = game

    def _share(self) -> float:
        game = self.game()
        return max(min(game.error_px / game.tolerance_px, 1.0), -1.0) if game else 0.0

    def look(self, view: View) -> Hashable:
        return round(self._share(), 2)

    def draw(self, painter: Painter, view: View) -> None:
        share = self._share()
        bar = pygame.FRect(self.rect.x, self.rect.y + 6, self.rect.w, 8)
        painter.box(bar, theme.HAIRLINE, 4)
        colour = theme.GOOD if abs(share) < 0.4 else theme.YOU if abs(share) < 0.75 else theme.BAD
        middle, x = bar.centerx, bar.centerx + share * bar.w / 2
        painter.fill(pygame.FRect(min(middle, x), bar.y, abs(x - middle), bar.h), colour)
        painter.fill(pygame.FRect(middle - 0.75, bar.y - 3, 1.5, bar.h + 6), theme.QUIET)
        painter.circle((min(max(x, bar.x + 6), bar.right - 6), bar.centery), 6, theme.TEXT)
        words = pygame.FRect(bar.x, bar.bottom + 4, bar.w, 16)
        painter.text("behind", words, theme.TINY, theme.QUIET)
        painter.text("ahead", words, theme.TINY, theme.QUIET, "right")


class ResultCard(Widget):
    """What came of the game, over the strip."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Result | None = None
        self.rank, self.best = 0, 0
        self.visible = False

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        return self.result, self.rank

    def draw(self, painter: Painter, view: View) -> None:
        result = self.result
        if result is None:
            return
        painter.frame(self.rect, theme.HAIRLINE, theme.SURFACE, 12, 1)
        x, width = self.rect.x + 32, self.rect.w - 64
        headline = (
            "You followed it to the end"
            if result.finished
            else f"You lost the music in measure {result.measure}"
        )
        painter.text(headline, pygame.Rect(x, self.rect.y + 22, width, 28), theme.TITLE, bold=True)
        record = self.rank == 1
        painter.text(str(result.score), pygame.Rect(x, self.rect.y + 64, width, 56), 44, theme.YOU, bold=True)
        beside = painter.width(str(result.score), 44, bold=True) + 14
        note = "your best so far" if record else f"best {self.best}"
        painter.text(
            f"of 1000 · {note}", pygame.FRect(x + beside, self.rect.y + 86, width - beside, 24), theme.LARGE
        )
        facts = (
            ("Followed", f"{result.followed:.0%}".replace("%", " %")),
            ("Mean error", f"{result.mean_error_px:.0f} px"),
        )
        for row, (name, value) in enumerate(facts):
            line = pygame.Rect(x, self.rect.y + 132 + row * 26, width, 22)
            painter.text(name, line, theme.BODY, theme.QUIET)
            painter.text(value, line, theme.BODY, theme.TEXT, "right")
