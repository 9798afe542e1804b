"""Figure 5 of the paper, drawn from the rows of `launch.py evaluate duet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pieces.errors import RipienoError

AXES = {
    "PC/bar": "pitches in a bar",
    "PI": "range in a bar, semitones",
    "IOI": "from onset to onset, sixteenths",
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


class Curves(Protocol):
    """What of an evaluation's row is drawn: by measure, a value for each window of four bars."""

    @property
    def player(self) -> str:
        """Its name."""

    @property
    def curves(self) -> dict[str, list[float]]:
        """Means over pieces."""

    @property
    def spreads(self) -> dict[str, list[float]]:
        """Standard deviations over pieces."""


def draw_figure_5(rows: Sequence[Curves], path: Path) -> Path:
    """PC/bar, PI and IOI over the bars as PNG; the first row is the data, its spread a grey band.

    Raises:
        RipienoError: the file cannot be written.
    """
    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(1, len(AXES))
    for axes, measure in zip(places, AXES, strict=True):
        _draw(axes, rows, measure)
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise RipienoError(f"could not write {path} ({error.strerror}); choose another place") from error
    return path


def _draw(axes: Axes, rows: Sequence[Curves], measure: str) -> None:
    data, *agents = rows
    mean, spread = np.array(data.curves[measure]), np.array(data.spreads[measure])
    bars = np.arange(1, len(mean) + 1)
    axes.fill_between(bars, mean - spread, mean + spread, color="0.9", label="data, standard deviation")
    axes.plot(bars, mean, color="0.3", linestyle="--", label="data")
    for n, row in enumerate(agents):
        axes.plot(bars, row.curves[measure], color=COLOURS[n % len(COLOURS)], label=row.player)
    axes.set(title=measure, xlabel="first of four bars after the given two", ylabel=AXES[measure])
