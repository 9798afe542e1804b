"""What the engine plays, on the MIDI output too: a sink of the engine, run in the "played" thread.

An event is known once its block was rendered and is sent one block after its own moment, to an absolute
deadline: always the same delay, whatever the threads did meanwhile.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

from app.engine.clock import now_s, sleep_until
from app.engine.engine import Engine
from app.engine.midi_events import messages_of
from app.engine.scheduler import Event

LONGEST_WAIT_S = 0.1


class MidiOut:
    """`play` is a sink of the engine, `send` that of `MidiSystem`. What came in by MIDI is not sent back."""

    def __init__(self, engine: Engine, send: Callable[[Sequence[int]], None]) -> None:
        self._engine = engine
        self._send = send

    def play(self, event: Event) -> None:
        """Send the event at its moment; a panic at once."""
        if event.source == "midi":
            return
        if event.sample >= 0 and event.kind != "all_off":
            mixer = self._engine.mixer
            deadline_s = mixer.clock.moment_at(event.sample + mixer.block_samples)
            sleep_until(min(deadline_s, now_s() + LONGEST_WAIT_S))
        for message in messages_of(event):
            self._send(message)
