"""Musical time: tempo, beats and bars against samples. Pure arithmetic, immutable, any thread.

One timeline serves the metronome, the count-in and every mode that plays in bars. Tempo is piecewise
constant; a change makes a new timeline that agrees with the old one up to the change.
"""
from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True)
class Meter:
    """`beats` of 1/`unit` notes a bar."""

    beats: int = 4
    unit: int = 4


@dataclass(frozen=True)
class MeterChange:
    """From `beat` on, where a bar begins, the meter is `meter`."""

    beat: int
    meter: Meter


@dataclass(frozen=True)
class TempoChange:
    """From `beat` on, at `sample`, the tempo is `bpm` beats a minute."""

    beat: float
    sample: float
    bpm: float


@dataclass(frozen=True)
class Timeline:
    """Beats (of the meter's unit, counted from 0) against samples. Raises ValueError on a tempo <= 0."""

    rate: int
    changes: tuple[TempoChange, ...]
    meter: Meter = Meter()

    def __post_init__(self) -> None:
        if not self.changes or any(not (0 < change.bpm < math.inf) for change in self.changes):
            raise ValueError("a timeline needs a tempo above zero")

    @classmethod
    def steady(cls, rate: int, bpm: float, meter: Meter = Meter(), start_sample: float = 0) -> Timeline:
        """One tempo throughout, beat 0 at `start_sample`."""
        return cls(rate, (TempoChange(0.0, start_sample, bpm),), meter)

    def sample_at_beat(self, beat: float) -> float:
        """Sample (not rounded) at which `beat` falls; beats before 0 lie in the count-in."""
        change = self._change_at(self._beats, beat)
        return change.sample + (beat - change.beat) * self._samples_per_beat(change)

    def beat_at_sample(self, sample: float) -> float:
        """Inverse of `sample_at_beat`."""
        change = self._change_at(self._samples, sample)
        return change.beat + (sample - change.sample) / self._samples_per_beat(change)

    def bpm_at_sample(self, sample: float) -> float:
        """The tempo in force at `sample`."""
        return self._change_at(self._samples, sample).bpm

    def bar_and_beat(self, beat: float) -> tuple[int, int]:
        """Bar from 0 (negative in the count-in) and beat in it from 0."""
        whole = math.floor(beat + 1e-9)
        return whole // self.meter.beats, whole % self.meter.beats

    def with_tempo(self, bpm: float, from_sample: float) -> Timeline:
        """The same music with another tempo from `from_sample` on; later changes are dropped."""
        kept = tuple(change for change in self.changes if change.sample < from_sample)
        change = TempoChange(self.beat_at_sample(from_sample), from_sample, bpm)
        return replace(self, changes=(*kept, change))

    def on_clock(self, rate: int, sample: float, their_sample: float) -> Timeline:
        """The same music on a clock of another rate, of which `their_sample` is this one's `sample`."""
        changes = tuple(
            replace(change, sample=their_sample + (change.sample - sample) * rate / self.rate)
            for change in self.changes
        )
        return replace(self, rate=rate, changes=changes)

    @cached_property
    def _beats(self) -> list[float]:
        return [change.beat for change in self.changes]

    @cached_property
    def _samples(self) -> list[float]:
        return [change.sample for change in self.changes]

    def _change_at(self, keys: list[float], key: float) -> TempoChange:
        return self.changes[max(bisect.bisect_right(keys, key) - 1, 0)]

    def _samples_per_beat(self, change: TempoChange) -> float:
        return self.rate * 60.0 / change.bpm
