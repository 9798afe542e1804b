"""A queue of small records in memory that two processes share: one thread pushes, one pops, nobody waits.

The counts of what was pushed and popped have one writer each, and are written after the record they are for.
"""

from __future__ import annotations

import struct
from typing import Any

_COUNTER = struct.Struct("<q")
_PUSHED, _POPPED, _RECORDS = 0, 8, 16


class RecordQueue:
    """Records of `layout` in `memory`, as many as fit. Each process has one on the same memory."""

    def __init__(self, memory: Any, layout: struct.Struct) -> None:
        self._memory, self._layout = memoryview(memory).cast("B"), layout
        self.capacity = (len(self._memory) - _RECORDS) // layout.size
        if self.capacity < 1:
            raise ValueError(f"{len(self._memory)} bytes hold no record of {layout.size}")

    def push(self, *values: int | bytes) -> bool:
        """Append a record; False where there is no room. One thread."""
        pushed = self._count(_PUSHED)
        if pushed - self._count(_POPPED) >= self.capacity:
            return False
        self._layout.pack_into(self._memory, self._place(pushed), *values)
        _COUNTER.pack_into(self._memory, _PUSHED, pushed + 1)
        return True

    def pop(self) -> tuple[Any, ...] | None:
        """The oldest record, or None. One thread."""
        popped = self._count(_POPPED)
        if popped >= self._count(_PUSHED):
            return None
        record = self._layout.unpack_from(self._memory, self._place(popped))
        _COUNTER.pack_into(self._memory, _POPPED, popped + 1)
        return record

    def clear(self) -> None:
        """Leave nothing in it. Only while nobody pushes or pops."""
        _COUNTER.pack_into(self._memory, _POPPED, self._count(_PUSHED))

    def _count(self, offset: int) -> int:
        count: int = _COUNTER.unpack_from(self._memory, offset)[0]
        return count

    def _place(self, number: int) -> int:
        return _RECORDS + number % self.capacity * self._layout.size
