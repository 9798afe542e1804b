"""Latency by tapping along with clicks, where no microphone hears them. The window's thread calls it."""

from __future__ import annotations

from typing import Any

from app.engine.calibration import ANOTHER_DEVICE, Latency, NotHeard, tap_latency
from app.engine.scheduler import Event

CLICKS, SPACING_S, LEAD_S = 14, 0.6, 0.8
SOURCE = "tapping"


class Tapping:
    """Clicks that are due on the engine's clock, and the taps against them."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._mixer = engine, engine.mixer
        first = engine.sample + round(LEAD_S * engine.rate)
        self._clicks = [first + round(index * SPACING_S * engine.rate) for index in range(CLICKS)]
        self._taps: list[int] = []
        for sample in self._clicks:
            engine.submit(Event(sample, "click", source=SOURCE))

    @property
    def count(self) -> int:
        """Taps so far."""
        return len(self._taps)

    def tap(self) -> None:
        """Now."""
        self._taps.append(self._engine.sample)

    def poll(self) -> Latency | None:
        """The result once the clicks are over. Raises NotHeard for too few taps, or another device."""
        if self._engine.mixer is not self._mixer:
            raise NotHeard(ANOTHER_DEVICE)
        if self._engine.sample < self._clicks[-1] + round(SPACING_S * self._engine.rate):
            return None
        rate = self._engine.rate
        return tap_latency([tap / rate for tap in self._taps], [click / rate for click in self._clicks])

    def cancel(self) -> None:
        """No more clicks."""
        self._engine.mixer.forget(SOURCE)
