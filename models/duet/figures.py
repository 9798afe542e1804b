"""Figure 5 of the paper, drawn from the rows of `launch.py evaluate duet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.duet.drift import Follows
from pieces.files import replacing, saving

AXES = {
    "PC/bar": "pitches in a bar",
    "PI": "range in a bar, semitones",
    "IOI": "from onset to onset, sixteenths",
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "-.", ":")
"""Of the first six players, of the next six, of those after them; the data's line is "--"."""


class Curves(Follows, Protocol):
    """What of an evaluation's row is drawn: by measure, a value for each window of four bars."""

    @property
    def player(self) -> str:
        """Its name."""


def draw_figure_5(rows: Sequence[Curves], path: Path) -> Path:
    """PC/bar, PI and IOI over the bars as PNG; the first row is the data, its spread a grey band.

    Above to the ends of pieces, as in the paper; below of duets that go round, with the interval of the
    data's mean in a darker grey.

    Raises:
        RipienoError: the file cannot be written.
    """
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(2, len(AXES), sharex=True)
    for above, below, measure in zip(*places, AXES, strict=True):
        _to_the_ends(above, rows, measure)
        _going_round(below, rows, measure)
    figure.legend(*places[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    with saving(path), replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)
    return path


def _to_the_ends(axes: Axes, rows: Sequence[Curves], measure: str) -> None:
    data = rows[0]
    _band(axes, data.curves[measure], data.spreads[measure])
    _lines(axes, [row.curves[measure] for row in rows], rows)
    axes.set(title=f"{measure}, to the ends of pieces", ylabel=AXES[measure])


def _going_round(axes: Axes, rows: Sequence[Curves], measure: str) -> None:
    its = rows[0].drifts[measure]
    _band(axes, its.curve, its.spread)
    bars = range(1, len(its.curve) + 1)
    axes.fill_between(bars, its.low, its.high, color="0.75", label="data, interval of the mean")
    _lines(axes, [row.drifts[measure].curve for row in rows], rows)
    axes.set(title=f"{measure}, going round", ylabel=AXES[measure])
    axes.set(xlabel="first of four bars after the given two")


def _band(axes: Axes, middle: list[float], spread: list[float]) -> None:
    mean, deviation = np.array(middle), np.array(spread)
    bars = np.arange(1, len(mean) + 1)
    axes.fill_between(bars, mean - deviation, mean + deviation, color="0.9", label="data, standard deviation")


def _lines(axes: Axes, curves: Sequence[list[float]], rows: Sequence[Curves]) -> None:
    bars = range(1, len(curves[0]) + 1)
    axes.plot(bars, curves[0], color="0.3", linestyle="--", label="data")
    for n, (row, curve) in enumerate(zip(rows[1:], curves[1:], strict=True)):
        again, place = divmod(n, len(COLOURS))
        dashes = DASHES[again % len(DASHES)]
        axes.plot(bars, curve, color=COLOURS[place], linestyle=dashes, label=row.player)
