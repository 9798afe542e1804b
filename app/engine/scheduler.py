"""Events at exact samples: any thread submits, the audio callback takes what is due.

Submitting appends to a deque (atomic under the interpreter's lock, so nobody waits); the callback moves what
arrived into its own heap and walks the block from event to event, so that the synth renders up to the very
sample at which something happens.
"""
from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["note_on", "note_off", "control", "program", "all_off", "click"]

NOW = -1
"""As an event's sample: at the start of the next block."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to do at `sample`.

    data1, data2: pitch and velocity; controller and value; program number; for a click what
    `metronome` says. `source` says who asked ("midi", "keys", "demo", "metronome", ...).
    """

    sample: int
    kind: Kind
    data1: int = 0
    data2: int = 0
    channel: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Forget:
    source: str
    from_sample: int

    def keeps(self, event: Event) -> bool:
        return event.source != self.source or event.sample < self.from_sample


def _ignore(event: Event) -> None:
    """Nobody asked what is dropped."""


class Scheduler:
    """Sorted queue of events. Late events happen at once, in the order in which they were due.

    `dropped` is told of every event that is forgotten. Callback only.
    """

    def __init__(self, dropped: Callable[[Event], None] = _ignore) -> None:
        self._dropped = dropped
        self._inbox: deque[Event | _Forget] = deque()
        self._heap: list[tuple[int, int, Event]] = []
        self._order = itertools.count()

    def submit(self, event: Event) -> None:
        """Any thread."""
        self._inbox.append(event)

    def forget(self, source: str, from_sample: int = NOW) -> None:
        """Drop what `source` has submitted for `from_sample` and later and is not yet due. Any thread."""
        self._inbox.append(_Forget(source, from_sample))

    def due(self, start_sample: int, count: int) -> Iterator[tuple[int, Event]]:
        """(offset, event) in order for the block [start, start + count). Callback only."""
        self._take_in()
        end = start_sample + count
        while self._heap and self._heap[0][0] < end:
            sample, _, event = heapq.heappop(self._heap)
            yield max(sample - start_sample, 0), event

    def take_all(self) -> list[Event]:
        """Everything that is not yet done, in order; nothing is left. Only while no callback runs."""
        self._take_in()
        return [heapq.heappop(self._heap)[2] for _ in range(len(self._heap))]

    def _take_in(self) -> None:
        while self._inbox:
            item = self._inbox.popleft()
            if isinstance(item, _Forget):
                self._drop(item)
            else:
                heapq.heappush(self._heap, (item.sample, next(self._order), item))

    def _drop(self, forget: _Forget) -> None:
        kept = []
        for entry in self._heap:
            if forget.keeps(entry[2]):
                kept.append(entry)
            else:
                self._dropped(entry[2])
        heapq.heapify(kept)
        self._heap = kept
