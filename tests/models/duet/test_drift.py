from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.duet.chorales import Duet
from models.duet.drift import (
    ROUND_STEPS,
    WINDOWS,
    Drift,
    by_window,
    drift_of,
    inside_mean,
    inside_round,
)
from models.duet.encoding import line
from models.duet.environment import going_round

NAMES = [f"piece {n // 3}" for n in range(12)]


def values(seed: int = 0) -> np.ndarray:
    """(12, WINDOWS) of four pieces in three duets each."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(size=(4, 1)), 3, axis=0) + 0.1 * rng.normal(size=(12, WINDOWS))


def test_a_duet_that_goes_round_begins_anew_where_it_ends() -> None:
    human, machine = line([(0, 4, 60), (4, 8, 62)], 12), line([(0, 12, 48)], 12)
    found = going_round(Duet("x", ("soprano", "bass"), human, machine, 2), 30)
    assert found.human.tolist() == [*human, *human, *human[:6]] and found.phase == 2
    assert found.machine.tolist() == [*machine, *machine, *machine[:6]]


def test_every_window_has_four_bars_of_every_line() -> None:
    busy = line([(step, 2, 60 + step % 3) for step in range(0, ROUND_STEPS, 2)], ROUND_STEPS)[32:]
    changing = np.concatenate([busy[:160], line([(0, 8, 60)] * 1, ROUND_STEPS - 32 - 160)])
    found = by_window([busy, changing], "IOI")
    assert found.shape == (2, WINDOWS) and (found[0] == 2.0).all()
    assert (found[1, :7] == 2.0).all() and np.isnan(found[1, 10:]).all()


def test_an_agent_that_is_off_everywhere_does_not_drift_and_one_that_moves_does() -> None:
    data = values()
    off = drift_of(data + 0.7, data, NAMES)
    assert off.change == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    moving = drift_of(data + 0.1 * np.arange(WINDOWS), data, NAMES)
    assert moving.change == pytest.approx([1.9, 1.9, 1.9])
    some = data + np.where(np.arange(12) < 3, 0.4, 0.0)[:, None] * np.arange(WINDOWS, dtype=np.float64)
    change, low, high = drift_of(some, data, NAMES).change
    assert change == pytest.approx(1.9) and low == pytest.approx(0.0) and high > 3.0  # one piece of four


def test_pieces_are_resampled_and_not_their_duets() -> None:
    alone = drift_of(values()[:3], None, NAMES[:3])
    assert alone.low == pytest.approx(alone.curve) and alone.high == pytest.approx(alone.curve)
    four = drift_of(values(), None, NAMES)
    deviation = np.std([values()[n : n + 3].mean() for n in range(0, 12, 3)]) / 2
    assert np.subtract(four.high, four.low).mean() == pytest.approx(4 * deviation, rel=0.3)
    assert four.spread == pytest.approx(values().std(0))


def test_what_is_silent_is_left_out() -> None:
    data, played = values(), values(1)
    played[:3, 5] = np.nan  # one piece says nothing once
    played[4, 6] = np.nan
    found = drift_of(played, data, NAMES)
    assert found.curve[5] == pytest.approx(played[3:, 5].mean())
    assert found.change == pytest.approx(drift_of(values(1)[3:], data[3:], NAMES[3:]).change, abs=0.05)
    silent = drift_of(np.full((12, WINDOWS), np.nan), data, NAMES)
    assert np.isnan([*silent.change, *silent.curve]).all()


def test_shares_of_windows_inside_what_the_data_does() -> None:
    its = Drift([1.0] * 4, [0.5] * 4, [0.9] * 4, [1.2] * 4, [0.0] * 3)
    own = replace(its, curve=[1.15, 0.85, 1.4, 1.6])

    class Row:
        def __init__(self, drift: Drift) -> None:
            self.curves: dict[str, list[float]] = {}
            self.spreads: dict[str, list[float]] = {}
            self.drifts = {"PI": drift}

    assert inside_round(Row(own), Row(its), "PI") == 0.75
    assert inside_mean(Row(own), Row(its), "PI") == 0.25
