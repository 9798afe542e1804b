"""No sound card: a thread that keeps time by deadlines and calls the same callback.

It sleeps to absolute deadlines, so it does not drift, and after a long standstill (the computer slept) it
starts afresh instead of racing through what was missed. It never reports troubles: where nobody listens, a
block that comes late leaves no hole to be heard.
"""
from __future__ import annotations

import threading

import numpy as np

from app.devices.audio import DEFAULT_RATE, NONE, AudioCallback, AudioChoice, DeviceInfo
from app.engine.clock import now_s, sleep_s
from app.engine.priority import real_time

STANDSTILL_S = 1.0


class NullStream:
    """Time goes on, nothing sounds."""

    player = None

    def __init__(self, rate: int, block_samples: int, callback: AudioCallback) -> None:
        self.rate = rate
        self.input_label = self.output_label = NONE
        self.latency_s = block_samples / rate
        self._block_samples = block_samples
        self._callback = callback
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="null-audio", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        real_time()
        output = np.zeros((self._block_samples, 2), np.float32)
        period_s = self._block_samples / self.rate
        deadline_s = now_s()
        while not self._stopping:
            late_s = now_s() - deadline_s
            self._callback(None, output, 0)
            deadline_s = now_s() if late_s > STANDSTILL_S else deadline_s + period_s
            sleep_s(deadline_s - now_s())


class NullBackend:
    """Lists nothing, always opens."""

    name = "none"

    def devices(self) -> list[DeviceInfo]:
        return []

    def defaults(self) -> tuple[str, str]:
        return NONE, NONE

    def open(self, choice: AudioChoice, callback: AudioCallback) -> NullStream:
        return NullStream(choice.rate or DEFAULT_RATE, choice.block_samples, callback)

    def rescan(self) -> None:
        """Nothing to look for."""
