"""Read the drawing that Verovio made: where systems, measures and noteheads stand on their pages.

Pure functions over SVG text; coordinates come out in px of a page :data:`PAGE_WIDTH_PX` wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from pieces.engraving import PAGE_WIDTH_PX
from pieces.errors import BadScore

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TRANSLATE = re.compile(r"translate\((-?[\d.]+)[, ]+(-?[\d.]+)\)(?: scale\((-?[\d.]+))?")
# Widths of SMuFL noteheads at font size 1,000 units: an x of the truth is the middle of the head.
_HEAD_WIDTHS = {"E0A0": 568, "E0A2": 422}
_BLACK_HEAD_WIDTH = 295


@dataclass(frozen=True)
class Head:
    """A drawn note: its centre in page px, and which staff (0 = top) of which system it stands on."""

    page: int
    system: int
    staff: int
    x_px: float
    y_px: float


@dataclass(frozen=True)
class MeasureBox:
    """A measure's width on its page, barline to barline."""

    page: int
    system: int
    x0_px: float
    x1_px: float


@dataclass(frozen=True)
class SystemBox:
    """The five-line staves of a system, from the topmost to the lowest line."""

    page: int
    x0_px: float
    x1_px: float
    y0_px: float
    y1_px: float
    staves: int


@dataclass(frozen=True)
class Layout:
    """All pages: ``heads`` and ``measures`` by element id, ``systems`` in reading order."""

    heads: dict[str, Head]
    measures: dict[str, MeasureBox]
    systems: tuple[SystemBox, ...]


def read_layout(svg_pages: tuple[str, ...]) -> Layout:
    """Locate everything that is needed to map music to pixels.

    Raises:
        BadScore: no system was drawn.
    """
    heads: dict[str, Head] = {}
    measures: dict[str, MeasureBox] = {}
    systems: list[SystemBox] = []
    for page, svg in enumerate(svg_pages):
        root = ElementTree.fromstring(svg)
        reader = _PageReader(root, page)
        for system in _of_class(root, "system"):
            box = reader.read_system(system, len(systems), heads, measures)
            if box:
                systems.append(box)
    if not systems:
        raise BadScore("Nothing was engraved: the score holds no staff. Export it again as MusicXML.")
    return Layout(heads, measures, tuple(systems))


class _PageReader:
    """The coordinates of one page, and the elements read with them."""

    def __init__(self, root: ElementTree.Element, page: int) -> None:
        self.page = page
        inner = root.find(f"{_SVG}svg")
        if inner is None:
            raise BadScore("The engraving has no page. Export the score again as MusicXML.")
        width = float(inner.get("viewBox", "0 0 21000 29700").split()[2])
        self.px = PAGE_WIDTH_PX / width
        margin = inner.find(f"{_SVG}g")
        match = _TRANSLATE.search(margin.get("transform", "") if margin is not None else "")
        self.x0, self.y0 = (float(match.group(1)), float(match.group(2))) if match else (0.0, 0.0)

    def point(self, x: float, y: float) -> tuple[float, float]:
        return (x + self.x0) * self.px, (y + self.y0) * self.px

    def read_system(
        self,
        element: ElementTree.Element,
        system: int,
        heads: dict[str, Head],
        measures: dict[str, MeasureBox],
    ) -> SystemBox | None:
        lines: list[tuple[float, float, float]] = []
        staves = 0
        for measure in _of_class(element, "measure"):
            in_measure: list[tuple[float, float, float]] = []
            drawn = list(_of_class(measure, "staff"))
            staves = max(staves, len(drawn))
            for number, staff in enumerate(drawn):
                in_measure += self._staff_lines(staff)
                for note in _of_class(staff, "note"):
                    self._read_head(note, system, number, heads)
            if in_measure:
                x0, x1 = min(line[0] for line in in_measure), max(line[1] for line in in_measure)
                measures[measure.get("id", "")] = MeasureBox(self.page, system, x0, x1)
            lines += in_measure
        if not lines:
            return None
        x0s, x1s, ys = zip(*lines, strict=True)
        return SystemBox(self.page, min(x0s), max(x1s), min(ys), max(ys), staves)

    def _staff_lines(self, staff: ElementTree.Element) -> list[tuple[float, float, float]]:
        """(x0, x1, y) in px of the long horizontal lines that are the staff's own children."""
        lines = []
        for path in staff.findall(f"{_SVG}path"):
            numbers = [float(number) for number in _NUMBER.findall(path.get("d", ""))]
            if len(numbers) == 4 and numbers[1] == numbers[3]:
                (x0, y), (x1, _) = self.point(*numbers[:2]), self.point(*numbers[2:])
                lines.append((x0, x1, y))
        return lines

    def _read_head(self, note: ElementTree.Element, system: int, staff: int, heads: dict[str, Head]) -> None:
        for head in _of_class(note, "notehead"):
            for use in head.iter(f"{_SVG}use"):
                match = _TRANSLATE.search(use.get("transform", ""))
                if match:
                    glyph = use.get(_HREF, use.get("href", "#")).lstrip("#").split("-")[0]
                    half = 0.5 * _HEAD_WIDTHS.get(glyph, _BLACK_HEAD_WIDTH) * float(match.group(3) or 0.72)
                    x_px, y_px = self.point(float(match.group(1)) + half, float(match.group(2)))
                    heads[note.get("id", "")] = Head(self.page, system, staff, x_px, y_px)
                    return


def _of_class(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (group for group in element.iter(f"{_SVG}g") if name in group.get("class", "").split())
