"""Buttons, rows, parts and actions in words, the same for the grid, its menus and undo. Pure."""

from __future__ import annotations

from app.sessions.launchpad.scales import OCTAVE, TONICS, pitch_of
from models.launchpad.instrument import LAUNCHPAD, States

PATTERN_NAMES = ("1/32", "1/16", "1/8", "1/4", "1/2", "1/1", "once")
OFFSET_NAMES = ("+1", "+2", "+4", "+8", "+16", "+32")
BUTTON_NAMES = (*PATTERN_NAMES, *OFFSET_NAMES)
"""By column."""
SHARPS = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
FLATS = ("C", "D♭", "D", "E♭", "E", "F", "G♭", "G", "A♭", "A", "B♭", "B")
TO_MAJOR = {
    "minor": 3, "harmonic minor": 3, "minor pentatonic": 3, "blues": 3, "dorian": 10, "mixolydian": 5,
}  # fmt: skip
"""Semitones up to the major key with the same signature."""
SHARP_KEYS = {7, 2, 9, 4, 11, 6, 1}


def note_names(tonic: int, scale: str) -> tuple[str, ...]:
    """The twelve names as the key's signature spells them."""
    signature = (tonic + TO_MAJOR.get(scale, 0)) % OCTAVE
    if scale in ("chromatic", "whole tone") or signature == 0:
        return TONICS
    return SHARPS if signature in SHARP_KEYS else FLATS


def key_words(tonic: int, scale: str) -> str:
    """A key in words."""
    return "chromatic" if scale == "chromatic" else f"{TONICS[tonic]} {scale}"


def row_name(row: int, names: tuple[str, ...] = TONICS) -> str:
    """The note of a row, by the `note_names` of a key: B2 is the lowest."""
    pitch = pitch_of(row)
    return f"{names[pitch % OCTAVE]}{pitch // OCTAVE - 1}"


def part_name(index: int) -> str:
    """A, B ... Z, then A2, B2 ..."""
    again, letter = divmod(index, 26)
    return chr(ord("A") + letter) + (str(again + 1) if again else "")


def describe(action: int, grid: States, names: tuple[str, ...] = TONICS) -> str:
    """An action on a grid in words: "G3 1/4 on"."""
    button = LAUNCHPAD.button(action)
    if button is None:
        return "nothing"
    words = f"{row_name(button.key, names)} {BUTTON_NAMES[action % LAUNCHPAD.columns]}"
    if button.pattern is None:
        return words
    on = int(grid[button.key, 0]) >> button.pattern & 1
    return f"{words} {'off' if on else 'on'}"
