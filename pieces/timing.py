"""What is played when: from the time map and the MEI that Verovio gives for a loaded score.

The time map is that of the printed music; repeats are written out here (see :mod:`pieces.repeats`), and the
second note of a tie, which the time map lists like any other, is not struck but lengthens the first.
Pure but for asking the toolkit.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from pieces.meter import Bar, TimeSignature, lay_bars
from pieces.repeats import SIGNS, RepeatMarks, played_order

_MEI = "{http://www.music-encoding.org/ns/mei}"
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_DEFAULT_TEMPO_BPM = 120.0
_WORDS = {
    "dacapo": r"^(d\.? ?c\b|da capo)", "dalsegno": r"^(d\.? ?s\b|dal segno)", "tocoda": r"^(al|to) coda",
    "fine": r"^fine\b",
}  # fmt: skip
"""How jumps are written where a file says them in words alone."""
_SYMBOLS = {"common": TimeSignature(4, 4), "cut": TimeSignature(2, 2)}


class NothingPlayed(Exception):
    """There is not one note."""


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
class Timing:
    """Notes and measures in played order, and what the file says of itself; ids are those drawn."""

    notes: tuple[TimedNote, ...]
    played_measures: tuple[str, ...]
    measure_numbers: dict[str, str]
    bars: tuple[Bar, ...]
    tempo_bpm: float
    length_quarters: float
    header: dict[str, str]


def read_timing(toolkit: Any) -> Timing:
    """Read the timing of the score that ``toolkit`` has loaded, with its repeats left as printed.

    Raises:
        NothingPlayed: no note sounds.
    """
    mei = toolkit.getMEI()
    timemap = _as_json(toolkit.renderToTimemap({"includeMeasures": True}))
    root = ElementTree.fromstring(mei)
    marked = _Marks(root)
    printed, lengths = _printed_measures(timemap, marked.ties, _Pitches(root, toolkit))
    if not any(measure.notes for measure in printed):
        raise NothingPlayed
    order = played_order([marked.repeats.get(measure.name, RepeatMarks()) for measure in printed])
    signatures = [marked.signatures.get(measure.name, TimeSignature()) for measure in printed]
    starts = [0.0, *itertools.accumulate(lengths[index] for index in order)]
    notes = [
        TimedNote(name, starts[place] + offset, duration, pitch, place)
        for place, index in enumerate(order)
        for name, offset, duration, pitch in printed[index].notes
    ]
    return Timing(
        notes=tuple(sorted(notes, key=lambda note: note.quarters)),
        played_measures=tuple(printed[index].name for index in order),
        measure_numbers=marked.numbers,
        bars=lay_bars(starts, [signatures[index] for index in order]),
        tempo_bpm=next((float(e["tempo"]) for e in timemap if "tempo" in e), _DEFAULT_TEMPO_BPM),
        length_quarters=starts[-1],
        header=_header(mei),
    )


def _as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class _Pitches:
    """MIDI pitches by the id of a note.

    Verovio searches the whole score for every note it is asked about, so it is asked once for all notes that
    are written alike: what it answers depends on nothing but their attributes of pitch and accidental.
    """

    def __init__(self, root: ElementTree.Element, toolkit: Any) -> None:
        self._toolkit = toolkit
        self._written = {note.get(_XML_ID, ""): _written_pitch(note) for note in root.iter(f"{_MEI}note")}
        self._known: dict[tuple[str | None, ...], int] = {}

    def of(self, name: str) -> int:
        """0 where there is none."""
        written = self._written.get(name, (name,))
        if written not in self._known:
            values = _as_json(self._toolkit.getMIDIValuesForElement(name))
            self._known[written] = int(values.get("pitch", 0))
        return self._known[written]


def _written_pitch(note: ElementTree.Element) -> tuple[str | None, ...]:
    accidentals = (note, *note.iter(f"{_MEI}accid"))
    return (
        *(note.get(name) for name in ("pname", "pname.ges", "oct", "oct.ges", "pnum")),
        *(each.get(name) for each in accidentals for name in ("accid", "accid.ges")),
    )


@dataclass
class _PrintedMeasure:
    """A measure as printed; ``notes`` are (id, quarters from its start, duration, pitch)."""

    name: str
    start: float
    notes: list[tuple[str, float, float, int]] = field(default_factory=list)


def _printed_measures(
    timemap: list[dict[str, Any]], ties: dict[str, str], pitches: _Pitches
) -> tuple[list[_PrintedMeasure], list[float]]:
    """The measures in printed order with the notes struck in them, and how many quarters each lasts."""
    measures: list[_PrintedMeasure] = []
    onsets: dict[str, tuple[float, _PrintedMeasure]] = {}
    ends: dict[str, float] = {}
    end = float(timemap[-1]["qstamp"])
    for event in timemap:
        quarters = float(event["qstamp"])
        ends |= dict.fromkeys(event.get("off", ()), quarters)
        if "measureOn" in event:
            measures.append(_PrintedMeasure(event["measureOn"], quarters))
        for name in event.get("on", ()) if measures else ():
            onsets[name] = (quarters, measures[-1])
    for name, (onset, measure) in onsets.items():
        pitch = pitches.of(name)
        if name not in ties.values() and 0 < pitch < 128:
            last = _last_tied(name, ties, onsets)
            measure.notes.append((name, onset - measure.start, ends.get(last, end) - onset, pitch))
    starts = [measure.start for measure in measures] + [end]
    return measures, [after - before for before, after in itertools.pairwise(starts)]


def _last_tied(name: str, ties: dict[str, str], known: dict[str, Any]) -> str:
    """The last of the notes that are tied on from ``name``."""
    seen = {name}
    while (following := ties.get(name)) in known and following not in seen:
        name = following
        seen.add(name)
    return name


class _Marks:
    """What the MEI says of its measures and ties.

    ``numbers``, ``signatures`` and ``repeats`` by measure id; ``ties`` from the id of a note to that of the
    note it is tied to.
    """

    def __init__(self, root: ElementTree.Element) -> None:
        self.numbers: dict[str, str] = {}
        self.signatures: dict[str, TimeSignature] = {}
        self.repeats: dict[str, RepeatMarks] = {}
        self.ties: dict[str, str] = {}
        self._right = ""
        self._signature = TimeSignature()
        self._visit(root, ())
        for tie in root.iter(f"{_MEI}tie"):
            ends = (tie.get("startid", "")[1:], tie.get("endid", "")[1:])
            if all(ends):
                self.ties[ends[0]] = ends[1]

    def _visit(self, element: ElementTree.Element, endings: tuple[int, ...]) -> None:
        if element.tag == f"{_MEI}ending":
            endings = tuple(int(number) for number in re.findall(r"\d+", element.get("n", "")))
        self._signature = _signature(element) or self._signature
        if element.tag != f"{_MEI}measure":
            for child in element:
                self._visit(child, endings)
            return
        name = element.get(_XML_ID, "")
        self.numbers[name] = element.get("n", "")
        self.signatures[name] = self._signature
        # A sign for both directions may stand at the right of the measure before.
        start = element.get("left") in ("rptstart", "rptboth") or self._right == "rptboth"
        self._right = element.get("right", "")
        ends = self._right in ("rptend", "rptboth")
        self.repeats[name] = RepeatMarks(start, ends, 2, endings, frozenset(_signs(element)))


def _signature(element: ElementTree.Element) -> TimeSignature | None:
    """The time signature that an element of the MEI states, be it an element of its own or attributes."""
    prefix = "" if element.tag == f"{_MEI}meterSig" else "meter."
    counts = [int(number) for number in re.findall(r"\d+", element.get(f"{prefix}count", ""))]  # or "3+2"
    unit = element.get(f"{prefix}unit", "")
    if sum(counts) > 0 and unit.isdecimal() and int(unit) > 0:
        return TimeSignature(sum(counts), int(unit))
    return _SYMBOLS.get(element.get(f"{prefix}sym", ""))


def _signs(measure: ElementTree.Element) -> Iterator[str]:
    """The jumps and their targets in a measure of the MEI, as pieces.repeats.SIGNS names them."""
    for mark in measure.iter(f"{_MEI}repeatMark"):
        yield mark.get("func", "").lower()
    for words in measure.iter(f"{_MEI}dir"):
        text = " ".join("".join(words.itertext()).split()).lower()
        said = (sign for sign, pattern in _WORDS.items() if re.match(pattern, text))
        kind = words.get("type", "")
        yield kind if kind in SIGNS else next(said, "")


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
