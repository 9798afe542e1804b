"""When something was counted: beside the machine's standstills it tells what came of those."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.engine.clock import now_s

LOOK_EVERY_S = 0.02


class Rises:
    """A thread that looks at a counter, and notes the moment (of `now_s`) of each step up; `with` ends it."""

    def __init__(self, count: Callable[[], int]) -> None:
        self.moments_s: list[float] = []
        self._count, self._before = count, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="rises", daemon=True)

    def __enter__(self) -> Rises:
        self._before = self._count()
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        before, ended = self._before, False
        while not ended:
            ended = self._ended.wait(LOOK_EVERY_S)  # and once more when it has, for the last moments
            now = self._count()
            self.moments_s += [now_s()] * max(now - before, 0)
            before = now
