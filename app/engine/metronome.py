"""Count-in and click. The clicks are scheduler events, so they fall on the sample; the scene reads `pulse`.

`Metronome.fill` runs in the engine thread some 200 ms ahead of the sound; `ClickVoice.render` in the audio
callback. The click is mixed into the output after the follower's source was copied: it is never followed.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.scheduler import NOW, Event
from app.engine.timeline import Timeline

CLICK_S = 0.03
CLICK_HZ = 1000.0
ACCENT_HZ = 1600.0
CLICK_LEVEL = 0.35
SOURCE = "metronome"


@dataclass(frozen=True, slots=True)
class Pulse:
    """The click that was heard last: for the blinking light."""

    sample: int
    bar: int
    beat: int


class Desk(Protocol):
    """Where events are handed in: the mixer."""

    def submit(self, event: Event) -> None: ...
    def forget(self, source: str, from_sample: int = NOW) -> None: ...


class Metronome:
    """Schedules clicks along a timeline, on whole beats. Those before beat 0 are a count-in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._timeline: Timeline | None = None
        self._first_beat = self._next_beat = 0
        self._last_beat: int | None = None
        self._pulses: list[Pulse] = []
        self.pulse: Pulse | None = None

    def start(self, timeline: Timeline, first_beat: int = 0, last_beat: int | None = None) -> None:
        """Click along `timeline` from one beat to another, by default until it is stopped."""
        self.stop()
        self._first_beat = self._next_beat = first_beat
        self._last_beat = last_beat
        self._timeline = timeline

    def end_at(self, last_beat: int | None) -> bool:
        """If a count-in goes on, let this be the last beat, None for no end; whether one does."""
        counting = self._timeline is not None and self._next_beat < 0
        if counting:
            self._last_beat = last_beat
        return counting

    def set_tempo(self, bpm: float, from_sample: int) -> None:
        """Another tempo from a sample that is not yet due."""
        if self._timeline is None:
            return
        self._desk.forget(SOURCE, from_sample)
        self._pulses = [pulse for pulse in self._pulses if pulse.sample < from_sample]
        self._timeline = self._timeline.with_tempo(bpm, from_sample)
        self._next_beat = max(self._first_beat, math.ceil(self._timeline.beat_at_sample(from_sample) - 1e-6))

    def stop(self) -> None:
        """Silence from the next block on."""
        self._timeline = None
        self._pulses = []
        self._desk.forget(SOURCE)

    def go_on(self, desk: Desk, rate: int, stopped_sample: int, at_sample: int) -> None:
        """Click on at a desk with a clock of another rate, from `at_sample`; the old one has stopped."""
        self._desk, self._pulses, self.pulse = desk, [], None
        timeline = self._timeline
        if timeline is not None and timeline.rate != rate:
            self._next_beat = min(self._next_beat, math.ceil(timeline.beat_at_sample(stopped_sample)))
            self._timeline = timeline.on_clock(rate, stopped_sample, at_sample)

    def fill(self, now_sample: int, until_sample: int) -> None:
        """Schedule the clicks before `until_sample`, and note which has just been heard."""
        while self._pulses and self._pulses[0].sample <= now_sample:
            self.pulse = self._pulses.pop(0)
        timeline = self._timeline
        while timeline is not None and (self._last_beat is None or self._next_beat <= self._last_beat):
            sample = math.ceil(timeline.sample_at_beat(self._next_beat) - 1e-6)
            if sample >= until_sample:
                return
            bar, beat = timeline.bar_and_beat(self._next_beat)
            self._desk.submit(Event(sample, "click", int(beat == 0), source=SOURCE))
            self._pulses.append(Pulse(sample, bar, beat))
            self._next_beat += 1


class ClickVoice:
    """Renders clicks. Callback only."""

    def __init__(self, rate: int) -> None:
        self._sounds = tuple(_click(hz, rate) for hz in (CLICK_HZ, ACCENT_HZ))
        self._sound = self._sounds[0]
        self._position = len(self._sound)

    def click(self, accent: bool) -> None:
        """Start a click at the next sample rendered."""
        self._sound, self._position = self._sounds[int(accent)], 0

    def add_to(self, output: NDArray[np.float32]) -> None:
        """Mix what is sounding into `output` (n, 2)."""
        part = self._sound[self._position:self._position + len(output)]
        output[:len(part)] += part[:, None]
        self._position += len(part)


def _click(hz: float, rate: int) -> NDArray[np.float32]:
    time_s = np.arange(round(CLICK_S * rate)) / rate
    sound = np.sin(2 * np.pi * hz * time_s) * np.exp(-time_s * 150) * CLICK_LEVEL
    return sound.astype(np.float32)
