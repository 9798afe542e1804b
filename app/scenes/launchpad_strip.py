"""Below the grid: keep a snapshot, the snapshots, the chain that makes a song of them, the legend."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pygame
from numpy.typing import NDArray

from app.bindings import label_of
from app.scenes.launchpad_desk import LaunchpadDesk
from app.scenes.launchpad_looks import onset_owners
from app.scenes.launchpad_menus import LaunchpadMenus
from app.sessions.launchpad import Part
from app.widgets.base import Widget
from app.widgets.buttons import Button, IconButton
from app.widgets.overlays import MenuItem
from app.widgets.parts import LINK_W, PART_W, Legend, LinkButton, PartButton

HEIGHT = 32
PARTS, LINKS = 8, 8
LEGEND_W, KEEP_W = 200, 74
Show = Callable[[list[MenuItem], pygame.Rect], object]


class PartStrip:
    """Eight snapshots and eight links are within reach; what there is no room for is in the menu."""

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
        self.more = IconButton(
            "down", self._chain_menu, "Chain snapshots into a song, or forget one", size=16
        )
        self.legend = Legend()
        self._onsets: dict[int, tuple[Part, NDArray[np.int8]]] = {}
        self._rect = pygame.Rect(0, 0, 0, 0)

    def widgets(self) -> list[Widget]:
        return [self.keep, *self.parts, self.chain, *self.links, self.more, self.legend]

    def refresh(self) -> None:
        """The snapshots have changed, or the grid has."""
        parts, grid = self.desk.arrangement.parts, self.desk.now.grid
        self._onsets = {id(part): self._onsets.get(id(part)) or _seen(part) for part in parts}
        for index, (button, part) in enumerate(zip(self.parts, parts, strict=False)):
            hint = f"Snapshot {part.name}: back at the next bar (F{index + 2}); Del forgets it"
            button.show(part.name, self._onsets[id(part)][1], np.array_equal(part.grid, grid), hint)
        for index, (shown, link) in enumerate(zip(self.links, self.desk.arrangement.chain, strict=False)):
            shown.name, shown.bars = parts[link.part].name, link.bars
            shown.current = self.desk.now.link == index
        self.place(self._rect)

    def place(self, rect: pygame.Rect) -> None:
        """From the left: keep, snapshots, chain; the legend at the right where there is room."""
        self._rect = rect
        arrangement = self.desk.arrangement
        self.legend.visible = rect.w >= 640
        end = rect.right - (LEGEND_W if self.legend.visible else 0)
        self.legend.rect = pygame.Rect(rect.right - LEGEND_W, rect.y, LEGEND_W, rect.h)
        self.keep.rect = pygame.Rect(rect.x, rect.y, KEEP_W, rect.h)
        fixed = KEEP_W + 8 + 34 + 28 + 12
        links = min(len(arrangement.chain), LINKS, max((end - rect.x - fixed) // 3 // LINK_W, 0))
        room = end - rect.x - fixed - links * (LINK_W + 4)
        parts = min(len(arrangement.parts), PARTS, max(room // (PART_W + 4), 0))
        x = _in_a_row(self.parts, parts, rect.x + KEEP_W + 8, rect, PART_W)
        self.chain.rect = pygame.Rect(x + 4, rect.y, 34, rect.h)
        x = _in_a_row(self.links, links, x + 42, rect, LINK_W)
        self.more.rect = pygame.Rect(x, rect.y, 26, rect.h)

    def _link_menu(self, index: int) -> None:
        self._show(self.menus.link(index), self.links[index].rect)

    def _chain_menu(self) -> None:
        self._show(self.menus.chain(), self.more.rect)


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
            x += width + 4
    return x
