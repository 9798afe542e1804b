"""Engrave a score with Verovio: from text to SVG pages, the times of its notes and their pitches.

Verovio is C++ and can crash or hang on bad input, so :func:`engrave` runs it in a child process with a
time limit. :func:`engrave_here` does the same inside the calling process, for builders of data that are
such child processes themselves. Neither reads nor writes any file but a temporary one.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pieces.errors import BadScore
from pieces.files import check_room
from pieces.meter import Bar, bars_of_rows
from pieces.reading import ScoreText
from pieces.timing import NothingPlayed, TimedNote, read_timing

PAGE_WIDTH_PX = 835
"""Width of a rendered page; every ``_px`` in Ripieno counts these pixels (paper, section 4.1: 835 px)."""

_INPUT_FORMATS = {"musicxml": "musicxml", "mei": "mei", "kern": "humdrum", "abc": "abc"}


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
class Engraving:
    """What Verovio made of a score.

    ``notes``, ``played_measures`` and ``bars`` are in played order, repeats written out; the first two name
    elements of ``svg_pages``, so an id occurs once for every pass through it.
    """

    svg_pages: tuple[str, ...]
    notes: tuple[TimedNote, ...]
    played_measures: tuple[str, ...]
    measure_numbers: dict[str, str]
    bars: tuple[Bar, ...]
    tempo_bpm: float
    length_quarters: float
    header: dict[str, str] = field(default_factory=dict)


def engrave(
    score: ScoreText, options: EngravingOptions | None = None, time_limit_s: float = 60.0
) -> Engraving:
    """Engrave in a child process.

    Raises:
        BadScore: the score cannot be engraved, crashed the engraver or took longer than ``time_limit_s``.
        RipienoError: the disk of the temporary folder is full.
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
            check_room(Path(folder), finished.stderr.decode(errors="replace"))
            raise BadScore(
                f"{score.name}: the engraver stopped on this score. Open it in a notation program and export "
                "it again as MusicXML."
            )
        reply = json.loads(reply_path.read_text())
    if "error" in reply:
        raise BadScore(reply["error"])
    reply["notes"] = tuple(TimedNote(*row) for row in reply["notes"])
    reply["bars"] = bars_of_rows(reply["bars"])
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
    try:
        timing = read_timing(toolkit)
    except NothingPlayed:
        raise BadScore(f"{score.name}: there is not one note in this score.") from None
    return Engraving(
        svg_pages=pages,
        notes=timing.notes,
        played_measures=timing.played_measures,
        measure_numbers=timing.measure_numbers,
        bars=timing.bars,
        tempo_bpm=timing.tempo_bpm,
        length_quarters=timing.length_quarters,
        header=timing.header,
    )


def _child_main(reply_path: Path) -> None:
    request = json.load(sys.stdin)
    try:
        engraving = engrave_here(ScoreText(**request["score"]), EngravingOptions(**request["options"]))
        reply: dict[str, Any] = {
            item.name: getattr(engraving, item.name) for item in dataclasses.fields(engraving)
        }
        for rows in ("notes", "bars"):
            reply[rows] = [dataclasses.astuple(row) for row in reply[rows]]
    except BadScore as error:
        reply = {"error": str(error)}
    reply_path.write_text(json.dumps(reply))


if __name__ == "__main__":
    _child_main(Path(sys.argv[1]))
