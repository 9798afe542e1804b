"""Samples at the device's rate to frames: the same steps for a sound card and for a file.

Resampling. soxr's streaming resampler works in long blocks: at 44.1 kHz its output lags 940 samples (43 ms)
behind its input, most of a frame. The frames only read 60 to 6000 Hz, so a short linear-phase polyphase
filter serves as well: flat (0.01 dB) to 6.3 kHz, 80 dB down where anything could fold back below it, frames
within 5e-5 of soxr's best quality on noise, and it looks 0.3 ms ahead. The delay is compensated: output
sample n stands at n / 22050 s of the input.

Every output sample is a dot product of its own, so the result is the same to the last bit whatever the block
size. Runs in the engine thread, or on the main thread for files. No clock, no I/O.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC, FeatureSpec, FrameBuilder, frame_end_sample

FloatArray = NDArray[np.float32]

PASS_HZ = 6300.0
STOP_DB = 80.0
KAISER_BETA = 0.1102 * (STOP_DB - 8.7)  # Kaiser 1974, above 50 dB; scipy.signal takes a second to import
LOUDEST = 32.0  # full scale is 1
MIN_RATE, MAX_RATE = 4000, 768_000


class Resampler:
    """Mono float32 at `in_rate` to `out_rate`, streaming, linear phase, delay compensated."""

    def __init__(self, in_rate: int, out_rate: int = SPEC.sample_rate) -> None:
        if not MIN_RATE <= in_rate <= MAX_RATE:
            raise ValueError(f"a rate of {in_rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz")
        common = math.gcd(in_rate, out_rate)
        self._up, self._down = out_rate // common, in_rate // common
        self._half = 0 if in_rate == out_rate else _half_width(in_rate, out_rate)
        self._bank = _phases(in_rate, out_rate, self._up, self._half)
        self.reset()

    def reset(self) -> None:
        """Forget the past; the next sample pushed is sample 0, preceded by silence."""
        self._tail = np.zeros(self._half, np.float32)
        self._tail_start = -self._half
        self._next_out = 0

    def input_needed(self, out_sample: int) -> int:
        """Index of the newest input sample that output sample `out_sample` reads."""
        return out_sample * self._down // self._up + self._half

    def push(self, block: FloatArray) -> FloatArray:
        """Output samples completed by `block` (n,), (m,) float32."""
        if self._half == 0:
            return block
        self._tail = np.concatenate((self._tail, block))
        last_in = self._tail_start + len(self._tail) - 1
        # output n is complete when floor(n * down / up) + half <= last_in
        end_out = max(-(-(last_in - self._half + 1) * self._up // self._down), self._next_out)
        if end_out == self._next_out:
            return np.zeros(0, np.float32)
        result = self._filter(self._next_out, end_out)
        self._next_out = end_out
        self._drop_used()
        return result

    def finish(self) -> FloatArray:
        """The last output samples, which look past the end into silence."""
        return self.push(np.zeros(self._half, np.float32))

    def _filter(self, first: int, end: int) -> FloatArray:
        """Output samples from `first` to before `end`."""
        tail, width, origin = self._tail, self._bank.shape[1], self._tail_start + self._half - 1
        windows = np.ndarray((len(tail) - width + 1, width), np.float32, tail, strides=(4, 4))
        if self._up == 1:
            begin = first * self._down - origin
            products = windows[begin:begin + (end - first) * self._down:self._down] * self._bank
        else:
            begins, phases = np.divmod(np.arange(first, end, dtype=np.int64) * self._down, self._up)
            begins -= origin
            products = windows[begins] * self._bank[phases]
        return np.asarray(np.add.reduce(products, axis=1))

    def _drop_used(self) -> None:
        begin = self._next_out * self._down // self._up - self._half + 1
        drop = min(max(begin - self._tail_start, 0), len(self._tail))
        self._tail = self._tail[drop:]
        self._tail_start += drop


def _half_width(in_rate: int, out_rate: int) -> int:
    """Input samples on each side of an output sample; Kaiser's formula for STOP_DB."""
    narrow_hz = min(in_rate, out_rate)
    transition_hz = max(narrow_hz - 2 * PASS_HZ, narrow_hz / 8)
    taps = (STOP_DB - 7.95) / (2.285 * 2 * math.pi * transition_hz / in_rate)
    return max(math.ceil(taps / 2), 2)


def _phases(in_rate: int, out_rate: int, up: int, half: int) -> FloatArray:
    """(up, 2 * half) filter taps for each fractional place of an output sample among the input's."""
    if half == 0:
        return np.ones((1, 1), np.float32)
    cutoff = min(1.0, out_rate / in_rate)
    # place of tap k relative to the output sample, in input samples
    place = (np.arange(2 * half) - half + 1)[None, :] - (np.arange(up) / up)[:, None]
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (place / half) ** 2, 0, 1)))
    taps = np.sinc(cutoff * place) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)


def at_rate(sound: FloatArray, rate: int, wanted_rate: int) -> FloatArray:
    """All of a sound, (n,) mono float32, at another rate, for people to hear: up to the highest notes."""
    if rate == wanted_rate or not len(sound):
        return sound
    import soxr

    return np.asarray(soxr.resample(sound, rate, wanted_rate), np.float32)


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame, (78,) float32, and the end of the newest sample (at the source's rate) that it used."""

    frame: FloatArray
    end_sample: int


class FrontEnd:
    """Resampler and frame builder in a row."""

    def __init__(self, rate: int, spec: FeatureSpec = SPEC) -> None:
        self.rate = rate
        self._resampler = Resampler(rate, spec.sample_rate)
        self._builder = FrameBuilder(spec)

    def reset(self) -> None:
        """The next sample pushed is sample 0."""
        self._resampler.reset()
        self._builder.reset()

    @property
    def next_end_sample(self) -> int:
        """How many samples must have been pushed for the next frame to be complete."""
        return self._end_sample(self._builder.next_frame)

    def push(self, block: FloatArray) -> list[Heard]:
        """Frames completed by `block`, (n,) mono float32 at the source's rate."""
        first = self._builder.next_frame
        rows = self._builder.push(self._resampler.push(_sound(block)))
        return [Heard(row, self._end_sample(first + i)) for i, row in enumerate(rows)]

    def finish(self) -> list[Heard]:
        """The last frames of a file; they reach past its end into silence."""
        first = self._builder.next_frame
        rows = np.concatenate((self._builder.push(self._resampler.finish()), self._builder.finish()))
        return [Heard(row, self._end_sample(first + i)) for i, row in enumerate(rows)]

    def _end_sample(self, frame: int) -> int:
        return self._resampler.input_needed(frame_end_sample(frame, self._builder.spec)) + 1


def _sound(block: FloatArray) -> FloatArray:
    """What cannot be sound counts as silence, before it spreads through the filter.

    NaN, and what drivers leave in buffers nobody has filled yet: numbers up to 1e38.
    """
    loudness = np.abs(block)
    if np.maximum.reduce(loudness, initial=0.0) <= LOUDEST:  # False for NaN
        return block
    return np.where(loudness <= LOUDEST, block, np.float32(0.0))
