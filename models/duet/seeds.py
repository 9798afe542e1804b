"""One line for each method in Duet's evaluation: mean and standard deviation over its training seeds.

Runs of one method are called NAME-0, NAME-1, ...; what is called otherwise stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.duet.evaluation import Row

Cell = Callable[["Row", "Row"], float]


def methods(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each method, by its name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(re.sub(r"-\d+$", "", row.player), []).append(row)
    return found


def inside(row: Row, data: Row, measure: str) -> float:
    """Share of the windows of Figure 5 in which its mean lies within the data's own standard deviation.

    Windows in which the data has none are left out.
    """
    own, its, spread = (np.array(c[measure]) for c in (row.curves, data.curves, data.spreads))
    known = spread > 0
    return float(np.mean(np.abs(own - its)[known] <= spread[known])) if known.any() else 1.0


COLUMNS: dict[str, tuple[str, Cell]] = {
    "PC/bar": ("+.2f", lambda row, data: row.pitch_count - data.pitch_count),
    "PI": ("+.2f", lambda row, data: row.interval - data.interval),
    "IOI": ("+.2f", lambda row, data: row.onsets - data.onsets),
    "PCH": (".4f", lambda row, data: row.classes),
    "NLH": (".4f", lambda row, data: row.lengths),
    "entropy bits": (".2f", lambda row, data: row.entropy_bits),
    "consonance": (".3f", lambda row, data: row.consonance),
    "repetitions": (".3f", lambda row, data: row.repetitions),
    "accuracy": (".3f", lambda row, data: row.accuracy),
    "at onsets": (".3f", lambda row, data: row.onset_accuracy),
    "beats to adapt": (".1f", lambda row, data: row.adapts),
    "inside PC/bar": (".2f", lambda row, data: inside(row, data, "PC/bar")),
    "inside PI": (".2f", lambda row, data: inside(row, data, "PI")),
    "inside IOI": (".2f", lambda row, data: inside(row, data, "IOI")),
}
"""Differences from the data, distances, plain values, then :func:`inside`; how each is written."""


def markdown(rows: Sequence[Row]) -> str:
    """All methods as one table; the first row is the data, whose own values stand where differences do."""
    data, *players = rows
    own = [data.pitch_count, data.interval, data.onsets, *(cell(data, data) for _, cell in cells()[3:])]
    lines = [["player", "seeds", *COLUMNS], ["---"] * (len(COLUMNS) + 2)]
    lines.append(["data", "", *(format(v, s.strip("+")) for v, (s, _) in zip(own, cells(), strict=True))])
    for name, runs in methods(players).items():
        pairs = ([cell(run, data) for run in runs] for _, cell in cells())
        written = [_written(values, style) for values, (style, _) in zip(pairs, cells(), strict=True)]
        lines.append([name, str(len(runs)), *written])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells() -> list[tuple[str, Cell]]:
    """Those of COLUMNS."""
    return list(COLUMNS.values())


def _written(values: Sequence[float], style: str) -> str:
    mean = format(float(np.mean(values)), style)
    return mean if len(values) == 1 else f"{mean} ± {format(float(np.std(values)), style.strip('+'))}"
