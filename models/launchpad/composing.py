"""Bars composed by rule: the corpus that may ship, because nobody else's music is in it.

Each bar stands alone: a key, a mode, a chord of that key, and one of a few styles that lay bass, chords,
arpeggio and melody on the 64 steps of a 4/4 bar. Pure functions; any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from models.launchpad.instrument import LAUNCHPAD

STEPS_A_SIXTEENTH = LAUNCHPAD.steps // 16
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
# Scale degrees by how often songs use their chords: I IV V vi, then the others.
DEGREES = (0, 0, 0, 0, 3, 3, 3, 4, 4, 4, 5, 5, 5, 1, 1, 2)
# Rhythms as sixteenths of the bar.
BASS_RHYTHMS = ((0,), (0, 8), (0, 8), (0, 4, 8, 12), (0, 6, 8), (0, 6, 8, 14), (0, 10),
                (0, 2, 4, 6, 8, 10, 12, 14))  # fmt: skip
CHORD_RHYTHMS = ((0, 8), (0, 8), (0, 4, 8, 12), (0, 4, 8, 12), (4, 12), (0, 6), (0, 6, 12), (0, 3, 6, 10, 12),
                 (2, 6, 10, 14), (0, 3, 8, 11), (0, 4, 6, 10, 12), (0, 6, 8, 14))  # fmt: skip
MELODY_RHYTHMS = ((0, 4, 8, 12), (0, 4, 6, 8, 12), (0, 2, 4, 8, 10, 12), (0, 6, 8, 14), (2, 4, 6, 8, 12),
                  (0, 3, 6, 8, 11, 14), (0, 2, 4, 6, 8, 10, 12, 14), (0, 4, 8, 10, 12, 14), (0, 6, 12),
                  (4, 6, 8, 10, 12), (0, 2, 3, 4, 8, 12), (2, 6, 8, 12, 14), (0, 8, 12),
                  (0, 1, 2, 4, 6, 8))  # fmt: skip
ARPEGGIO_RHYTHMS = (tuple(range(0, 16, 2)), tuple(range(0, 16, 2)), tuple(range(16)), (0, 2, 4, 8, 10, 12),
                    (0, 3, 6, 8, 11, 14), (0, 2, 4, 6, 8, 12))  # fmt: skip
ARPEGGIO_SHAPES = ((0, 1, 2, 3), (0, 2, 1, 2), (3, 2, 1, 0), (0, 1, 2, 1), (0, 2, 3, 2), (0, 1, 2, 3, 2, 1))
RIFF_RHYTHMS = ((0, 4, 8, 12), (2, 6, 10, 14), (0, 8), (4, 12), (0, 6, 12), (0, 3, 6, 9, 12), (6, 14), (0,))


@dataclass
class _Sheet:
    """The bar being written: a bit mask of steps for every key, and the harmony that it stands in."""

    rng: Random
    scale: frozenset[int]
    chord: tuple[int, ...]
    rows: list[int]

    def play(self, keys: Sequence[int], sixteenth: int) -> None:
        """Strike keys at a sixteenth of the bar."""
        for key in keys:
            self.rows[key] |= 1 << sixteenth * STEPS_A_SIXTEENTH

    def tones(self, pitch_classes: Sequence[int] | frozenset[int], low: int, high: int) -> list[int]:
        """The keys from `low` up to `high` that belong to some pitch classes."""
        return [k for k in range(low, high) if (k + LAUNCHPAD.lowest_pitch) % 12 in pitch_classes]

    def voicing(self) -> list[int]:
        """Three or four neighbouring tones of the chord, in the middle of the keys."""
        tones = self.tones(self.chord, 3, 22)
        size = self.rng.choice((3, 3, 3, 4))
        first = self.rng.randrange(max(1, len(tones) - size + 1))
        return tones[first : first + size]


def _bass(sheet: _Sheet) -> None:
    root, fifth = sheet.tones(sheet.chord[:1], 0, 12), sheet.tones(sheet.chord[2:3], 0, 14)
    rhythm = sheet.rng.choice(BASS_RHYTHMS)
    alternating = sheet.rng.random() < 0.3
    for index, place in enumerate(rhythm):
        sheet.play((fifth if alternating and index % 2 else root)[:1], place)


def _chords(sheet: _Sheet) -> None:
    voicing = sheet.voicing()
    for place in sheet.rng.choice(CHORD_RHYTHMS):
        sheet.play(voicing, place)


def _melody(sheet: _Sheet) -> None:
    """A tune that moves by small steps of the scale and rests on the chord at strong places."""
    scale = sheet.tones(sheet.scale, 9, LAUNCHPAD.keys)
    strong = sheet.tones(sheet.chord, 9, LAUNCHPAD.keys)
    place_in_scale = sheet.rng.randrange(len(scale))
    for place in sheet.rng.choice(MELODY_RHYTHMS):
        step = sheet.rng.choice((-2, -1, -1, 0, 0, 1, 1, 2))
        place_in_scale = min(max(place_in_scale + step, 0), len(scale) - 1)
        key = scale[place_in_scale]
        if place % 8 == 0 and key not in strong:
            key = min(strong, key=lambda tone: abs(tone - key))
        sheet.play([key], place)


def _arpeggio(sheet: _Sheet) -> None:
    tones = sheet.tones(sheet.chord, 3, LAUNCHPAD.keys)
    first = sheet.rng.randrange(max(1, len(tones) - 3))
    tones = tones[first : first + 4]
    shape = sheet.rng.choice(ARPEGGIO_SHAPES)
    for index, place in enumerate(sheet.rng.choice(ARPEGGIO_RHYTHMS)):
        sheet.play([tones[shape[index % len(shape)] % len(tones)]], place)


def _riff(sheet: _Sheet) -> None:
    """A few tones, each with a beat of its own: what a grid is made for."""
    tones = sheet.tones(sheet.chord, 0, LAUNCHPAD.keys)
    for tone in sheet.rng.sample(tones, min(len(tones), sheet.rng.choice((3, 4, 5)))):
        for place in sheet.rng.choice(RIFF_RHYTHMS):
            sheet.play([tone], place)


def _pad(sheet: _Sheet) -> None:
    """A chord on the first beat, and now and then on the third."""
    voicing = sheet.voicing()
    for place in sheet.rng.choice(((0,), (0, 8))):
        sheet.play(voicing, place)


STYLES: tuple[tuple[Callable[[_Sheet], None], ...], ...] = (
    (_bass, _chords),
    (_bass, _chords),
    (_bass, _arpeggio),
    (_bass, _melody),
    (_bass, _pad, _melody),
    (_pad, _melody),
    (_pad, _arpeggio),
    (_arpeggio, _melody),
    (_chords, _melody),
    (_riff,),
    (_bass, _riff),
    (_bass, _pad),  # sparse
)
"""What is laid over one another in a bar."""


def _harmony(rng: Random) -> tuple[frozenset[int], tuple[int, ...]]:
    """Pitch classes of a scale, and of a chord on one of its degrees, the root first."""
    tonic, mode = rng.randrange(12), rng.choice((MAJOR, MAJOR, MINOR))
    degree = rng.choice(DEGREES)
    size = 4 if rng.random() < 0.2 else 3
    chord = tuple((tonic + mode[(degree + 2 * third) % 7]) % 12 for third in range(size))
    return frozenset((tonic + step) % 12 for step in mode), chord


def _bar(rng: Random) -> list[int]:
    scale, chord = _harmony(rng)
    sheet = _Sheet(rng, scale, chord, [0] * LAUNCHPAD.keys)
    for layer in rng.choice(STYLES):
        layer(sheet)
    return sheet.rows


def _audible(rows: tuple[int, ...], fewest: int) -> bool:
    return sum(row.bit_count() for row in rows) >= fewest and sum(map(bool, rows)) >= 2


def compose_bars(seed: int, count: int, fewest_onsets: int = 6) -> NDArray[np.uint64]:
    """(count, keys) different onset bars of at least `fewest_onsets` on two keys; bit s is step s."""
    rng = Random(seed)
    bars: dict[tuple[int, ...], None] = {}
    while len(bars) < count:
        rows = tuple(_bar(rng))
        if _audible(rows, fewest_onsets):
            bars[rows] = None
    return np.array(list(bars), np.uint64).reshape(count, LAUNCHPAD.keys)
