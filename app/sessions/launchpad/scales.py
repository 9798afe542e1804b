"""Keys and scales: which rows of the grid belong to a key, and where the others move.

A row is a key of the instrument, the lowest first; a tonic is a pitch class, C = 0. Pure tables and
functions; any thread.
"""

from __future__ import annotations

from functools import cache

from models.launchpad.instrument import LAUNCHPAD

OCTAVE = 12
TONICS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
SCALES: dict[str, tuple[int, ...]] = {
    "chromatic": tuple(range(OCTAVE)),
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
}
"""Semitones above the tonic."""


def pitch_of(row: int) -> int:
    """MIDI pitch of a row."""
    return LAUNCHPAD.lowest_pitch + row


@cache
def rows_in_key(tonic: int, scale: str) -> tuple[bool, ...]:
    """For every row whether it belongs to the key."""
    steps = SCALES[scale]
    return tuple((pitch_of(row) - tonic) % OCTAVE in steps for row in range(LAUNCHPAD.keys))


@cache
def nearest_rows(tonic: int, scale: str) -> tuple[int, ...]:
    """For every row the nearest one in the key; of two equally near the lower."""
    inside = [row for row, fits in enumerate(rows_in_key(tonic, scale)) if fits]
    return tuple(min(inside, key=lambda other: (abs(other - row), other)) for row in range(LAUNCHPAD.keys))


def shortest_interval(tonic: int, other: int) -> int:
    """Semitones from one tonic to another, the shorter way: -5 to 6."""
    up = (other - tonic) % OCTAVE
    return up if up <= OCTAVE // 2 else up - OCTAVE


def triad_rows(tonic: int, scale: str) -> tuple[int, int, int]:
    """Rows of the tonic's triad, the root in the lower octave."""
    steps = SCALES[scale]
    third = 3 if 3 in steps and 4 not in steps else 4
    root = (tonic - LAUNCHPAD.lowest_pitch) % OCTAVE
    return root, root + third, root + 7
