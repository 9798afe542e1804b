"""Blocks between the card's process and the program: played in order, and no gap is hidden."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices import block_ring
from app.devices.block_ring import LONGEST_CUSHION_S, MEMORY_BYTES, CardSide, ProgramSide, SharedBlocks

RATE, BLOCK = 44_100, 256
BLOCK_S = BLOCK / RATE
clock = SimpleNamespace(now_s=0.0)


class Both:
    """Both sides on one memory and a clock by hand. Block `n` is heard as n + 1; block `m` renders m + 1."""

    def __init__(self, block: int = BLOCK, memory: bytearray | None = None) -> None:
        memory = bytearray(MEMORY_BYTES) if memory is None else memory
        clock.now_s = 0.0
        self.told = 0
        self.played: list[float] = []
        self.heard: list[float] = []
        self.troubles: list[int] = []
        self.moments_s: list[float] = []
        self.while_rendering: Callable[[], object] = lambda: None
        self.sounding = True
        self.block = block
        self.blocks = SharedBlocks(memory, block)
        self.program = ProgramSide(self.blocks, RATE, self._callback, True)
        self.card = CardSide(SharedBlocks(memory, block), self._tell)

    def ask(self, count: int = 1, apart_s: float = BLOCK_S) -> None:
        """The card's driver calls so many times."""
        for _ in range(count):
            output = np.full((self.block, 2), np.nan, np.float32)
            self.card.exchange(np.full(self.block, len(self.played) + 1, np.float32), output, 0)
            assert (output == output[0, 0]).all()
            self.played.append(float(output[0, 0]))
            clock.now_s += apart_s

    def _tell(self) -> None:
        self.told += 1

    def _callback(self, heard, output, troubles, moment_s=None) -> None:
        assert len(heard) == len(output) == self.block and (heard == heard[0]).all()
        self.heard.append(float(heard[0]))
        self.troubles.append(troubles)
        self.moments_s.append(moment_s)
        output[:] = len(self.heard) if self.sounding else 0.0
        self.while_rendering()


@pytest.fixture(autouse=True, scope="module")
def by_hand():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_ring, "now_s", lambda: clock.now_s)
        yield


def gaps(played: list[float]) -> int:
    return played.count(0.0)


def test_in_time_everything_is_played_a_cushion_later():
    pair = Both()
    for _ in range(3000):
        pair.ask()
        pair.program.catch_up()
    cushion = pair.program.cushion
    assert cushion == 2 and pair.program.cushion_s == pytest.approx(2 * BLOCK_S)
    assert pair.played == [0.0] * cushion + [float(n) for n in range(1, 3001 - cushion)]
    assert pair.heard == [float(n) for n in range(1, 3001)] and sum(pair.troubles) == 0
    assert pair.moments_s == pytest.approx([n * BLOCK_S for n in range(3000)])
    assert pair.told == 3000


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60), st.lists(st.integers(0, 2), min_size=1, max_size=20)
)
def test_however_late_the_program_is_nothing_is_hidden(asked, meanwhile):
    """The program is woken after so many blocks, and while it renders the card asks for more."""
    pair = Both()
    waiting = iter(meanwhile)
    pair.while_rendering = lambda: pair.ask(next(waiting, 0))
    cushions = [pair.program.cushion]
    for count in asked:
        pair.ask(count)
        pair.program.catch_up()
        cushions.append(pair.program.cushion)
    assert pair.heard == [float(n) for n in range(1, len(pair.played) + 1)], "each block once, in order"
    sounding = [sound for sound in pair.played if sound]
    assert sounding == sorted(set(sounding)), "in order, none twice"
    gap_count = gaps(pair.played[cushions[0]:])
    assert sum(pair.troubles) == pair.program.late_blocks == gap_count, "every silent block is counted"
    assert cushions == sorted(cushions)
    for before, after in zip(pair.played, pair.played[1:], strict=False):
        assert not before or not after or after == before + 1, "left out without a gap beside it"


def test_once_too_late_it_is_a_block_further_ahead_and_nothing_is_left_out():
    pair = Both()
    for wakes in (1, 1, 1, 3, 1, 1, 3, 1):
        pair.ask(wakes)
        pair.program.catch_up()
    assert pair.program.cushion == 3
    assert pair.played == [0.0, 0.0, 1, 2, 3, 0.0, 4, 5, 6, 7, 8, 9]
    assert sum(pair.troubles) == 1


def test_silence_that_comes_too_late_delays_nothing():
    pair = Both()
    pair.sounding = False
    for wakes in (1, 1, 3, 1, 3, 1):
        pair.ask(wakes)
        pair.program.catch_up()
    assert pair.program.cushion == 2 and sum(pair.troubles) > 0


def test_a_driver_that_asks_in_bursts_is_waited_for_after_a_few():
    """JACK with a period of four blocks, or WASAPI's 10 ms."""
    pair = Both()
    for _ in range(20):
        pair.ask(4, apart_s=1e-5)
        pair.program.catch_up()
        clock.now_s += 4 * BLOCK_S
    assert pair.program.cushion == 4
    assert gaps(pair.played[16:]) == 0 < sum(pair.troubles) < 4


def test_a_standstill_leaves_a_gap_and_the_cushion_as_it_is():
    pair = Both()
    pair.ask(1 + round(4 * LONGEST_CUSHION_S / BLOCK_S))
    pair.program.catch_up()
    for _ in range(10):
        pair.ask()
        pair.program.catch_up()
    assert pair.program.cushion == 2 and gaps(pair.played[-10:]) == 0
    assert sum(pair.troubles) == gaps(pair.played[2:]) > 5


def test_what_is_overwritten_is_left_out_and_counted():
    pair = Both()
    pair.ask()
    pair.program.catch_up()
    pair.ask(3 * pair.blocks.count)
    pair.program.catch_up()
    assert pair.heard == [1.0, 1.0 + 3 * pair.blocks.count] and pair.troubles[-1] == 2
    silent = len(pair.played)
    pair.ask(1)
    pair.program.catch_up()
    for _ in range(5):
        pair.ask()
        pair.program.catch_up()
    assert pair.played[silent:silent + 6] == [0.0, 2, 3, 4, 5, 6], "nothing old is played again"
    assert pair.troubles[2:] == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("block", [32, 100, 256, 4096, 8192])
def test_any_size_of_block_fits_the_memory_and_begins_afresh(block):
    memory = bytearray(MEMORY_BYTES)
    for size in (block, BLOCK):
        pair = Both(size, memory)
        for _ in range(2 * pair.blocks.count):
            pair.ask(apart_s=size / RATE)
            pair.program.catch_up()
        ahead = pair.program.cushion
        assert pair.played == [0.0] * ahead + list(range(1, 2 * pair.blocks.count + 1 - ahead))
        assert pair.blocks.count >= 16 and pair.program.cushion_s < max(0.013, 1.01 * size / RATE)
        assert sum(pair.troubles) == 0


def test_the_driver_s_troubles_are_handed_on_with_their_block():
    pair = Both()
    for troubles in (0, 1, 0, 2):
        pair.card.exchange(None, np.zeros((BLOCK, 2), np.float32), troubles)
        pair.program.catch_up()
    assert pair.troubles == [0, 1, 0, 2]
