"""The t-SNE map of a record's embeddings, coloured by value (score-following paper, section 6.2)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from models.features import SPEC
from models.inside import INSTALL
from models.inside.colours import Colours
from models.inside.record import Record
from models.inside.style import dress, new_figure, png
from pieces.errors import RipienoError

MOST_POINTS = 1500
FEWEST_POINTS = 60
PERPLEXITY = 30.0
LABEL_S = 10
"""So many seconds lie between two points with their time beside them."""


class NoMap(RipienoError):
    """scikit-learn is not installed."""


def chosen_rows(record: Record) -> NDArray[np.int64]:
    """At most :data:`MOST_POINTS` rows of the record, evenly spaced over what was heard."""
    rows = np.flatnonzero(record.heard >= 0)
    step = max(-(-len(rows) // MOST_POINTS), 1)
    return rows[::step]


def project(embeddings: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """(N, E) -> (N, 2) by t-SNE; one thread, so the same seed gives the same map.

    Raises:
        NoMap: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise NoMap(f"The map needs scikit-learn: {INSTALL}.") from error
    with threadpool_limits(1):
        made = TSNE(perplexity=PERPLEXITY, init="pca", random_state=seed, n_jobs=1).fit_transform(embeddings)
    return np.asarray(made, np.float64)


def why_no_map(record: Record) -> str:
    """What is missing for a map, as a sentence; "" where nothing is."""
    if record.embeddings.shape[1] == 0:
        return "This follower shows no states to map."
    if len(record.embeddings) < FEWEST_POINTS:
        return f"The map needs {FEWEST_POINTS / SPEC.fps:.0f} s of music."
    return ""


def embedding_map(record: Record, colours: Colours, seed: int) -> bytes:
    """PNG, 1000 x 800; raises as :func:`project` does."""
    rows = chosen_rows(record)
    points = project(record.embeddings[record.heard[rows]], seed)
    figure = new_figure(1000, 800, colours)
    axes = figure.subplots()
    dress(axes, colours)
    axes.set(xticks=[], yticks=[], xlabel="t-SNE of the policy's last hidden layer")
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[:].set_visible(False)
    dots = axes.scatter(points[:, 0], points[:, 1], c=record.value[rows], cmap="cividis", s=24)
    dots.set(edgecolor=(*colours.ink, 0.5), linewidth=0.4)  # yellow alone is hard to see on paper
    bar = figure.colorbar(dots, ax=axes, label="value", shrink=0.6)
    bar.outline.set_visible(False)
    _label(axes, record, rows, points, colours)
    return png(figure)


def _label(
    axes: Axes, record: Record, rows: NDArray[np.int64], points: NDArray[np.float64], colours: Colours
) -> None:
    """The time beside a point every so often, so that the map can be read along the music."""
    times_s = record.time_s[rows]
    for second in range(LABEL_S, int(times_s[-1]) + 1, LABEL_S):
        nearest = int(np.abs(times_s - second).argmin())
        if abs(times_s[nearest] - second) > 2 / SPEC.fps * max(len(record.time_s) // len(rows), 1):
            continue
        axes.plot(*points[nearest], "o", markersize=7, markerfacecolor="none", color=colours.ink)
        axes.annotate(
            f"{second} s", points[nearest], (6, 6), textcoords="offset points", color=colours.ink, fontsize=9,
            bbox={"facecolor": colours.paper, "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )  # fmt: skip
