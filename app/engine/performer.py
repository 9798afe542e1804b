"""Plays a performance through the scheduler: demo, replay of a take. Tempo and place change while it plays.

Every method runs in the engine thread. Events are submitted 200 ms ahead; a change of tempo or place takes
back those that are not due within the next blocks and submits them anew, so none is lost or played twice.
"""
from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.engine import Engine
from app.engine.mixer import Mixer
from app.engine.scheduler import Event, Kind
from models.performance import Performance

DEMO, REPLAY = "demo", "replay"
SUSTAIN = 64

_ORDER: dict[Kind, int] = {"note_off": 0, "control": 1, "note_on": 2}


@dataclass(frozen=True, slots=True)
class Played:
    """An event at a time of the performance."""

    time_s: float
    kind: Kind
    data1: int
    data2: int = 0
    channel: int = 0


def performance_events(performance: Performance) -> list[Played]:
    """Notes and pedal in order of time; at one moment releases come before strikes.

    Of a long one this takes a second: not in the engine thread.
    """
    events = []
    for note in performance.notes:
        events.append(Played(note.onset_s, "note_on", note.pitch, note.velocity))
        events.append(Played(note.onset_s + note.duration_s, "note_off", note.pitch))
    for time_s, down in performance.pedal:
        events.append(Played(time_s, "control", SUSTAIN, 127 if down else 0))
    return sorted(events, key=lambda event: (event.time_s, _ORDER[event.kind]))


@dataclass(frozen=True, slots=True)
class _Anchor:
    """At `sample` of a mixer's clock sounds what stands at `time_s` of the performance."""

    time_s: float
    sample: int
    mixer: Mixer


class PerformancePlayer:
    """A filler of the engine, of events in order of time. `tempo` 1.0 is as performed, 2.0 twice as fast."""

    def __init__(
        self, engine: Engine, events: Sequence[Played], tempo: float = 1.0, source: str = DEMO
    ) -> None:
        self._engine = engine
        self._source = source
        self._events = events
        self.tempo = tempo
        self._anchor_at(0.0, self._soon())
        self._next = 0
        self.playing = False

    @property
    def ended(self) -> bool:
        """Everything has been submitted."""
        return self._next >= len(self._events)

    @property
    def length_s(self) -> float:
        """When the last event is due, as performed."""
        return self._events[-1].time_s if self._events else 0.0

    def start(self, from_s: float = 0.0) -> None:
        """Play from a moment of the performance on."""
        self._anchor_at(from_s, self._soon())
        self._next = bisect.bisect_left(self._events, from_s, key=lambda event: event.time_s)
        if not self.playing:
            self.playing = True
            self._engine.add_filler(self)

    def stop(self) -> None:
        """Stop, and let every note go."""
        if self.playing:
            self.playing = False
            self._engine.remove_filler(self)
            self._cut(self._soon())

    def jump(self, to_s: float) -> None:
        """Go on from another moment."""
        if self.playing:
            self._cut(self._soon())
            self.start(to_s)

    def set_tempo(self, tempo: float) -> None:
        """Another tempo from the next blocks on; nothing is lost or doubled."""
        self._keep_up()
        at_sample = self._soon()
        if self.playing:
            self._engine.mixer.forget(self._source, at_sample)
            while self._next > 0 and self._sample_of(self._events[self._next - 1]) >= at_sample:
                self._next -= 1
        position_s = self.position_s(at_sample)
        self.tempo = tempo
        self._anchor_at(position_s, at_sample)

    def position_s(self, sample: int) -> float:
        """Time of the performance that sounds at `sample`; where it stopped, if the clock is a new one."""
        anchor = self._anchor
        if anchor.mixer is not self._engine.mixer:
            sample = anchor.mixer.clock.sample
        return anchor.time_s + (sample - anchor.sample) * self.tempo / anchor.mixer.clock.rate

    def fill(self, now_sample: int, until_sample: int) -> None:
        self._keep_up()
        while not self.ended:
            played = self._events[self._next]
            sample = self._sample_of(played)
            if sample >= until_sample:
                return
            event = Event(
                sample, played.kind, played.data1, played.data2, played.channel, self._source
            )
            self._engine.submit(event)
            self._next += 1

    def _keep_up(self) -> None:
        """Where the sound card has changed to another rate: go on where it stopped, on the new clock."""
        if self.playing and self._anchor.mixer is not self._engine.mixer:
            self._engine.panic()  # what the old clock left sounding on a MIDI instrument
            self.start(self.position_s(self._soon()))

    def _anchor_at(self, time_s: float, sample: int) -> None:
        self._anchor = _Anchor(time_s, sample, self._engine.mixer)

    def _sample_of(self, played: Played) -> int:
        seconds = (played.time_s - self._anchor.time_s) / self.tempo
        return self._anchor.sample + round(seconds * self._engine.rate)

    def _soon(self) -> int:
        return self._engine.mixer.soon

    def _cut(self, at_sample: int) -> None:
        self._engine.mixer.forget(self._source, at_sample)
        self._engine.submit(Event(at_sample, "all_off", source=self._source))
