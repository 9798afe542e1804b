"""A piece of sheet music as the rest of the program sees it: pages, strip, and the map between them.

Positions along the strip (``x_px``) count pixels of pages that are 835 px wide. The strip is laid out in
the order in which the music is played, so a repeated measure stands in it once for every pass.
Immutable and free of I/O: any thread may read it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pieces.meter import Bar

STRIP_HEIGHT_PX = 200
"""Height of the strip: each system is cut at its centre +-100 px (following notes, "Score")."""
PADDING_PX = 512
"""White space at both ends of the strip: one window of the MSMD game."""
ONE_STAFF_TOLERANCE_PX, TOLERANCE_PX = 50.0, 170.0
"""The game's b for pieces of one staff (Nottingham), and for all others (MSMD)."""


@dataclass(frozen=True)
class PlayedNotehead:
    """A notehead at one pass through it. ``quarters`` counts from the start, repeats written out."""

    note_id: str
    pitch: int
    quarters: float
    duration_quarters: float
    measure: str
    x_px: float
    page: int
    system: int
    page_x_px: float
    page_y_px: float
    staff: int


@dataclass(frozen=True)
class Segment:
    """A stretch of one system as it stands in the strip.

    ``page`` and ``system`` count from 0, the system through the whole piece. A strip pixel is
    ``scale`` page pixels' worth of paper shrunk: ``strip = strip_x0_px + (page_x - page_x0_px) * scale``.
    """

    page: int
    system: int
    page_x0_px: float
    page_x1_px: float
    page_y0_px: float
    page_y1_px: float
    strip_x0_px: float
    scale: float = 1.0

    @property
    def strip_x1_px(self) -> float:
        return self.strip_x0_px + (self.page_x1_px - self.page_x0_px) * self.scale


@dataclass(frozen=True)
class Place:
    """A strip position on the printed page. The y-range spans the staves of the system."""

    page: int
    system: int
    page_x_px: float
    page_y0_px: float
    page_y1_px: float
    measure: str
    quarters: float


