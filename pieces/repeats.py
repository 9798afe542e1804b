"""The order in which measures are played: repeat signs and volta brackets written out. Pure functions.

Verovio's own expansion is not used for this: without an explicit start repeat it plays A A B A B, or crashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_TIMES = 16


@dataclass(frozen=True)
class RepeatMarks:
    """What one measure says about repetition.

    `start` and `end` are its repeat signs, `times` how often the passage that ends here is played, and
    `endings` the passes that the volta bracket over it is for (none: it is played in every pass).
    """

    start: bool = False
    end: bool = False
    times: int = 2
    endings: tuple[int, ...] = ()


def played_order(marks: Sequence[RepeatMarks]) -> list[int]:
    """Indices of the measures in played order. Without a start a repeat goes back to the last one's end."""
    return _walk(marks)[0]


def repeat_starts(marks: Sequence[RepeatMarks]) -> set[int]:
    """The measures that some repeat goes back to, whether or not they carry a start sign."""
    return _walk(marks)[1]


def _walk(marks: Sequence[RepeatMarks]) -> tuple[list[int], set[int]]:
    order: list[int] = []
    targets: set[int] = set()
    index = start = 0
    passing = 1
    while index < len(marks):
        mark = marks[index]
        if mark.start and index != start:
            start, passing = index, 1
        if mark.endings and passing not in mark.endings:
            index += 1
            continue
        order.append(index)
        if mark.end and passing < _passes(marks, index):
            targets.add(start)
            passing += 1
            index = start
            continue
        index += 1
        if _section_is_over(marks, index):
            start, passing = index, 1
    return order, targets


def _passes(marks: Sequence[RepeatMarks], index: int) -> int:
    """How often the passage that ends at `index` is played: as its endings count, else as `times` says."""
    if not marks[index].endings:
        return min(marks[index].times, MAX_TIMES)
    highest = max(marks[index].endings)
    for mark in marks[index + 1 :]:
        if not mark.endings or mark.start:
            break
        highest = max(highest, *mark.endings)
    return min(max(highest, 2), MAX_TIMES)


def _section_is_over(marks: Sequence[RepeatMarks], index: int) -> bool:
    """Whether a new section begins at `index`: after a repeat, unless one of its endings follows."""
    if index >= len(marks) or marks[index].endings:
        return False
    before = marks[index - 1]
    return before.end or bool(before.endings)
