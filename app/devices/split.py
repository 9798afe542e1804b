"""Two streams as one: the input of one device and the output of another (or of SDL, which knows no duplex).

The output's driver thread is the master and runs the callback; the input's thread only writes what it hears
into a ring. Two devices have two clocks: when the ring runs full, the oldest sound is skipped; when it runs
dry, silence is heard; both count as a trouble.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from app.devices.audio import NONE, AudioCallback, DeviceError, FloatArray
from app.engine.ring import Ring, RingReader

if TYPE_CHECKING:
    from app.devices.audio import Stream

Opener = Callable[[AudioCallback], "Stream"]

RING_BLOCKS = 64
KEPT_BLOCKS = 2
FULL_BLOCKS = 8


class SplitStream:
    """`open_sides` gives `hear` to the input's stream and `play` to the output's."""

    player = None

    def __init__(self, rate: int, block_samples: int, callback: AudioCallback) -> None:
        self.rate = rate
        self.input_label = self.output_label = NONE
        self.latency_s = 0.0
        self._block_samples = block_samples
        self._callback = callback
        self._ring = Ring(RING_BLOCKS * max(block_samples, 1024))
        self._reader = RingReader(self._ring)
        self._streams: list[Stream] = []
        self._heard = np.zeros(max(block_samples, 8192), np.float32)
        self._flowing = False

    @property
    def alive(self) -> bool:
        return all(stream.alive for stream in self._streams)

    def open_sides(self, open_output: Opener, open_input: Opener) -> None:
        """Open both. Where one refuses, none is left open: its device would be busy for who tries again.

        Raises DeviceError.
        """
        self._add(open_output(self.play), output=True)
        try:
            self._add(open_input(self.hear), output=False)
        except DeviceError:
            self.close()
            raise

    def _add(self, stream: Stream, output: bool) -> None:
        self._streams.append(stream)
        self.latency_s = max(self.latency_s, stream.latency_s + (0 if output else self._kept / self.rate))
        if output:
            self.output_label = stream.output_label
        else:
            self.input_label = stream.input_label

    def start(self) -> None:
        for stream in self._streams:
            stream.start()

    def close(self) -> None:
        for stream in self._streams:
            stream.close()

    def hear(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """The input's callback: copies."""
        if heard is not None:
            self._ring.write(heard)

    def play(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """The output's callback: runs the program's with what was heard meanwhile."""
        count = len(output)
        missing = self._fetch(count)
        self._callback(self._heard[:count], output, troubles + missing)

    @property
    def _kept(self) -> int:
        return KEPT_BLOCKS * self._block_samples

    def _fetch(self, count: int) -> int:
        """Fill `_heard` with the next samples; 1 if some were missing or skipped."""
        reader = self._reader
        if not self._flowing:  # let a little gather first, or every jitter would be a gap
            self._flowing = reader.available >= self._kept + count
        if not self._flowing or reader.available < count:
            self._heard[:count] = 0.0
            missing, self._flowing = int(self._flowing), False
            return missing
        skipped = reader.available > FULL_BLOCKS * max(self._block_samples, count)
        if skipped:
            reader.read(reader.available - self._kept - count)
        self._heard[:count] = reader.read(count)
        return int(skipped)
