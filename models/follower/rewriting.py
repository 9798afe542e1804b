"""Piano scores rewritten to be harder to read: what virtuosi are given, made out of songs.

Songs keep to the middle of the keyboard and near their key. Here they change key, and passage by passage go
where notes need ledger lines, a line that says "8va" or another clef, and accidentals; octaves are doubled.
It is not music any more, but every sign on it means what it should, which is all that learning to read asks.
MusicXML in, MusicXML out; pure, deterministic in its generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import numpy as np

from pieces.errors import BadScore
from pieces.notation import Pitch
from pieces.reading import ScoreText

_BY_FIFTHS = "FCGDAEB"
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_MOST_FIFTHS = 7
"""Sharps or flats of a key signature at most."""
_LOWEST, _HIGHEST = 23, 105
"""Of what is written, in MIDI notes; the keys of a piano end a little further."""
_LOWEST_ON_LEDGERS, _HIGHEST_ON_LEDGERS = 26, 101
"""From here on an octave line must help."""
_PASSAGE_MEASURES = 7
_REMINDED = 0.5
"""Chance that a line altered a measure ago gets an accidental that it would not need."""


class _Passage(NamedTuple):
    """What happens to one staff for some measures: ``octaves`` up, written under an octave line or with the
    ``clef`` of the other hand, ``fifths`` further along the circle of keys, some notes altered or doubled."""

    octaves: int
    under_a_line: bool
    clef: str
    fifths: int
    altered: float
    doubled: float


@dataclass(frozen=True)
class _Note:
    """A notehead in its measure: when it is struck, in divisions, and on which staff."""

    element: Element
    start: int
    staff: int

    @property
    def pitch(self) -> Pitch:
        pitch = self.element.find("pitch")
        assert pitch is not None
        alter = round(float(pitch.findtext("alter") or 0))
        return Pitch(int(pitch.findtext("octave") or 4), (pitch.findtext("step") or "C").strip(), alter)

    def write(self, pitch: Pitch) -> None:
        old = self.element.find("pitch")
        assert old is not None
        old.clear()
        SubElement(old, "step").text = pitch.step
        if pitch.alter:
            SubElement(old, "alter").text = str(pitch.alter)
        SubElement(old, "octave").text = str(pitch.octave)

    def has_tie(self, kind: str) -> bool:
        return any(tie.get("type") == kind for tie in self.element.findall("tie"))

    @property
    def in_chord(self) -> bool:
        """Whether it is struck with the note before it."""
        return self.element.find("chord") is not None

    @property
    def is_grace(self) -> bool:
        return self.element.find("grace") is not None


def rewrite(score: ScoreText, rng: np.random.Generator) -> ScoreText:
    """Another score of as many measures; the staves of one part in MusicXML are taken for two hands.

    Raises:
        BadScore: it is not MusicXML, has no measures, or quarter tones.
    """
    if score.format != "musicxml":
        raise BadScore(f"{score.name}: only MusicXML can be rewritten.")
    root = fromstring(score.text)
    measures = root.findall("part/measure")
    if not measures:
        raise BadScore(f"{score.name}: no measures.")
    if any(float(alter.text or 0) % 1 for alter in root.iterfind("part/measure/note/pitch/alter")):
        raise BadScore(f"{score.name}: quarter tones.")
    _remove_octave_lines(measures)
    _change_key(measures, rng)
    tied: dict[tuple[int, Pitch], Pitch] = {}
    clefs: dict[int, Element] = {}
    start = 0
    while start < len(measures):
        length = int(rng.integers(1, _PASSAGE_MEASURES))
        _write_passage(measures[start : start + length], rng, tied, clefs)
        start += length
    _mark_accidentals(measures, rng)
    return ScoreText("musicxml", tostring(root, encoding="unicode"), score.name, score.source_format)


def transposed(pitch: Pitch, fifths: int, octaves: int = 0) -> Pitch:
    """So many fifths along the circle of keys, by the smaller way, spelled with two accidentals at most."""
    place = _BY_FIFTHS.index(pitch.step) + 7 * pitch.alter + fifths
    alter, step = divmod(place, 7)
    while abs(alter) > 2:
        place -= 12 if alter > 0 else -12
        alter, step = divmod(place, 7)
    midi = pitch.midi + (7 * fifths + 6) % 12 - 6 + 12 * octaves
    without = Pitch(0, _BY_FIFTHS[step], alter)
    return replace(without, octave=(midi - without.midi) // 12)


def notes_of(measure: Element) -> Iterator[_Note]:
    """The noteheads of a measure in the order of its text; rests, cues and drums are none."""
    now = start = 0
    for element in measure:
        if element.tag in ("backup", "forward", "note"):
            length = int(float(element.findtext("duration") or 0))
            if element.tag == "note":
                start = start if element.find("chord") is not None else now
                if element.find("pitch") is not None and element.find("cue") is None:
                    yield _Note(element, start, int(element.findtext("staff") or 1))
                length = 0 if element.find("chord") is not None else length
            now += -length if element.tag == "backup" else length


def _remove_octave_lines(measures: Sequence[Element]) -> None:
    """Under a line of their own, notes could not be told from those that a passage's line moves."""
    for measure in measures:
        for direction in measure.findall("direction"):
            if direction.find("direction-type/octave-shift") is not None:
                measure.remove(direction)


