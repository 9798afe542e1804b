"""Latency calibration: play clicks, hear them come back, and take the median.

`estimate_latency` and `tap_latency` are pure. `Calibration` plays and records with the engine; the main
thread starts it and polls `result`. Where no click is heard (headphones, no microphone) the player taps
along instead; a number by hand always remains.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.engine import Engine
from app.engine.metronome import CLICK_HZ, CLICK_S
from app.engine.ring import RingReader
from app.engine.scheduler import Event
from pieces.errors import RipienoError

CLICKS = 12
FEWEST = 8
SPACING_S = 0.5
LEAD_S = 0.5
LONGEST_LATENCY_S = 0.45
SOURCE = "calibration"
ANOTHER_DEVICE = "The sound device has changed to another rate meanwhile. Measure again."


class NotHeard(RipienoError):
    """Too few clicks came back."""


@dataclass(frozen=True)
class Latency:
    """Median and spread (half the distance of the quartiles) of what `count` clicks took, in seconds."""

    median_s: float
    spread_s: float
    count: int


def estimate_latency(recording: NDArray[np.float32], click_samples: Sequence[int], rate: int) -> Latency:
    """When the clicks sent at `click_samples` are heard in `recording`, (n,) mono from sample 0 on.

    Each click is sought within 0.45 s by matched filtering. Raises NotHeard unless at least 8 stand out.
    """
    template = _template(rate)
    floor = _floor(recording, template)
    span = round(LONGEST_LATENCY_S * rate)
    found = [_delay(recording[sample:sample + span], template, floor) for sample in click_samples]
    delays = [delay for delay in found if delay is not None]
    if len(delays) < FEWEST:
        raise NotHeard(
            f"Only {len(delays)} of {len(click_samples)} clicks were heard. Turn the sound up or bring the "
            "microphone closer, or tap along instead."
        )
    return _latency(np.array(delays) / rate)


def tap_latency(tap_s: Sequence[float], click_s: Sequence[float]) -> Latency:
    """Taps against clicks: each tap counts for the nearest one. Raises NotHeard below 8 taps."""
    clicks = np.asarray(click_s, float)
    if len(tap_s) < FEWEST or not len(clicks):
        raise NotHeard(f"Only {len(tap_s)} taps: tap along with at least {FEWEST} clicks.")
    offsets = np.array([tap - clicks[np.argmin(np.abs(clicks - tap))] for tap in tap_s])
    return _latency(offsets)


class Calibration:
    """Plays clicks and listens. Poll `poll` from the main thread until it returns."""

    def __init__(self, engine: Engine, clicks: int = CLICKS) -> None:
        self._engine = engine
        self._rate = engine.rate
        self._before = engine.source
        engine.set_source("input")
        self._mixer = mixer = engine.mixer
        self._start_sample = mixer.clock.sample
        self._reader = RingReader(mixer.ring, self._start_sample)
        first = self._start_sample + round(LEAD_S * self._rate)
        self.click_samples = [first + round(i * SPACING_S * self._rate) for i in range(clicks)]
        for sample in self.click_samples:
            engine.submit(Event(sample, "click", source=SOURCE))

    @property
    def end_sample(self) -> int:
        """When everything has been heard that will be."""
        return self.click_samples[-1] + round(SPACING_S * self._rate)

    def poll(self) -> Latency | None:
        """The result, once it is there; the engine's `input_latency_s` is set to it. Raises NotHeard."""
        if self._engine.mixer is not self._mixer:
            self._engine.set_source(self._before)
            raise NotHeard(ANOTHER_DEVICE)
        if self._mixer.ring.written < self.end_sample:
            return None
        self._engine.set_source(self._before)
        recording = self._reader.read()
        result = estimate_latency(
            recording, [sample - self._start_sample for sample in self.click_samples], self._rate
        )
        self._engine.input_latency_s = result.median_s
        return result

    def cancel(self) -> None:
        """Stop clicking."""
        self._engine.mixer.forget(SOURCE)
        self._engine.set_source(self._before)


def _template(rate: int) -> NDArray[np.float64]:
    time_s = np.arange(round(CLICK_S * rate)) / rate
    wave = np.exp(2j * np.pi * CLICK_HZ * time_s - time_s * 150)
    return np.asarray(wave / np.linalg.norm(wave))


def _match(sound: NDArray[np.float32], template: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the click is in the sound, for each start; its phase does not matter."""
    if len(sound) < len(template):
        return np.zeros(1)
    clean = np.nan_to_num(sound.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return np.abs(np.correlate(clean, template, mode="valid"))


def _floor(recording: NDArray[np.float32], template: NDArray[np.float64]) -> float:
    return max(float(np.median(_match(recording, template))) * 6.0, 1e-4)


def _delay(sound: NDArray[np.float32], template: NDArray[np.float64], floor: float) -> int | None:
    match = _match(sound, template)
    best = int(match.argmax())
    return best if match[best] > floor else None


def _latency(delays_s: NDArray[np.float64]) -> Latency:
    lower, median, upper = np.percentile(delays_s, [25, 50, 75])
    return Latency(float(median), float(upper - lower) / 2, len(delays_s))
