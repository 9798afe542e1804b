"""The votes of the listening test: a small versioned JSON file, and what the votes add up to.

Any thread, one at a time. A damaged file, or one of a later version, is set aside, never overwritten.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.engine.clock import wall_time
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file, set_aside
from pieces.folders import folder

_log = logging.getLogger(__name__)
VERSION = 1
Z_95 = 1.959964
"""Of the normal distribution, for intervals that hold in 95 of 100 cases."""


class VoteNotSaved(RipienoError):
    """A vote could not be written, so it does not count."""


@dataclass(frozen=True)
class Vote:
    """One judgement. ``a`` and ``b`` are the agents in the order of the buttons; ``better`` is one of their
    names, or "" where nobody could tell. ``day`` as YYYY-MM-DD."""

    melody: str
    a: str
    b: str
    better: str
    day: str


@dataclass(frozen=True)
class PairResult:
    """What is known of two agents, named in alphabetical order."""

    first: str
    second: str
    for_first: int = 0
    for_second: int = 0
    undecided: int = 0

    @property
    def decided(self) -> int:
        return self.for_first + self.for_second

    @property
    def share(self) -> float:
        """Of the decided votes, those for the first; 0.5 where there are none."""
        return self.for_first / self.decided if self.decided else 0.5

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share lies with 95 %: Wilson's score interval; 0 to 1 without votes."""
        n = self.decided
        if not n:
            return 0.0, 1.0
        spread = Z_95**2 / n
        centre = (self.share + spread / 2) / (1 + spread)
        half = Z_95 * math.sqrt(self.share * (1 - self.share) / n + spread / (4 * n)) / (1 + spread)
        return max(centre - half, 0.0), min(centre + half, 1.0)

    @property
    def p_value(self) -> float:
        """Of the two-sided sign test: how often equal agents come out at least as far apart."""
        n, most = self.decided, max(self.for_first, self.for_second)
        tail = sum(math.comb(n, k) for k in range(most, n + 1)) / 2**n
        return min(2 * tail, 1.0)


def tally(votes: Iterable[Vote]) -> list[PairResult]:
    """A result for every pair of agents that was compared, the most votes first."""
    found: dict[tuple[str, str], list[int]] = {}
    for vote in votes:
        first, second = sorted((vote.a, vote.b))
        counts = found.setdefault((first, second), [0, 0, 0])
        counts[(first, second).index(vote.better) if vote.better else 2] += 1
    results = [PairResult(first, second, *counts) for (first, second), counts in found.items()]
    return sorted(results, key=lambda result: (-result.decided - result.undecided, result.first))


class VoteFile:
    """The votes on this machine.

    Attributes:
        notice: what the user should be told about reading the file; "" where all was well.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or folder("data") / "duet-votes.json"
        self.notice = ""

    def votes(self) -> list[Vote]:
        """All of them, in the order in which they were given; lines of another shape are passed over."""
        try:
            rows = self._rows()
        except OSError as error:
            self.notice = f"The votes cannot be read ({error.strerror or error}). Check {self.path}."
            rows = []
        found = (_vote(row) for row in rows)
        return [vote for vote in found if vote is not None]

    def add(self, vote: Vote) -> None:
        """Write one more.

        Raises:
            VoteNotSaved: the file cannot be written, or not be read.
        """
        try:
            document = {"version": VERSION, "votes": [*self._rows(), asdict(vote)]}
            replace_file(self.path, json.dumps(document, indent=1).encode())
        except OSError as error:
            reason = error.strerror or error
            raise VoteNotSaved(f"The vote could not be saved ({reason}). Check {self.path}.") from error

    def _rows(self) -> list[Any]:
        """Raises OSError where the file cannot be read, or is damaged and cannot be set aside."""
        try:
            document = read_json(self.path)
        except FileNotFoundError:
            return []
        except ValueError as problem:
            _log.warning("votes: %s", problem)
            document = None
        if isinstance(document, dict) and document.get("version") == VERSION:
            rows = document.get("votes")
            if isinstance(rows, list):
                return rows
        aside = set_aside(self.path, wall_time())
        self.notice = f"The file of votes could not be read; it was set aside as {aside.name}."
        return []


def _vote(row: Any) -> Vote | None:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in Vote.__match_args__):
        return None
    vote = Vote(**{name: row[name] for name in Vote.__match_args__})
    return vote if vote.a != vote.b and vote.better in ("", vote.a, vote.b) else None
