"""Events on their way to the player in the sound card's process, and what it says it played.

Each order has a number, by which its program knows it again: the card's process sends back only number and
sample, and the program still has the event itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import get_args

from app.devices.record_queue import RecordQueue
from app.engine.player import LocalPlayer
from app.engine.scheduler import Event, Kind

ORDER = struct.Struct("<qqiiii24s")
"""Number, sample, kind, data1, data2, channel, source. To forget is a kind of its own, and has no number."""
PLAYED = struct.Struct("<qq")
"""Number, sample; FORGOTTEN as a sample."""
FORGOTTEN = -1
CAPACITY = 4096
ORDERS_BYTES = 16 + CAPACITY * ORDER.size
PLAYED_BYTES = 16 + CAPACITY * PLAYED.size

_KINDS: tuple[Kind, ...] = get_args(Kind)
_FORGET = len(_KINDS)


@dataclass(frozen=True, slots=True)
class Order(Event):
    """An event with its number."""

    number: int = 0


def push_event(queue: RecordQueue, number: int, event: Event) -> bool:
    """False where there is no room."""
    return queue.push(
        number, event.sample, _KINDS.index(event.kind), event.data1, event.data2, event.channel,
        event.source.encode(),
    )  # fmt: skip


def push_forget(queue: RecordQueue, source: str, from_sample: int) -> bool:
    """False where there is no room."""
    return queue.push(0, from_sample, _FORGET, 0, 0, 0, source.encode())


def carry_out(queue: RecordQueue, player: LocalPlayer) -> None:
    """Hand everything that waits to `player`. The card's callback."""
    while (record := queue.pop()) is not None:
        number, sample, kind, data1, data2, channel, encoded = record
        source = encoded.rstrip(b"\0").decode()
        if kind == _FORGET:
            player.forget(source, sample)
        else:
            player.submit(Order(sample, _KINDS[kind], data1, data2, channel, source, number))
