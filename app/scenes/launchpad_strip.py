"""Below the grid: keep a snapshot, the snapshots, the chain that makes a song of them, the legend.

Of a long chain the link that plays is in sight, else its end, where the next one is put.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.bindings import label_of
from app.scenes.launchpad_desk import LaunchpadDesk
from app.scenes.launchpad_looks import onset_owners
from app.scenes.launchpad_menus import LaunchpadMenus
from app.sessions.launchpad import Link, Part
from app.widgets.base import Widget
from app.widgets.buttons import Button, IconButton
from app.widgets.overlays import MenuItem
from app.widgets.parts import LINK_W, PART_W, Legend, LinkButton, PartButton
from app.widgets.readouts import Label

HEIGHT = 32
PARTS, LINKS = 8, 16
LEGEND_W, KEEP_W, CHAIN_W, MORE_W = 200, 74, 42, 58
LEAST_FOR_LEGEND, GAP = 640, 4
Show = Callable[[list[MenuItem], pygame.Rect], object]


class PartStrip:
    """What there is no room for is counted behind the rest, and in the menu."""

    def __init__(self, desk: LaunchpadDesk, menus: LaunchpadMenus, show: Show) -> None:
        self.desk, self.menus, self._show = desk, menus, show
        self.keep = Button(
            "Keep",
            lambda: desk.session.keep_part(),
            "plus",
            "link",
            f"A snapshot of the grid ({label_of('keep_part')})",
        )
        self.parts = [
            PartButton(partial(desk.session.recall_part, i), partial(desk.session.forget_part, i))
            for i in range(PARTS)
        ]
        self.chain = IconButton(
            "chain", desk.play_chain, f"Let the chain of snapshots lead ({label_of('chain')})",
            lambda: desk.arrangement.chain_on,
        )  # fmt: skip
        self.links = [LinkButton(partial(self._link_menu, i)) for i in range(LINKS)]
        self.hidden = Label(lambda view: self._hidden_words(), theme.TINY, theme.QUIET)
        self.more = IconButton(
            "down", self._chain_menu, "All snapshots and links: back, into the chain, away", size=16
        )
        self.legend = Legend()
        self._onsets: dict[int, tuple[Part, NDArray[np.int8]]] = {}
        self._rect = pygame.Rect(0, 0, 0, 0)
        self._seen_links = self._hidden = 0

    def widgets(self) -> list[Widget]:
        return [self.keep, *self.parts, self.chain, *self.links, self.hidden, self.more, self.legend]

    def refresh(self) -> None:
        """The snapshots have changed, or the grid has."""
        parts, grid = self.desk.arrangement.parts, self.desk.now.grid
        self._onsets = {id(part): self._onsets.get(id(part)) or _seen(part) for part in parts}
        for index, (button, part) in enumerate(zip(self.parts, parts, strict=False)):
            hint = f"Snapshot {part.name}: back at the next bar (F{index + 2}); Del forgets it"
            button.show(part.name, self._onsets[id(part)][1], np.array_equal(part.grid, grid), hint)
        self.place(self._rect)
        for shown, (index, link) in zip(self.links, self._links_in_sight(), strict=False):
            shown.name, shown.bars = parts[link.part].name, link.bars
            shown.current = self.desk.now.link == index

    def place(self, rect: pygame.Rect) -> None:
        """From the left: keep, snapshots, chain; the legend at the right where nothing needs its room."""
        self._rect = rect
        parts, links = len(self.desk.arrangement.parts), len(self.desk.arrangement.chain)
        part_w, link_w = PART_W + GAP, LINK_W + GAP
        room = rect.w - KEEP_W - 8 - CHAIN_W - MORE_W
        spare = room - parts * part_w - links * link_w
        self.legend.visible = rect.w >= LEAST_FOR_LEGEND and spare >= LEGEND_W
        self.legend.rect = pygame.Rect(rect.right - LEGEND_W, rect.y, LEGEND_W, rect.h)
        self.keep.rect = pygame.Rect(rect.x, rect.y, KEEP_W, rect.h)
        seen = min(parts, PARTS, max(room - links * link_w, room // 2, 0) // part_w)
        x = _in_a_row(self.parts, seen, rect.x + KEEP_W + 8, rect, PART_W)
        self.chain.rect = pygame.Rect(x + 4, rect.y, 34, rect.h)
        self._seen_links = min(links, LINKS, max(room - seen * part_w, 0) // link_w)
        x = _in_a_row(self.links, self._seen_links, x + CHAIN_W, rect, LINK_W)
        self._hidden = parts - seen + links - self._seen_links
        self.hidden.visible = self._hidden > 0
        self.hidden.rect = pygame.Rect(x + 2, rect.y, 28, rect.h)
        self.more.rect = pygame.Rect(x + (30 if self._hidden else 0), rect.y, 26, rect.h)

    def _hidden_words(self) -> str:
        return f"+{self._hidden}"

    @property
    def _first_link(self) -> int:
        """Of those in sight."""
        chain, playing = self.desk.arrangement.chain, self.desk.now.link
        last = len(chain) - self._seen_links
        return last if playing is None else min(max(playing - self._seen_links // 2, 0), last)

    def _links_in_sight(self) -> list[tuple[int, Link]]:
        first = self._first_link
        return list(enumerate(self.desk.arrangement.chain))[first : first + self._seen_links]

    def _link_menu(self, place: int) -> None:
        self._show(self.menus.link(self._first_link + place), self.links[place].rect)

    def _chain_menu(self) -> None:
        self._show(self.menus.chain(lambda items: self._show(items, self.more.rect)), self.more.rect)


def _seen(part: Part) -> tuple[Part, NDArray[np.int8]]:
    return part, onset_owners(part.grid, part.owners)


def _in_a_row(
    widgets: list[PartButton] | list[LinkButton], shown: int, x: int, rect: pygame.Rect, width: int
) -> int:
    """Place the first ``shown`` side by side; where the next thing begins."""
    for index, widget in enumerate(widgets):
        widget.visible = index < shown
        if widget.visible:
            widget.rect = pygame.Rect(x, rect.y, width, rect.h)
            x += width + GAP
    return x
