"""To the sample, what sounded when: a synth whose notes are impulses, and what keeps the rendered audio.

Used by the programs that the bench watches; `Marked` and `Ears._listen` run in the audio callback.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.engine import Engine
from app.engine.voice import Instrument

NOTE_LEVEL = 1.0 / 64.0
"""Height of the impulse of one note; those of one sample add up."""


class Marked:
    """A synth at its usual work, of which an impulse a note of `channels` is heard. Audio callback only.

    held: (channel, pitch) of those that sound.
    """

    def __init__(self, synth: Instrument, channels: Collection[int]) -> None:
        self._synth, self._channels = synth, channels
        self._struck = 0
        self.held: set[tuple[int, int]] = set()

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        self._synth.note_on(pitch, velocity, channel)
        if channel in self._channels:
            self._struck += 1
            self.held.add((channel, pitch))

    def note_off(self, pitch: int, channel: int = 0) -> None:
        self._synth.note_off(pitch, channel)
        self.held.discard((channel, pitch))

    def control_change(self, controller: int, value: int, channel: int = 0) -> None:
        self._synth.control_change(controller, value, channel)

    def program(self, number: int, channel: int = 0) -> None:
        self._synth.program(number, channel)

    def all_off(self) -> None:
        self._synth.all_off()
        self.held.clear()

    def render(self, samples: int) -> NDArray[np.float32]:
        block = self._synth.render(samples)
        block[:] = 0.0
        block[0] = NOTE_LEVEL * self._struck
        self._struck = 0
        return block

    def close(self) -> None:
        self._synth.close()


class Ears:
    """Keeps the output of the audio callback: (samples,) from `first_sample` on."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._sound = np.zeros(round(seconds * engine.rate), np.float32)
        self._written = 0
        self._mixer = engine.mixer
        self._process = engine.mixer.process
        self.first_sample = engine.sample
        engine.mixer.process = self._listen  # type: ignore[method-assign]

    def _listen(
        self, heard: Any, output: NDArray[np.float32], troubles: int, moment_s: float | None = None
    ) -> None:
        if not self._written:
            self.first_sample = self._mixer.clock.sample
        self._process(heard, output, troubles, moment_s)
        room = self._sound[self._written : self._written + len(output)]
        room[:] = output[: len(room), 0]
        self._written += len(output)

    def onsets(self) -> dict[int, int]:
        """Notes struck at each sample."""
        sound = self._sound[: self._written]
        struck = np.flatnonzero(sound > NOTE_LEVEL / 2)
        counts = np.rint(sound[struck] / NOTE_LEVEL).astype(int)
        return dict(zip((struck + self.first_sample).tolist(), counts.tolist(), strict=True))
