"""A ring of samples between the audio callback and the threads that use what it heard.

One thread writes (the audio callback); each reader keeps its own place, so a slow one loses samples (and
knows how many) without holding up the writer or another reader. The writer allocates nothing and waits for
nothing: it copies and bumps an index. Positions are absolute sample indices, the same as the engine's clock.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Ring:
    """Mono float32 samples, preallocated. `written` is the index after the newest sample."""

    def __init__(self, capacity_samples: int) -> None:
        if capacity_samples < 1:
            raise ValueError(f"a ring needs room for at least one sample, got {capacity_samples}")
        self.capacity = capacity_samples
        self.written = 0
        # end of the stretch that the writer may be overwriting right now
        self.claimed = 0
        self._buffer = np.zeros(capacity_samples, np.float32)

    def write(self, block: FloatArray) -> None:
        """Append `block` (n,), n <= capacity. Called by the writer's thread only."""
        count = len(block)
        if count > self.capacity:
            raise ValueError(f"a block of {count} samples does not fit a ring of {self.capacity}")
        self.claimed = self.written + count
        begin = self.written % self.capacity
        first = min(count, self.capacity - begin)
        self._buffer[begin:begin + first] = block[:first]
        self._buffer[:count - first] = block[first:]
        self.written += count

    def copy_into(self, target: FloatArray, start_sample: int) -> None:
        """Copy len(target) samples from `start_sample` on; they must lie in the ring."""
        begin = start_sample % self.capacity
        first = min(len(target), self.capacity - begin)
        target[:first] = self._buffer[begin:begin + first]
        target[first:] = self._buffer[:len(target) - first]


class RingReader:
    """One thread's place in a ring. `lost_samples` counts what was overwritten before it was read."""

    def __init__(self, ring: Ring, start_sample: int | None = None) -> None:
        self.ring = ring
        self.position = ring.written if start_sample is None else start_sample
        self.lost_samples = 0

    @property
    def available(self) -> int:
        """Samples written and not yet read (more than the capacity if some are lost)."""
        return self.ring.written - self.position

    def read(self, at_most: int | None = None) -> FloatArray:
        """The next samples in order, (n,) float32, at most `at_most`; a copy. Skips what was overwritten."""
        while True:
            oldest = max(self.ring.written - self.ring.capacity, 0)
            self._skip_to(oldest)
            count = self.available if at_most is None else min(self.available, at_most)
            block = np.empty(count, np.float32)
            self.ring.copy_into(block, self.position)
            if self.ring.claimed - self.ring.capacity <= self.position:
                self.position += count
                return block
            # the writer lapped this read: what it may have touched is lost, try again from there
            self._skip_to(self.ring.claimed - self.ring.capacity)

    def _skip_to(self, sample: int) -> None:
        if sample > self.position:
            self.lost_samples += sample - self.position
            self.position = sample
