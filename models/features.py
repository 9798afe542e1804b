"""Sound to frames: the one front end that training, files and live following share.

A log-spectrogram as madmom 0.16.1 computes it (score-following paper, section 4.1): frame 2048 (Hann,
symmetric), 20 fps, magnitude STFT, 78 area-normalised triangular filters from 60 to 6000 Hz (12 an octave),
log10(1 + x).

Framing. Frame i sits at sample floor(i * 1102.5) and is centred there: it reads the 1024 samples before that
place and the 1024 from it on (outside the signal there is silence), so it exists as soon as the sample
`frame_end_sample(i)` = floor(i * 1102.5) + 1023 has been heard.

Scale. Samples are floats in [-1, 1] with int16 / 32768 as the convention. madmom divides int16 by 32767; the
builder makes up for that factor, so a WAV read by either gives the same frames.

Every frame is computed on its own, in buffers of fixed shape, so the result is the same to the last bit
whatever the block size. No threads, no clock, no I/O: runs in the engine's thread or in a training process.
"""
from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

TUNING_HZ = 440.0
INT16_SCALE = 32768.0 / 32767.0


@dataclass(frozen=True)
class FeatureSpec:
    """What a frame is. Saved in every checkpoint that reads frames; loading refuses another one."""

    sample_rate: int = 22050
    frame_size: int = 2048
    fps: int = 20
    bands_per_octave: int = 12
    fmin_hz: float = 60.0
    fmax_hz: float = 6000.0

    @property
    def hop_samples(self) -> float:
        """Mean distance of two frames: 1102.5 samples, not a whole number."""
        return self.sample_rate / self.fps

    @property
    def bands(self) -> int:
        """Values in a frame: one less than two filter edges each, 78."""
        return len(_edge_bins(self)) - 2

    @property
    def fingerprint(self) -> str:
        """Short hash of the fields, to name caches."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def frame_sample(self, frame: int) -> int:
        """The sample at which `frame` sits: floor(frame * hop_samples), in whole numbers."""
        return frame * self.sample_rate // self.fps

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)


SPEC = FeatureSpec()


def frame_end_sample(frame: int, spec: FeatureSpec = SPEC) -> int:
    """Index of the newest sample that `frame` reads; once it is in the ring the frame can be built."""
    return spec.frame_sample(frame) + spec.frame_size // 2 - 1


@functools.lru_cache
def _edge_bins(spec: FeatureSpec) -> tuple[int, ...]:
    """FFT bins nearest to the semitones around 440 Hz from fmin to fmax; low ones fall on the same bin."""
    first, last = (spec.bands_per_octave * np.log2(hz / TUNING_HZ) for hz in (spec.fmin_hz, spec.fmax_hz))
    steps = np.arange(np.ceil(first), np.floor(last) + 1)
    edges_hz = TUNING_HZ * 2.0 ** (steps / spec.bands_per_octave)
    bins = np.rint(edges_hz * spec.frame_size / spec.sample_rate).astype(int)
    return tuple(int(b) for b in np.clip(bins, 1, spec.frame_size // 2 - 1))


@functools.lru_cache
def filterbank(spec: FeatureSpec = SPEC) -> FloatArray:
    """Triangular filters, (frame_size // 2, bands) float32, each of area 1; the array is read-only.

    A filter rises from one edge bin, peaks at the next and is back at zero at the one after; where the edges
    lie closer than two bins (the low notes), it is the single bin at its lower edge.
    """
    edges = _edge_bins(spec)
    bank = np.zeros((spec.frame_size // 2, spec.bands), np.float64)
    for band, (start, centre, stop) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        if stop - start < 2:
            bank[start, band] = 1.0
            continue
        bank[start:centre, band] = np.linspace(0.0, 1.0, centre - start, endpoint=False)
        bank[centre:stop, band] = np.linspace(1.0, 0.0, stop - centre, endpoint=False)
    bank = (bank / bank.sum(axis=0)).astype(np.float32)
    bank.setflags(write=False)
    return bank


class FrameBuilder:
    """Turns a stream of samples into frames, as soon as each is complete.

    Not thread-safe: one builder belongs to one stream.
    """

    def __init__(self, spec: FeatureSpec = SPEC) -> None:
        self.spec = spec
        # Of the filters only what is not zero, one behind the other: a fifteenth of the memory.
        by_band = filterbank(spec).T
        bands, self._bins = np.nonzero(by_band)
        self._weights = by_band[bands, self._bins]
        self._starts = np.flatnonzero(np.diff(bands, prepend=-1))
        self._window = (np.hanning(spec.frame_size) * INT16_SCALE).astype(np.float32)
        self._windowed = np.zeros(spec.frame_size, np.float32)
        self._magnitude = np.zeros(int(self._bins.max()) + 1, np.float32)
        self._shares = np.zeros(len(self._bins), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next sample pushed is sample 0."""
        self._next_frame = 0
        self._heard_samples = 0
        # the tail of the stream that frames to come still read; starts with the silence before sample 0
        self._tail = np.zeros(self.spec.frame_size // 2, np.float32)
        self._tail_start_sample = -(self.spec.frame_size // 2)

    @property
    def next_frame(self) -> int:
        """Index of the frame that comes next."""
        return self._next_frame

    def push(self, samples: npt.ArrayLike) -> FloatArray:
        """Frames completed by `samples` (mono float at spec.sample_rate, any number), (n, bands) float32.

        n is often 0. Samples that are not finite count as silence.
        """
        block = np.asarray(samples, np.float32).reshape(-1)
        if not np.logical_and.reduce(np.isfinite(block)):
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        self._heard_samples += len(block)
        return self._append(block)

    def finish(self) -> FloatArray:
        """The last frames, which reach past the end of the stream into silence, (n, bands) float32.

        Afterwards there are ceil(samples / hop) frames in all, as offline; then call `reset`.
        """
        total = -(-self._heard_samples * self.spec.fps // self.spec.sample_rate)
        missing = frame_end_sample(total - 1, self.spec) + 1 - self._heard_samples if total else 0
        return self._append(np.zeros(max(missing, 0), np.float32))

    def _append(self, block: FloatArray) -> FloatArray:
        self._tail = np.concatenate((self._tail, block))
        end_sample = self._tail_start_sample + len(self._tail)
        rows = []
        while frame_end_sample(self._next_frame, self.spec) < end_sample:
            begin = self._frame_begin() - self._tail_start_sample
            rows.append(self._one(self._tail[begin:begin + self.spec.frame_size]))
            self._next_frame += 1
        drop = min(self._frame_begin() - self._tail_start_sample, len(self._tail))
        self._tail = self._tail[drop:]
        self._tail_start_sample += drop
        return np.array(rows, np.float32).reshape(-1, self.spec.bands)

    def _frame_begin(self) -> int:
        return self.spec.frame_sample(self._next_frame) - self.spec.frame_size // 2

    def _one(self, samples: FloatArray) -> FloatArray:
        np.multiply(samples, self._window, out=self._windowed)
        magnitude, shares = self._magnitude, self._shares
        spectrum = np.fft.rfft(self._windowed)[:len(magnitude)]
        np.abs(spectrum, out=magnitude, casting="same_kind")
        magnitude.take(self._bins, out=shares, mode="clip")  # other modes make a copy in between
        shares *= self._weights
        frame: FloatArray = np.add.reduceat(shares, self._starts)
        frame += np.float32(1.0)
        return np.log10(frame, out=frame)


def frames(audio: npt.ArrayLike, spec: FeatureSpec = SPEC) -> FloatArray:
    """All frames of a recording (mono float at spec.sample_rate), (ceil(samples / hop), bands) float32.

    Equal to the last bit to what a live stream of the same samples gives.
    """
    builder = FrameBuilder(spec)
    return np.concatenate((builder.push(audio), builder.finish()))
