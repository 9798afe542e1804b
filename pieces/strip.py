"""Lay the systems end to end: from an engraving to a :class:`~pieces.piece.Piece`.

The strip follows the order in which the music is played (paper, section 4.1: the score is "unrolled"), so
every pass through a repeat has its own stretch. Pure but for drawing the SVG pages in memory.
"""

from __future__ import annotations

import io
import re
from functools import cache
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pieces.engraving import PAGE_WIDTH_PX, Engraving
from pieces.layout import Layout, MeasureBox, read_layout
from pieces.piece import PADDING_PX, STRIP_HEIGHT_PX, Piece, PlayedNotehead, Segment

_WINDOW_HEIGHT_PX = 160
"""Rows of the strip that an agent sees: a taller system is shrunk until its staves fit."""


@cache
def _font_files() -> list[str]:
    """DejaVu inside matplotlib: the words on a page then look alike on every machine."""
    spec = find_spec("matplotlib")
    folder = Path(spec.origin).parent / "mpl-data/fonts/ttf" if spec and spec.origin else Path()
    return [str(path) for path in sorted(folder.glob("DejaVuS*.ttf")) if "Mono" not in path.name]


# Verovio writes metronome marks in its own music font, which is embedded as WOFF2 and not drawn by resvg.
_METRONOME_SIGNS = {"\ueca3": "half", "\ueca5": "♩", "\ueca7": "♪", "\uecb7": "."}
_MUSIC_FONT = re.compile(
    r'font-family="(?:Leipzig|Bravura|Gootville|Leland|Petaluma)" font-size="(\d+)px">([^<]*)<'
)
_HEAD = re.compile(r'class="pgHead.*?</g>')
_HEAD_LINE = re.compile(r'( x="(\d+)"[^>]*text-anchor="middle".*?font-size=")(\d+)(px">)([^<]*)<')
_FOREIGN = re.compile(
    "[\u0900-\u109f\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Of scripts that DejaVu has no letters for."""
_WHITE_BETWEEN_TAGS = re.compile(r">\s+<")


def drawable(svg: str) -> str:
    """The page as resvg can draw it: its words where they belong, and note signs from a text font."""

    def sign(match: re.Match[str]) -> str:
        text = "".join(_METRONOME_SIGNS.get(letter, letter) for letter in match.group(2))
        return f'font-family="DejaVu Sans" font-size="{int(match.group(1)) * 5 // 6}px">{text}<'

    # White space before the first positioned span would anchor the whole text at the left margin.
    drawn = _MUSIC_FONT.sub(sign, _WHITE_BETWEEN_TAGS.sub("><", svg))
    return _HEAD.sub(lambda head: _HEAD_LINE.sub(_fitted, head.group()), drawn)


def _fitted(match: re.Match[str]) -> str:
    """A line of the title, made as small as it must be to stay between the margins of the page."""
    before, middle, size, after, text = match.groups()
    width = int(size) * _width_em(unescape(text))
    smaller = min(int(size), int(int(size) * 2 * int(middle) / max(width, 1.0)))
    return f"{before}{smaller}{after}{text}<"


def _width_em(text: str) -> float:
    """Of a line in DejaVu Serif, or a little more."""
    return sum(1.0 if _FOREIGN.match(letter) else 0.76 if letter.isupper() else 0.58 for letter in text)


def without(svg: str, *parts: str) -> str:
    """The page without what Verovio gives these classes: ``pgHead`` its title, ``mNum`` measure numbers."""
    hidden = ",".join(f"g.{part}" for part in parts)
    return svg.replace("</style>", f"{hidden} {{display:none}}</style>", 1)


def draw_page(svg: str, width_px: int = PAGE_WIDTH_PX) -> NDArray[np.uint8]:
    """Draw an SVG page ``width_px`` wide as (H, width_px) uint8 grey, 255 paper and 0 ink."""
    import resvg_py
    from PIL import Image

    png = resvg_py.svg_to_bytes(
        svg_string=drawable(svg),
        width=width_px,
        background="white",
        skip_system_fonts=_FOREIGN.search(svg) is None,
        font_files=_font_files(),
        serif_family="DejaVu Serif",
        sans_serif_family="DejaVu Sans",
    )
    return np.array(Image.open(io.BytesIO(bytes(png))).convert("L"))


def build_piece(
    engraving: Engraving, name: str, title: str = "", composer: str = "", source: str = ""
) -> Piece:
    """Draw the pages, cut the systems, join them and place every note.

    Raises:
        BadScore: nothing was engraved.
    """
    layout = read_layout(engraving.svg_pages)
    pages = tuple(draw_page(svg) for svg in engraving.svg_pages)
    segments, measures = _lay_out(engraving.played_measures, layout)
    starts = tuple(
        (x_px, engraving.measure_numbers.get(engraving.played_measures[index], ""))
        for index, (x_px, _) in sorted(measures.items())
    )
    return Piece(
        name=name,
        title=title or engraving.header.get("title", name),
        composer=composer or engraving.header.get("composer", ""),
        source=source,
        pages=pages,
        svg_pages=engraving.svg_pages,
        strip=cut_strip(pages, segments),
        notes=_place_notes(engraving, layout, measures),
        segments=segments,
        measure_starts=starts,
        tempo_bpm=engraving.tempo_bpm,
        length_quarters=engraving.length_quarters,
        staves=max(system.staves for system in layout.systems),
        bars=engraving.bars,
    )


def _lay_out(
    played: tuple[str, ...], layout: Layout
) -> tuple[tuple[Segment, ...], dict[int, tuple[float, Segment]]]:
    """Segments in played order; (strip x of the left edge, segment) by index of the played measure."""
    runs: list[list[int]] = []
    last: MeasureBox | None = None
    for index, name in enumerate(played):
        box = layout.measures.get(name)
        if box is None:
            continue
        if last is not None and last.system == box.system and abs(last.x1_px - box.x0_px) < 2.0:
            runs[-1].append(index)
        else:
            runs.append([index])
        last = box
    segments = []
    measures: dict[int, tuple[float, Segment]] = {}
    x_px = float(PADDING_PX)
    for run in runs:
        boxes = [layout.measures[played[index]] for index in run]
        system = layout.systems[boxes[0].system]
        scale = min(1.0, (_WINDOW_HEIGHT_PX - 20) / max(system.y1_px - system.y0_px, 1.0))
        segment = Segment(
            system.page,
            boxes[0].system,
            boxes[0].x0_px,
            boxes[-1].x1_px,
            system.y0_px,
            system.y1_px,
            x_px,
            scale,
        )
        segments.append(segment)
        for index, box in zip(run, boxes, strict=True):
            measures[index] = (x_px + (box.x0_px - segment.page_x0_px) * scale, segment)
        x_px = segment.strip_x1_px
    return tuple(segments), measures


def _place_notes(
    engraving: Engraving, layout: Layout, measures: dict[int, tuple[float, Segment]]
) -> tuple[PlayedNotehead, ...]:
    """Noteheads in played order, each in the pass of its measure that is being played."""
    placed = []
    for note in engraving.notes:
        head = layout.heads.get(note.note_id)
        if head is None or note.played_measure not in measures:
            continue
        segment = measures[note.played_measure][1]
        if head.system != segment.system:  # drawn in a neighbouring system: not where it is played
            continue
        placed.append(
            PlayedNotehead(
                note_id=note.note_id,
                pitch=note.pitch,
                quarters=note.quarters,
                duration_quarters=note.duration_quarters,
                measure=engraving.measure_numbers.get(engraving.played_measures[note.played_measure], ""),
                x_px=segment.strip_x0_px + (head.x_px - segment.page_x0_px) * segment.scale,
                page=head.page,
                system=head.system,
                page_x_px=head.x_px,
                page_y_px=head.y_px,
                staff=head.staff,
            )
        )
    return tuple(placed)


def cut_strip(pages: tuple[NDArray[np.uint8], ...], segments: tuple[Segment, ...]) -> NDArray[np.uint8]:
    """(200, W) uint8 ink (255) on paper (0), padded with white at both ends."""
    width = int(np.ceil(segments[-1].strip_x1_px)) + PADDING_PX
    strip = np.zeros((STRIP_HEIGHT_PX, width), np.uint8)
    for segment in segments:
        cut = _cut(pages[segment.page], segment)
        x0 = round(segment.strip_x0_px)
        strip[:, x0 : x0 + cut.shape[1]] = cut[:, : width - x0]
    return strip


def _cut(page: NDArray[np.uint8], segment: Segment) -> NDArray[np.uint8]:
    """One segment's ink, 200 px high around the middle of its staves."""
    half = round(0.5 * STRIP_HEIGHT_PX / segment.scale)
    middle = round(0.5 * (segment.page_y0_px + segment.page_y1_px))
    top, bottom = max(middle - half, 0), min(middle + half, page.shape[0])
    left = round(segment.page_x0_px)
    right = max(round(segment.page_x1_px), left + 1)
    ink = np.zeros((2 * half, right - left), np.uint8)
    seen = page[top:bottom, max(left, 0) : max(right, 0)]
    if seen.size:  # an overfull line reaches beyond the page, where there is nothing to be seen
        rows, columns = top - middle + half, max(left, 0) - left
        ink[rows : rows + seen.shape[0], columns : columns + seen.shape[1]] = 255 - seen
    if segment.scale < 1.0:
        from PIL import Image

        width = max(round(ink.shape[1] * segment.scale), 1)
        ink = np.asarray(Image.fromarray(ink).resize((width, STRIP_HEIGHT_PX), Image.Resampling.BOX))
    return ink
