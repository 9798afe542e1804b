"""MIDI clock that comes in: how fast it is, where it is, whether it plays, has stopped or was lost.

`received` runs in rtmidi's thread (give it to `MidiSystem.follow_clock`) and swaps one frozen object;
`reading` may be asked by any thread. `steered` bends a timeline so that it meets the clock.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.engine.midi_clock import (
    CONTINUE,
    SONG_POSITION,
    START,
    STOP,
    TICK,
    TICKS_PER_QUARTER,
    TICKS_PER_SIXTEENTH,
)
from app.engine.tick_loop import TickLoop
from app.engine.timeline import Timeline

LOST_S = 0.5
CATCH_UP_BEATS = 2.0
LARGEST_BEND = 0.1
SAME_TEMPO, ON_BEAT_TICKS = 0.03, 0.2
"""How far from its tempo and its beat before a gap a clock may be that has gone on meanwhile, unheard."""

State = Literal["none", "finding", "waiting", "playing", "stopped", "lost"]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The clock at one moment.

    state: "none" was heard yet; "finding" the tempo; "waiting" for its start, "playing", "stopped" by its
    sender; "lost": nothing for half a second although it was not stopped, then "finding" again. bpm: quarters
    a minute, the last known; None before the first. quarters: position from the start of the song, where it
    plays or will go on. starts: how often its sender has said start or continue.
    """

    state: State
    bpm: float | None
    quarters: float
    starts: int = 0

    @property
    def playing(self) -> bool:
        """The music is to go on."""
        return self.state == "playing"


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is known since the last message.

    tick: position of the last one, due at smooth_s. begins: its sender has said where, and the next tick is
    there.
    """

    heard_s: float | None = None
    tick: int = -1
    smooth_s: float = 0.0
    period_s: float | None = None
    found: bool = False
    playing: bool = False
    begins: bool = False
    stopped: bool = False
    starts: int = 0


class ClockFollower:
    """Follows one sender. What counts are its ticks, but across a gap time does, if ticks went by unheard.

    A clock that is back on the beat that it had has gone on meanwhile, and so has the song of its sender. One
    that is back beside it has paused, and its song too. After a loss nobody can tell: it has gone on.
    """

    def __init__(self) -> None:
        self._loop = TickLoop()
        self._ticked_s: float | None = None
        self._before: _Heard | None = None  # the gap; until the clock is steady again
        self._heard = _Heard()

    def received(self, message: Sequence[int], moment_s: float) -> None:
        """A system message; those that are not about the clock are ignored."""
        status = message[0]
        heard = replace(self._heard, heard_s=moment_s)
        if status == TICK:
            self._heard = self._ticked(heard, moment_s)
        elif status == START:
            self._heard = _started(replace(heard, tick=-1))
        elif status == CONTINUE:
            self._heard = _started(heard)
        elif status == STOP:
            self._heard = replace(heard, playing=False, stopped=True)
        elif status == SONG_POSITION and len(message) == 3:
            sixteenths = message[1] | message[2] << 7
            self._heard = replace(heard, tick=sixteenths * TICKS_PER_SIXTEENTH - 1, begins=True)

    def reading(self, moment_s: float) -> ClockReading:
        """The clock at a moment (of `now_s`), a little ahead too."""
        heard = self._heard
        bpm = None if heard.period_s is None else 60 / (heard.period_s * TICKS_PER_QUARTER)
        return ClockReading(_state(heard, moment_s), bpm, _quarters(heard, moment_s), heard.starts)

    def _ticked(self, heard: _Heard, moment_s: float) -> _Heard:
        if self._ticked_s is not None and moment_s - self._ticked_s > LOST_S:
            self._loop, self._before = TickLoop(), self._before or heard
        self._ticked_s = moment_s
        steady_before = not self._loop.astray
        self._loop.tick(moment_s)
        if steady_before and self._loop.astray:
            self._before = heard
        if heard.begins or not heard.playing:
            self._before = None
        tick, found = self._tick(heard), self._loop.period_s is not None
        if found and not self._loop.astray:
            self._before = None
        return replace(
            heard,
            tick=tick,
            begins=False,
            smooth_s=self._loop.moment_s,
            period_s=self._loop.period_s or heard.period_s,
            found=found,
        )

    def _tick(self, heard: _Heard) -> int:
        """Position of the tick that is heard: the next, or after a gap the one that is due by now."""
        before, loop = self._before, self._loop
        if before is None or before.period_s is None or loop.astray:
            return heard.tick + heard.playing
        passed_ticks = (loop.moment_s - before.smooth_s) / before.period_s
        if loop.period_s is None or _has_gone_on(before.period_s, loop.period_s, passed_ticks):
            return before.tick + round(passed_ticks)
        return heard.tick + 1


def _has_gone_on(period_before_s: float, period_s: float, passed_ticks: float) -> bool:
    """Whether a clock that is steady again is at the tempo and on the beat that it had before."""
    same_tempo = abs(period_s / period_before_s - 1.0) <= SAME_TEMPO
    return same_tempo and abs(passed_ticks - round(passed_ticks)) <= ON_BEAT_TICKS


def _started(heard: _Heard) -> _Heard:
    return replace(heard, playing=True, begins=True, stopped=False, starts=heard.starts + 1)


def _state(heard: _Heard, moment_s: float) -> State:
    if heard.heard_s is None:
        return "none"
    if heard.stopped:
        return "stopped"
    if moment_s - heard.heard_s > LOST_S:
        return "lost"
    if not heard.found:
        return "finding"
    return "playing" if heard.playing and not heard.begins else "waiting"


def _quarters(heard: _Heard, moment_s: float) -> float:
    """Position of the last tick, and on from there as long as the clock is not lost."""
    if heard.heard_s is None or not heard.playing or heard.begins:
        return (heard.tick + 1) / TICKS_PER_QUARTER  # where the next tick goes on
    since_s = min(moment_s, heard.heard_s + LOST_S) - heard.smooth_s
    ticks = heard.tick + (since_s / heard.period_s if heard.period_s else 0.0)
    return ticks / TICKS_PER_QUARTER


def steered(timeline: Timeline, from_sample: float, reading: ClockReading) -> Timeline:
    """`timeline` bent from `from_sample` on to meet the clock, read for the moment of that sample.

    It is caught up with within two beats, by a tempo at most a tenth off: never by a jump. A clock that was
    sent elsewhere (a start, a song position) is no matter of bending: begin a new timeline. Once a beat or a
    bar is often enough.
    """
    if reading.bpm is None:
        return timeline
    scale = timeline.meter.unit / 4
    behind = reading.quarters * scale - timeline.beat_at_sample(from_sample)
    bend = min(max(behind / CATCH_UP_BEATS, -LARGEST_BEND), LARGEST_BEND)
    return timeline.with_tempo(reading.bpm * scale * (1 + bend), from_sample)
