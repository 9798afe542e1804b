"""Events at exact samples: any thread submits, the audio callback takes what is due.

Submitting appends to a deque (atomic under the interpreter's lock, so nobody waits); the callback moves what
arrived into its own heap and walks the block from event to event, so that the synth renders up to the very
sample at which something happens.
"""
from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["note_on", "note_off", "control", "program", "all_off", "click"]

NOW = -1
"""As an event's sample: at the start of the next block."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to do at `sample`.

    data1, data2: pitch and velocity; controller and value; program number; for a click 1 on the first beat of
    a bar. `source` says who asked ("midi", "keys", "demo", "metronome", ...).
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


class Scheduler:
    """Sorted queue of events. Late events happen at once, in the order in which they were due."""

    def __init__(self) -> None:
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

    @property
    def pending(self) -> int:
        """Events not yet done, for tests and the doctor."""
        return len(self._heap) + len(self._inbox)

    def _take_in(self) -> None:
        while self._inbox:
            item = self._inbox.popleft()
            if isinstance(item, _Forget):
                self._heap = [entry for entry in self._heap if item.keeps(entry[2])]
                heapq.heapify(self._heap)
            else:
                heapq.heappush(self._heap, (item.sample, next(self._order), item))
