"""Records between two processes: each comes out once, in order, whatever the two sides do in turn."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices.record_queue import RecordQueue

LAYOUT = struct.Struct("<q4s")


@given(st.lists(st.integers(-4, 4), max_size=60), st.integers(1, 7))
def test_what_goes_in_comes_out_in_order_and_what_does_not_fit_is_refused(turns, capacity):
    """A positive number pushes so many, a negative one pops so many."""
    memory = bytearray(16 + capacity * LAYOUT.size)
    ours, theirs = RecordQueue(memory, LAYOUT), RecordQueue(memory, LAYOUT)
    held: list[tuple[int, bytes]] = []
    pushed = 0
    for turn in turns:
        for _ in range(turn):
            fits = ours.push(pushed, b"ab")
            assert fits == (len(held) < capacity)
            if fits:
                held.append((pushed, b"ab\0\0"))
            pushed += 1
        for _ in range(-turn):
            assert theirs.pop() == (held.pop(0) if held else None)
    theirs.clear()
    assert theirs.pop() is None and ours.push(1, b"")


def test_memory_without_room_for_one_is_refused():
    with pytest.raises(ValueError, match="hold no record"):
        RecordQueue(bytearray(20), LAYOUT)
