"""Engrave a score with Verovio: from text to SVG pages, the times of its notes and their pitches.

Verovio is C++ and can crash or hang on bad input, so :func:`engrave` runs it in a child process with a
time limit. :func:`engrave_here` does the same inside the calling process, for builders of data that are
such child processes themselves. Neither reads nor writes any file but a temporary one.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pieces.errors import BadScore
from pieces.reading import ScoreText

PAGE_WIDTH_PX = 835
"""Width of a rendered page; every ``_px`` in Ripieno counts these pixels (paper, section 4.1: 835 px)."""

_INPUT_FORMATS = {"musicxml": "musicxml", "mei": "mei", "kern": "humdrum", "abc": "abc"}
_REPETITION = re.compile(r"-rend\d+$")
_MEI_MEASURE = re.compile(r"<measure\b[^>]*>")


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
    settings = (options or EngravingOptions()).to_verovio()
    printed = verovio.toolkit()
    printed.setOptions({**settings, "inputFrom": _INPUT_FORMATS[score.format], "expandNever": True})
    if not printed.loadData(score.text):
        raise BadScore(f"{score.name}: not a readable {score.format} score. Export it again as MusicXML.")
    pages = tuple(printed.renderToSVG(number) for number in range(1, printed.getPageCount() + 1))
    mei = printed.getMEI()
    played = verovio.toolkit()
    played.setOptions({**settings, "inputFrom": "mei", "expandAlways": True})
    if not played.loadData(mei):
        raise BadScore(f"{score.name}: its repeats cannot be followed. Write them out and try again.")
    timemap = _as_json(played.renderToTimemap({"includeMeasures": True}))
    notes, measures = _played_order(timemap, printed)
    if not notes:
        raise BadScore(f"{score.name}: there is not one note in this score.")
    tempo_bpm = next((float(event["tempo"]) for event in timemap if "tempo" in event), 120.0)
    return Engraving(
        pages, notes, measures, _measure_numbers(mei), tempo_bpm, float(timemap[-1]["qstamp"]), _header(mei)
    )


def _as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _played_order(
    timemap: list[dict[str, Any]], printed: Any
) -> tuple[tuple[TimedNote, ...], tuple[str, ...]]:
    """Notes with their ends, and measures, as the time map lists them."""
    measures: list[str] = []
    begun: dict[str, tuple[float, int]] = {}
    notes: list[tuple[float, str, float, int]] = []
    for event in timemap:
        quarters = float(event["qstamp"])
        for name in event.get("off", ()):
            if name in begun:
                onset, measure = begun.pop(name)
                notes.append((onset, name, quarters - onset, measure))
        if "measureOn" in event:
            measures.append(_REPETITION.sub("", event["measureOn"]))
        for name in event.get("on", ()):
            begun[name] = (quarters, max(len(measures) - 1, 0))
    end = float(timemap[-1]["qstamp"])
    notes += [(onset, name, end - onset, measure) for name, (onset, measure) in begun.items()]
    notes.sort(key=lambda note: note[0])
    pitches: dict[str, int] = {}
    timed = []
    for onset, name, duration, measure in notes:
        base = _REPETITION.sub("", name)
        if base not in pitches:
            pitches[base] = int(_as_json(printed.getMIDIValuesForElement(base)).get("pitch", 0))
        if 0 < pitches[base] < 128:
            timed.append(TimedNote(base, onset, duration, pitches[base], measure))
    return tuple(timed), tuple(measures)


def _measure_numbers(mei: str) -> dict[str, str]:
    numbers = {}
    for tag in _MEI_MEASURE.findall(mei):
        name = re.search(r'xml:id="([^"]+)"', tag)
        number = re.search(r'\bn="([^"]*)"', tag)
        if name:
            numbers[name.group(1)] = number.group(1) if number else ""
    return numbers


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
