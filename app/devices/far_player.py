"""The player of the sound card's process, as the program works it.

It keeps every event until that process says what became of it, so that nothing is lost with the process.
`submit` and `forget` are called by any thread, one at a time; `catch_up` by the "sound" thread, which tells
the mixer what was heard and played.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from app.devices.audio import DeviceError, FloatArray
from app.devices.block_ring import Memory, SharedBlocks
from app.devices.orders import FORGOTTEN, push_event, push_forget
from app.engine.player import Block, InstrumentMaker, TakeIn
from app.engine.scheduler import NOW, Event

log = logging.getLogger(__name__)


class Stumbled(Exception):
    """The player failed in its process; its log says why."""


class Card(Protocol):
    """What the player needs of its process."""

    memory: Memory

    def bring(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        """Have the instrument made there. Raises DeviceError."""

    def send_clip(self, sound: FloatArray, start_sample: int) -> None:
        """Have it played there; does not wait."""

    def let_go(self, player: FarPlayer) -> None:
        """Close its instrument there, unless the process has done so for another stream."""


class FarPlayer:
    """A `Player`, for one stream. listens: the stream has an input."""

    def __init__(self, card: Card, block_samples: int, listens: bool) -> None:
        self.made_by: InstrumentMaker | None = None
        self.error: Exception | None = None
        self.start_sample = 0
        self._card, self._listens = card, listens
        self._blocks = SharedBlocks(card.memory.blocks, block_samples)
        self._orders, self._played = card.memory.queues()
        self._volumes = card.memory.volumes()
        self._silence = np.zeros(block_samples, np.float32)
        self._take_in: TakeIn = _nobody
        self._next = 0
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, Event] = {}
        self._doubtful: dict[int, Event] = {}  # forgotten here, perhaps played there before it knew
        self._outbox: deque[Callable[[], bool]] = deque()
        for shared in (self._blocks, self._orders, self._played):
            shared.clear()
        self.set_volume(1.0, 1.0)

    @property
    def sample(self) -> int:
        return self.start_sample + self._blocks.asked * self._blocks.block_samples

    def begin(self, sample: int, take_in: TakeIn) -> None:
        self.start_sample, self._take_in = sample, take_in

    def submit(self, event: Event) -> None:
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = event
            self._outbox.append(partial(push_event, self._orders, number, event))
            self._send()

    def forget(self, source: str, from_sample: int = NOW) -> None:
        with self._lock:
            for number, event in list(self._waiting.items()):
                if event.source == source and event.sample >= from_sample:
                    self._doubtful[number] = self._waiting.pop(number)
            self._outbox.append(partial(push_forget, self._orders, source, from_sample))
            self._send()

    def leave(self) -> list[Event]:
        with self._lock:
            left = list(self._waiting.values())
            self._waiting.clear()
            self._doubtful.clear()
            self._outbox.clear()
        return left

    def set_volume(self, gain: float, click_gain: float) -> None:
        self._volumes[:] = gain, click_gain

    def play_clip(self, sound: FloatArray, start_sample: int) -> None:
        self._card.send_clip(sound, start_sample)

    def use_instrument(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        problem = self._card.bring(make, settings)
        self.made_by = make
        return problem

    def close(self) -> None:
        self.made_by = None
        try:
            self._card.let_go(self)
        except DeviceError as problem:
            log.info("letting go of the instrument: %s", problem)

    def catch_up(self) -> None:
        """Tell of every block that the card has asked for, one after the other."""
        blocks, count = self._blocks, self._blocks.count
        while (waiting := blocks.asked - self._next) > 0:
            lost = waiting > count // 2  # the card is about to write where this side would read
            self._tell(self._next % count, lost)
            self._next += 1

    def _tell(self, slot: int, lost: bool) -> None:
        blocks = self._blocks
        if lost:
            newest = (blocks.asked - 1) % blocks.count
            moment_s, written_s = float(blocks.moment_s[newest]), float(blocks.written_s[newest])
            block = Block(None, self._silence, 1, moment_s, written_s)
        else:
            block = Block(
                blocks.heard[slot] if self._listens else None, blocks.played[slot],
                int(blocks.troubles[slot]), float(blocks.moment_s[slot]), float(blocks.written_s[slot]),
            )  # fmt: skip
            if blocks.stumbled[slot]:
                self.error = Stumbled()
        self._take_in(block, self._events())

    def _events(self) -> list[Event]:
        """What was played since the last time, with the sample at which it was."""
        events = []
        with self._lock:
            while (record := self._played.pop()) is not None:
                number, sample = record
                event = self._waiting.pop(number, None) or self._doubtful.pop(number)
                if sample != FORGOTTEN:
                    events.append(replace(event, sample=sample))
            self._send()
        return events

    def _send(self) -> None:
        while self._outbox and self._outbox[0]():
            self._outbox.popleft()


def _nobody(block: Block, events: list[Event]) -> None:
    """Before `begin`."""
