"""What was heard of a song or a duet, sample by sample: the source of every export.

Live, the "played" thread notes the events that the audio callback applied and the engine thread the tempo;
headless, one loop does both. `Heard` is what they leave: frozen, any thread may export it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from app.engine.scheduler import Event
from app.engine.timeline import MeterChange, TempoChange, Timeline
from pieces.errors import RipienoError

LET_GO_S = 0.125


class NothingHeard(RipienoError):
    """There is nothing to export yet."""


@dataclass(frozen=True)
class Heard:
    """Events in samples from the song's first beat, in order, and the timeline that they followed.

    least_samples: how long it is at least, where it ends in silence. meters: from the first beat on, where
    they change; none: the timeline's throughout.
    """

    timeline: Timeline
    events: tuple[Event, ...]
    least_samples: int = 0
    meters: tuple[MeterChange, ...] = ()

    @property
    def samples(self) -> int:
        """Until the last event, or the end of the silence after it."""
        return max(self.events[-1].sample if self.events else 0, self.least_samples)

    @property
    def duration_s(self) -> float:
        """The same in seconds."""
        return self.samples / self.timeline.rate


class Recording:
    """Grows while the music plays, from the sample of its first beat on. Only events of `sources` count.

    What was set before the first beat holds from it on. A note that is struck less than `early_beats` before
    begins with it.
    """

    def __init__(
        self, timeline: Timeline, sources: Collection[str], first_beat: float = 0.0, early_beats: float = 0.0
    ) -> None:
        self.rate = timeline.rate
        self._sources = sources
        self._meter = timeline.meter
        self._first_beat, self._early_beats = first_beat, early_beats
        self._start_sample, self._first_note_sample = self._beginning(timeline)
        self._base, self._scale = 0, 1.0
        self._changes = list(timeline.changes)
        self._before: list[TempoChange] = []  # of the clocks that went before
        self._early: list[Event] = []
        self._events: list[Event] = []

    def note(self, event: Event) -> None:
        """An event was heard ("played" thread)."""
        if event.source not in self._sources:
            return
        if event.sample >= self._start_sample:
            self._events.append(replace(event, sample=round(self._here(event.sample))))
        elif not self._before:
            self._early.append(event)

    def follow(self, timeline: Timeline) -> None:
        """The tempo changed (engine thread)."""
        change = timeline.changes[-1]
        self._change(change)
        if change.beat <= self._first_beat:  # still counting in: the first beat comes at another sample
            self._start_sample, self._first_note_sample = self._beginning(timeline)

    def jump(self, timeline: Timeline, from_sample: int) -> None:
        """The music is elsewhere in the song from a sample of the same clock on (engine thread)."""
        self._first_beat = -math.inf  # where it began is known: this beat may come again
        self._start_sample = min(self._start_sample, from_sample)  # it may still have been counting in
        self._change(replace(timeline.changes[-1], sample=float(from_sample)))

    def go_on(self, timeline: Timeline, start_sample: int) -> None:
        """The music goes on at a sample of another clock (engine thread)."""
        self._before += self._changes_here()
        self._base = self._events[-1].sample if self._events else 0
        self._start_sample, self._scale = start_sample, self.rate / timeline.rate
        self._changes = [replace(timeline.changes[-1], sample=float(start_sample))]

    @property
    def duration_s(self) -> float:
        """Until the latest event."""
        return self._events[-1].sample / self.rate if self._events else 0.0

    def heard(self) -> Heard:
        """All of it so far."""
        changes = (*self._before, *self._changes_here())
        known = (*_opening(self._early, self._first_note_sample), *self._events)
        events = tuple(sorted(known, key=lambda event: event.sample))  # what is sung is known late
        return Heard(Timeline(self.rate, changes, self._meter), (*events, *_released(events, self.rate)))

    def _beginning(self, timeline: Timeline) -> tuple[int, int]:
        """Where the first beat is, and from where on a note is meant for it."""
        beats = self._first_beat, self._first_beat - self._early_beats
        start_sample, first_note_sample = (round(timeline.sample_at_beat(beat)) for beat in beats)
        return start_sample, first_note_sample

    def _change(self, change: TempoChange) -> None:
        while self._changes and self._changes[-1].sample >= change.sample:
            self._changes.pop()
        self._changes.append(change)

    def _here(self, sample: float) -> float:
        """A sample of the present clock, from the song's first beat at the recording's rate."""
        return self._base + (sample - self._start_sample) * self._scale

    def _changes_here(self) -> list[TempoChange]:
        return [replace(change, sample=self._here(change.sample)) for change in tuple(self._changes)]


def _opening(early: Iterable[Event], from_sample: int) -> list[Event]:
    """Of what happened before the first beat, what holds from it on, at sample 0: first what was set.

    Notes that were struck at `from_sample` or later begin with the beat; one that was let go again before it
    stays as long as it was.
    """
    settings: dict[tuple[int, int], Event] = {}
    notes: dict[tuple[int, int], list[Event]] = {}
    for event in sorted(early, key=lambda event: event.sample):
        key = event.channel, event.data1
        if event.kind == "program":
            settings[event.channel, -1] = replace(event, sample=0)
        elif event.kind == "control":
            settings[key] = replace(event, sample=0)
        elif event.kind == "note_on" and event.sample >= from_sample:
            notes[key] = [event]
        elif event.kind == "note_off" and key in notes:
            notes[key] = [notes[key][0], event]
    struck = (replace(event, sample=event.sample - note[0].sample)
              for note in notes.values() for event in note)  # fmt: skip
    return [*settings.values(), *struck]


def _released(events: tuple[Event, ...], rate: int) -> list[Event]:
    """Releases of the notes that still sound: who exports while it plays gets no hanging note."""
    held: dict[tuple[int, int], Event] = {}
    for event in events:
        if event.kind == "note_on":
            held[event.channel, event.data1] = event
        elif event.kind == "note_off":
            held.pop((event.channel, event.data1), None)
    at_sample = events[-1].sample + round(LET_GO_S * rate) if events else 0
    return [replace(event, sample=at_sample, kind="note_off", data2=0) for event in held.values()]


def record(timeline: Timeline, events: Iterable[Event], samples: int, sources: Collection[str]) -> Heard:
    """A recording of so many samples of which all events are known."""
    recording = Recording(timeline, sources)
    for event in events:
        recording.note(event)
    return replace(recording.heard(), least_samples=samples)
