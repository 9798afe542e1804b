"""What the engine hears: ring -> level meter, frames, spectrogram. Engine thread only.

A frame takes in 50 ms of sound, but the answer to it is awaited only from its last sample on: shortly before
that the engine thread is woken once, to work off what has come so far.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.frontend import FrontEnd, Heard
from app.engine.meter import LevelMeter
from app.engine.mixer import Mixer
from app.engine.ring import FloatArray, RingReader
from app.engine.snapshot import Snapshot, empty_spectrogram

PREPARE_S = 0.003  # before a frame is complete; a whole block before it, where that is longer


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
        self._metered_source = mixer.source
        self._spectrogram = empty_spectrogram()
        self._unmetered: list[FloatArray] = []
        self._origin_sample = self._reader.position
        self._expect_next()

    def next(self) -> Catch | None:
        """The next frame if its samples are all there; if they nearly are, what can be done beforehand."""
        mixer = self._mixer
        written = mixer.ring.written
        if written < mixer.wake_at:
            if self._reader.position < mixer.prepare_at <= written:
                self._prepare(written)
            return None
        reached_s = mixer.written_s if mixer.reached_s is None else mixer.reached_s
        (heard,) = self._listen(mixer.wake_at) or (None,)
        if not self._metered:
            self._read_meter()  # large blocks: there was no time before
        self._expect_next()
        if heard is None:
            return self.next()
        absolute = Heard(heard.frame, heard.end_sample + self._origin_sample)
        return Catch(absolute, self._gauges(absolute), reached_s)

    def _listen(self, end_sample: int) -> list[Heard]:
        """Take in the samples before `end_sample`; the frames they complete."""
        lost_before = self._reader.lost_samples
        block = self._reader.read(end_sample - self._reader.position)
        if self._reader.lost_samples > lost_before:
            self._start_afresh(self._reader.position - len(block))
        self._unmetered.append(block)
        return self._front_end.push(block)

    def _prepare(self, end_sample: int) -> None:
        self._listen(end_sample)
        self._read_meter()

    def _read_meter(self) -> None:
        """The level of what came since the last time; of another source it knows nothing yet."""
        if self._metered_source != self._mixer.source:
            self._metered_source = self._mixer.source
            self._meter.reset()
        self._meter.push(np.concatenate(self._unmetered))
        self._unmetered.clear()
        self._metered = True

    def _start_afresh(self, sample: int) -> None:
        """The engine slept longer than the ring is long: a gap in the sound must not look like an onset."""
        self._front_end.reset()
        self._origin_sample = sample

    def _expect_next(self) -> None:
        mixer = self._mixer
        mixer.wake_at = self._origin_sample + self._front_end.next_end_sample
        mixer.prepare_at = mixer.wake_at - max(mixer.block_samples, round(PREPARE_S * mixer.clock.rate))
        mixer.reached_s = None
        self._metered = False

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
