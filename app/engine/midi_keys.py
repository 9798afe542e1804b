"""The keyboard that plays through the engine, and what it leaves sounding when it is unplugged.

`play` runs in rtmidi's thread; `let_go` in the one that has closed the port, after the last call.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.engine.clock import now_s
from app.engine.engine import Engine
from app.engine.midi_events import SOSTENUTO, SUSTAIN, event_of
from app.engine.scheduler import Event


class MidiKeys:
    """Give `play` to `MidiSystem` as what receives, `let_go` as what is told of a lost input."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._releases: set[Event] = set()  # of every key and pedal that is down

    def play(self, message: Sequence[int], moment_s: float) -> None:
        """A message of the keyboard, and when it came."""
        event = event_of(message)
        if event is not None:
            self._remember(event)
            self._engine.submit_at(event, moment_s)

    def let_go(self) -> None:
        """The keyboard is gone: no release can come any more of what it holds."""
        if not self._releases:
            return
        moment_s = now_s()  # no sooner than what was played last
        for event in self._releases:
            self._engine.submit_at(event, moment_s)
        self._releases.clear()
        self._engine.tell("What the keyboard held is let go, its pedals too; the music goes on.")

    def _remember(self, event: Event) -> None:
        pedal = event.kind == "control" and event.data1 in (SUSTAIN, SOSTENUTO)
        if event.kind not in ("note_on", "note_off") and not pedal:
            return
        release = replace(event, kind="control" if pedal else "note_off", data2=0)
        (self._releases.add if event.data2 and event.kind != "note_off" else self._releases.discard)(release)
