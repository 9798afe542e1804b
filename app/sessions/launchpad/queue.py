"""Bars against samples: what is to be handed to the scheduler, when, and what to take back. Pure.

The queue holds the events of the bars that were made, in beats, and a timeline. `take` gives them as events
at samples; when the tempo changes or a bar is made anew, those that are not yet due are put back (`rewind`),
and the caller has the scheduler forget them: nothing is lost or played twice.
"""

from __future__ import annotations

from collections import deque

from app.engine.scheduler import Event
from app.engine.timeline import Timeline
from app.sessions.launchpad.arrangement import BEATS_A_BAR
from app.sessions.launchpad.bars import Timed

SOURCE = "launchpad"
KEPT_BEATS = 2.5 * BEATS_A_BAR
"""How long what was taken is remembered: longer than any note lasts."""
KEPT_CHANGES = 64


class BarQueue:
    """Events between the song and the scheduler. The timeline's beat 0 is the song's first bar."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._waiting: deque[Timed] = deque()
        self._taken: deque[tuple[int, Timed]] = deque()

    def sample_at_bar(self, bar: int) -> int:
        """The sample at which a bar begins."""
        return self._sample(float(BEATS_A_BAR * bar))

    def add(self, events: tuple[Timed, ...]) -> None:
        """Append a bar's events, in order."""
        self._waiting.extend(events)

    def take(self, until_sample: int) -> list[Event]:
        """The events before `until_sample` that were not taken yet."""
        events = []
        while self._waiting and (sample := self._sample(self._waiting[0].beat)) < until_sample:
            timed = self._waiting.popleft()
            self._taken.append((sample, timed))
            events.append(as_event(timed, sample))
        self._forget_old()
        return events

    def rewind(self, from_sample: int) -> None:
        """Put back what was taken for `from_sample` and later."""
        while self._taken and self._taken[-1][0] >= from_sample:
            self._waiting.appendleft(self._taken.pop()[1])

    def retime(self, bpm: float, from_sample: int) -> None:
        """Another tempo from a sample on; what was taken for later is put back."""
        self.rewind(from_sample)
        changed = self.timeline.with_tempo(bpm, from_sample)
        self.timeline = Timeline(changed.rate, changed.changes[-KEPT_CHANGES:], changed.meter)

    def drop_bar(self, bar: int) -> None:
        """Forget a bar and what follows it; first rewind to its start."""
        beat = float(BEATS_A_BAR * bar)
        while self._waiting and self._waiting[-1].beat >= beat:
            self._waiting.pop()

    def held(self) -> list[tuple[int, int]]:
        """(channel, pitch) of the notes that what was taken leaves sounding."""
        held: dict[tuple[int, int], None] = {}
        for _, timed in self._taken:
            if timed.kind == "note_on":
                held[timed.channel, timed.data1] = None
            elif timed.kind == "note_off":
                held.pop((timed.channel, timed.data1), None)
        return list(held)

    def _sample(self, beat: float) -> int:
        return round(self.timeline.sample_at_beat(beat))

    def _forget_old(self) -> None:
        if self._taken:
            oldest = self._taken[-1][1].beat - KEPT_BEATS
            while self._taken[0][1].beat < oldest:
                self._taken.popleft()


def as_event(timed: Timed, sample: int) -> Event:
    """For the scheduler."""
    return Event(sample, timed.kind, timed.data1, timed.data2, timed.channel, SOURCE)
