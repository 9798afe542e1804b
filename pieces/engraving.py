"""Engrave a score with Verovio: from text to SVG pages, the times of its notes and their pitches.

Verovio is C++ and can crash or hang on bad input, so :func:`engrave` runs it in a child process with a
time limit. :func:`engrave_here` does the same inside the calling process, for builders of data that are
such child processes themselves. Neither reads nor writes any file but a temporary one.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from pieces.errors import BadScore
from pieces.reading import ScoreText
from pieces.repeats import RepeatMarks, played_order

PAGE_WIDTH_PX = 835
"""Width of a rendered page; every ``_px`` in Ripieno counts these pixels (paper, section 4.1: 835 px)."""

_INPUT_FORMATS = {"musicxml": "musicxml", "mei": "mei", "kern": "humdrum", "abc": "abc"}
_MEI = "{http://www.music-encoding.org/ns/mei}"
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


@dataclass(frozen=True)
class EngravingOptions:
    """How a score is set. The defaults are what the program shows; training varies them.

    ``staff_scale`` enlarges the music on a page of fixed width; the spacings are Verovio's own units.
    """

    font: str = "Leipzig"
    staff_scale: float = 1.0
    spacing_linear: float = 0.25
    spacing_non_linear: float = 0.6
    spacing_staff: int = 12
    spacing_system: int = 4

    def to_verovio(self) -> dict[str, Any]:
        """The toolkit's options for a page of A4 proportions."""
        width = round(2100 / self.staff_scale)
        return {
            "pageWidth": width,
            "pageHeight": round(width * 297 / 210),
            "scale": 40,
            "font": self.font,
            "fontFallback": "Leipzig",
            "spacingLinear": self.spacing_linear,
            "spacingNonLinear": self.spacing_non_linear,
            "spacingStaff": self.spacing_staff,
            "spacingSystem": self.spacing_system,
            "footer": "none",
            "svgViewBox": True,
            "xmlIdSeed": 1,
            "breaks": "auto",
        }


@dataclass(frozen=True)
class TimedNote:
    """One sounding note in played order: ``note_id`` as drawn, onset and duration in quarters.

    ``played_measure`` is its index in :attr:`Engraving.played_measures`.
    """

    note_id: str
    quarters: float
    duration_quarters: float
    pitch: int
    played_measure: int


@dataclass(frozen=True)
class Engraving:
    """What Verovio made of a score.

    ``notes`` and ``played_measures`` are in played order, repeats written out; both name elements of
    ``svg_pages``, so an id occurs once for every pass through it.
    """

    svg_pages: tuple[str, ...]
    notes: tuple[TimedNote, ...]
    played_measures: tuple[str, ...]
    measure_numbers: dict[str, str]
    tempo_bpm: float
    length_quarters: float
    header: dict[str, str] = field(default_factory=dict)