def _change_key(measures: Sequence[Element], rng: np.random.Generator) -> None:
    """Transpose everything, by as much as leaves every signature within seven sharps or flats."""
    signatures = [each for measure in measures for each in measure.iterfind("attributes/key/fifths")]
    now = [int(each.text or 0) for each in signatures] or [0]
    fifths = int(rng.integers(-_MOST_FIFTHS - min(0, *now), _MOST_FIFTHS + 1 - max(0, *now)))
    for each, value in zip(signatures, now, strict=False):
        each.text = str(value + fifths)
    for key in (key for measure in measures for key in measure.iterfind("attributes/key")):
        for cancelled in key.findall("cancel"):
            key.remove(cancelled)
    for measure in measures:
        for note in notes_of(measure):
            note.write(transposed(note.pitch, fifths))


def _write_passage(
    measures: Sequence[Element],
    rng: np.random.Generator,
    tied: dict[tuple[int, Pitch], Pitch],
    clefs: dict[int, Element],
) -> None:
    """Rewrite some measures; what is ``tied`` into the next ones, and the ``clefs`` there, is kept up."""
    fifths = int(rng.integers(-5, 6)) if rng.random() < 0.4 else 0
    altered = float(rng.choice([0.0, 0.03, 0.1, 0.25]))
    for staff in (1, 2):
        notes = [note for measure in measures for note in notes_of(measure) if note.staff == staff]
        own_clef = _track_clef(measures, staff, clefs)
        if not notes:
            continue
        passage = _draw_passage(notes, rng, staff, fifths, altered, own_clef)
        _rewrite_notes(notes, passage, rng, tied)
        for measure in measures:
            _double(measure, staff, passage.doubled, rng)
        if passage.under_a_line:
            _draw_line(measures, staff, passage.octaves)
        if passage.clef:
            _change_clef(measures, staff, passage.clef, clefs[staff])
    for measure in measures:
        for note in measure.iterfind("note"):
            for stem in note.findall("stem"):
                note.remove(stem)  # it would point the wrong way


def _track_clef(measures: Sequence[Element], staff: int, clefs: dict[int, Element]) -> bool:
    """Whether a staff keeps the clef that it had before; ``clefs`` tells which it ends with."""
    found = [
        clef
        for measure in measures
        for clef in measure.iterfind("attributes/clef")
        if int(clef.get("number") or 1) == staff
    ]
    if found:
        clefs[staff] = found[-1]
    return not found and staff in clefs


def _draw_passage(
    notes: Sequence[_Note],
    rng: np.random.Generator,
    staff: int,
    fifths: int,
    altered: float,
    own_clef: bool,
) -> _Passage:
    pitches = [note.pitch.midi for note in notes]
    shift = (7 * fifths + 6) % 12 - 6
    low, high = min(pitches) + shift, max(pitches) + shift
    outward = 1 if staff == 1 else -1
    octaves = int(rng.choice([0, 1, 2, -1], p=[0.35, 0.35, 0.15, 0.15])) * outward
    while octaves and (low + 12 * octaves < _LOWEST or high + 12 * octaves > _HIGHEST):
        octaves -= 1 if octaves > 0 else -1
    clef = ""
    if octaves * outward < 0 and own_clef and rng.random() < 0.8:
        clef = "F" if staff == 1 else "G"
    beyond = low + 12 * octaves < _LOWEST_ON_LEDGERS or high + 12 * octaves > _HIGHEST_ON_LEDGERS
    line = octaves * outward > 0 and (beyond or rng.random() < 0.3)
    doubled = float(rng.choice([0.0, 0.0, 0.3, 1.0]))
    return _Passage(octaves, line, clef, fifths, altered, doubled)


def _rewrite_notes(
    notes: Sequence[_Note],
    passage: _Passage,
    rng: np.random.Generator,
    tied: dict[tuple[int, Pitch], Pitch],
) -> None:
    """Move and alter; a note that is tied to another goes where that one went."""
    for chord in _chords(notes):
        lines = {(note.pitch.step, note.pitch.octave) for note in chord}
        for note in chord:
            old = note.pitch
            new = transposed(old, passage.fifths, passage.octaves)
            free = not (note.has_tie("start") or note.has_tie("stop")) and len(lines) == len(chord)
            if free and rng.random() < passage.altered:
                new = _altered(new, rng)
            if note.has_tie("stop"):
                new = tied.pop((note.staff, old), new)
            if note.has_tie("start"):
                tied[note.staff, old] = new
            note.write(new)


def _chords(notes: Sequence[_Note]) -> Iterator[list[_Note]]:
    """Notes of one voice that are struck together."""
    chord: list[_Note] = []
    for note in notes:
        if chord and not (note.in_chord and note.start == chord[0].start):
            yield chord
            chord = []
        chord.append(note)
    if chord:
        yield chord