@dataclass(frozen=True, eq=False)
class Piece:
    """Pages, strip and maps of one score; see the field comments for shapes and units."""

    name: str
    title: str
    composer: str
    source: str
    pages: tuple[NDArray[np.uint8], ...]  # (H, 835) grey: 255 paper, 0 ink
    svg_pages: tuple[str, ...]
    strip: NDArray[np.uint8]  # (200, W): 255 ink, 0 paper
    notes: tuple[PlayedNotehead, ...]  # played order: sorted by quarters
    segments: tuple[Segment, ...]  # played order, adjoining in the strip
    measure_starts: tuple[tuple[float, str], ...]  # (x_px, number) of every played measure
    tempo_bpm: float
    length_quarters: float
    staves: int
    bars: tuple[Bar, ...] = (Bar(0.0),)  # played order; common time where the meter is not known

    @cached_property
    def _onsets(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        quarters = np.array([note.quarters for note in self.notes])
        x_px = np.array([note.x_px for note in self.notes])
        unique, first = np.unique(np.round(quarters, 6), return_index=True)
        # Noteheads of one chord can stand a little apart: the paper's truth is one x for an onset.
        columns = np.split(x_px, first[1:])
        centres = np.array([median(column.tolist()) for column in columns])
        # The map must not run backwards where a grace note or a second voice is drawn to the left.
        return unique, np.maximum.accumulate(centres + np.arange(len(centres)) * 1e-6)

    @property
    def onset_quarters(self) -> NDArray[np.float64]:
        """(K,) distinct onsets in quarters, strictly increasing."""
        return self._onsets[0]

    @property
    def onset_x_px(self) -> NDArray[np.float64]:
        """(K,) strip positions of the onsets, strictly increasing."""
        return self._onsets[1]

    @property
    def width_px(self) -> int:
        return int(self.strip.shape[1])

    @property
    def tolerance_px(self) -> float:
        """The game's b."""
        return ONE_STAFF_TOLERANCE_PX if self.staves == 1 else TOLERANCE_PX

    @cached_property
    def _end_x_px(self) -> float:
        return self.segments[-1].strip_x1_px

    def x_at_quarters(self, quarters: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Strip position of a written position, linear between onsets and up to the last barline."""
        knots_q, knots_x = self._knots
        return np.interp(quarters, knots_q, knots_x)

    def quarters_at_x(self, x_px: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Inverse of :meth:`x_at_quarters`."""
        knots_q, knots_x = self._knots
        return np.interp(x_px, knots_x, knots_q)

    @cached_property
    def _knots(self) -> tuple[Any, Any]:
        """Written position and strip position of the onsets and of the last barline."""
        quarters, x_px = self.onset_quarters, self.onset_x_px
        return (
            np.append(quarters, max(self.length_quarters, quarters[-1] + 1e-3)),
            np.append(x_px, max(self._end_x_px, x_px[-1] + 1e-3)),
        )

    @cached_property
    def _knot_lists(self) -> tuple[list[float], list[float]]:
        knots_q, knots_x = self._knots
        return knots_q.tolist(), knots_x.tolist()

    @cached_property
    def _segment_starts(self) -> list[float]:
        return [segment.strip_x0_px for segment in self.segments]

    @cached_property
    def _measure_x(self) -> list[float]:
        return [x for x, _ in self.measure_starts]

    def segment_at_x(self, x_px: float) -> Segment:
        index = bisect_right(self._segment_starts, x_px) - 1
        return self.segments[min(max(index, 0), len(self.segments) - 1)]

    def measure_at_x(self, x_px: float) -> str:
        index = bisect_right(self._measure_x, x_px) - 1
        return self.measure_starts[min(max(index, 0), len(self.measure_starts) - 1)][1]

    def place_at_x(self, x_px: float) -> Place:
        """Where on the printed pages the strip position ``x_px`` lies (clamped to the music)."""
        segment = self.segment_at_x(x_px)
        page_x = segment.page_x0_px + (x_px - segment.strip_x0_px) / segment.scale
        return Place(
            segment.page,
            segment.system,
            min(max(page_x, segment.page_x0_px), segment.page_x1_px),
            segment.page_y0_px,
            segment.page_y1_px,
            self.measure_at_x(x_px),
            self._quarters_at(x_px),
        )

    def _quarters_at(self, x_px: float) -> float:
        """As :meth:`quarters_at_x`, for the one place that is asked for twenty times a second."""
        knots_q, knots_x = self._knot_lists
        after = bisect_right(knots_x, x_px)
        if after in (0, len(knots_x)):
            return knots_q[min(after, len(knots_q) - 1)]
        begin, end = knots_x[after - 1], knots_x[after]
        slope = (knots_q[after] - knots_q[after - 1]) / (end - begin)
        return slope * (x_px - begin) + knots_q[after - 1]

    def x_at_page(
        self, page: int, page_x_px: float, page_y_px: float, near_x_px: float | None = None
    ) -> float | None:
        """Strip position of a point on a page, or None beside the music.

        A repeated measure has several: the one nearest to ``near_x_px``, else the first.
        """
        hits = []
        for segment in self.segments:
            margin = 0.5 * (segment.page_y1_px - segment.page_y0_px) + 12
            inside_y = segment.page_y0_px - margin <= page_y_px <= segment.page_y1_px + margin
            if segment.page == page and inside_y and segment.page_x0_px <= page_x_px <= segment.page_x1_px:
                away = abs(page_y_px - 0.5 * (segment.page_y0_px + segment.page_y1_px))
                hits.append((away, segment.strip_x0_px + (page_x_px - segment.page_x0_px) * segment.scale))
        if not hits:
            return None
        nearest = min(away for away, _ in hits)
        passes = [x for away, x in hits if away == nearest]
        return min(passes, key=lambda x: abs(x - near_x_px)) if near_x_px is not None else passes[0]
