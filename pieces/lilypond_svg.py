"""Read the SVG pages that LilyPond made with noteheads.ily: an exact map from noteheads to time.

The strip holds every system once, in the order of the pages: repeats are drawn and played as printed. Pure
but for drawing the pages in memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from pieces.engraving import PAGE_WIDTH_PX
from pieces.errors import BadScore
from pieces.piece import PADDING_PX, Piece, PlayedNotehead, Segment
from pieces.strip import cut_strip, draw_page

DEFAULT_BPM = 60.0
"""LilyPond's own, in quarters a minute, where a source has no tempo."""
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
GRACE_SHARE = 9 / 40
"""A grace note lasts so much of its written length, taken from what is before it, as in LilyPond's MIDI."""
_SVG = "{http://www.w3.org/2000/svg}"
_SIZE_MM = re.compile(r'(<svg[^>]*?) width="[\d.]+mm" height="[\d.]+mm"')
_TRANSLATE = re.compile(r"translate\((-?[\d.]+), *(-?[\d.]+)\)")


@dataclass(frozen=True)
class Head:
    """A drawn notehead: its place in page px, when it sounds in its score, and the head it is tied from.

    ``bpm`` is the tempo there, in quarters a minute, None where the music states none.
    """

    head_id: str
    page: int
    system: str
    x_px: float
    y_px: float
    score: int
    quarters: float
    duration_quarters: float
    pitch: int
    measure: str
    tied_from: str
    bpm: float | None


@dataclass(frozen=True)
class Staff:
    """The lines of a staff in one system, in page px."""

    page: int
    system: str
    x0_px: float
    x1_px: float
    y0_px: float
    y1_px: float


@dataclass(frozen=True)
class Drawing:
    """All that the pages say, in the order of the drawing."""

    heads: tuple[Head, ...]
    staves: tuple[Staff, ...]