def _altered(pitch: Pitch, rng: np.random.Generator) -> Pitch:
    """A semitone higher or lower on the same line; oftener back to the line's own note than on."""
    way = int(rng.choice([-1, 1]))
    if pitch.alter and rng.random() < 0.85:
        way = -1 if pitch.alter > 0 else 1
    changed = replace(pitch, alter=pitch.alter + way)
    return changed if abs(changed.alter) <= 2 and 21 <= changed.midi <= 108 else pitch


def _double(measure: Element, staff: int, share: float, rng: np.random.Generator) -> None:
    """Give so many chords of a staff an outer note an octave further out, or further in."""
    children = list(measure)
    for chord in _chords([note for note in notes_of(measure) if note.staff == staff]):
        if rng.random() >= share or any(note.has_tie("start") or note.has_tie("stop") for note in chord):
            continue
        by_height = sorted(chord, key=lambda note: note.pitch.midi)
        outer = by_height[-1 if staff == 1 else 0].pitch
        way = 1 if (staff == 1) == (rng.random() < 0.5) else -1
        new = replace(outer, octave=outer.octave + way)
        taken = {(note.pitch.step, note.pitch.octave) for note in chord}
        if (new.step, new.octave) in taken or not _LOWEST <= new.midi <= _HIGHEST:
            continue
        double = _Note(deepcopy(chord[-1].element), chord[-1].start, staff)
        for tag in ("beam", "notations", "lyric", "chord"):
            for each in double.element.findall(tag):
                double.element.remove(each)
        double.element.insert(1 if double.is_grace else 0, Element("chord"))
        double.write(new)
        children.insert(children.index(chord[-1].element) + 1, double.element)
    measure[:] = children


def _after_its_attributes(measure: Element) -> int:
    """Where in a measure's text its music begins."""
    return next((i for i, each in enumerate(measure) if each.tag in ("note", "backup", "forward")), 0)


def _draw_line(measures: Sequence[Element], staff: int, octaves: int) -> None:
    """An octave line over a staff, from the first note of these measures to the last.

    What is written is what sounds: to draw it where the line says is the engraver's, who takes the line for
    that of the staff whose notes stand next to it in the text.
    """
    on_staff = [(measure, note.element) for measure in measures for note in notes_of(measure)
                if note.staff == staff]  # fmt: skip
    size = "8" if abs(octaves) == 1 else "15"
    (opening, first), (closing, last) = on_staff[0], on_staff[-1]
    opened = _direction(staff, type="down" if octaves > 0 else "up", size=size)
    opening.insert(list(opening).index(first), opened)
    closing.insert(list(closing).index(last) + 1, _direction(staff, type="stop", size=size))


def _direction(staff: int, **attributes: str) -> Element:
    direction = Element("direction", placement="above" if staff == 1 else "below")
    SubElement(SubElement(direction, "direction-type"), "octave-shift", attributes, number=str(staff))
    SubElement(direction, "staff").text = str(staff)
    return direction


def _change_clef(measures: Sequence[Element], staff: int, sign: str, own: Element) -> None:
    """Write these measures in a clef, and go back to the staff's own before the next."""
    attributes = Element("attributes")
    clef = SubElement(attributes, "clef", number=str(staff))
    SubElement(clef, "sign").text = sign
    SubElement(clef, "line").text = "2" if sign == "G" else "4"
    measures[0].insert(_after_its_attributes(measures[0]), attributes)
    back = Element("attributes")
    back.append(deepcopy(own))
    measures[-1].append(back)


def _mark_accidentals(measures: Sequence[Element], rng: np.random.Generator) -> None:
    """Write accidentals where a note is not what its line says, and some to remind one that it is."""
    fifths = 0
    before: set[tuple[int, str, int]] = set()
    for measure in measures:
        given = measure.find("attributes/key/fifths")
        fifths = int(given.text or 0) if given is not None else fifths
        signature = {step: (fifths + 6 - place) // 7 for place, step in enumerate(_BY_FIFTHS)}
        lines: dict[tuple[int, str, int], int] = {}
        for note in sorted(notes_of(measure), key=lambda note: (note.start, not note.is_grace)):
            for shown in note.element.findall("accidental"):
                note.element.remove(shown)
            pitch = note.pitch
            line = (note.staff, pitch.step, pitch.octave)
            reminded = line in before and line not in lines and rng.random() < _REMINDED
            if note.has_tie("stop"):
                continue
            if pitch.alter != lines.get(line, signature[pitch.step]) or reminded:
                _show(note.element, _ACCIDENTALS[pitch.alter])
            lines[line] = pitch.alter
        before = {line for line, alter in lines.items() if alter != signature[line[1]]}


def _show(note: Element, accidental: str) -> None:
    """Where MusicXML wants it: behind the note's value and its dots."""
    last = max(i for i, each in enumerate(note) if each.tag in ("pitch", "duration", "voice", "type", "dot"))
    sign = Element("accidental")
    sign.text = accidental
    note.insert(last + 1, sign)
