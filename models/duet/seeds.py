"""One line for each method in Duet's evaluation: mean and standard deviation over its training seeds.

Runs of one method are called NAME-0, NAME-1, ...; what is called otherwise stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.duet.drift import inside, inside_mean, inside_round
from models.duet.measures import MEASURES

if TYPE_CHECKING:
    from models.duet.evaluation import Row

Cell = Callable[["Row", "Row"], float]


def methods(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each method, by its name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(re.sub(r"-\d+$", "", row.player), []).append(row)
    return found


INSIDE = {"inside, to the ends": inside, "inside, going round": inside_round, "mean inside": inside_mean}
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
}
"""Differences from the data, distances, then plain values; how each is written."""


def markdown(rows: Sequence[Row]) -> str:
    """All methods as one table, and their drift as another.

    The first row is the data, whose own values stand where differences do.
    """
    data, *players = rows
    own = [data.pitch_count, data.interval, data.onsets, *(cell(data, data) for _, cell in cells()[3:])]
    lines = [["player", "seeds", *COLUMNS], ["---"] * (len(COLUMNS) + 2)]
    lines.append(["data", "", *(format(v, s.strip("+")) for v, (s, _) in zip(own, cells(), strict=True))])
    for name, runs in methods(players).items():
        pairs = ([cell(run, data) for run in runs] for _, cell in cells())
        written = [_written(values, style) for values, (style, _) in zip(pairs, cells(), strict=True)]
        lines.append([name, str(len(runs)), *written])
    first, *others = drift_lines(rows)
    return f"{_piped(lines)}\n{_piped([first, ['---'] * len(first), *others])}"


def drift_lines(rows: Sequence[Row]) -> list[list[str]]:
    """A heading, then a line for each method and measure; the first row is the data.

    Shares of windows inside the data's standard deviation, to the ends of pieces and going round, and inside
    the interval of its mean; the change over all windows less the data's, with its interval, of every seed.
    """
    data, *players = rows
    lines = [["player", "measure", *INSIDE, "change over 20 windows"]]
    for measure in MEASURES:
        lines.append(["data", measure, *[""] * len(INSIDE), _changed([data], measure)])
    for name, runs in methods(players).items():
        for measure in MEASURES:
            shares = ([found(run, data, measure) for run in runs] for found in INSIDE.values())
            lines.append([name, measure, *(_written(s, ".2f") for s in shares), _changed(runs, measure)])
    return lines


def _changed(runs: Sequence[Row], measure: str) -> str:
    changes = (run.drifts[measure].change for run in runs)
    return "; ".join(f"{change:+.2f} ({low:+.2f} to {high:+.2f})" for change, low, high in changes)


def _piped(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells() -> list[tuple[str, Cell]]:
    """Those of COLUMNS."""
    return list(COLUMNS.values())


def _written(values: Sequence[float], style: str) -> str:
    mean = format(float(np.mean(values)), style)
    return mean if len(values) == 1 else f"{mean} ± {format(float(np.std(values)), style.strip('+'))}"
