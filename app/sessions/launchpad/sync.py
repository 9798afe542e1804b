"""MIDI clock beside the song: sent along its timeline, or followed.

The engine thread calls everything here; the clock's own threads lie behind `ClockOut` and `ClockFollower`. A
clock that jitters is smoothed by the follower; one that is lost is told of once, and the music goes on at the
tempo that it had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

from app.devices.launchpads.surface import PadSurface
from app.devices.midi import MidiCallback
from app.engine.clock_follower import ClockFollower, ClockReading, steered
from app.engine.engine import Engine
from app.engine.midi_clock import STOP, ClockOut
from app.engine.timeline import Timeline

ClockState = Literal["own", "waiting", "followed", "lost"]
STEER_BEATS = 1.0
ASTRAY_BEATS = 1.5
"""Further off than this, the sender has gone elsewhere: the song begins anew at its place."""

Wish = Literal["begin", "stop"]


class MidiPorts(Protocol):
    """What `app.devices.midi.MidiSystem` can do for a clock."""

    def send(self, message: Sequence[int]) -> None: ...
    def follow_clock(self, received: MidiCallback | None) -> None: ...


class Sync:
    """Both directions, each off until asked for; pads blink in time in any case."""

    def __init__(self, engine: Engine, midi: MidiPorts | None, pads: PadSurface | None = None) -> None:
        self._engine = engine
        self._midi = midi
        self._pads = pads
        self._out = ClockOut(engine, self._send)
        self._in: ClockFollower | None = None
        self._lost = self._leads = False
        self._starts = 0
        self._steered_beat = 0.0
        self.sending = False

    # --- out ----------------------------------------------------------------------------------------

    def send(self, on: bool, timeline: Timeline | None) -> None:
        """Send the song's clock, from now on where it plays already."""
        if self._midi is None or on == self.sending:
            return
        if self.sending and timeline is not None:
            self._midi.send((STOP,))
        self.sending = on
        if on and timeline is not None:
            self.began(timeline, max(timeline.beat_at_sample(self._engine.sample), 0.0))

    def began(self, timeline: Timeline, from_beat: float = 0.0) -> None:
        """The song plays from a beat on."""
        self._steered_beat = -math.inf
        if self.sending or self._pads is not None:
            self._out.start(timeline, from_beat)

    def changed(self, timeline: Timeline) -> None:
        """Its tempo changed."""
        self._out.change(timeline)

    def ends(self, at_beat: float | None = None) -> None:
        """It stops at a beat, or now."""
        self._out.stop(at_beat)

    # --- in -----------------------------------------------------------------------------------------

    def follow(self, on: bool) -> None:
        """Let a clock that comes in lead tempo, start and stop."""
        self._in = ClockFollower() if on and self._midi is not None else None
        self._lost = self._leads = False
        self._starts = 0
        if self._midi is not None:
            self._midi.follow_clock(self._in.received if self._in is not None else None)

    @property
    def following(self) -> bool:
        """A clock is to lead, whether it does or not."""
        return self._in is not None

    @property
    def state(self) -> ClockState:
        """For the snapshot."""
        if self._in is None:
            return "own"
        return "lost" if self._lost else "followed" if self._leads else "waiting"

    @property
    def leads(self) -> bool:
        """The tempo is the clock's, also while it is lost and until it is found again."""
        return self._leads

    def reading_at(self, sample: int) -> ClockReading | None:
        """The clock at the moment of a sample; None where none is followed."""
        if self._in is None:
            return None
        return self._in.reading(self._engine.mixer.clock.moment_at(sample))

    def catch_up(self, reading: ClockReading | None) -> None:
        """Let a start that has been said by now begin nothing any more."""
        if reading is not None:
            self._starts = reading.starts

    def wish(self, reading: ClockReading, running: bool, beat: float | None) -> Wish | None:
        """What its sender wants of a song that runs, at `beat`, or not."""
        if reading.state == "finding":
            return None  # all is as it was: waited for, or lost until the tempo is known again
        self._notice_loss(reading)
        led, self._leads = self._leads, reading.playing or (self._leads and self._lost)
        if not reading.playing:
            return "stop" if running and led and reading.state == "stopped" else None
        started, self._starts = reading.starts != self._starts, reading.starts
        if not running:
            return "begin" if started else None  # a person who stopped it is not overruled
        return "begin" if beat is not None and abs(reading.quarters - beat) > ASTRAY_BEATS else None

    def bent(self, timeline: Timeline, soon_sample: int, reading: ClockReading) -> float | None:
        """The tempo from `soon_sample` on that meets the clock; None while it is too soon to say another."""
        if self._lost and self._leads:
            return reading.bpm
        beat = timeline.beat_at_sample(soon_sample)
        if not reading.playing or abs(beat - self._steered_beat) < STEER_BEATS:
            return None
        self._steered_beat = beat
        return steered(timeline, soon_sample, reading).bpm_at_sample(soon_sample)

    def close(self) -> None:
        """No clock any more."""
        self.follow(False)
        self._out.close()

    def _send(self, message: Sequence[int]) -> None:
        """The clock's thread."""
        if self.sending and self._midi is not None:
            self._midi.send(message)
        if self._pads is not None:
            self._pads.send_clock(message)

    def _notice_loss(self, reading: ClockReading) -> None:
        lost = reading.state == "lost"
        if lost and not self._lost and reading.bpm is not None:
            self._engine.tell(f"The MIDI clock is gone; going on at {reading.bpm:.0f} BPM until it is back.")
        self._lost = lost
