"""Agents for the tests of seats that a process of its own can import: numbers, which say who they are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pieces.errors import RipienoError


@dataclass(frozen=True, eq=False)
class Said:
    """About what, by which process, which of its answers, and how urgently."""

    question: object
    pid: int
    number: int
    niceness: int


def chatter(agent: int, question: object) -> Iterator[Said]:
    """As many answers as the agent is high; some questions are too much for it."""
    if question == "fail":
        raise ZeroDivisionError("broken")
    if question == "sleep":
        time.sleep(60)
    for number in range(agent):
        if question == "dawdle" and number:
            dawdle()
        yield Said(question, os.getpid(), number, os.getpriority(os.PRIO_PROCESS, 0))


def dawdle() -> None:
    """Until it is told to hurry; where the system grants no hurry, for a while."""
    before, end_s = os.getpriority(os.PRIO_PROCESS, 0), time.monotonic() + 2.0
    while os.getpriority(os.PRIO_PROCESS, 0) == before and time.monotonic() < end_s:
        time.sleep(0.001)


def one() -> int:
    """An agent with one answer to everything."""
    return 1


def two() -> int:
    """An agent that adds something to everything."""
    return 2


def many() -> int:
    """An agent that hardly comes to an end."""
    return 1_000_000


def refuse() -> int:
    """No agent."""
    raise RipienoError("it is damaged; train another.")


def die() -> int:
    """No agent, and no process."""
    os._exit(7)
