"""From a snapshot of a duet to what its roll shows. Pure, but :class:`Steady` remembers a moment."""

from __future__ import annotations

import math

from app.bindings import PIANO_KEYS
from app.sessions.duet.snapshot import DuetSnapshot, RollNote
from app.widgets.piano_roll import Phrase, RollLine

PHRASES_AHEAD = 2
SETTLE_S, LEAP_STEPS = 0.08, 1.5


def roll_lines(now: DuetSnapshot) -> tuple[RollLine, ...]:
    """What each plays, has played and means to play; the fixed part only where it is still to come."""
    coming = _after(now.part, now.step) if now.part else ()
    return (
        RollLine("you", coming, intended=True),
        RollLine("machine", now.intended, intended=True),
        RollLine("you", now.human),
        RollLine("machine", now.machine),
    )


def _after(notes: tuple[RollNote, ...], step: float) -> tuple[RollNote, ...]:
    first = next((i for i, note in enumerate(notes) if note.first_step >= step), len(notes))
    return notes[first:]


def phrases(now: DuetSnapshot) -> tuple[Phrase, ...]:
    """Whose phrases are in sight, where the players take turns; yours is the first."""
    choices = now.choices
    if choices.mode != "call and response":
        return ()
    length = choices.phrase_steps
    here = math.floor(max(now.step, 0.0) / length)
    return tuple(
        Phrase(index * length, length, "machine" if index % 2 else "you")
        for index in range(max(here - 8, 0), here + PHRASES_AHEAD + 1)
    )


def letters(octave: int, names: dict[int, str]) -> dict[int, str]:
    """The letter of the PC keyboard for each MIDI pitch it plays; ``names`` by key."""
    lowest = 12 * (octave + 1)
    return {lowest + semitone: names[key] for key, semitone in PIANO_KEYS.items()}


class Steady:
    """A playhead that glides, though the sound card asks for its blocks in jumps."""

    def __init__(self) -> None:
        self.step = 0.0
        self._last_s = 0.0

    def follow(self, step: float, per_s: float, t_s: float) -> float:
        """Towards where the music is at ``t_s``; jumps where it is far off."""
        elapsed = min(max(t_s - self._last_s, 0.0), 0.25)
        self._last_s = t_s
        ahead = self.step + elapsed * per_s
        off = step - ahead
        if abs(off) > LEAP_STEPS:
            self.step = step
        else:
            self.step = ahead + off * (1.0 - math.exp(-elapsed / SETTLE_S))
        return self.step
