"""MIDI clock that goes out: 24 ticks a quarter, start, continue, stop and song position, along a timeline.

A thread of its own ("midi-clock") sleeps to the absolute deadline of each tick, taken from the engine's
sample clock, one block after the sample itself: as late as the notes of `midi_out`, so that both stay
together. Clock that comes in is `clock_follower`'s.
"""
from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence

from app.engine.clock import now_s, sleep_until
from app.engine.engine import Engine
from app.engine.priority import real_time
from app.engine.timeline import Meter, Timeline

TICK, START, CONTINUE, STOP, SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
TICKS_PER_QUARTER = 24
TICKS_PER_SIXTEENTH = 6
POSITIONS = 1 << 14
"""Song positions that MIDI can say: 1,024 bars of sixteenths."""
NAP_S = 0.02
CLOSEST_S = 0.002
"""Ticks that are late follow each other at this distance: in a heap, receivers would miscount them."""

Message = tuple[int, ...]
Send = Callable[[Sequence[int]], None]


class ClockOut:
    """`send` is `MidiSystem.send`, or a function that sends to several. Every method: any thread."""

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine = engine
        self._send = send
        self._run: _Run | None = None

    def start(self, timeline: Timeline, from_beat: float = 0.0) -> None:
        """Tick along `timeline` from now on, through its count-in too; what listens starts at `from_beat`.

        Beat 0 is a start, a later one (rounded up to a sixteenth) song position and continue.
        """
        before = self._run
        if before is not None:
            before.stop(None)
        self._run = _Run(self._engine, self._send, timeline, from_beat, before)

    def change(self, timeline: Timeline) -> None:
        """The tempo changed: go on along `timeline`, which agrees with the one before up to now."""
        if self._run is not None:
            self._run.change(timeline)

    def stop(self, at_beat: float | None = None) -> None:
        """Stop ticking, at a beat to come or now, and tell what listens."""
        if self._run is not None:
            self._run.stop(at_beat)

    def close(self) -> None:
        """Stop, and wait until that is sent."""
        if self._run is not None:
            self._run.stop(None)
            self._run.join()
            self._run = None


class _Run:
    """From one start to its stop."""

    def __init__(self, engine: Engine, send: Send, timeline: Timeline, from_beat: float,
                 before: _Run | None) -> None:
        self._engine = engine
        self._send = send
        self._timeline = timeline
        self._from_beat = from_beat
        self._stop_beat = math.inf
        self._changed = threading.Event()
        self._sent_s = -math.inf
        self._thread = threading.Thread(target=self._play, args=(before,), name="midi-clock", daemon=True)
        self._thread.start()

    def change(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._changed.set()

    def stop(self, at_beat: float | None) -> None:
        self._stop_beat = -math.inf if at_beat is None else at_beat
        self._changed.set()

    def join(self) -> None:
        self._thread.join()

    # --- the thread ---------------------------------------------------------------------------------

    def _play(self, before: _Run | None) -> None:
        real_time()  # it sleeps nearly always, and what listens hears every tick that is late
        if before is not None:
            before.join()  # its stop comes before this start
        started = False
        for beat, message in clock_messages(self._now_beat(), self._from_beat, self._timeline.meter):
            if not self._wait_for(beat):
                break
            self._send(message)
            started = started or message[0] in (START, CONTINUE)
        if started:
            self._send((STOP,))

    def _now_beat(self) -> float:
        return self._timeline.beat_at_sample(self._engine.sample)

    def _wait_for(self, beat: float) -> bool:
        """Until the moment of `beat`, whatever the tempo becomes meanwhile; False if it stops before."""
        while True:
            self._changed.clear()
            stop_beat = self._stop_beat
            deadline_s = self._deadline_s(min(beat, stop_beat))
            if deadline_s - now_s() > NAP_S:
                self._changed.wait(deadline_s - now_s() - NAP_S / 2)
                continue
            if stop_beat != self._stop_beat:
                continue
            sleep_until(deadline_s)
            self._sent_s = now_s()
            return beat < stop_beat

    def _deadline_s(self, beat: float) -> float:
        if beat == -math.inf:
            return now_s()
        mixer = self._engine.mixer
        moment_s = mixer.clock.moment_at(math.ceil(self._timeline.sample_at_beat(beat)) + mixer.block_samples)
        return max(moment_s, self._sent_s + CLOSEST_S)


def clock_messages(now_beat: float, from_beat: float, meter: Meter) -> Iterator[tuple[float, Message]]:
    """(beat, message) without end: ticks from `now_beat` on, and half a tick before `from_beat` the start.

    A start that is over already is made up for at the next sixteenth.
    """
    per_beat = TICKS_PER_QUARTER * 4 // meter.unit
    first = math.ceil(now_beat * per_beat - 1e-6)
    start = _next_sixteenth(max(from_beat * per_beat, first))
    for tick in itertools.count(first):
        if tick == start:
            yield from (((tick - 0.5) / per_beat, message) for message in _starting(tick))
        yield tick / per_beat, (TICK,)


def _next_sixteenth(tick: float) -> int:
    return math.ceil(tick / TICKS_PER_SIXTEENTH - 1e-6) * TICKS_PER_SIXTEENTH


def _starting(tick: int) -> list[Message]:
    """What is said before the tick at which the music starts. 14 bits of position, the low ones first."""
    if tick == 0:
        return [(START,)]
    position = tick // TICKS_PER_SIXTEENTH % POSITIONS
    return [(SONG_POSITION, position & 0x7F, position >> 7), (CONTINUE,)]