def read_drawing(svg_pages: tuple[str, ...]) -> Drawing:
    """Find noteheads and staves.

    Raises:
        BadScore: a page is not LilyPond's, or there are no notes.
    """
    heads: list[Head] = []
    staves: list[Staff] = []
    try:
        for page, svg in enumerate(svg_pages):
            root = ElementTree.fromstring(svg)
            px = PAGE_WIDTH_PX / float(root.get("viewBox", "").split()[2])
            for group in root.iter(f"{_SVG}g"):
                if group.get("class") == "head":
                    heads += _read_head(group, page, px)
                elif group.get("class") == "staff":
                    staves += _read_staff(group, page, px)
    except (ElementTree.ParseError, KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadScore(f"Not pages that LilyPond drew with noteheads.ily ({error}).") from error
    if not heads or not staves:
        raise BadScore("LilyPond drew no notes.")
    return Drawing(tuple(heads), tuple(staves))


def _points(group: ElementTree.Element) -> list[tuple[float, float, ElementTree.Element]]:
    """Where the group's shapes are put, and the groups that hold them."""
    found = ((_TRANSLATE.search(inner.get("transform", "")), inner) for inner in group.iter(f"{_SVG}g"))
    return [(float(match[1]), float(match[2]), inner) for match, inner in found if match]


def _read_head(group: ElementTree.Element, page: int, px: float) -> list[Head]:
    """One, or none for a head that is transparent."""
    points = _points(group)
    if not points:
        return []
    said = group.attrib
    grace = float(said["data-grace"])
    length = float(said["data-length"]) * (GRACE_SHARE if grace else 1.0)
    tempo = float(said["data-tempo"] or 0)
    return [Head(
        head_id=said["id"],
        page=page,
        system=said["data-system"],
        x_px=(points[0][0] + float(said["data-middle"])) * px,
        y_px=points[0][1] * px,
        score=int(said["data-score"]),
        quarters=4 * (float(said["data-moment"]) + GRACE_SHARE * grace),
        duration_quarters=4 * length,
        pitch=round(float(said["data-pitch"])),
        measure=said["data-measure"],
        tied_from=said.get("data-tied-from", ""),
        bpm=4 * tempo or None,
    )]  # fmt: skip


def _read_staff(group: ElementTree.Element, page: int, px: float) -> list[Staff]:
    lines = [
        (x + float(line.get("x1", 0)), x + float(line.get("x2", 0)), y)
        for x, y, inner in _points(group) for line in inner.iter(f"{_SVG}line")
    ]
    if not lines:
        return []
    x0s, x1s, ys = zip(*lines, strict=True)
    edges = (edge * px for edge in (min(x0s), max(x1s), min(ys), max(ys)))
    return [Staff(page, group.attrib["data-system"], *edges)]


def read_pages(svg_pages: tuple[str, ...], name: str, default_bpm: float | None = None) -> Piece:
    """The piece on LilyPond's pages; written positions count quarters of the first tempo.

    Where the music changes its tempo, quarters after it are as long as they last in those of the first one.
    ``default_bpm`` is for music that states no tempo.

    Raises:
        BadScore: see :func:`read_drawing`.
    """
    try:
        drawing = read_drawing(svg_pages)
    except BadScore as error:
        raise BadScore(f"{name}: {error}") from error
    pages = tuple(draw_page(_SIZE_MM.sub(r"\1", svg, count=1)) for svg in svg_pages)
    systems = _systems(drawing.staves)
    segments = _segments(systems)
    struck, bpm = _timed(_struck(_one_after_another(drawing.heads)), default_bpm or DEFAULT_BPM)
    notes = _placed(struck, systems, segments)
    if not notes:
        raise BadScore(f"{name}: no note stands on a staff.")
    return Piece(
        name=name,
        title=name,
        composer="",
        source="",
        pages=pages,
        svg_pages=svg_pages,
        strip=cut_strip(pages, segments),
        notes=notes,
        segments=segments,
        measure_starts=_measure_starts(notes),
        tempo_bpm=bpm,
        length_quarters=max(note.quarters + note.duration_quarters for note in notes),
        staves=max(len(staves) for staves in systems.values()),
    )


def _systems(staves: tuple[Staff, ...]) -> dict[str, list[Staff]]:
    """Staves, from the top, by system; systems in the order of the pages."""
    found: dict[str, list[Staff]] = defaultdict(list)
    for staff in staves:
        found[staff.system].append(staff)
    ordered = sorted(found.values(), key=lambda system: (system[0].page, min(s.y0_px for s in system)))
    return {system[0].system: sorted(system, key=lambda staff: staff.y0_px) for system in ordered}


def _segments(systems: dict[str, list[Staff]]) -> tuple[Segment, ...]:
    """The systems end to end, at full size."""
    segments = []
    x_px = float(PADDING_PX)
    for index, staves in enumerate(systems.values()):
        x0, x1 = min(staff.x0_px for staff in staves), max(staff.x1_px for staff in staves)
        y0, y1 = staves[0].y0_px, max(staff.y1_px for staff in staves)
        segments.append(Segment(staves[0].page, index, x0, x1, y0, y1, x_px))
        x_px = segments[-1].strip_x1_px
    return tuple(segments)


def _one_after_another(heads: tuple[Head, ...]) -> list[Head]:
    """Heads by time, every score beginning where the one before ends, the first at 0."""
    scores: dict[int, list[Head]] = defaultdict(list)
    for head in heads:
        scores[head.score].append(head)
    ordered = []
    end = 0.0
    for number, score in sorted(scores.items()):
        # Grace notes before the first beat stand at negative times.
        shift = end - min(0.0, *(head.quarters for head in score))
        ordered += [replace(head, quarters=head.quarters + shift) for head in score]
        end = max(head.quarters + head.duration_quarters for head in ordered if head.score == number)
    return sorted(ordered, key=lambda head: (head.quarters, head.x_px))


def _struck(heads: list[Head]) -> list[Head]:
    """The heads that are struck, as long as what is tied to them lasts."""
    ends = {head.head_id: head.quarters + head.duration_quarters for head in heads}
    first = {head.head_id: head.head_id for head in heads}
    for head in heads:
        if head.tied_from in first:
            first[head.head_id] = start = first[head.tied_from]
            ends[start] = max(ends[start], ends[head.head_id])
    return [
        replace(head, duration_quarters=ends[head.head_id] - head.quarters)
        for head in heads if first[head.head_id] == head.head_id
    ]


def _timed(heads: list[Head], default_bpm: float) -> tuple[list[Head], float]:
    """The heads with all times in quarters of the first tempo, and that tempo."""
    marks: list[tuple[float, float]] = []
    for head in heads:
        bpm = float(np.clip(head.bpm or default_bpm, SLOWEST_BPM, FASTEST_BPM))
        if not marks or marks[-1][1] != bpm:
            marks.append((head.quarters, bpm))
    ends = [head.quarters + head.duration_quarters for head in heads]
    starts, bpms = (np.array(column) for column in zip(*marks, strict=True))
    knots = np.append(starts, max(*ends, starts[-1]) + 1.0)
    times = np.append(0.0, np.cumsum(np.diff(knots) * bpms[0] / bpms))
    at: NDArray[np.float64] = np.interp([head.quarters for head in heads], knots, times)
    until: NDArray[np.float64] = np.interp(ends, knots, times)
    timed = [
        replace(head, quarters=float(on), duration_quarters=float(off - on))
        for head, on, off in zip(heads, at, until, strict=True)
    ]
    return timed, float(bpms[0])


def _placed(
    heads: list[Head], systems: dict[str, list[Staff]], segments: tuple[Segment, ...]
) -> tuple[PlayedNotehead, ...]:
    index = {system: number for number, system in enumerate(systems)}
    notes = []
    for head in heads:
        if head.system not in index:
            continue
        segment, staves = segments[index[head.system]], systems[head.system]
        away = [abs(head.y_px - 0.5 * (staff.y0_px + staff.y1_px)) for staff in staves]
        notes.append(PlayedNotehead(
            note_id=head.head_id,
            pitch=head.pitch,
            quarters=head.quarters,
            duration_quarters=head.duration_quarters,
            measure=head.measure,
            x_px=segment.strip_x0_px + head.x_px - segment.page_x0_px,
            page=head.page,
            system=segment.system,
            page_x_px=head.x_px,
            page_y_px=head.y_px,
            staff=int(np.argmin(away)),
        ))  # fmt: skip
    return tuple(notes)


def _measure_starts(notes: tuple[PlayedNotehead, ...]) -> tuple[tuple[float, str], ...]:
    """A measure starts at its first notehead."""
    starts: list[tuple[float, str]] = []
    for note in notes:
        if not starts or (starts[-1][1] != note.measure and note.x_px > starts[-1][0]):
            starts.append((note.x_px, note.measure))
    return tuple(starts)
