"""What the engine hears: ring -> level meter, frames, spectrogram. Engine thread only."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.frontend import FrontEnd, Heard
from app.engine.meter import LevelMeter
from app.engine.mixer import Mixer
from app.engine.ring import RingReader
from app.engine.snapshot import Snapshot, empty_spectrogram


@dataclass(frozen=True, slots=True)
class Catch:
    """A frame, a snapshot that holds only what gauges show, and when its newest sample lay in the ring."""

    heard: Heard
    gauges: Snapshot
    reached_s: float


class Ear:
    """Reads the mixer's ring frame by frame, and tells the callback when to wake the engine thread."""

    def __init__(self, mixer: Mixer) -> None:
        self._mixer = mixer
        self._reader = RingReader(mixer.ring)
        self._front_end = FrontEnd(mixer.clock.rate)
        self._meter = LevelMeter(mixer.clock.rate)
        self._spectrogram = empty_spectrogram()
        self._origin_sample = self._reader.position
        self._expect_next()

    def next(self) -> Catch | None:
        """The next frame if its samples are all there."""
        mixer = self._mixer
        if mixer.ring.written < mixer.wake_at:
            return None
        reached_s = mixer.written_s if mixer.reached_s is None else mixer.reached_s
        lost_before = self._reader.lost_samples
        block = self._reader.read(mixer.wake_at - self._reader.position)
        if self._reader.lost_samples > lost_before:
            self._start_afresh(self._reader.position - len(block))
        self._meter.push(block)
        (heard,) = self._front_end.push(block) or (None,)
        self._expect_next()
        if heard is None:
            return self.next()
        absolute = Heard(heard.frame, heard.end_sample + self._origin_sample)
        return Catch(absolute, self._gauges(absolute), reached_s)

    def _start_afresh(self, sample: int) -> None:
        """The engine slept longer than the ring is long: a gap in the sound must not look like an onset."""
        self._front_end.reset()
        self._origin_sample = sample

    def _expect_next(self) -> None:
        self._mixer.wake_at = self._origin_sample + self._front_end.next_end_sample
        self._mixer.reached_s = None

    def _gauges(self, heard: Heard) -> Snapshot:
        self._spectrogram = np.concatenate((self._spectrogram[1:], heard.frame[None]))
        meter, mixer = self._meter, self._mixer
        return Snapshot(
            sample=heard.end_sample,
            time_s=heard.end_sample / mixer.clock.rate,
            spectrogram=self._spectrogram,
            level_db=meter.level_db,
            peak_db=meter.peak_db,
            clipped=meter.clipped,
            no_signal=meter.no_signal,
            dropouts=mixer.dropouts,
        )