def engrave(
    score: ScoreText, options: EngravingOptions | None = None, time_limit_s: float = 60.0
) -> Engraving:
    """Engrave in a child process.

    Raises:
        BadScore: the score cannot be engraved, crashed the engraver or took longer than ``time_limit_s``.
    """
    settings = dataclasses.asdict(options or EngravingOptions())
    request = {"score": dataclasses.asdict(score), "options": settings}
    with tempfile.TemporaryDirectory(prefix="ripieno-") as folder:
        reply_path = Path(folder) / "engraving.json"
        command = [sys.executable, "-m", "pieces.engraving", str(reply_path)]
        try:
            finished = subprocess.run(
                command,
                input=json.dumps(request).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=time_limit_s,
                cwd=Path(__file__).resolve().parent.parent,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadScore(
                f"{score.name}: engraving took longer than {time_limit_s:.0f} s. Try a shorter score."
            ) from None
        if finished.returncode != 0 or not reply_path.exists():
            raise BadScore(
                f"{score.name}: the engraver stopped on this score. Open it in a notation program and export "
                "it again as MusicXML."
            )
        reply = json.loads(reply_path.read_text())
    if "error" in reply:
        raise BadScore(reply["error"])
    reply["notes"] = tuple(TimedNote(*row) for row in reply["notes"])
    reply["svg_pages"] = tuple(reply["svg_pages"])
    reply["played_measures"] = tuple(reply["played_measures"])
    return Engraving(**reply)


def engrave_here(score: ScoreText, options: EngravingOptions | None = None) -> Engraving:
    """Engrave in this process, which Verovio may crash (see :func:`engrave`).

    Raises:
        BadScore: Verovio refuses the score, or there is no note in it.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    settings = (options or EngravingOptions()).to_verovio()
    toolkit.setOptions({**settings, "inputFrom": _INPUT_FORMATS[score.format], "expandNever": True})
    if not toolkit.loadData(score.text):
        raise BadScore(f"{score.name}: not a readable {score.format} score. Export it again as MusicXML.")
    pages = tuple(toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1))
    mei = toolkit.getMEI()
    timemap = _as_json(toolkit.renderToTimemap({"includeMeasures": True}))
    printed, lengths = _printed_measures(timemap, toolkit)
    if not any(measure.notes for measure in printed):
        raise BadScore(f"{score.name}: there is not one note in this score.")
    numbers, marks = _read_measures(mei)
    order = played_order([marks.get(measure.name, RepeatMarks()) for measure in printed])
    starts = np.concatenate([[0.0], np.cumsum([lengths[index] for index in order])])
    notes = [
        TimedNote(name, float(starts[place]) + offset, duration, pitch, place)
        for place, index in enumerate(order)
        for name, offset, duration, pitch in printed[index].notes
    ]
    return Engraving(
        svg_pages=pages,
        notes=tuple(sorted(notes, key=lambda note: note.quarters)),
        played_measures=tuple(printed[index].name for index in order),
        measure_numbers=numbers,
        tempo_bpm=next((float(event["tempo"]) for event in timemap if "tempo" in event), 120.0),
        length_quarters=float(starts[-1]),
        header=_header(mei),
    )


def _as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


@dataclass
class _PrintedMeasure:
    """A measure as printed; ``notes`` are (id, quarters from its start, duration, pitch)."""

    name: str
    start: float
    notes: list[tuple[str, float, float, int]] = field(default_factory=list)


def _printed_measures(
    timemap: list[dict[str, Any]], toolkit: Any
) -> tuple[list[_PrintedMeasure], list[float]]:
    """The measures in printed order with their notes, and how many quarters each lasts."""
    measures: list[_PrintedMeasure] = []
    begun: dict[str, tuple[float, _PrintedMeasure]] = {}
    end = float(timemap[-1]["qstamp"])

    def finish(name: str, quarters: float) -> None:
        onset, measure = begun.pop(name)
        pitch = int(_as_json(toolkit.getMIDIValuesForElement(name)).get("pitch", 0))
        if 0 < pitch < 128:
            measure.notes.append((name, onset - measure.start, quarters - onset, pitch))

    for event in timemap:
        quarters = float(event["qstamp"])
        for name in event.get("off", ()):
            if name in begun:
                finish(name, quarters)
        if "measureOn" in event:
            measures.append(_PrintedMeasure(event["measureOn"], quarters))
        for name in event.get("on", ()) if measures else ():
            begun[name] = (quarters, measures[-1])
    for name in list(begun):
        finish(name, end)
    starts = [measure.start for measure in measures] + [end]
    return measures, [after - before for before, after in itertools.pairwise(starts)]


def _read_measures(mei: str) -> tuple[dict[str, str], dict[str, RepeatMarks]]:
    """Numbers and repeat marks of the measures, by id, as Verovio's own MEI states them."""
    numbers: dict[str, str] = {}
    marks: dict[str, RepeatMarks] = {}
    right = ""

    def visit(element: ElementTree.Element, endings: tuple[int, ...]) -> None:
        nonlocal right
        if element.tag == f"{_MEI}ending":
            endings = tuple(int(number) for number in re.findall(r"\d+", element.get("n", "")))
        if element.tag != f"{_MEI}measure":
            for child in element:
                visit(child, endings)
            return
        name = element.get(_XML_ID, "")
        numbers[name] = element.get("n", "")
        # A sign for both directions may stand at the right of the measure before.
        start = element.get("left") in ("rptstart", "rptboth") or right == "rptboth"
        right = element.get("right", "")
        marks[name] = RepeatMarks(start, right in ("rptend", "rptboth"), 2, endings)

    visit(ElementTree.fromstring(mei), ())
    return numbers, marks


def _header(mei: str) -> dict[str, str]:
    """Title and composer as the file itself states them, where it does."""
    found = {}
    head = mei[: mei.find("</meiHead>")]
    for key, pattern in (
        ("title", r"<title[^>]*>([^<]+)</title>"),
        (
            "composer",
            r"<persName[^>]*role=\"(?:composer|CMP)\"[^>]*>([^<]+)</persName>|<composer[^>]*>([^<]+)<",
        ),
    ):
        match = re.search(pattern, head)
        if match:
            found[key] = next(group for group in match.groups() if group).strip()
    return found


def _child_main(reply_path: Path) -> None:
    request = json.load(sys.stdin)
    try:
        engraving = engrave_here(ScoreText(**request["score"]), EngravingOptions(**request["options"]))
        reply: dict[str, Any] = {
            item.name: getattr(engraving, item.name) for item in dataclasses.fields(engraving)
        }
        reply["notes"] = [dataclasses.astuple(note) for note in engraving.notes]
    except BadScore as error:
        reply = {"error": str(error)}
    reply_path.write_text(json.dumps(reply))


if __name__ == "__main__":
    _child_main(Path(sys.argv[1]))
