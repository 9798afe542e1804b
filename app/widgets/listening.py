"""What the listening test shows: a card for each of the two duets, and what the votes come to.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.sessions.duet.votes import PairResult
from app.widgets.base import View, Widget, draw_focus
from app.widgets.buttons import Pressable
from app.widgets.painter import Painter

ROW_H = 92


class DuetCard(Pressable):
    """One of the two: its letter, whether it was heard, how far it is. A press plays it."""

    def __init__(self, letter: str, on_press: Callable[[], object], hint: str) -> None:
        super().__init__(on_press, hint)
        self.letter, self.words = letter, ""
        self.share: float | None = None
        self.heard = False

    def look(self, view: View) -> Hashable:
        share = None if self.share is None else round(self.share * self.rect.w)
        return self.words, share, self.heard

    def draw(self, painter: Painter, view: View) -> None:
        plays = self.share is not None
        painter.box(self.rect, self.ground(theme.RAISED if plays else theme.SURFACE), theme.CORNER)
        size = round(min(self.rect.h * 0.42, 120))
        letter = pygame.FRect(self.rect.x, self.rect.centery - size * 0.75, self.rect.w, size * 1.1)
        colour = theme.TEXT if self.enabled else theme.QUIET
        painter.text(self.letter, letter, size, colour, "centre", bold=True)
        below = pygame.FRect(self.rect.x, letter.bottom + 4, self.rect.w, 22)
        painter.text(self.words, below, theme.BODY, theme.TEXT if plays else theme.QUIET, "centre")
        if self.heard and not plays:
            tick = pygame.FRect(self.rect.centerx - 10, below.bottom + 6, 20, 20)
            painter.icon("check", tick, theme.GOOD, 18)
        bar = pygame.FRect(self.rect.x + 24, self.rect.bottom - 28, self.rect.w - 48, 6)
        painter.box(bar, theme.HAIRLINE, 3)
        if self.share:
            painter.box(pygame.FRect(bar.x, bar.y, max(bar.w * self.share, 6), bar.h), theme.MACHINE, 3)
        if self.focused:
            draw_focus(painter, self.rect)


class ResultList(Widget):
    """A row for every pair of agents: the votes, the share of the decided ones, and how sure that is."""

    def __init__(self) -> None:
        super().__init__()
        self.results: tuple[PairResult, ...] = ()

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        return self.results

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.SURFACE, theme.CORNER)
        inside = self.rect.inflate(-48, -32)
        if not self.results:
            painter.text("No vote yet", inside, theme.LARGE, theme.QUIET, "centre")
        for number, result in enumerate(self.results):
            row = pygame.FRect(inside.x, inside.y + number * ROW_H, inside.w, ROW_H - 16)
            if row.bottom <= inside.bottom:
                self._draw_result(painter, result, row)

    def _draw_result(self, painter: Painter, result: PairResult, row: pygame.FRect) -> None:
        head = pygame.FRect(row.x, row.y, row.w, 22)
        painter.text(f"{result.first}  {result.for_first}", head, theme.LARGE, theme.TEXT, bold=True)
        second = f"{result.for_second}  {result.second}"
        painter.text(second, head, theme.LARGE, theme.TEXT, "right", bold=True)
        track = pygame.FRect(row.x, row.y + 32, row.w, 10)
        painter.box(track, theme.HAIRLINE, 5)
        low, high = result.interval
        if result.decided:  # towards the name that has the votes: the first stands at the left
            sure = pygame.FRect(track.right - high * track.w, track.y, (high - low) * track.w, track.h)
            painter.box(sure, theme.mix(theme.HAIRLINE, theme.MACHINE, 0.55), 5)
            painter.circle((track.right - result.share * track.w, track.centery), 7, theme.TEXT)
        painter.fill(pygame.FRect(track.centerx - 0.75, track.y - 4, 1.5, track.h + 8), theme.QUIET)
        foot = pygame.FRect(row.x, row.y + 50, row.w, 18)
        painter.text(result_words(result), foot, theme.SMALL, theme.QUIET)


def result_words(result: PairResult) -> str:
    """One line: what the votes say, and how easily chance would say it too."""
    undecided = f"{result.undecided} could not tell" if result.undecided else ""
    if not result.decided:
        return undecided
    low, high = result.interval
    share = f"{100 * result.share:.0f} % for {result.first} (95 %: {100 * low:.0f} to {100 * high:.0f} %)"
    chance = f"sign test p = {result.p_value:.2f}" if result.p_value >= 0.01 else "sign test p < 0.01"
    return " · ".join(part for part in (share, chance, undecided) if part)
