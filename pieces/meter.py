"""Bars, and what is counted in them: from the time signatures of a score to the beats of a metronome.

A compound meter (6/8, 9/8, 12/8) is counted in dotted notes, as jigs are; where these would come slower than
one a second, in what stands in the signature: a siciliano has six eighths. Everything else is counted in the
signature's own notes. Pure; any thread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SLOWEST_DOTTED_BPM = 60.0
_NEAR = 1e-6


@dataclass(frozen=True)
class TimeSignature:
    """A time signature: `count` of 1/`unit` notes a bar."""

    count: int = 4
    unit: int = 4

    @property
    def quarters(self) -> float:
        """How long a bar is."""
        return 4.0 * self.count / self.unit

    def beats_at(self, bpm: float) -> int:
        """How many beats are counted in a bar, at a tempo of `bpm` quarters a minute."""
        threes, rest = divmod(self.count, 3)
        compound = threes > 1 and rest == 0
        return threes if compound and bpm * threes / self.quarters >= SLOWEST_DOTTED_BPM else self.count


@dataclass(frozen=True)
class Bar:
    """A measure as it is played, which begins at `quarters`, repeats written out.

    `passed_quarters`: of its written bar, by then; 2 for a pickup of one quarter in 3/4.
    """

    quarters: float
    signature: TimeSignature = TimeSignature()
    passed_quarters: float = 0.0

    @property
    def downbeat(self) -> float:
        """Where its written bar begins, in quarters; before the music for a pickup."""
        return self.quarters - self.passed_quarters

    def step(self, bpm: float) -> float:
        """From beat to beat, in quarters."""
        return self.signature.quarters / self.signature.beats_at(bpm)


@dataclass(frozen=True)
class Beat:
    """Beat `number` (0 is the downbeat) of `of` in its bar, at `quarters` from the start of the piece.

    `step`: how long it is, in quarters.
    """

    quarters: float
    number: int
    of: int
    step: float


def lay_bars(starts: Sequence[float], signatures: Sequence[TimeSignature]) -> tuple[Bar, ...]:
    """The bars of the measures that are played; `starts` in quarters has the end of the last one as well.

    What is missing in a first measure has passed before it: a pickup. Short measures in a row make one bar,
    as a pickup and the end of what is repeated do, as long as they fit in.
    """
    bars: list[Bar] = []
    filled = 0.0
    for (begin, end), signature in zip(itertools.pairwise(starts), signatures, strict=True):
        length = end - begin
        if not bars:
            filled = max(signature.quarters - length, 0.0)
        elif not _NEAR < filled <= signature.quarters - length + _NEAR:
            filled = 0.0
        bars.append(Bar(begin, signature, filled))
        filled += length
    return tuple(bars)


def bars_of_rows(rows: Iterable[Any]) -> tuple[Bar, ...]:
    """The bars that `dataclasses.astuple` made rows of."""
    return tuple(Bar(quarters, TimeSignature(*signature), passed) for quarters, signature, passed in rows)


def beat_at(bars: Sequence[Bar], quarters: float, bpm: float) -> float:
    """Where the beat begins that is counted at `quarters`."""
    bar = bars[_index_at(bars, quarters)]
    step = bar.step(bpm)
    return bar.downbeat + math.floor((quarters - bar.downbeat) / step + _NEAR) * step


def beats_from(bars: Sequence[Bar], quarters: float, bpm: float) -> Iterator[Beat]:
    """What is counted from `quarters` on, without end: after the last bar come more like it."""
    index = _index_at(bars, quarters)
    ends = [*(bar.quarters for bar in bars[index + 1 :]), math.inf]
    for bar, end in zip(bars[index:], ends, strict=True):
        yield from _beats(bar, quarters, end, bpm)
        quarters = end


def count_in(bars: Sequence[Bar], quarters: float, bpm: float, whole_bars: int = 1) -> list[Beat]:
    """What is counted before music that begins at `quarters`: whole bars, and what has passed of its own."""
    bar = bars[_index_at(bars, quarters)]
    first = Bar(bar.downbeat - whole_bars * bar.signature.quarters, bar.signature)
    return list(_beats(first, first.quarters, quarters, bpm))


def _beats(bar: Bar, begin: float, end: float, bpm: float) -> Iterator[Beat]:
    """Those in [begin, end), counted from the bar's downbeat on, over bars alike if it is that long."""
    of, step = bar.signature.beats_at(bpm), bar.step(bpm)
    for number in itertools.count(math.ceil((begin - bar.downbeat) / step - _NEAR)):
        quarters = bar.downbeat + number * step
        if quarters >= end - _NEAR:
            return
        yield Beat(quarters, number % of, of, step)


def _index_at(bars: Sequence[Bar], quarters: float) -> int:
    """Of the bar in which `quarters` lies, the first one for what comes before."""
    later = next((index for index, bar in enumerate(bars) if bar.quarters > quarters + _NEAR), len(bars))
    return max(later - 1, 0)
