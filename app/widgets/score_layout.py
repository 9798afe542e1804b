"""How the systems of a piece are set out on the screen: into screens that are turned, in one or two columns.

Pure geometry: page px (pages 835 px wide) in, px of the view out. Any thread may call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pieces.engraving import PAGE_WIDTH_PX
from pieces.piece import Piece

_INK = 200
"""Darker than this is ink, of a page that is 255 where it is white."""
_AIR_PX = 34.0
"""Least white kept above and below a system, in page px."""
_GAP = 16


@dataclass(frozen=True)
class SystemSpan:
    """The slice of a page that belongs to one system, in page px, and its staves within it."""

    page: int
    system: int
    top: float
    bottom: float
    staves_top: float
    staves_bottom: float


@dataclass(frozen=True)
class Screen:
    """Consecutive systems of one page that are shown together."""

    page: int
    spans: tuple[SystemSpan, ...]

    @property
    def top(self) -> float:
        return self.spans[0].top

    @property
    def bottom(self) -> float:
        return self.spans[-1].bottom


@dataclass(frozen=True)
class ScoreLayout:
    """``scale`` is view px per page px; ``screens`` are laid into ``columns`` turn by turn."""

    width: float
    height: float
    scale: float
    columns: int
    screens: tuple[Screen, ...]

    @property
    def page_width(self) -> float:
        return PAGE_WIDTH_PX * self.scale

    def column_x(self, column: int) -> float:
        """Left edge of a column's page in the view."""
        used = self.columns * self.page_width + (self.columns - 1) * _GAP
        return (self.width - used) / 2 + column * (self.page_width + _GAP)

    def column_of(self, screen: int) -> int:
        return screen % self.columns

    def offset_y(self, screen: int) -> float:
        """Where the top of a screen's slice lies in the view: in the middle where there is room."""
        slack = self.height - (self.screens[screen].bottom - self.screens[screen].top) * self.scale
        return max(slack / 2, 0.0)

    def screen_of(self, system: int) -> int:
        """Index of the screen that shows a system."""
        for index, screen in enumerate(self.screens):
            if any(span.system == system for span in screen.spans):
                return index
        return 0

    def to_view(self, screen: int, page_x_px: float, page_y_px: float) -> tuple[float, float]:
        """A point of the page in the view."""
        x = self.column_x(self.column_of(screen)) + page_x_px * self.scale
        return x, self.offset_y(screen) + (page_y_px - self.screens[screen].top) * self.scale

    def to_page(self, screen: int, x: float, y: float) -> tuple[float, float]:
        """Inverse of :meth:`to_view`."""
        page_x = (x - self.column_x(self.column_of(screen))) / self.scale
        return page_x, (y - self.offset_y(screen)) / self.scale + self.screens[screen].top


@lru_cache(maxsize=1)
def system_spans(piece: Piece) -> tuple[SystemSpan, ...]:
    """Every system once, in reading order; slices meet in the middle of the white between systems."""
    staves: dict[int, tuple[int, float, float]] = {}
    for segment in piece.segments:
        staves[segment.system] = (segment.page, segment.page_y0_px, segment.page_y1_px)
    spans = []
    ordered = sorted(staves.items())
    for index, (system, (page, y0, y1)) in enumerate(ordered):
        before = ordered[index - 1][1] if index else None
        after = ordered[index + 1][1] if index + 1 < len(ordered) else None
        page_height = float(piece.pages[page].shape[0])
        image = piece.pages[page]
        top, bottom = max(min(y0 - 150, 24.0), 0.0), min(y1 + 2 * _AIR_PX, page_height)
        if before and before[0] == page:
            top = _middle_of_white(image, before[2], y0)
        if after and after[0] == page:
            bottom = _middle_of_white(image, y1, after[1])
        spans.append(SystemSpan(page, system, top, bottom, y0, y1))
    return tuple(spans)


def _middle_of_white(page: NDArray[np.uint8], top: float, bottom: float) -> float:
    """Between the staves of two systems, where neither's notes reach; without white where least ink is."""
    first = round(top) + 1
    ink = (page[first : max(round(bottom), first + 1)] < _INK).sum(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], ink == ink.min(), [False])).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    widest = int(np.argmax(ends - begins))
    return first + (int(begins[widest]) + int(ends[widest])) / 2


def lay_out(piece: Piece, width: float, height: float) -> ScoreLayout:
    """The largest setting that shows the systems whole, in two columns where pages stay readable."""
    spans = system_spans(piece)
    single = _set_out(spans, width, height, 1)
    if len(single.screens) > 1 and (width - _GAP) / 2 / PAGE_WIDTH_PX >= 0.8:
        return _set_out(spans, width, height, 2)
    return single


def _set_out(spans: tuple[SystemSpan, ...], width: float, height: float, columns: int) -> ScoreLayout:
    full = min((width - (columns - 1) * _GAP) / columns / PAGE_WIDTH_PX, 1.8)
    best = _pack(spans, height / full)
    scale = full
    # A little smaller shows one system more: better than a third of the paper left white.
    for percent in range(98, 77, -2):
        tried = _pack(spans, height / (full * percent / 100))
        if len(tried) < len(best):
            best, scale = tried, full * percent / 100
            break
    tallest = max(screen.bottom - screen.top for screen in best)
    scale = min(scale, max(height / tallest, 0.4))
    return ScoreLayout(width, height, scale, columns, best)


def _pack(spans: tuple[SystemSpan, ...], room: float) -> tuple[Screen, ...]:
    """Screens of at most ``room`` page px, each of one page."""
    groups: list[list[SystemSpan]] = []
    for span in spans:
        last = groups[-1] if groups else None
        if last and last[0].page == span.page and span.bottom - last[0].top <= room:
            last.append(span)
        else:
            groups.append([span])
    return tuple(Screen(group[0].page, tuple(group)) for group in groups)
