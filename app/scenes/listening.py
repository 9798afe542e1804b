"""The listening test: two duets over one melody, unlabelled; which is better?

Used by the thread of the window. Composing happens in a thread of the desk, playing in the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.base import Scene
from app.scenes.listening_desk import ListeningDesk
from app.scenes.studio import Studio
from app.sessions.duet.listening import Choice
from app.widgets.base import View, Widget
from app.widgets.buttons import Button, RoundButton
from app.widgets.listening import DuetCard, ResultList
from app.widgets.readouts import Fact, Label, Paragraph
from app.widgets.stack import Row, stack

SIDES: tuple[Choice, Choice] = ("a", "b")
HOW = (
    "Two agents answer the same melody; which is which is not told. Hear both, then choose. "
    "The order is drawn anew every time."
)


class Listening(Scene):
    """Hear A, hear B, choose."""

    name, mode = "listening", "duet"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.desk = ListeningDesk(studio)
        self.shows_results = False
        self._build_content()
        self._build_panel()
        self.actions |= {
            "start_stop": self._in_sight(self.desk.play_both),
            "hear_a": self._in_sight(partial(self.desk.hear, "a")),
            "hear_b": self._in_sight(partial(self.desk.hear, "b")),
            "choose_a": self._in_sight(partial(self.desk.choose, "a")),
            "choose_b": self._in_sight(partial(self.desk.choose, "b")),
            "choose_same": self._in_sight(partial(self.desk.choose, "same")),
            "results": self.toggle_results,
            "back_to_duet": lambda: studio.ask("scene_duet"),
            "back": lambda: studio.ask("scene_duet"),
        }

    def _in_sight(self, act: Callable[[], object]) -> Callable[[], object]:
        """Nothing is played or counted of a trial that the results hide."""
        hidden = f"First back to the test ({label_of('results')})."
        return lambda: self.studio.say(hidden) if self.shows_results else act()

    def _build_content(self) -> None:
        desk, studio = self.desk, self.studio
        self.cards = [
            DuetCard(side.upper(), partial(desk.hear, side), f"Hear {side.upper()} ({label_of('hear_a')})")
            for side in SIDES
        ]
        self.choices = [
            Button("A is better", partial(desk.choose, "a"), hint="1"),
            Button("Cannot tell", partial(desk.choose, "same"), hint="0"),
            Button("B is better", partial(desk.choose, "b"), hint="2"),
        ]
        self.missing = Paragraph("", theme.LARGE, align="centre")
        self.results = ResultList()
        self.start = RoundButton(
            desk.play_both, lambda: "stop" if desk.playing else "start",
            f"A, then B ({label_of('start_stop')})",
        )  # fmt: skip
        self.words = Label(lambda view: desk.words(), theme.BODY)
        self.keys = Label("Space: A, then B · A, B: hear one · 1, 2, 0: choose", theme.TINY, theme.QUIET)
        self.back = Button(
            "Back to Duet", lambda: studio.ask("scene_duet"), "left", "link", label_of("back_to_duet")
        )

    def _build_panel(self) -> None:
        desk = self.desk
        self.how = Paragraph(HOW)
        self.melody = Fact("Melody", lambda view: desk.melody_words())
        self.votes = Fact("Your votes", lambda view: str(desk.count))
        self.show_results = Button("", self.toggle_results, hint=label_of("results"))

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        return "Listening test"

    def subtitle(self, view: View) -> str:
        return "Which of the two answers the melody better?"

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        return [
            *self.cards, *self.choices, self.missing, self.results, self.how, self.melody, self.votes,
            self.show_results, self.start, self.words, self.keys, self.back,
        ]  # fmt: skip

    def place(self) -> None:
        content, bar = self.areas.content, self.areas.transport
        self.results.rect = content.copy()
        self.missing.rect = pygame.Rect(content.centerx - 240, content.centery - 60, 480, 120)
        self.missing.rect.clamp_ip(content)
        below, width = 56, (content.w - 16) // 2
        for index, card in enumerate(self.cards):
            card.rect = pygame.Rect(content.x + index * (width + 16), content.y, width, content.h - below)
        each = (content.w - 32) / 3
        for index, button in enumerate(self.choices):
            left = round(content.x + index * (each + 16))
            button.rect = pygame.Rect(left, content.bottom - 44, round(each), 44)
        self.start.rect = pygame.Rect(bar.x + 10, bar.y + 10, 36, 36)
        self.back.rect = pygame.Rect(bar.right - 148, bar.y + 11, 136, 34)
        room = self.back.rect.x - bar.x - 76
        self.words.rect = pygame.Rect(bar.x + 60, bar.y + 9, room, 20)
        self.keys.rect = pygame.Rect(bar.x + 60, bar.y + 30, room, 14)
        self._place_panel()

    def _place_panel(self) -> None:
        panel = self.areas.panel
        widgets: list[Widget] = [self.how, self.melody, self.votes, self.show_results]
        if panel.w == 0:
            for widget in widgets:
                widget.visible = False
            return
        lines = 3 if panel.w >= 320 else 6
        stack(panel.inflate(-40, -36), [
            Row((self.how,), 20 * lines, gap=16, spare=1),
            Row((self.melody,), 20),
            Row((self.votes,), 20, gap=16),
            Row((self.show_results,), 36),
        ])  # fmt: skip

    def update(self, view: View) -> None:
        desk = self.desk
        desk.update()
        testing = not desk.missing and not self.shows_results
        for side, card in zip(SIDES, self.cards, strict=True):
            card.visible = testing
            card.enabled = desk.ready
            card.share, card.heard = desk.share(side), side in desk.heard
            card.words = desk.side_words(side)
        for button in self.choices:
            button.visible, button.enabled = testing, desk.ready and desk.heard_both
        self.start.enabled = desk.ready and not self.shows_results
        self.missing.visible = bool(desk.missing) and not self.shows_results
        self.missing.text = desk.missing
        self.results.visible = self.shows_results
        self.show_results.label = "Back to the test" if self.shows_results else "Show the results"

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        self.shows_results = False
        self.desk.open()

    def leave(self) -> None:
        self.desk.stop()

    def toggle_results(self) -> None:
        """Who was compared, and how the votes stand."""
        self.desk.stop()
        self.shows_results = not self.shows_results
        self.results.results = tuple(self.desk.results())
