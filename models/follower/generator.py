"""Endless sheet music to learn reading from: random one-line melodies and two-staff piano textures.

Not good music, but all that notation can put before a reader: keys, meters, clefs, registers, rhythms,
accidentals, chords, and passages that come back. Deterministic in its seed; pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from pieces.musicxml import to_musicxml
from pieces.notation import STEPS, Event, Key, Measure, Meter, Pitch, Score, note_type, split_length
from pieces.reading import ScoreText

_HALF, _QUARTER = Fraction(1, 2), Fraction(1, 4)
# What can fill one quarter, from calm to busy; the third entry of a triplet is spelled with its ratio.
_FIGURES: tuple[tuple[Fraction, ...], ...] = (
    (Fraction(1),),
    (_HALF, _HALF),
    (Fraction(3, 4), _QUARTER),
    (_HALF, _QUARTER, _QUARTER),
    (_QUARTER, _QUARTER, _HALF),
    (_QUARTER,) * 4,
    (Fraction(1, 3),) * 3,
)
_READING_FIGURES = (
    *_FIGURES,
    (Fraction(1, 6), Fraction(1, 6), Fraction(1, 6), _HALF),
    (_HALF, Fraction(1, 6), Fraction(1, 6), Fraction(1, 6)),
    (_QUARTER, Fraction(3, 4)),
    (_QUARTER, _HALF, _QUARTER),
)
_METERS = ((4, 4), (4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (2, 2))


def generate_score(seed: int, staves: int = 1, bars: int = 0) -> ScoreText:
    """A random score of one or two staves as MusicXML text; of so many bars, or as many as are drawn."""
    composer = _Composer(np.random.default_rng(seed))
    composer.bars = bars or composer.bars
    score = composer.melody() if staves == 1 else composer.piano()
    score.title = f"Study {seed}"
    return ScoreText("musicxml", to_musicxml(score), f"generated-{staves}-{seed}", "musicxml")


def generate_reading_study(seed: int) -> ScoreText:
    """One line that is harder to read than to follow: more rests, ties and odd rhythms than a melody has."""
    rng = np.random.default_rng(seed)
    composer = _Composer(rng)
    composer.figures = _READING_FIGURES
    composer.density = rng.dirichlet(np.full(len(_READING_FIGURES), 0.7))
    composer.long_rate = rng.uniform(0.0, 0.5)
    composer.rest_rate = rng.choice([0.02, 0.06, 0.15])
    composer.held_rate = rng.choice([0.0, 0.06, 0.2])
    score = composer.melody()
    score.title = f"Study {seed}"
    return ScoreText("musicxml", to_musicxml(score), f"reading-{seed}", "musicxml")


class _Composer:
    """The choices that hold for one piece, and the hands that write it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.figures = _FIGURES
        self.held_rate = 0.0
        self.key = Key(int(rng.integers(-5, 6)))
        self.meter = Meter(*_METERS[rng.integers(len(_METERS))])
        self.minor = bool(rng.random() < 0.35)
        self.tonic = (4 * self.key.fifths) % 7 - 2 * self.minor
        self.density = rng.dirichlet(np.array([2.0, 2.0, 0.6, 0.5, 0.5, 0.9, 0.25]))
        self.long_rate = rng.uniform(0.0, 0.4)
        self.rest_rate = rng.uniform(0.0, 0.08)
        self.leap = rng.uniform(1.0, 2.6)
        self.chromatic_rate = rng.choice([0.0, 0.02, 0.08])
        self.bars = int(rng.integers(14, 34))

    def melody(self) -> Score:
        clef = str(self.rng.choice(["treble", "treble", "treble", "bass"]))
        low, high = (26, 42) if clef == "treble" else (14, 30)
        line = _Line(self, low, high)
        voice = self._with_returns(lambda: line.bar(chordal=0.0))
        return self._score([self._held(voice)], [clef])

    def piano(self) -> Score:
        chords = [int(self.rng.choice([0, 0, 3, 4, 5, 1])) for _ in range(self.bars)]
        upper = _Line(self, 28, 44)
        chordal = float(self.rng.choice([0.0, 0.2, 0.6]))
        right = self._with_returns(lambda: upper.bar(chordal))
        style = str(self.rng.choice(["broken", "block", "line", "long", "octaves"]))
        lower = _Line(self, 12, 27)
        left = []
        for chord in chords:
            if self.rng.random() < 0.1:
                style = str(self.rng.choice(["broken", "block", "line", "long", "octaves"]))
            left.append(lower.bar(0.1) if style == "line" else self._accompany(style, chord))
        clefs = ["treble", "treble" if self.rng.random() < 0.05 else "bass"]
        return self._score([right, left], clefs)

    def pitch(self, degree: int, chromatic: bool = False) -> Pitch:
        """A diatonic degree counted from C0, in the key; ``chromatic`` bends it by a semitone."""
        step = STEPS[degree % 7]
        alter = self.key.alter(step)
        if chromatic and alter == 0:
            alter = int(self.rng.choice([-1, 1]))
        elif self.minor and (degree - self.tonic) % 7 == 6 and alter < 1:
            alter += 1  # the leading note
        return Pitch(degree // 7, step, alter)

    def _with_returns(self, make: Callable[[], list[Event]]) -> list[list[Event]]:
        """Bars of which some are earlier ones again, as in real music."""
        bars: list[list[Event]] = []
        while len(bars) < self.bars:
            if len(bars) >= 4 and self.rng.random() < 0.18:
                start = int(self.rng.integers(0, len(bars) - 1))
                bars += bars[start : start + int(self.rng.integers(1, 4))]
            else:
                bars.append(make())
        return bars[: self.bars]

    def _held(self, bars: list[list[Event]]) -> list[list[Event]]:
        """Some notes become the ones before them, held on by a tie, over barlines too."""
        if not self.held_rate:
            return bars
        events = [event for bar in bars for event in bar]
        for index in range(1, len(events)):
            before, event = events[index - 1], events[index]
            plain = before.pitches and event.pitches and before.ratio is None and event.ratio is None
            if plain and self.rng.random() < self.held_rate:
                held = frozenset(before.pitches)
                events[index - 1] = replace(before, tied_on=held)
                events[index] = replace(event, pitches=before.pitches, tied_back=held)
        left = iter(events)
        return [[next(left) for _ in bar] for bar in bars]

    def _accompany(self, style: str, chord: int) -> list[Event]:
        root = self.tonic + chord
        root += 7 * ((20 - root) // 7) - 7 * int(self.rng.random() < 0.3)
        if style == "octaves" and root < 18:
            root += 7
        notes = [self.pitch(root + interval) for interval in (0, 2, 4)]
        bar = self.meter.quarters
        if style == "long":
            return _tied(tuple(notes[:: int(self.rng.integers(1, 3))]), bar)
        if style == "octaves":
            return _fill((self.pitch(root - 7), self.pitch(root)), Fraction(1), bar)
        if style == "block":
            events = _fill(tuple(notes), Fraction(1), bar)
            return [Event((notes[0],), events[0].quarters, events[0].written), *events[1:]]
        unit = Fraction(1, 2) if self.rng.random() < 0.7 else Fraction(1, 4)
        order = [0, 2, 1, 2] if self.rng.random() < 0.5 else [0, 1, 2, 1]
        count = int(bar / unit)
        pitches = [(notes[order[index % 4]],) for index in range(count)]
        return _beamed([Event(pitch, unit, unit) for pitch in pitches])

    def _score(self, hands: list[list[list[Event]]], clefs: list[str]) -> Score:
        measures = []
        for index in range(self.bars):
            measure = Measure(number=str(index + 1))
            for staff, hand in enumerate(hands, start=1):
                measure.voices[staff, staff] = [event.on_staff(staff) for event in hand[index]]
            if index == 0:
                measure.key, measure.meter = self.key, self.meter
                measure.clefs = dict(enumerate(clefs, start=1))
            measures.append(measure)
        measures[-1].barline = "light-heavy"
        return Score(staves=len(hands), measures=measures, tempo_bpm=float(self.rng.integers(60, 150)))


class _Line:
    """A melodic voice that wanders between two degrees."""

    def __init__(self, composer: _Composer, low: int, high: int) -> None:
        self.composer, self.low, self.high = composer, low, high
        self.degree = int(composer.rng.integers(low + 4, high - 3))

    def bar(self, chordal: float) -> list[Event]:
        left = self.composer.meter.quarters
        events: list[Event] = []
        rng = self.composer.rng
        while left > 0:
            if left >= 2 and rng.random() < self.composer.long_rate:
                length = Fraction(2) if left < 3 or rng.random() < 0.8 else Fraction(3)
                events.append(self._note(length, chordal))
                left -= length
            elif left >= 1:
                chosen = rng.choice(len(self.composer.figures), p=self.composer.density)
                events += self._figure(self.composer.figures[chosen], chordal)
                left -= 1
            else:
                events.append(self._note(left, chordal))
                left = Fraction(0)
        return _beamed(events)

    def _figure(self, lengths: tuple[Fraction, ...], chordal: float) -> list[Event]:
        events: list[Event] = []
        place = 0
        while place < len(lengths):
            if lengths[place].denominator % 3:
                events.append(self._note(lengths[place], chordal))
                place += 1
            else:
                events += self._triplet(lengths[place])
                place += 3
        return events

    def _triplet(self, length: Fraction) -> list[Event]:
        """Three notes of ``length``, in the time of two of the value that is drawn."""
        written = length * 3 / 2
        pitches = [self._note(written, 0.0).pitches or (self.composer.pitch(self.degree),) for _ in range(3)]
        marks = ("start", "", "stop")
        return [
            Event(pitch, length, written, (3, 2), mark) for pitch, mark in zip(pitches, marks, strict=True)
        ]

    def _note(self, length: Fraction, chordal: float) -> Event:
        rng, composer = self.composer.rng, self.composer
        if rng.random() < composer.rest_rate:
            return Event((), length, length)
        self.degree += round(rng.normal(0.0, composer.leap))
        if not self.low <= self.degree <= self.high:
            self.degree = int(
                np.clip(2 * np.clip(self.degree, self.low, self.high) - self.degree, self.low, self.high)
            )
        pitches = [composer.pitch(self.degree, bool(rng.random() < composer.chromatic_rate))]
        if rng.random() < chordal:
            below = sorted(rng.choice([2, 3, 4, 5, 7], size=int(rng.integers(1, 3)), replace=False))
            pitches += [composer.pitch(self.degree - int(interval)) for interval in below]
        return Event(tuple(dict.fromkeys(pitches)), length, length)


def _fill(pitches: tuple[Pitch, ...], unit: Fraction, bar: Fraction) -> list[Event]:
    """The same chord on every unit of a bar; a remainder is a shorter one."""
    lengths = [unit] * int(bar / unit)
    if bar % unit:
        lengths.append(bar % unit)
    return _beamed([Event(pitches, length, length) for length in lengths])


def _tied(pitches: tuple[Pitch, ...], bar: Fraction) -> list[Event]:
    parts = split_length(bar)
    held = frozenset(pitches)
    return [
        Event(
            pitches,
            length,
            length,
            tied_on=held if index + 1 < len(parts) else frozenset(),
            tied_back=held if index else frozenset(),
        )
        for index, length in enumerate(parts)
    ]


def _beamed(events: list[Event]) -> list[Event]:
    """Join neighbouring notes shorter than a quarter within one quarter by beams."""
    groups: list[list[int]] = [[]]
    place = Fraction(0)
    for index, event in enumerate(events):
        if place.denominator == 1 or not event.pitches:
            groups.append([])
        named = note_type(event.written)
        if event.pitches and event.written < 1 and named is not None:
            groups[-1].append(index)
        else:
            groups.append([])
        place += event.quarters
    beamed = list(events)
    for group in groups:
        for rank, index in enumerate(group if len(group) > 1 else ()):
            mark = "begin" if rank == 0 else "end" if rank == len(group) - 1 else "continue"
            beamed[index] = replace(beamed[index], beam=mark)
    return beamed
