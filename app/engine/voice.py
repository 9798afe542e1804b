"""The live instrument: scheduler events applied to the synth, rendered to the very sample.

Belongs to the audio callback, which is the only one to call it. Without FluidSynth or a sound set it is
silent and says why; the program goes on (a microphone can still be followed).
"""
from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.scheduler import Event
from models.sound import NoSynth, Synth, find_sound_sets


class Instrument(Protocol):
    """What `models.sound.Synth` can do; tests put their own here."""

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None: ...
    def note_off(self, pitch: int, channel: int = 0) -> None: ...
    def control_change(self, controller: int, value: int, channel: int = 0) -> None: ...
    def program(self, number: int, channel: int = 0) -> None: ...
    def all_off(self) -> None: ...
    def render(self, samples: int) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


class SilentInstrument:
    """Stands in where there is no synth."""

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        """Silent."""

    def note_off(self, pitch: int, channel: int = 0) -> None:
        """Silent."""

    def control_change(self, controller: int, value: int, channel: int = 0) -> None:
        """Silent."""

    def program(self, number: int, channel: int = 0) -> None:
        """Silent."""

    def all_off(self) -> None:
        """Silent."""

    def render(self, samples: int) -> NDArray[np.float32]:
        """(samples, 2) of silence."""
        return np.zeros((samples, 2), np.float32)

    def close(self) -> None:
        """Nothing to close."""


def open_instrument(rate: int, sound_set: str = "") -> tuple[Instrument, str | None]:
    """The synth at `rate`, or what stands in for it and the reason why, in a sentence for the user.

    sound_set: file name of one of `models.sound.find_sound_sets()`; "" is the first of them. Where it is
    missing or broken the first one plays; without FluidSynth, silence.
    """
    chosen = next((path for path in find_sound_sets() if path.name == sound_set), None)
    problem = None
    if sound_set and chosen is None:
        problem = f"The sound set {sound_set} is not there any more; choose another one in Settings."
    for path in dict.fromkeys((chosen, None)):
        try:
            return Synth(rate, path), problem
        except NoSynth as error:
            problem = str(error)
    return SilentInstrument(), problem


def apply_event(instrument: Instrument, event: Event) -> None:
    """Do what a musical event says; a note-on of velocity 0 is a note-off."""
    match event.kind:
        case "note_on" if event.data2 > 0:
            instrument.note_on(event.data1, event.data2, event.channel)
        case "note_on" | "note_off":
            instrument.note_off(event.data1, event.channel)
        case "control":
            instrument.control_change(event.data1, event.data2, event.channel)
        case "program":
            instrument.program(event.data1, event.channel)
        case "all_off":
            instrument.all_off()
