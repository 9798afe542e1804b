"""How the pictures of Inside look: colours come from the caller, the rest is here."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.inside.colours import Colour, Colours

DPI = 100

def new_figure(width_px: int, height_px: int, colours: Colours) -> Figure:
    """A figure of so many pixels on the caller's paper."""
    size = (width_px / DPI, height_px / DPI)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor=colours.paper)
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, colours: Colours) -> None:
    """Only what is read: two spines, quiet ticks."""
    axes.set_facecolor(colours.paper)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(colours.quiet)
    axes.tick_params(colors=colours.quiet, labelcolor=colours.ink)
    axes.xaxis.label.set_color(colours.ink)
    axes.yaxis.label.set_color(colours.ink)
    axes.title.set_color(colours.ink)


def tinted(strength: NDArray[np.float64], colour: Colour) -> NDArray[np.float64]:
    """(..., 4) the colour, as opaque as ``strength`` (...) in 0 to 1 says."""
    layer = np.empty((*strength.shape, 4))
    layer[..., :3], layer[..., 3] = colour, np.clip(strength, 0.0, 1.0)
    return layer


def png(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, facecolor=figure.get_facecolor())
    return picture.getvalue()
