"""The duet as it is written: two staves, bars, ties, key and clefs, on sixteenths. Pure.

The text is read again by `pieces.reading` and engraved like any other score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from app.sessions.duet.bars import Meters, bars
from app.sessions.duet.choices import Who
from models.duet.encoding import MULTI_HOLD, Tokens, notes
from models.duet.keys import Key, heard_key
from pieces.musicxml import to_musicxml
from pieces.notation import STEPS, Event, Measure, Meter, Pitch, Score, split_length
from pieces.notation import Key as Signature

TITLE = "Duet"
WHO: tuple[Who, Who] = ("you", "machine")
MIDDLE = 60
STEPS_A_QUARTER = 4
LOWEST_WRITTEN = 12
"""MusicXML counts octaves from 0."""
Note = tuple[int, int, int]


@dataclass(frozen=True)
class Written:
    """A duet as MusicXML, and whose line stands on its upper staff."""

    text: str
    upper: Who


def musicxml(
    yours: Tokens, machines: Tokens, meters: Meters, tempo_bpm: float, shifts: Sequence[int] = ()
) -> str:
    """The document alone; see `written`."""
    return written(yours, machines, meters, tempo_bpm, shifts).text


def written(
    yours: Tokens, machines: Tokens, meters: Meters, tempo_bpm: float, shifts: Sequence[int] = ()
) -> Written:
    """A document of two lines (n,) multi-hold in some meters' bars, the higher one on the upper staff.

    shifts: semitones from each step of your line to what you played, see `LineReader`; none: it is that.
    """
    length = max(len(yours), len(machines))
    key = heard_key(_padded(yours, length), _padded(machines, length)) or Key(0)
    found, upper = [_notes(yours, shifts), _notes(machines)], WHO[0]
    if _middle(found[1]) > _middle(found[0]):
        found, upper = found[::-1], WHO[1]
    score = Score(title=TITLE, staves=2, tempo_bpm=round(tempo_bpm, 1))
    beats_before = 0
    for beat, beats in bars(meters):
        start, stop = STEPS_A_QUARTER * beat, STEPS_A_QUARTER * (beat + beats)
        if start >= length:
            break
        measure = Measure(number=str(len(score.measures) + 1))
        measure.meter = Meter(beats, 4) if beats != beats_before else None
        for staff, line_notes in enumerate(found, 1):
            measure.voices[staff, staff] = _beamed(list(_events(line_notes, start, stop, key, staff)))
        score.measures.append(measure)
        beats_before = beats
    first = score.measures[0]
    first.key = Signature(key.fifths)
    first.clefs = {staff: "treble" if _middle(line_notes) >= MIDDLE else "bass"
                   for staff, line_notes in enumerate(found, 1)}  # fmt: skip
    score.measures[-1].barline = "light-heavy"
    return Written(to_musicxml(score), upper)


def spelled(pitch: int, key: Key) -> Pitch:
    """A MIDI pitch as the key writes it: its own notes, then naturals, then as the signature leans."""
    signature = Signature(key.fifths)
    leaning = 1 if key.fifths >= 0 or key.minor else -1
    for alters in (signature.alter, lambda step: 0, lambda step: leaning, lambda step: -leaning):
        for step in STEPS:
            octave, rest = divmod(pitch - Pitch(0, step, alters(step)).midi, 12)
            if not rest:
                return Pitch(octave, step, alters(step))
    raise ValueError(f"no name for {pitch}")


def _notes(line: Tokens, shifts: Sequence[int] = ()) -> list[Note]:
    """(first step, steps, MIDI pitch as it was played), but not below what can be written."""
    found = notes(line)
    if shifts:
        found = [(start, steps, pitch + shifts[start]) for start, steps, pitch in found]
    return [(start, steps, max(pitch, LOWEST_WRITTEN + pitch % 12)) for start, steps, pitch in found]


def _events(line_notes: list[Note], start: int, stop: int, key: Key, staff: int) -> Iterator[Event]:
    """Notes and rests of one bar of a line."""
    position = start
    for begin, length, pitch in line_notes:
        low, high = max(begin, start), min(begin + length, stop)
        if low >= high:
            continue
        if low > position:
            yield from _rests(position - start, low - position, staff)
        yield from _tied(spelled(pitch, key), low - start, high - low, begin < start, begin + length > stop,
                         staff)  # fmt: skip
        position = high
    yield from _rests(position - start, stop - position, staff)


def _beamed(events: list[Event]) -> list[Event]:
    """A bar's events with beams over what is shorter than a quarter, beat by beat."""
    place = Fraction(0)
    groups: list[list[int]] = []
    for index, event in enumerate(events):
        if event.pitches and event.quarters < 1:
            if groups and groups[-1][-1] == index - 1 and place % 1:
                groups[-1].append(index)
            else:
                groups.append([index])
        place += event.quarters
    for group in groups:
        for index in group if len(group) > 1 else ():
            beam = "begin" if index == group[0] else "end" if index == group[-1] else "continue"
            events[index] = replace(events[index], beam=beam)
    return events


def _tied(
    pitch: Pitch, place: int, steps: int, back: bool, on: bool, staff: int
) -> Iterator[Event]:
    lengths = _lengths(place, steps)
    one = frozenset({pitch})
    for index, quarters in enumerate(lengths):
        yield Event(
            (pitch,), quarters, quarters, staff=staff,
            tied_back=one if index or back else frozenset(),
            tied_on=one if index < len(lengths) - 1 or on else frozenset(),
        )  # fmt: skip


def _rests(place: int, steps: int, staff: int) -> Iterator[Event]:
    for quarters in _lengths(place, steps):
        yield Event((), quarters, quarters, staff=staff)


def _lengths(place: int, steps: int) -> list[Fraction]:
    """Note values that fill `steps` sixteenths from a place in the bar: first up to the beat, then on."""
    to_beat = -place % STEPS_A_QUARTER
    parts = [min(to_beat, steps), steps - min(to_beat, steps)] if to_beat else [steps]
    return [value for part in parts if part for value in split_length(Fraction(part, STEPS_A_QUARTER))]


def _padded(line: Tokens, length: int) -> Tokens:
    return np.append(line, np.full(length - len(line), MULTI_HOLD.rest, np.uint8))


def _middle(line_notes: list[Note]) -> float:
    """The mean pitch over time; 0 of silence."""
    return sum(pitch * steps for _, steps, pitch in line_notes) / max(sum(n[1] for n in line_notes), 1)
