"""Rows, parts and actions in words. Pure."""

from __future__ import annotations

from app.sessions.launchpad import scales
from models.launchpad.instrument import LAUNCHPAD, States


def row_name(row: int) -> str:
    """The note of a row: B2 is the lowest."""
    pitch = scales.pitch_of(row)
    return f"{scales.TONICS[pitch % 12]}{pitch // 12 - 1}"


def part_name(index: int) -> str:
    """A, B ... Z, then A2, B2 ..."""
    again, letter = divmod(index, 26)
    return chr(ord("A") + letter) + (str(again + 1) if again else "")


def describe(action: int, grid: States) -> str:
    """An action in words: "G3 ÷8 on"."""
    button = LAUNCHPAD.button(action)
    if button is None:
        return "nothing"
    if button.pattern is None:
        return f"{row_name(button.key)} +{button.steps}"
    name = "1×" if button.pattern == LAUNCHPAD.exponent else f"÷{2 << button.pattern}"
    on = int(grid[button.key, 0]) >> button.pattern & 1
    return f"{row_name(button.key)} {name} {'off' if on else 'on'}"
