"""Home: the library, what was open last, the devices, the takes; a piece is one key press away.

Used by the thread of the window; pictures and pieces come from the loader.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.base import Scene
from app.scenes.studio import Studio
from app.widgets import fonts
from app.widgets.base import Pointer, View, Widget
from app.widgets.buttons import Button, RoundButton
from app.widgets.inputs import MiniPiano, TextField
from app.widgets.library_grid import Card, LibraryGrid
from app.widgets.mode_card import ModeCard, draw_lines, draw_pads
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Fact, Label, Paragraph
from app.widgets.scroll_bar import WIDTH, ScrollBar
from app.widgets.stack import Row, stack

RECENT = 3
HINTS = (
    f"or drop a score here: MusicXML, MXL, MEI, kern, ABC · {label_of('open_file')} types its path",
    f"or drop a score here · {label_of('open_file')} types its path",
    "or drop a score here",
)
"""The first that fits is shown."""
LEAST_FOR_DEVICES = 660
"""A lower panel leaves them to the chips of the header."""


class Home(Scene):
    """Where the program opens."""

    name = "home"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.grid = LibraryGrid(self._open, self._ask_to_remove)
        self._bar = ScrollBar(self.grid.scrolled, self.grid.scroll_to)
        self.search = TextField("Search", self._filter, self._open_chosen, icon="search")
        self.hint = Label("", theme.SMALL, theme.QUIET)
        self.nothing = Paragraph("", theme.LARGE, align="centre")
        self._all: list[Card] = []
        self._build_panel()
        self._build_transport()
        self.actions |= {
            "start_stop": self._start,
            "open": self._open_chosen,
            "remove": self._remove_chosen,
            "search": lambda: studio.focus(self.search),
            "left": lambda: self.grid.move(-1, 0),
            "right": lambda: self.grid.move(1, 0),
            "up": lambda: self.grid.move(0, -1),
            "down": lambda: self.grid.move(0, 1),
            "page_back": lambda: self.grid.move_page(-1),
            "page_on": lambda: self.grid.move_page(1),
        }

    def _build_panel(self) -> None:
        studio, desk = self.studio, self.studio.devices
        self._recent_title = Label("Recent", colour=theme.QUIET)
        self._recent = [Button("", lambda: None, kind="row") for _ in range(RECENT)]
        self._no_recent = Paragraph("What you open stands here next time.", theme.SMALL)
        self._device_title = Label("Devices", colour=theme.QUIET)
        self._devices = [
            Fact("Listening to", lambda view: desk.input_name()),
            Fact("MIDI keyboard", lambda view: desk.midi_name() if desk.midi_good() else "plug one in"),
            Fact("Sound goes to", lambda view: desk.output_name()),
        ]
        self._modes_title = Label("Without a score", colour=theme.QUIET)
        self._duet = ModeCard(
            "Duet", "You play, it answers", draw_lines, lambda: studio.ask("scene_duet"),
            f"You improvise one line, it improvises the other ({label_of('scene_duet')})",
        )  # fmt: skip
        self._pads = ModeCard(
            "Launchpad", "One grid, two players", draw_pads, lambda: studio.ask("scene_launchpad"),
            f"It plays what you both press, bar by bar ({label_of('scene_launchpad')})",
        )  # fmt: skip
        self._take_title = Label("Takes", colour=theme.QUIET)
        self._takes = Button("Replay and save takes", lambda: studio.ask("scene_takes"), icon="take")
        self._piano_title = Label(
            lambda view: f"Play with these keys · from C{studio.piano.octave}", theme.SMALL, theme.QUIET
        )
        self._piano = MiniPiano(lambda: studio.piano.held, studio.piano.press, studio.piano.release)

    def _build_transport(self) -> None:
        self._go_button = RoundButton(self._start, lambda: "start", f"Play it ({label_of('start_stop')})")
        self._next = Label(self._next_words, theme.BODY)
        self._next_detail = Label("Space opens it, plays it and follows", theme.TINY, theme.QUIET)

    def title(self) -> str:
        return "Library"

    def subtitle(self, view: View) -> str:
        count = len(self._all)
        return f"{count} pieces" if count != 1 else "one piece"

    def body(self) -> list[Widget]:
        return [
            self.grid, self._bar, self.nothing, self.search, self.hint, self._recent_title, *self._recent,
            self._no_recent, self._modes_title, self._duet, self._pads, self._take_title, self._takes,
            self._device_title, *self._devices, self._piano_title, self._piano, self._go_button, self._next,
            self._next_detail,
        ]  # fmt: skip

    def place(self) -> None:
        content, bar = self.areas.content, self.areas.transport
        self.search.rect = pygame.Rect(content.x, content.y, min(280, content.w), 36)
        left = self.search.rect.right + 16
        self.hint.rect = pygame.Rect(left, content.y, max(content.right - left, 0), 36)
        room = self.hint.rect.w * self.scale
        fits = [text for text in HINTS if fonts.text_width(text, round(theme.SMALL * self.scale)) <= room]
        self.hint.text = fits[0] if fits else ""
        self.grid.rect = pygame.Rect(content.x + 2, content.y + 54, content.w - 4, content.h - 54)
        self.grid.placed()
        self._bar.rect = pygame.Rect(content.right + 4, self.grid.rect.y, WIDTH, self.grid.rect.h)
        self.nothing.rect = pygame.Rect(content.centerx - 180, content.centery - 30, 360, 60)
        self._go_button.rect = pygame.Rect(bar.x + 10, bar.y + 10, 36, 36)
        self._next.rect = pygame.Rect(bar.x + 60, bar.y + 9, bar.w - 80, 20)
        self._next_detail.rect = pygame.Rect(bar.x + 60, bar.y + 30, bar.w - 80, 14)
        self._place_panel()

    def _place_panel(self) -> None:
        panel = self.areas.panel
        for widget in (
            self._recent_title, *self._recent, self._no_recent, self._modes_title, self._duet, self._pads,
            self._device_title, *self._devices, self._take_title, self._takes, self._piano_title, self._piano,
        ):  # fmt: skip
            widget.visible = False
        if panel.w == 0:
            return
        recent = self._recent_names()
        filled = [Row((button,), 36, gap=4) for button in self._recent[: len(recent)]]
        devices = [Row((self._device_title,), 20, gap=10), *(Row((fact,), 20) for fact in self._devices)]
        rows = [
            Row((self._recent_title,), 20, gap=8),
            *(filled or [Row((self._no_recent,), 24)]),
            Row((), 8, spare=5),
            Row((self._modes_title,), 20, gap=10, spare=4),
            Row((self._duet,), 56, spare=1),
            Row((self._pads,), 56, gap=16, spare=1),
            Row((self._take_title,), 20, gap=10, spare=4),
            Row((self._takes,), 40, gap=16, spare=3),
            *(devices if panel.h >= LEAST_FOR_DEVICES else ()),  # the chips above say the same
            Row((), 0, grow=1, gap=0),
            Row((self._piano_title,), 20, gap=6, spare=2),
            Row((self._piano,), 64, gap=0, spare=2),
        ]
        stack(panel.inflate(-40, -36), rows)

    def _recent_names(self) -> list[str]:
        known = {card.name: card for card in self._all}
        names = []
        for name, button in zip(self.studio.settings.now.recent, self._recent, strict=False):
            button.label = known[name].title if name in known else Path(name).stem
            button.on_press = partial(self._open, name)
            names.append(name)
        return names

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        """Read the library anew: a dropped score may have come."""
        self._all = self.studio.library()
        self._filter(self.search.text)
        last = self.studio.settings.now.recent[:1]
        if not self.studio.piece:
            self.grid.choose(last[0] if last else self._all[0].name if self._all else "")
        missing = [card.name for card in self._all if not self.grid.has_picture(card.name)]
        if missing:
            self.studio.loader.make_thumbnails(missing)

    def wheel(self, event: Pointer) -> None:
        """Beside the cards, too."""
        self.grid.on_pointer(event)

    def update(self, view: View) -> None:
        for picture in self.studio.loader.thumbnails():
            if picture.path is not None:
                self.grid.put_picture(picture.wanted, picture.path)

    def _filter(self, text: str) -> None:
        from pieces.library import folded

        words = folded(text).split()
        found = [
            card
            for card in self._all
            if all(word in folded(f"{card.title} {card.composer} {card.name}") for word in words)
        ]
        self.grid.show(found)
        self.nothing.visible = not found
        self.nothing.text = (
            f"No piece fits “{text}”. Esc clears the search."
            if self._all
            else "The library is empty: drop a score here."
        )

    def _open_chosen(self) -> None:
        if card := self.grid.chosen_card:
            self._open(card.name)

    def _remove_chosen(self) -> None:
        card = self.grid.chosen_card
        if card and card.own:
            self._ask_to_remove(card)
        elif card:
            self.studio.say(f"{card.title} comes with Ripieno and stays.")

    def _ask_to_remove(self, card: Card) -> None:
        items = (
            MenuItem(f"Keep {card.title}", lambda: None),
            MenuItem("Remove it from the library", partial(self._remove, card)),
        )
        self.show_menu(items, self.grid.bin_rect(self.grid.chosen))

    def _remove(self, card: Card) -> None:
        self.studio.remove_piece(card)
        self.grid.drop_picture(card.name)
        self.enter()
        self.studio.relayout()

    def _open(self, name: str, start: bool = False) -> None:
        if self.studio.piece is not None and self.studio.piece.name == name and self.studio.session:
            self.studio.ask("scene_follow")
            if start:
                self.studio.ask("start_stop")
        else:
            self.studio.open(name, start)

    def _start(self) -> None:
        if card := self.grid.chosen_card:
            self._open(card.name, start=True)

    def _next_words(self, view: View) -> str:
        card = self.grid.chosen_card
        if card is None:
            return "Choose a piece"
        return " · ".join(part for part in (card.title, card.composer) if part)
