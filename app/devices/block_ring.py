"""A ring of blocks in memory that two processes share: the sound card's process and the program's.

`CardSide` is called by the driver and only copies: what was heard into the ring, and out of it what was
rendered for just this block. `ProgramSide` works in the program's "sound" thread: it hands what was heard to
the program's callback, and lays what that renders a cushion of a few blocks ahead, so that the program may
be late by as much. The blocks are counted from the start of the stream: block `n` lies in slot `n % slots`.

Each field has one writer. `asked`, the number of blocks that the card has asked for, is written after its
block, `rendered_for` after the sound it stands for.

How long the cushion is. Measured on two slow cores while a demo was followed in the window, of 7,600 blocks
of 5.8 ms: half were rendered within 0.5 ms, 99 % within 4.4 ms, and about one in a thousand took more than
two blocks, 11.6 ms, because a thread that held the interpreter stood still. So it begins with those 11.6 ms,
and grows to 17.4 where that does not do. A note of a key, which comes a block after the key, is heard 17.4
to 23.2 ms after it, before what the card itself adds.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from app.devices.audio import FloatArray, TimedCallback
from app.engine.clock import now_s

log = logging.getLogger(__name__)

MEMORY_BYTES = 1 << 21
LARGEST_BLOCK = 8192
MOST_SLOTS = 512
FIRST_CUSHION_S = 0.0116
"""How far ahead is rendered at first."""
LONGEST_CUSHION_S = 0.0175
"""Lateness up to this is made up for by a longer cushion; beyond, a gap is heard and the cushion stays."""


class SharedBlocks:
    """The ring in `memory` (MEMORY_BYTES of it), laid out for blocks of a size. Each process has one.

    Attributes:
        heard, played: (slots, block) and (slots, block, 2) float32.
        moment_s, troubles, missed: (slots,) when the card asked for the block, what its driver reported, and
            whether nothing had been rendered for it.
        rendered_for: (slots,) the number of the block that `played` was rendered for.
    """

    def __init__(self, memory: Any, block_samples: int) -> None:
        slot = np.dtype(
            [("moment_s", "f8"), ("troubles", "i8"), ("missed", "i8"), ("rendered_for", "i8"),
             ("heard", "f4", (block_samples,)), ("played", "f4", (block_samples, 2))]
        )  # fmt: skip
        self._counter = np.frombuffer(memory, np.int64, 1)
        offset = self._counter.nbytes
        self.count = min((MEMORY_BYTES - offset) // slot.itemsize, MOST_SLOTS)
        self.block_samples = block_samples
        slots = np.frombuffer(memory, slot, self.count, offset)
        self.moment_s, self.troubles, self.missed = slots["moment_s"], slots["troubles"], slots["missed"]
        self.rendered_for, self.heard, self.played = slots["rendered_for"], slots["heard"], slots["played"]

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
        self.rendered_for[:] = -1
        self.heard[:] = 0.0


class CardSide:
    """The driver's callback. `tell` wakes the program and must not block."""

    def __init__(self, blocks: SharedBlocks, tell: Any) -> None:
        self._blocks = blocks
        self._tell = tell

    def exchange(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """One block: `heard` (block,) or None, `output` (block, 2). Silence where nothing was rendered."""
        blocks, block = self._blocks, self._blocks.asked
        slot = block % blocks.count
        blocks.moment_s[slot] = now_s()
        missed = blocks.rendered_for[slot] != block
        output[:] = 0.0 if missed else blocks.played[slot]
        if heard is not None:
            blocks.heard[slot] = heard
        blocks.troubles[slot] = troubles
        blocks.missed[slot] = missed
        blocks.asked = block + 1
        self._tell()


class ProgramSide:
    """Works off what the card asked for. `cushion` is in blocks; it grows and never shrinks.

    `late_blocks` counts those that were not there when the card asked for them.

    A block that was rendered too late, though within LONGEST_CUSHION_S, is played one block later, and so are
    all that follow: then nothing that was rendered is left out. Not while it is silent, though: what holds a
    program up that is only starting shall not delay what is played later. A driver that asks for several
    blocks at once (JACK with a longer period than ours) has the cushion grow until it covers them.
    """

    def __init__(self, blocks: SharedBlocks, rate: int, callback: TimedCallback, listens: bool) -> None:
        self._blocks, self._callback, self._listens = blocks, callback, listens
        self._next = 0
        self._late = False
        self.late_blocks = 0
        self._block_s = blocks.block_samples / rate
        self._output = np.zeros((blocks.block_samples, 2), np.float32)
        self.cushion = max(round(FIRST_CUSHION_S / self._block_s), 1)
        blocks.clear()
        blocks.played[: self.cushion] = 0.0
        blocks.rendered_for[: self.cushion] = np.arange(self.cushion)

    @property
    def cushion_s(self) -> float:
        """By how much the cushion delays what is played."""
        return self.cushion * self._block_s

    def catch_up(self) -> None:
        """Every block that waits, one after the other."""
        blocks = self._blocks
        while (waiting := blocks.asked - self._next) > 0:
            lost = waiting > blocks.count // 2  # the card is about to write where this side would read
            if lost:
                self._next = blocks.asked - 1
            self._work(self._next, int(lost))
            self._next += 1

    def _work(self, block: int, lost: int) -> None:
        blocks, slot = self._blocks, block % self._blocks.count
        moment_s = float(blocks.moment_s[slot])
        missed = int(blocks.missed[slot]) + lost
        self.late_blocks += missed
        heard = blocks.heard[slot] if self._listens else None
        self._callback(heard, self._output, int(blocks.troubles[slot]) + missed, moment_s)
        target = self._target(block, moment_s)
        blocks.played[target % blocks.count] = self._output
        blocks.rendered_for[target % blocks.count] = target

    def _target(self, block: int, moment_s: float) -> int:
        """The block of the card for which is rendered what answers `block`."""
        late, took_s = block + self.cushion < self._blocks.asked, now_s() - moment_s
        at_once = took_s < self._block_s and self.cushion < self._blocks.count // 4
        if late and not self._late and (at_once or (took_s < LONGEST_CUSHION_S and self._output.any())):
            self.cushion += 1
            log.info("sound came too late; rendered %.1f ms ahead from now on", self.cushion_s * 1000)
        self._late = late
        return block + self.cushion
