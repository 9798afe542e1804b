"""To the sample, what sounded when: a synth whose notes are impulses, and what keeps the rendered audio.

Used by the programs that the bench watches. `Marked` plays in the audio callback, in whichever process that
runs; `Ears` reads what it rendered from the engine's ring, and hears of every event that was played.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.engine.engine import Engine
from app.engine.ring import RingReader
from app.engine.scheduler import Event
from app.engine.voice import Instrument, open_instrument

NOTE_LEVEL = 1.0 / 64.0
"""Height of the impulse of one note; those of one sample add up."""
READ_EVERY_S = 0.5


class Marked:
    """A synth at its usual work, of which an impulse a note of `channels` is heard. Audio callback only."""

    def __init__(self, synth: Instrument, channels: Collection[int]) -> None:
        self._synth, self._channels = synth, channels
        self._struck = 0

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        self._synth.note_on(pitch, velocity, channel)
        self._struck += channel in self._channels

    def note_off(self, pitch: int, channel: int = 0) -> None:
        self._synth.note_off(pitch, channel)

    def control_change(self, controller: int, value: int, channel: int = 0) -> None:
        self._synth.control_change(controller, value, channel)

    def program(self, number: int, channel: int = 0) -> None:
        self._synth.program(number, channel)

    def all_off(self) -> None:
        self._synth.all_off()

    def render(self, samples: int) -> NDArray[np.float32]:
        block = self._synth.render(samples)
        block[:] = 0.0
        block[0] = NOTE_LEVEL * self._struck
        self._struck = 0
        return block

    def close(self) -> None:
        self._synth.close()


def open_marked(rate: int, channels: Collection[int]) -> tuple[Instrument, str | None]:
    """Makes one, as `open_instrument` does."""
    synth, problem = open_instrument(rate)
    return Marked(synth, channels), problem


class Ears:
    """Keeps what is rendered, (samples,) from `first_sample` on, and which notes of `channels` sound.

    From the moment it is made the engine plays a `Marked` synth and listens to it.
    """

    def __init__(self, engine: Engine, channels: Collection[int], seconds: float) -> None:
        engine.use_instrument(partial(open_marked, channels=frozenset(channels)))
        engine.set_source("synth")
        self.held: set[tuple[int, int]] = set()
        self._channels = channels
        self._sound = np.zeros(round(seconds * engine.rate), np.float32)
        self._reader = RingReader(engine.mixer.ring)
        self.first_sample = self._next = self._reader.position
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ears", daemon=True)
        self._thread.start()
        engine.add_sink(self._note)

    def onsets(self) -> dict[int, int]:
        """Notes struck at each sample, until now. Call once."""
        self._ended.set()
        self._thread.join()
        sound = self._sound[: self._next - self.first_sample]
        struck = np.flatnonzero(sound > NOTE_LEVEL / 2)
        counts = np.rint(sound[struck] / NOTE_LEVEL).astype(int)
        return dict(zip((struck + self.first_sample).tolist(), counts.tolist(), strict=True))

    def _listen(self) -> None:
        while not self._ended.wait(READ_EVERY_S):
            self._read()
        self._read()

    def _read(self) -> None:
        block = self._reader.read()
        begin = self._reader.position - len(block) - self.first_sample
        room = self._sound[begin : begin + len(block)]
        room[:] = block[: len(room)]
        self._next = self._reader.position

    def _note(self, event: Event) -> None:
        key = (event.channel, event.data1)
        if event.kind == "all_off":
            self.held.clear()
        elif event.kind == "note_on" and event.channel in self._channels:
            self.held.add(key)
        elif event.kind == "note_off":
            self.held.discard(key)
