"""Latency by tapping: the median of the taps against the clicks."""

from types import SimpleNamespace

import pytest

from app.engine.calibration import NotHeard
from app.scenes.tapping import CLICKS, LEAD_S, SPACING_S, Tapping


class Clock:
    rate = 44100

    def __init__(self):
        self.sample = 0
        self.events: list[object] = []
        self.forgotten: list[str] = []
        self.mixer = SimpleNamespace(forget=self.forgotten.append)

    def submit(self, event):
        self.events.append(event)


def test_steady_taps_give_their_delay():
    clock = Clock()
    tapping = Tapping(clock)
    assert len(clock.events) == CLICKS
    for index in range(CLICKS):
        clock.sample = round((LEAD_S + index * SPACING_S + 0.045) * clock.rate)
        assert tapping.poll() is None
        tapping.tap()
    clock.sample += clock.rate
    latency = tapping.poll()
    assert latency is not None
    assert latency.median_s == pytest.approx(0.045, abs=1e-4) and latency.count == CLICKS


def test_too_few_taps_are_refused_in_words():
    clock = Clock()
    tapping = Tapping(clock)
    tapping.tap()
    clock.sample = 60 * clock.rate
    with pytest.raises(NotHeard, match="Only 1 taps"):
        tapping.poll()


def test_a_device_of_another_rate_ends_it():
    clock = Clock()
    tapping = Tapping(clock)
    clock.mixer = SimpleNamespace()
    with pytest.raises(NotHeard, match="Measure again"):
        tapping.poll()


def test_cancelled_clicks_are_taken_back():
    clock = Clock()
    Tapping(clock).cancel()
    assert clock.forgotten == ["tapping"]
