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
        self._count = count
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="rises", daemon=True)

    def __enter__(self) -> Rises:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        before = self._count()
        while not self._ended.wait(LOOK_EVERY_S):
            now = self._count()
            self.moments_s += [now_s()] * max(now - before, 0)
            before = now
