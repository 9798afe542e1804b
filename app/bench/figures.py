"""A measured figure: its name, its values, and what it is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.engine.clock import now_s


@dataclass(frozen=True)
class Figure:
    """One row of the report.

    Attributes:
        name: what was measured.
        value: in `unit`.
        limit: the goal, None where there is none; `at_least` says from which side.
        note: how it was measured, in a few words.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "reached": self.reached}


def spread(
    name: str,
    values: Sequence[float],
    unit: str,
    median_limit: float | None = None,
    p99_limit: float | None = None,
    note: str = "",
) -> list[Figure]:
    """Median and 99th percentile of many values."""
    median, p99 = np.percentile(np.asarray(values, dtype=np.float64), (50, 99))
    counted = f"{len(values)} values{'; ' + note if note else ''}"
    return [
        Figure(f"{name}, median", float(median), unit, median_limit, note=counted),
        Figure(f"{name}, p99", float(p99), unit, p99_limit, note=counted),
    ]


def counted(name: str, count: float, note: str = "") -> list[Figure]:
    """Something that should not happen at all."""
    return [Figure(name, float(count), "", 0.0, note=note)]


def time_ms(action: Callable[[], object], repeats: int, warm_up: int = 3) -> list[float]:
    """How long each of `repeats` calls takes, in ms, after a few that do not count."""
    for _ in range(warm_up):
        action()
    taken = []
    for _ in range(repeats):
        begun_s = now_s()
        action()
        taken.append((now_s() - begun_s) * 1000.0)
    return taken
