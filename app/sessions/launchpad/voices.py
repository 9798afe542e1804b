"""Which GM program plays which row: a few voices, each on a channel that it keeps. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from app.sessions.launchpad.arrangement import Arrangement

Voices = tuple[int, ...]


def assigned(arrangement: Arrangement, program: int, rows: Iterable[int]) -> tuple[Voices, Voices]:
    """(voices, row_voices) with `program` on some rows; the other rows keep theirs, and their channels."""
    by_row = [arrangement.voices[voice] for voice in arrangement.row_voices]
    for row in rows:
        by_row[row] = program
    voices = _kept_in_place(arrangement.voices, set(by_row))
    return voices, tuple(voices.index(wanted) for wanted in by_row)


def _kept_in_place(before: tuple[int, ...], wanted: set[int]) -> tuple[int, ...]:
    """The wanted programs, those of before on their channels, so that no sounding note changes hands."""
    kept = [program if program in wanted else -1 for program in before]
    for program in sorted(wanted - set(before)):
        free = kept.index(-1) if -1 in kept else len(kept)
        kept[free : free + 1] = [program]
    while kept and kept[-1] == -1:
        kept.pop()
    return tuple(old if new == -1 else new for new, old in zip(kept, (*before, *kept), strict=False))
