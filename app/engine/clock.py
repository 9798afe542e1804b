"""The sample clock, and the only module of the program that reads the computer's time.

The audio callback counts samples: that count is the time of everything. Threads that live outside the
callback (MIDI input, the null sound card) stamp events with `now_s`; `SampleClock.sample_at` turns such a
stamp into a sample index. The moments of the callbacks jitter, so they are smoothed with a delay-locked loop
(F. Adriaensen, "Using a DLL to filter time", 2005).
"""
from __future__ import annotations

import math
import time
from datetime import datetime

SPIN_S = 0.0005
LOOP_BANDWIDTH_HZ = 0.5
RELOCK_S = 0.1


def now_s() -> float:
    """Monotonic time in seconds, of unspecified origin."""
    return time.perf_counter()


def wall_time() -> datetime:
    """The date and time of day, for names and dates; of another clock than `now_s`."""
    return datetime.now().astimezone()


def sleep_s(duration_s: float) -> None:
    """Sleep about that long (housekeeping; music uses `sleep_until`)."""
    time.sleep(max(duration_s, 0.0))


def sleep_until(deadline_s: float) -> float:
    """Sleep, then spin shortly, until `now_s()` reaches the deadline; returns by how much it was missed."""
    remaining_s = deadline_s - now_s()
    if remaining_s > SPIN_S:
        time.sleep(remaining_s - SPIN_S)
    while (late_s := now_s() - deadline_s) < 0:
        continue
    return late_s


class SampleClock:
    """Counts the samples of the stream and maps moments to samples.

    `tick` belongs to the audio callback; every other thread only reads.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.sample = 0
        # (sample, smoothed moment of its callback, smoothed samples per second): swapped as one object
        self._anchor: tuple[int, float, float] | None = None

    @property
    def time_s(self) -> float:
        """Seconds of sound delivered so far."""
        return self.sample / self.rate

    def tick(self, block_samples: int, moment_s: float) -> None:
        """A callback for `block_samples` began at `moment_s` (of `now_s`); `advance` follows."""
        if self._anchor is None:
            self._anchor = (self.sample, moment_s, float(self.rate))
            return
        sample, smooth_s, rate = self._anchor
        predicted_s = smooth_s + (self.sample - sample) / rate
        error_s = moment_s - predicted_s
        if abs(error_s) > RELOCK_S:  # the stream paused: lock again instead of creeping there
            self._anchor = (self.sample, moment_s, float(self.rate))
            return
        omega = 2 * math.pi * LOOP_BANDWIDTH_HZ * block_samples / self.rate
        period_s = 1.0 / rate + omega * omega * error_s / block_samples
        self._anchor = (self.sample, predicted_s + math.sqrt(2) * omega * error_s, 1.0 / period_s)

    def advance(self, block_samples: int) -> None:
        """The callback delivered its block."""
        self.sample += block_samples

    def moment_at(self, sample: int) -> float:
        """The moment at which `sample` is delivered; now, before the first callback."""
        anchor = self._anchor
        if anchor is None:
            return now_s()
        at_sample, smooth_s, rate = anchor
        return smooth_s + (sample - at_sample) / rate

    def sample_at(self, moment_s: float) -> int:
        """The sample being delivered at `moment_s`; the clock's own position before the first callback."""
        anchor = self._anchor
        if anchor is None:
            return self.sample
        sample, smooth_s, rate = anchor
        return sample + math.floor((moment_s - smooth_s) * rate)
