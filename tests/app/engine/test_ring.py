"""What is written is read, in order, or known to be lost."""
from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.ring import Ring, RingReader


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), st.integers(0, 60))), max_size=40),
)
def test_reads_are_the_stream_less_what_is_counted_as_lost(capacity, steps):
    ring = Ring(capacity)
    reader = RingReader(ring)
    written, stream = 0, np.arange(5000, dtype=np.float32)
    for write, read in steps:
        count = min(write, capacity)
        ring.write(stream[written:written + count])
        written += count
        position, lost = reader.position, reader.lost_samples
        block = reader.read(read)
        skipped = reader.lost_samples - lost
        assert skipped == max(written - capacity - position, 0)
        begin = position + skipped
        assert np.array_equal(block, stream[begin:begin + len(block)])
        assert len(block) == min(written - begin, written if read is None else read)
        assert reader.position == begin + len(block)


def test_two_readers_do_not_disturb_each_other():
    ring = Ring(8)
    first, second = RingReader(ring), RingReader(ring)
    ring.write(np.arange(6, dtype=np.float32))
    assert list(first.read(2)) == [0, 1]
    ring.write(np.arange(6, 10, dtype=np.float32))
    assert list(first.read()) == [2, 3, 4, 5, 6, 7, 8, 9] and first.lost_samples == 0
    assert list(second.read()) == [2, 3, 4, 5, 6, 7, 8, 9] and second.lost_samples == 2


def test_a_block_larger_than_the_ring_is_refused():
    ring = Ring(4)
    with pytest.raises(ValueError, match="does not fit"):
        ring.write(np.zeros(5, np.float32))
    with pytest.raises(ValueError, match="at least one"):
        Ring(0)


def test_the_writer_keeps_its_buffer():
    ring = Ring(100)
    buffer = ring._buffer
    for _ in range(50):
        ring.write(np.ones(7, np.float32))
    assert ring._buffer is buffer and ring.written == 350


def test_a_reader_in_another_thread_never_sees_torn_or_disordered_samples():
    ring = Ring(997)
    blocks: list[np.ndarray] = []
    reader = RingReader(ring)
    done = threading.Event()

    def read() -> None:
        while not done.is_set() or reader.available:
            blocks.append(reader.read(501))

    thread = threading.Thread(target=read)
    thread.start()
    for begin in range(0, 400_000, 100):
        ring.write(np.arange(begin, begin + 100, dtype=np.float32))
    done.set()
    thread.join()
    heard = np.concatenate(blocks)
    assert len(heard) + reader.lost_samples == 400_000
    assert np.all(np.diff(heard) >= 1) and heard[-1] == 399_999
