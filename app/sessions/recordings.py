"""Recordings from files: WAV of any rate, depth and channels, as mono samples. Any thread."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine.frontend import LOUDEST, MAX_RATE, MIN_RATE
from app.sessions.wav_files import NotWav, WavHeader, read_blocks, read_header
from pieces.errors import RipienoError

LONGEST_S = 3600
"""What is followed without a window is held whole."""
LONGEST_SAMPLES = LONGEST_S * 48_000
"""In 700 MB."""


class BadRecording(RipienoError):
    """A file that cannot be heard."""

    exit_code = 2


def read_recording(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples (n,) mono float32 in [-1, 1] and the rate. Samples that are not finite count as silence.

    Raises BadRecording: not a WAV file, damaged, empty, too long, or of an impossible rate.
    """
    try:
        header = read_header(path)
        _check(path, header)
        return _mono(path, header), header.rate
    except OSError as error:
        raise BadRecording(f"{path.name} cannot be read ({error.strerror or error}).") from error
    except NotWav as error:
        message = f"{path.name} is not a WAV file that can be read. Export it as 16-bit WAV."
        raise BadRecording(message) from error
    except MemoryError as error:
        raise BadRecording(f"{path.name} is too long for the memory here. Cut it into pieces.") from error


def _check(path: Path, header: WavHeader) -> None:
    rate = header.rate
    if not MIN_RATE <= rate <= MAX_RATE:
        raise BadRecording(f"{path.name} says it has {rate} samples a second. Export it at 44100.")
    if not header.frames:
        raise BadRecording(f"{path.name} holds no sound.")
    if header.frames > LONGEST_SAMPLES:
        minutes, most = header.frames / rate / 60, LONGEST_SAMPLES / rate / 60
        long = f"{path.name} lasts {minutes:.0f} minutes"
        raise BadRecording(f"{long}, {most:.0f} can be held at {rate} samples a second. Cut it into pieces.")


def _mono(path: Path, header: WavHeader) -> NDArray[np.float32]:
    """(n,) the channels' mean; floats on an integer's scale are brought down to 1."""
    sound = np.empty(header.frames, np.float32)
    count, peak = 0, 0.0
    for block in read_blocks(path, header):
        peak = max(peak, float(np.abs(block).max()))
        sound[count : count + len(block)] = block.mean(axis=1, dtype=np.float32)
        count += len(block)
    if peak > LOUDEST:
        sound /= np.float32(peak)
    return sound[:count]
