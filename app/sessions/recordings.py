"""Recordings from files: WAV of any rate, depth and channels, as mono samples. Any thread."""
from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from app.engine.frontend import LOUDEST, MAX_RATE, MIN_RATE
from pieces.errors import RipienoError

MAX_BYTES = 4_000_000_000
# what scipy's reader answers to files that are not what they say
_DAMAGE = (
    ValueError, EOFError, struct.error, MemoryError, TypeError, ArithmeticError, LookupError,
    UnboundLocalError,
)


class BadRecording(RipienoError):
    """A file that cannot be heard."""

    exit_code = 2


def read_recording(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples (n,) mono float32 in [-1, 1] and the rate. Samples that are not finite count as silence.

    Raises BadRecording: not a WAV file, damaged, empty, too large, or of an impossible rate.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadRecording(f"{path.name} is larger than 4 GB. Cut it into pieces.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of other programs
            rate, samples = wavfile.read(path)
    except OSError as error:
        raise BadRecording(f"{path.name} cannot be read ({error.strerror or error}).") from error
    except _DAMAGE as error:
        message = f"{path.name} is not a WAV file that can be read. Export it as 16-bit WAV."
        raise BadRecording(message) from error
    if not MIN_RATE <= rate <= MAX_RATE:
        raise BadRecording(f"{path.name} says it has {rate} samples a second. Export it at 44100.")
    if samples.size == 0:
        raise BadRecording(f"{path.name} holds no sound.")
    return _mono(samples), int(rate)


def _mono(samples: NDArray[Any]) -> NDArray[np.float32]:
    """(n,) or (n, channels) of any PCM or float type to (n,) float32; the channels' mean."""
    scaled = _scaled(samples)
    return scaled if scaled.ndim == 1 else scaled.mean(axis=1, dtype=np.float32)


def _scaled(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0
    if np.issubdtype(samples.dtype, np.integer):
        return np.asarray(samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        floats = samples.astype(np.float32)
    clean = np.nan_to_num(floats, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(clean).max()) if clean.size else 0.0
    return clean if peak <= LOUDEST else clean / np.float32(peak)  # floats on an integer's scale
