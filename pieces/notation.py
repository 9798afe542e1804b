"""Music as it is written: what Ripieno's own readers produce and `pieces.musicxml` writes.

Plain data without I/O: any thread may use it. All durations and places are exact fractions of a quarter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

STEPS = "CDEFGAB"
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
_SHARPS = "FCGDAEB"
_DOT_FACTORS = (Fraction(1), Fraction(3, 2), Fraction(7, 4))
NOTE_TYPES = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    Fraction(1, 8): "32nd",
    Fraction(1, 16): "64th",
    Fraction(1, 32): "128th",
}


@dataclass(frozen=True, order=True)
class Pitch:
    """A spelled pitch: octave 4 begins at middle C, alter counts semitones."""

    octave: int
    step: str
    alter: int = 0

    @property
    def midi(self) -> int:
        """MIDI note number."""
        return 12 * (self.octave + 1) + _SEMITONES[STEPS.index(self.step)] + self.alter


@dataclass(frozen=True)
class Event:
    """A note, a chord or (without pitches) a rest.

    `quarters` is what it lasts, 0 for a grace note. `written` is the undivided value that is drawn, equal to
    `quarters` but in tuplets, whose `ratio` is (actual, normal). `beam` is "", "begin", "continue", "end".
    `tuplet` is "", "start" or "stop". `hidden` rests take time and are not drawn.
    `clef` changes the staff's clef before it; `slur` is "", "start", "stop" or "stop start"; `dynamic` is
    such as "mf"; `marks` are articulations and ornaments by their MusicXML names.
    """

    pitches: tuple[Pitch, ...]
    quarters: Fraction
    written: Fraction
    ratio: tuple[int, int] | None = None
    tuplet: str = ""
    tied_on: frozenset[Pitch] = frozenset()
    tied_back: frozenset[Pitch] = frozenset()
    grace: bool = False
    slashed: bool = False
    beam: str = ""
    staff: int = 1
    harmony: str = ""
    hidden: bool = False
    clef: str = ""
    slur: str = ""
    dynamic: str = ""
    marks: tuple[str, ...] = ()

    def on_staff(self, staff: int) -> "Event":
        """The same on another staff."""
        return replace(self, staff=staff)


@dataclass(frozen=True)
class Key:
    """A key signature: sharps (flats are negative)."""

    fifths: int = 0

    def alter(self, step: str) -> int:
        """What the signature does to a step, in semitones."""
        if self.fifths > 0:
            return int(step in _SHARPS[: self.fifths])
        return -int(step in _SHARPS[self.fifths :]) if self.fifths else 0


@dataclass(frozen=True)
class Meter:
    """A time signature; `symbol` is "", "common" or "cut"."""

    beats: int = 4
    beat_type: int = 4
    symbol: str = ""

    @property
    def quarters(self) -> Fraction:
        """Length of a full measure."""
        return Fraction(4 * self.beats, self.beat_type)


@dataclass
class Measure:
    """One measure: events by (staff, voice), and what its two barlines and its beginning say.

    `endings` are the passes a volta bracket that begins here is for; `ending_stop` closes it: "stop" or,
    left open, "discontinue". `times` is how often the repeated passage is played. `signs` are those of
    :data:`pieces.repeats.SIGNS`.
    """

    number: str = ""
    implicit: bool = False
    voices: dict[tuple[int, int], list[Event]] = field(default_factory=dict)
    key: Key | None = None
    meter: Meter | None = None
    clefs: dict[int, str] = field(default_factory=dict)
    repeat_start: bool = False
    repeat_end: bool = False
    times: int = 2
    endings: tuple[int, ...] = ()
    ending_stop: str = ""
    barline: str = ""
    signs: frozenset[str] = frozenset()

    @property
    def quarters(self) -> Fraction:
        """Length of its longest voice."""
        lengths = (sum((event.quarters for event in voice), Fraction(0)) for voice in self.voices.values())
        return max(lengths, default=Fraction(0))


@dataclass
class Score:
    """A piece for one instrument of one or more staves."""

    title: str = ""
    composer: str = ""
    source: str = ""
    staves: int = 1
    tempo_bpm: float | None = None
    measures: list[Measure] = field(default_factory=list)


def note_type(written: Fraction) -> tuple[str, int] | None:
    """Name and number of dots of one note head of this length, or None where it takes several tied ones."""
    for dots, factor in enumerate(_DOT_FACTORS):
        name = NOTE_TYPES.get(written / factor)
        if name is not None:
            return name, dots
    return None


def split_length(quarters: Fraction) -> list[Fraction]:
    """The lengths of the tied notes that together last `quarters`, longest first.

    Raises ValueError where the length is no sum of binary note values.
    """
    parts: list[Fraction] = []
    while quarters > 0:
        part = next(
            (
                value * factor
                for value in NOTE_TYPES
                for factor in reversed(_DOT_FACTORS)
                if value * factor <= quarters
            ),
            None,
        )
        if part is None or len(parts) > 16:
            raise ValueError(f"{quarters} of a quarter is no note value")
        parts.append(part)
        quarters -= part
    return parts


def nest_beam(events: Sequence[Event], group: list[int]) -> list[list[int]]:
    """Cut a beam (indices of events) where a tuplet lies across one of its ends: engravers nest the two."""
    starts = [place for place, index in enumerate(group) if events[index].tuplet == "start"]
    stops = [place for place, index in enumerate(group) if events[index].tuplet == "stop"]
    cuts = set()
    if stops and (not starts or stops[0] < starts[0]):
        cuts.add(stops[0] + 1)
    if starts and (not stops or starts[-1] > stops[-1]):
        cuts.add(starts[-1])
    edges = [0, *sorted(cuts), len(group)]
    return [group[low:high] for low, high in pairwise(edges) if high > low]
