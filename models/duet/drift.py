"""Whether an agent drifts: Figure 5 of the paper, with all chorales in every window.

The paper's figure follows pieces to their ends, and few are long enough: of the 37 that are held out 27 are
in the window of four bars from bar 6, 8 from bar 10, 2 from bar 12 and one from bar 14 on. The standard
deviation of the twelve lines of one chorale is not the spread of the data, and an agent that plays a slow
piece at the usual pace has not drifted. So here each duet goes round: when it is through, it goes on from its
beginning, for the data and the agent alike, until there are 23 bars behind the two given ones. No agent
remembers more than 63 steps, so what it played the first time round is as forgotten as in a longer piece.

The spread of the data is then the standard deviation over all duets in every window. Of the same lines two
stricter figures: whether an agent's mean lies where the data's own could, in the bootstrap interval of the
mean over chorales (resampled with all their duets, for duets of one chorale are not independent); and the
change, the slope of agent minus data over the windows times their number less one, with its interval. Pure
numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.duet.encoding import Tokens
from models.duet.environment import SEED_STEPS
from models.duet.measures import BAR_STEPS, MEASURES, WINDOW_BARS, mean_known

Floats = NDArray[np.float64]
WINDOWS = 20
ROUND_STEPS = SEED_STEPS + (WINDOWS - 1 + WINDOW_BARS) * BAR_STEPS
"""Of a duet that goes round: as many as the last window needs."""
RESAMPLED = 2000
INTERVAL = (2.5, 97.5)
"""Percentiles."""


def by_window(lines: Sequence[Tokens], measure: str) -> Floats:
    """(lines, WINDOWS) of lines behind the given bars; NaN where a window says nothing."""
    starts = range(0, WINDOWS * BAR_STEPS, BAR_STEPS)
    size = WINDOW_BARS * BAR_STEPS
    return np.array([[MEASURES[measure](line[start : start + size]) for start in starts] for line in lines])


class Follows(Protocol):
    """What of an evaluation's row is asked: curves of Figure 5, to the ends of pieces and going round."""

    @property
    def curves(self) -> dict[str, list[float]]:
        """Means over pieces that are long enough."""

    @property
    def spreads(self) -> dict[str, list[float]]:
        """Standard deviations over them."""

    @property
    def drifts(self) -> dict[str, Drift]:
        """Of duets that go round."""


@dataclass(frozen=True)
class Drift:
    """Of one player in one measure.

    Attributes:
        curve, spread: mean and standard deviation over duets in each window, (WINDOWS,).
        low, high: interval of the mean, (WINDOWS,), chorales resampled.
        change: from the first window to the last of the player less the data, on the line of least squares,
            and the ends of its interval; of the data its own. Of chorales that say something in all windows.
    """

    curve: list[float]
    spread: list[float]
    low: list[float]
    high: list[float]
    change: list[float]


def inside(row: Follows, data: Follows, measure: str) -> float:
    """Share of the windows, to the ends of pieces, in which its mean is within the data's own deviation."""
    return _within(row.curves[measure], data.curves[measure], data.spreads[measure])


def inside_round(row: Follows, data: Follows, measure: str) -> float:
    """The same of duets that go round, with all chorales in every window."""
    its = data.drifts[measure]
    return _within(row.drifts[measure].curve, its.curve, its.spread)


def inside_mean(row: Follows, data: Follows, measure: str) -> float:
    """Share of the windows, going round, in which its mean is one that the data's own mean could have."""
    its, own = data.drifts[measure], np.array(row.drifts[measure].curve)
    return float(np.mean((own >= its.low) & (own <= its.high)))


def _within(curve: Sequence[float], middle: Sequence[float], spread: Sequence[float]) -> float:
    """Windows in which the data has no deviation are left out."""
    known = np.array(spread) > 0
    near = np.abs(np.array(curve) - middle)[known] <= np.array(spread)[known]
    return float(near.mean()) if known.any() else 1.0


def drift_of(values: Floats, data: Floats | None, names: Sequence[str]) -> Drift:
    """From values (duets, WINDOWS) of a player and the data, and the chorales that the duets are of."""
    own, other = _by_chorale(values, names), 0.0 if data is None else _by_chorale(data, names)
    changes = _resampled(_slopes(own - other) * (WINDOWS - 1))
    windows = [
        (*_resampled(pieces), _deviation(duets)) for pieces, duets in zip(own.T, values.T, strict=True)
    ]
    mean, low, high, spread = (list(part) for part in zip(*windows, strict=True))
    return Drift(mean, spread, low, high, list(changes))


def _by_chorale(values: Floats, names: Sequence[str]) -> Floats:
    """(chorales, WINDOWS): means over the duets of each."""
    which = np.array(names)
    return np.array([
        [mean_known(window) for window in values[which == name].T] for name in dict.fromkeys(names)
    ])  # fmt: skip


def _slopes(curves: Floats) -> Floats:
    """(n,) of least squares a window, of curves (n, WINDOWS)."""
    windows = np.arange(WINDOWS) - (WINDOWS - 1) / 2
    found: Floats = curves @ windows / (windows @ windows)
    return found


def _resampled(values: Floats) -> tuple[float, float, float]:
    """Mean over the chorales (n,) that are known, and the ends of its interval; NaN where none is."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan, np.nan
    picked = np.random.default_rng(0).integers(0, len(known), (RESAMPLED, len(known)))
    low, high = np.percentile(known[picked].mean(1), INTERVAL)
    return float(known.mean()), float(low), float(high)


def _deviation(values: Floats) -> float:
    """Over the duets (n,) that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.std()) if len(known) else np.nan
