"""Where bars begin, also where the meter is changed while music plays. Pure.

From a change on, bars are counted anew from the first beat, as the click accents them, but a bar that is full
by then ends. So the bar in which a change comes may be shorter or longer than those of both meters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from app.engine.timeline import Meter, MeterChange
from models.duet.encoding import STEPS_PER_BEAT

Meters = Sequence[tuple[int, int]]
"""(step from which it holds, beats a bar) in order, the first from step 0."""


def bars(meters: Meters) -> Iterator[tuple[int, int]]:
    """(first beat, beats) of one bar after the other, without end."""
    first = 0
    for beat in itertools.count(1):
        step = beat * STEPS_PER_BEAT
        ending = [beats for since_step, beats in meters if since_step < step][-1]
        beginning = [beats for since_step, beats in meters if since_step <= step][-1]
        if beat % ending == 0 or beat % beginning == 0:
            yield first, beat - first
            first = beat


def signatures(meters: Meters, end_beat: float) -> tuple[MeterChange, ...]:
    """The time signatures that give these bars, until a beat; one at least."""
    found: list[MeterChange] = []
    for first, beats in itertools.takewhile(lambda bar: not bar[0] or bar[0] < end_beat, bars(meters)):
        if not found or found[-1].meter.beats != beats:
            found.append(MeterChange(first, Meter(beats)))
    return tuple(found)
