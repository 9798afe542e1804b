"""The timeline of a record: value, action probabilities and place over seconds."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from matplotlib.axes import Axes

from models.inside.colours import Colours
from models.inside.record import Record
from models.inside.style import dress, new_figure, png

NAMES = {"waiting": "waiting", "finished": "ended"}


def timeline(record: Record, colours: Colours) -> bytes:
    """PNG, 1200 x 800: means over a second; grey where the follower waited or had ended."""
    figure = new_figure(1200, 800, colours)
    value, chances, place = figure.subplots(3, 1, sharex=True)
    value.plot(record.time_s, record.smoothed(record.value), color=colours.machine)
    value.set_ylabel("value")
    value.set_title("Means over one second", loc="center", fontsize=10)
    _stack(chances, record, colours)
    place.plot(record.time_s, record.x_px, color=colours.machine)
    place.set(xlabel="seconds", ylabel="place, px along the strip")
    for axes in (value, chances, place):
        dress(axes, colours)
        axes.margins(x=0)
    _mark_idle(record, (value, chances, place), colours)
    figure.align_ylabels()
    return png(figure)


def _stack(axes: Axes, record: Record, colours: Colours) -> None:
    smooth = record.smoothed(record.probabilities)
    faces = (colours.machine, (*colours.quiet, 0.25), colours.machine_light)
    floor = np.zeros(len(smooth))
    for name, share, face in zip(("slower", "keep", "faster"), smooth.T, faces, strict=True):
        axes.fill_between(record.time_s, floor, floor + share, color=face, label=name, linewidth=0)
        floor = floor + share
    axes.set(ylabel="probability", ylim=(0, 1))
    legend = axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0.2)
    for text in legend.get_texts():
        text.set_color(colours.ink)


def _mark_idle(record: Record, all_axes: tuple[Axes, ...], colours: Colours) -> None:
    """Grey bands where nothing was decided, with the word in the uppermost."""
    for idle, rows in groupby(range(len(record.heard)), lambda row: bool(record.heard[row] < 0)):
        span = list(rows)
        if not idle:
            continue
        begin_s, end_s = record.time_s[span[0]], record.time_s[span[-1]]
        for axes in all_axes:
            axes.axvspan(begin_s, end_s, color=colours.quiet, alpha=0.15, linewidth=0)
        word = NAMES.get(record.states[span[0]], record.states[span[0]])
        late = begin_s > 0.5 * record.time_s[-1]
        side = {"x": end_s if late else begin_s, "ha": "right" if late else "left"}
        all_axes[0].text(
            side["x"], 1.01, word, ha=side["ha"], va="bottom", color=colours.quiet, fontsize=9,
            transform=all_axes[0].get_xaxis_transform(),
        )  # fmt: skip
