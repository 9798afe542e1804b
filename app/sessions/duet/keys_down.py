"""What the person has played, for the piano roll: notes where they really began and ended. Engine thread."""

from __future__ import annotations

from app.engine.scheduler import Event
from app.sessions.duet.conductor import PART_SOURCE, Conductor
from app.sessions.duet.snapshot import RollNote

EARLY_STEPS = 0.5
"""What begins sooner before the first bar belongs to the count-in."""


class KeysDown:
    """Grows with every event.

    Attributes:
        notes: those that have ended. held: (channel, pitch) of those that sound, and where they began.
    """

    def __init__(self) -> None:
        self.notes: list[RollNote] = []
        self.held: dict[tuple[int, int], float] = {}

    def begin(self) -> None:
        """A new duet."""
        self.notes, self.held = [], {}

    def note(self, event: Event, conductor: Conductor | None) -> None:
        """Something was played; conductor: of the duet that runs."""
        key = event.channel, event.data1
        on = event.kind == "note_on" and event.data2 > 0
        off = event.kind == "note_off" or (event.kind == "note_on" and not on)
        if conductor is None or (conductor.part is not None and event.source != PART_SOURCE and not off):
            return
        position = conductor.step_at(event.sample)
        if event.kind == "all_off":
            for held in tuple(self.held):
                self._end(held, position)
        elif on and position >= -EARLY_STEPS:
            self._end(key, position)
            self.held[key] = position
        elif off:
            self._end(key, position)

    def _end(self, key: tuple[int, int], position: float) -> None:
        begun = self.held.pop(key, None)
        if begun is not None:
            self.notes.append(RollNote(begun, max(position - begun, 0.0), key[1]))
