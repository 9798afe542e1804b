"""The library as cards with the first bars of each piece: choose by arrows or mouse, open by Enter or click.

One widget that scrolls. Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pygame

from app import theme
from app.bindings import label_of
from app.widgets import fonts
from app.widgets.base import Pointer, View, Widget
from app.widgets.chrome import as_time
from app.widgets.page_images import scaled_paper
from app.widgets.painter import Painter
from app.widgets.scroll_bar import Scrolled

_GAP, _LEAST_CARD, _CAPTION = 16, 204, 60
_INSET, _BIN = 14, 28
_MOST_COLUMNS = 7
"""In a large window the cards grow instead."""
_SCROLL_STEP = 64


@dataclass(frozen=True)
class Card:
    """What a card says."""

    name: str
    title: str
    composer: str
    seconds: float
    staves: int
    own: bool = False  # the user added it, and can remove it


class LibraryGrid(Widget):
    """Cards in as many columns as fit. ``on_open`` gets a card's name, ``on_remove`` a card of the user's."""

    focusable = True

    def __init__(self, on_open: Callable[[str], object], on_remove: Callable[[Card], object]) -> None:
        super().__init__()
        self.on_open, self.on_remove = on_open, on_remove
        self.cards: list[Card] = []
        self.chosen = 0
        self.scroll = 0.0
        self._over: int | None = None
        self._over_bin = self._pressed_bin = False
        self._sources: dict[str, pygame.Surface] = {}
        self._scaled: dict[str, pygame.Surface] = {}

    # --- content --------------------------------------------------------------------------------

    def show(self, cards: list[Card]) -> None:
        """Show these cards; the chosen one stays chosen where it is still there."""
        name = self.cards[self.chosen].name if self.chosen < len(self.cards) else ""
        self.cards = cards
        self.chosen = next((i for i, card in enumerate(cards) if card.name == name), 0)
        self._keep_in_view()

    def put_picture(self, name: str, path: Path) -> None:
        """Take in the picture of a piece, a grey PNG."""
        self._sources[name] = pygame.image.load(str(path))
        self._scaled.pop(name, None)

    def drop_picture(self, name: str) -> None:
        """Another piece may come to have this name."""
        self._sources.pop(name, None)
        self._scaled.pop(name, None)

    def has_picture(self, name: str) -> bool:
        return name in self._sources

    @property
    def hint(self) -> str:  # type: ignore[override]
        """The whole of a title, or of a composer, that is cut on the card under the pointer."""
        card = self.cards[self._over] if self._over is not None and self._over < len(self.cards) else None
        if card is None:
            return ""
        if self._over_bin:
            return f"Remove from the library ({label_of('remove')})"
        room = round(self.card_size[0] - 2 * _INSET)
        length = fonts.text_width(as_time(card.seconds), theme.SMALL) + 10
        cut = fonts.text_width(card.title, theme.BODY, True) > room or (
            fonts.text_width(card.composer, theme.SMALL) > room - length
        )
        return " · ".join(part for part in (card.title, card.composer) if part) if cut else ""

    def hint_rect(self) -> pygame.Rect:
        if self._over is None:
            return self.rect
        return self.bin_rect(self._over) if self._over_bin else pygame.Rect(self.card_rect(self._over))

    # --- geometry -------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        return min(max((self.rect.w + _GAP) // (_LEAST_CARD + _GAP), 1), _MOST_COLUMNS)

    @property
    def card_size(self) -> tuple[float, float]:
        """Width and height of a card, its caption included."""
        width = (self.rect.w - (self.columns - 1) * _GAP) / self.columns
        return width, round(width * 0.6) + _CAPTION

    def card_rect(self, index: int) -> pygame.FRect:
        """Where a card lies in the window, scrolled."""
        width, height = self.card_size
        row, column = divmod(index, self.columns)
        y = self.rect.y + row * (height + _GAP) - self.scroll
        return pygame.FRect(self.rect.x + column * (width + _GAP), y, width, height)

    def bin_rect(self, index: int) -> pygame.Rect:
        """Where a piece of the user's is removed, on its card."""
        box = self.card_rect(index)
        return pygame.Rect(round(box.right) - _BIN - 8, round(box.y) + 8, _BIN, _BIN)

    def scrolled(self) -> Scrolled:
        """How much of the cards is seen."""
        rows = -(-len(self.cards) // self.columns)
        return Scrolled(self.scroll, self.rect.h, max(rows * (self.card_size[1] + _GAP) - _GAP, 0.0))

    def scroll_to(self, at: float) -> None:
        """Show the cards from ``at`` px on."""
        self.scroll = at
        self._limit_scroll()

    def _limit_scroll(self) -> None:
        self.scroll = min(max(self.scroll, 0.0), self.scrolled().furthest)

    def _keep_in_view(self) -> None:
        if self.cards and self.rect.h:
            box = self.card_rect(self.chosen)
            if box.top < self.rect.top:
                self.scroll -= self.rect.top - box.top
            elif box.bottom > self.rect.bottom:
                self.scroll += box.bottom - self.rect.bottom
        self._limit_scroll()

    def placed(self) -> None:
        """The rectangle has changed."""
        self._scaled.clear()
        self._keep_in_view()

    # --- drawing --------------------------------------------------------------------------------

    def look(self, view: View) -> Hashable:
        over = self._at(*view.pointer) if self.hovered else None
        return self.scroll, self.chosen, over, len(self._sources), tuple(card.name for card in self.cards)

    def extent(self, view: View) -> pygame.Rect:
        return self.rect.inflate(6, 6)  # with the ring of a card at the edge

    def draw(self, painter: Painter, view: View) -> None:
        clip = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.extent(view)).clip(clip))
        over = self._at(*view.pointer) if self.hovered else None
        for index, card in enumerate(self.cards):
            box = self.card_rect(index)
            if box.bottom >= self.rect.top and box.top <= self.rect.bottom:
                self._draw_card(painter, card, box, index == self.chosen, index == over)
                if card.own and index in (self.chosen, over):
                    painter.box(self.bin_rect(index), theme.RAISED, theme.CORNER_SMALL)
                    painter.icon("trash", self.bin_rect(index), theme.TEXT, 18)
        painter.surface.set_clip(clip)

    def _draw_card(self, painter: Painter, card: Card, box: pygame.FRect, chosen: bool, over: bool) -> None:
        if chosen:
            ring = theme.TEXT if self.focused else theme.MACHINE
            painter.box(box.inflate(4, 4), ring, theme.CORNER + 2)
        ground = theme.RAISED if over or chosen else theme.SURFACE
        painter.box(box, ground, theme.CORNER)
        picture = pygame.FRect(box.x, box.y, box.w, box.h - _CAPTION)
        self._draw_picture(painter, card, picture)
        words = pygame.FRect(box.x + _INSET, box.bottom - _CAPTION + 10, box.w - 2 * _INSET, 20)
        painter.text(card.title, words, theme.BODY, theme.TEXT, bold=True)
        below = pygame.FRect(words.x, words.y + 20, words.w, 18)
        length = as_time(card.seconds) if card.seconds else ""
        room = painter.width(length, theme.SMALL) + 10
        left = pygame.FRect(below.x, below.y, below.w - room, below.h)
        painter.text(card.composer, left, theme.SMALL, theme.QUIET)
        painter.text(length, below, theme.SMALL, theme.QUIET, "right")

    def _draw_picture(self, painter: Painter, card: Card, box: pygame.FRect) -> None:
        painter.box(box, theme.PAPER, theme.CORNER)
        painter.fill(pygame.FRect(box.x, box.bottom - theme.CORNER, box.w, theme.CORNER), theme.PAPER)
        area = painter.device(box.inflate(-12, -12))
        source = self._sources.get(card.name)
        if source is None:
            painter.icon("follow", box, theme.mix(theme.PAPER, theme.QUIET, 0.45), 28)
            return
        image = self._scaled.get(card.name)
        if image is None or image.get_size() != area.size:
            image = self._scaled[card.name] = _fit(source, area.size)
        painter.surface.blit(image, area)

    # --- events ---------------------------------------------------------------------------------

    def _at(self, x: float, y: float) -> int | None:
        if not self.rect.collidepoint(x, y):
            return None
        hits = (index for index in range(len(self.cards)) if self.card_rect(index).collidepoint(x, y))
        return next(hits, None)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            self.scroll -= event.wheel * _SCROLL_STEP
            self._limit_scroll()
            self._point_at(event)
            return True
        index = self._point_at(event)
        if event.kind == "down":
            self.pressed, self._pressed_bin = index is not None, self._over_bin
            self.chosen = self.chosen if index is None else index
        elif event.kind == "up":
            if self.pressed and index == self.chosen and self._over_bin == self._pressed_bin:
                card = self.cards[index]
                self.on_remove(card) if self._over_bin else self.on_open(card.name)
            self.pressed = False
        return True

    def _point_at(self, event: Pointer) -> int | None:
        """The card under the pointer."""
        index = self._over = self._at(event.x, event.y)
        own = index is not None and self.cards[index].own
        self._over_bin = index is not None and own and self.bin_rect(index).collidepoint(event.x, event.y)
        return index

    def move(self, columns: int, rows: int) -> None:
        """Choose a neighbour."""
        target = self.chosen + columns + rows * self.columns
        if 0 <= target < len(self.cards):
            self.chosen = target
            self._keep_in_view()

    def move_page(self, step: int) -> None:
        """As many rows on or back as are seen."""
        rows = max(int((self.rect.h + _GAP) // (self.card_size[1] + _GAP)), 1) * step
        last_row = max(len(self.cards) - 1, 0) // self.columns
        row, column = divmod(self.chosen, self.columns)
        row = min(max(row + rows, 0), last_row)
        self.chosen = min(row * self.columns + column, max(len(self.cards) - 1, 0))
        self._keep_in_view()

    def choose(self, name: str) -> None:
        """Choose a card by its piece's name, where it is there, and show it."""
        self.chosen = next((i for i, card in enumerate(self.cards) if card.name == name), self.chosen)
        self._keep_in_view()

    @property
    def chosen_card(self) -> Card | None:
        return self.cards[self.chosen] if self.chosen < len(self.cards) else None


def _fit(source: pygame.Surface, size: tuple[int, int]) -> pygame.Surface:
    """The left upper part of a grey picture in paper and ink, as wide as ``size`` and cut to its height."""
    width, height = size
    scale = max(width / source.get_width(), height / source.get_height())
    cut = pygame.Rect(0, 0, min(round(width / scale), source.get_width()), round(height / scale))
    grey = pygame.surfarray.array3d(source)[:, :, 0].T
    return scaled_paper(np.ascontiguousarray(grey[: cut.h, : cut.w]), size)
