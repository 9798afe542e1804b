"""Instruments that another process can make: functions of a module."""

from __future__ import annotations

import numpy as np

from app.engine.voice import Instrument, SilentInstrument

SCALE = 2.0**-23
"""Sample `n` of a `Ramp` is n * SCALE: exact in float32, also halved."""


class Ramp(SilentInstrument):
    """Plays a ramp that never repeats, from 1 on."""

    def __init__(self) -> None:
        self._next = 1

    def render(self, samples: int) -> np.ndarray:
        ramp = np.arange(self._next, self._next + samples) * SCALE
        self._next += samples
        return np.repeat(ramp[:, None], 2, axis=1).astype(np.float32)


class Broken(SilentInstrument):
    """Fails at every note."""

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        raise RuntimeError("a string broke")


def open_ramp(rate: int) -> tuple[Instrument, str | None]:
    return Ramp(), None


def open_broken(rate: int) -> tuple[Instrument, str | None]:
    return Broken(), "It is old."


def open_silent(rate: int) -> tuple[Instrument, str | None]:
    return SilentInstrument(), None
