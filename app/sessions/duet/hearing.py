"""From keys that go down and up to a line: one multi-hold symbol a sixteenth. Pure; one thread at a time.

Positions are sixteenths from the first bar. An onset counts for the sixteenth that it is nearest to, so an
early press belongs to the step to come; one that becomes known after its step was read counts for the next.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Literal

from models.duet.encoding import HIGHEST, HOLD, LOWEST, MULTI_HOLD

What = Literal["on", "off", "pedal down", "pedal up", "all off"]
Notice = Literal["chords", "range"]
NOTICES: dict[Notice, str] = {
    "chords": "You play more than one line: of notes that begin together the highest one counts.",
    "range": f"Notes outside MIDI {LOWEST} to {HIGHEST} sound as played; it hears them an octave nearer.",
}
USUAL_VELOCITY, VELOCITY_GAIN = 80.0, 0.3


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """Something that a hand did at a position."""

    position: float
    what: What
    pitch: int = 0
    velocity: int = 0


class LineReader:
    """Remembers which keys are down.

    Attributes:
        notices: what the player should be told, in the order found.
        velocity: how hard you play, of late.
        shift: semitones from the pitch of the newest symbol to the one that was played.
    """

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.velocity = USUAL_VELOCITY
        self.shift = 0
        self._coming: list[KeyEvent] = []
        self._down: set[int] = set()
        self._counted: set[int] = set()  # of those that began together, the highest alone
        self._sustained: set[int] = set()
        self._pedal = False
        self._current: int | None = None

    def add(self, event: KeyEvent) -> None:
        """Take in an event; they may come a little out of order."""
        bisect.insort(self._coming, event, key=lambda known: known.position)

    def read(self, step: int) -> int:
        """The symbol of a step, from all that is known to have happened before `step + 0.5`."""
        struck = self._take(step + 0.5)
        sounding = [pitch for pitch in struck if self._sounds(pitch)]
        if len(set(sounding)) > 1:
            self._notice("chords")
        if struck:
            self._current = max(sounding) if sounding else struck[-1]
            self._counted.difference_update(struck)
            self._counted.add(self._current)
            return self._symbol(self._current)
        if self._current is not None and self._sounds(self._current):
            return self._symbol(self._current) + HOLD
        self._current = max(self._counted & self._down, default=None)  # an earlier key that is still held
        return self._symbol(self._current) if self._current is not None else MULTI_HOLD.rest

    def _take(self, before: float) -> list[int]:
        """Do what happened before a position; the pitches that were struck, in order."""
        count = bisect.bisect_left(self._coming, before, key=lambda event: event.position)
        happened, self._coming = self._coming[:count], self._coming[count:]
        struck = []
        for event in happened:
            if event.what == "on":
                self._down.add(event.pitch)
                struck.append(event.pitch)
                self.velocity += VELOCITY_GAIN * (event.velocity - self.velocity)
            else:
                self._release(event)
        return struck

    def _release(self, event: KeyEvent) -> None:
        if event.what == "off":
            if self._pedal and event.pitch in self._down:
                self._sustained.add(event.pitch)
            self._down.discard(event.pitch)
        elif event.what == "all off":
            self._down.clear()
        self._pedal = event.what == "pedal down" or (self._pedal and event.what == "off")
        if not self._pedal:
            self._sustained.clear()

    def _sounds(self, pitch: int) -> bool:
        return pitch in self._down or pitch in self._sustained

    def _symbol(self, pitch: int) -> int:
        heard = folded(pitch)
        self.shift = pitch - heard
        if heard != pitch:
            self._notice("range")
        return heard - LOWEST

    def _notice(self, notice: Notice) -> None:
        if notice not in self.notices:
            self.notices.append(notice)


def folded(pitch: int) -> int:
    """A MIDI pitch by octaves into 36..81."""
    if pitch < LOWEST:
        return LOWEST + (pitch - LOWEST) % 12
    if pitch > HIGHEST:
        return HIGHEST - 11 + (pitch - HIGHEST - 1) % 12
    return pitch
