"""What the sound card's process and the program share: blocks, orders, what was played.

`CardSide` is the driver's callback, and makes the sound there and then: nothing it needs is made in the
program's process, which may stand still without anybody hearing it. It leaves what was heard and what it
played in a ring of blocks, counted from the start of the stream: block `n` lies in slot `n % slots`. Each
field has one writer; `asked`, the number of blocks that the card has asked for, is written after its block.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.devices.audio import FloatArray
from app.devices.orders import FORGOTTEN, ORDER, ORDERS_BYTES, PLAYED, PLAYED_BYTES, Order, carry_out
from app.devices.record_queue import RecordQueue
from app.engine.clock import now_s
from app.engine.player import LocalPlayer
from app.engine.scheduler import Event, Scheduler

BLOCKS_BYTES = 1 << 21
MOST_SLOTS = 512


@dataclass(frozen=True)
class Memory:
    """What both processes see. `volume` holds the factors of everything and of clicks, as float64."""

    blocks: Any
    orders: Any
    played: Any
    volume: Any

    @classmethod
    def of(cls, make: Callable[[Any, int], Any]) -> Memory:
        """`make(ctypes.c_char, bytes)` gives a piece of it, zeroed."""
        sizes = (BLOCKS_BYTES, ORDERS_BYTES, PLAYED_BYTES, 2 * ctypes.sizeof(ctypes.c_double))
        return cls(*(make(ctypes.c_char, size) for size in sizes))

    def queues(self) -> tuple[RecordQueue, RecordQueue]:
        """(orders, played)."""
        return RecordQueue(self.orders, ORDER), RecordQueue(self.played, PLAYED)

    def volumes(self) -> Any:
        """(2,) float64."""
        return np.frombuffer(self.volume, np.float64)


class SharedBlocks:
    """The ring in `memory` (BLOCKS_BYTES of it), laid out for blocks of a size. Each process has one.

    Attributes:
        heard, played: (slots, block) float32: from the card, and what a follower may hear of the player.
        moment_s, written_s, troubles, stumbled: (slots,) when the card asked for the block and when it was
            done, what its driver reported, and whether the player failed at it.
    """

    def __init__(self, memory: Any, block_samples: int) -> None:
        slot = np.dtype(
            [("moment_s", "f8"), ("written_s", "f8"), ("troubles", "i8"), ("stumbled", "i8"),
             ("heard", "f4", (block_samples,)), ("played", "f4", (block_samples,))]
        )  # fmt: skip
        self._counter = np.frombuffer(memory, np.int64, 1)
        offset = self._counter.nbytes
        self.count = min((BLOCKS_BYTES - offset) // slot.itemsize, MOST_SLOTS)
        self.block_samples = block_samples
        slots = np.frombuffer(memory, slot, self.count, offset)
        self.moment_s, self.written_s = slots["moment_s"], slots["written_s"]
        self.troubles, self.stumbled = slots["troubles"], slots["stumbled"]
        self.heard, self.played = slots["heard"], slots["played"]

    @property
    def asked(self) -> int:
        """Blocks that the card has asked for."""
        return int(self._counter[0])

    @asked.setter
    def asked(self, count: int) -> None:
        self._counter[0] = count

    def clear(self) -> None:
        """As before the first block. Only while no side works."""
        self.asked = 0
        self.heard[:] = 0.0


class CardSide:
    """The driver's callback, with its player. `tell` wakes the program and must not block."""

    def __init__(self, memory: Memory, block_samples: int, tell: Callable[[], object]) -> None:
        self._blocks = SharedBlocks(memory.blocks, block_samples)
        self._orders, self._played = memory.queues()
        self._volumes = memory.volumes()
        self._tell = tell
        self._unreported: deque[tuple[int, int]] = deque()
        self._start_sample = 0
        self.player: LocalPlayer
        """Since `use_rate`."""
        self.failure: Exception | None = None
        """Why the player failed last, to be taken away by whoever logs it."""

    def use_rate(self, rate: int) -> None:
        """Before the stream is started."""
        self.player = LocalPlayer(rate, scheduler=Scheduler(self._dropped))

    def count_from(self, sample: int) -> None:
        """The first sample of the first block. Before the stream is started."""
        self._start_sample = sample

    def process(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """One block: `heard` (block,) or None, `output` (block, 2) to fill."""
        blocks, block, player = self._blocks, self._blocks.asked, self.player
        slot = block % blocks.count
        blocks.moment_s[slot] = now_s()
        carry_out(self._orders, player)
        player.set_volume(*self._volumes)
        blocks.played[slot] = player.play(output, self._start_sample + block * blocks.block_samples)
        if heard is not None:
            blocks.heard[slot] = heard
        blocks.troubles[slot] = troubles
        blocks.stumbled[slot] = player.error is not None
        if player.error is not None:
            self.failure, player.error = player.error, None
        self._report(player.take_played())
        blocks.written_s[slot] = now_s()
        blocks.asked = block + 1
        self._tell()

    def _dropped(self, event: Event) -> None:
        assert isinstance(event, Order)
        self._unreported.append((event.number, FORGOTTEN))

    def _report(self, events: list[Event]) -> None:
        for event in events:
            assert isinstance(event, Order)
            self._unreported.append((event.number, event.sample))
        while self._unreported and self._played.push(*self._unreported[0]):
            self._unreported.popleft()
