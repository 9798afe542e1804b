"""Count-in and click. The clicks are scheduler events, so they fall on the sample; the scene reads `pulse`.

`Metronome.fill` runs in the engine thread some 200 ms ahead of the sound; `ClickVoice.render` in the audio
callback. The click is mixed into the output after the follower's source was copied: it is never followed.
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.scheduler import NOW, Event
from app.engine.timeline import Timeline
from pieces.meter import Beat

CLICK_S = 0.03
CLICK_HZ = 1000.0
ACCENT_HZ = 1600.0
CLICK_LEVEL = 0.35
FIRST_BEAT, TONELESS = 1, 2
"""What a click's event says, added up: it is the first of a bar; it is noise instead of a tone."""
NOISE_HZ = ((1200.0, 4000.0), (2500.0, 8000.0))
"""Bands of the noise on a beat and on the first of a bar."""
SOURCE = "metronome"
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Pulse:
    """The click that was heard last, for the blinking light; `end_sample` is when the next one is due."""

    sample: int
    end_sample: int
    beat: Beat
    counts_in: bool = False


class Desk(Protocol):
    """Where events are handed in: the mixer."""

    def submit(self, event: Event) -> None: ...
    def forget(self, source: str, from_sample: int = NOW) -> None: ...


class Metronome:
    """Schedules a click on every beat it is given. Where one falls, in quarters, a timeline says.

    runs_on: goes on after the count-in. May be changed until then.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._timeline: Timeline | None = None
        self._beats: Iterator[Beat] = iter(())
        self._next: Beat | None = None
        self._begins_at = -math.inf
        self._pulses: list[Pulse] = []
        self.runs_on = True
        self.pulse: Pulse | None = None

    def start(
        self, timeline: Timeline, beats: Iterable[Beat], begins_at: float = -math.inf, runs_on: bool = True
    ) -> None:
        """Click `beats` until they end, or it is stopped; those before `begins_at`, in quarters, count in."""
        self.stop()
        self._timeline, self._beats = timeline, iter(beats)
        self._next = next(self._beats, None)
        self._begins_at, self.runs_on = begins_at, runs_on

    @property
    def counts_in(self) -> bool:
        """A count-in goes on: not all of it has been handed in."""
        return self._next is not None and self._is_before(self._next)

    def set_tempo(self, bpm: float, from_sample: int) -> None:
        """Another tempo from a sample that is not yet due."""
        if self._timeline is not None:
            self._desk.forget(SOURCE, from_sample)
            self._take_back(from_sample)
            self._timeline = self._timeline.with_tempo(bpm, from_sample)

    def stop(self) -> None:
        """Silence from the next block on."""
        self._timeline = self._next = None
        self._pulses = []
        self._desk.forget(SOURCE)

    def go_on(self, desk: Desk, rate: int, stopped_sample: int, at_sample: int) -> None:
        """Click on at a desk with a clock of another rate, from `at_sample`; the old one has stopped."""
        self._take_back(stopped_sample)
        self._desk, self._pulses, self.pulse = desk, [], None
        if self._timeline is not None and self._timeline.rate != rate:
            self._timeline = self._timeline.on_clock(rate, stopped_sample, at_sample)

    def fill(self, now_sample: int, until_sample: int) -> None:
        """Schedule the clicks before `until_sample`, and note which has just been heard."""
        while self._pulses and self._pulses[0].sample <= now_sample:
            self.pulse = self._pulses.pop(0)
        while self._timeline is not None and self._next is not None and (self.runs_on or self.counts_in):
            pulse = self._pulse_at(self._next, self._timeline)
            if pulse.sample >= until_sample:
                return
            self._desk.submit(Event(pulse.sample, "click", int(pulse.beat.number == 0), source=SOURCE))
            self._pulses.append(pulse)
            self._next = next(self._beats, None)

    def _pulse_at(self, beat: Beat, timeline: Timeline) -> Pulse:
        begin, end = (
            math.ceil(timeline.sample_at_beat(quarters) - _NEAR)
            for quarters in (beat.quarters, beat.quarters + beat.step)
        )
        return Pulse(begin, end, beat, self._is_before(beat))

    def _is_before(self, beat: Beat) -> bool:
        return beat.quarters < self._begins_at - _NEAR

    def _take_back(self, from_sample: int) -> None:
        """What is not yet due at a sample is to be handed in again."""
        back = [pulse.beat for pulse in self._pulses if pulse.sample >= from_sample]
        self._pulses = self._pulses[: len(self._pulses) - len(back)]
        waiting = [] if self._next is None else [self._next]
        self._beats = itertools.chain(back, waiting, self._beats)
        self._next = next(self._beats, None)


class ClickVoice:
    """Renders clicks, which fade away within `CLICK_S`. Callback only."""

    def __init__(self, rate: int) -> None:
        time_s = np.arange(round(CLICK_S * rate)) / rate
        fading = np.exp(-time_s * 150) * CLICK_LEVEL
        tones = (np.sin(2 * np.pi * hz * time_s) for hz in (CLICK_HZ, ACCENT_HZ))
        noises = (_noise(band_hz, time_s) for band_hz in NOISE_HZ)
        self._sounds = tuple((sound * fading).astype(np.float32) for sound in (*tones, *noises))
        self._sound = self._sounds[0]
        self._position = len(self._sound)

    def click(self, which: int) -> None:
        """Start a click, as its event's data1 says, at the next sample rendered."""
        self._sound, self._position = self._sounds[which], 0

    def add_to(self, output: NDArray[np.float32]) -> None:
        """Mix what is sounding into `output` (n, 2)."""
        part = self._sound[self._position:self._position + len(output)]
        output[:len(part)] += part[:, None]
        self._position += len(part)


def _noise(band_hz: tuple[float, float], time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) noise of a band with its peak at 1, the same every time: who looks for a pitch finds none."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(time_s)))
    hz = np.fft.rfftfreq(len(time_s), time_s[1])
    spectrum[(hz < band_hz[0]) | (hz > band_hz[1])] = 0.0
    noise = np.fft.irfft(spectrum, len(time_s))
    return np.asarray(noise / np.abs(noise).max())
