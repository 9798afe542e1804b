"""The order in which measures are played: repeats, volta brackets and jumps written out. Pure functions.

Verovio's own expansion is not used for this: without an explicit start repeat it plays A A B A B, or crashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_TIMES = 16
SIGNS = ("segno", "coda", "tocoda", "fine", "dacapo", "dalsegno")
"""Segno and coda stand where a jump leads to; the others act at the end of their measure."""


@dataclass(frozen=True)
class RepeatMarks:
    """What one measure says about repetition.

    `start` and `end` are its repeat signs, `times` how often the passage that ends here is played, and
    `endings` the passes that the volta bracket over it is for (none: it is played in every pass).
    `signs` are those of SIGNS.
    """

    start: bool = False
    end: bool = False
    times: int = 2
    endings: tuple[int, ...] = ()
    signs: frozenset[str] = frozenset()


def played_order(marks: Sequence[RepeatMarks]) -> list[int]:
    """Indices of the measures in played order. Without a start a repeat goes back to the last one's end.

    The first D.C. or D.S. is obeyed once, when its own repeats are through. What comes after it is played
    without repeats, with the last of several endings, up to a Fine, or from a To Coda on at the coda.
    """
    order, _, jump = _walk(marks)
    return order if jump is None else [*order, *_after_jump(marks, jump)]


def repeat_starts(marks: Sequence[RepeatMarks]) -> set[int]:
    """The measures that some repeat goes back to, whether or not they carry a start sign."""
    return _walk(marks)[1]


def _walk(marks: Sequence[RepeatMarks]) -> tuple[list[int], set[int], int | None]:
    """Played order up to the first jump, what repeats go back to, and the measure of the jump."""
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
        if mark.signs & {"dacapo", "dalsegno"}:
            return order, targets, index
        index += 1
        if _section_is_over(marks, index):
            start, passing = index, 1
    return order, targets, None


def _after_jump(marks: Sequence[RepeatMarks], jump: int) -> list[int]:
    """What is played from the target of the jump at the end of a measure on."""
    segno = next((i for i in range(jump, -1, -1) if "segno" in marks[i].signs), 0)
    index = segno if "dalsegno" in marks[jump].signs else 0
    order: list[int] = []
    while index < len(marks):
        mark = marks[index]
        if mark.endings and _highest_ending(marks, index) not in mark.endings:
            index += 1
            continue
        order.append(index)
        if "fine" in mark.signs:
            break
        index += 1
        if "tocoda" in mark.signs:
            index = next((i for i in range(index, len(marks)) if "coda" in marks[i].signs), index)
    return order


def _passes(marks: Sequence[RepeatMarks], index: int) -> int:
    """How often the passage that ends at `index` is played: as its endings count, else as `times` says."""
    if not marks[index].endings:
        return min(marks[index].times, MAX_TIMES)
    return min(max(_highest_ending(marks, index), 2), MAX_TIMES)


def _highest_ending(marks: Sequence[RepeatMarks], index: int) -> int:
    """The last pass that the volta brackets from `index` on are for."""
    highest = max(marks[index].endings)
    for mark in marks[index + 1 :]:
        if not mark.endings or mark.start:
            break
        highest = max(highest, *mark.endings)
    return highest


def _section_is_over(marks: Sequence[RepeatMarks], index: int) -> bool:
    """Whether a new section begins at `index`: after a repeat, unless one of its endings follows."""
    if index >= len(marks) or marks[index].endings:
        return False
    before = marks[index - 1]
    return before.end or bool(before.endings)
