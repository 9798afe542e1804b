"""Draws SVG pages at the size of the screen in a child process, because resvg holds Python's lock.

The window's thread calls :meth:`PageRenderer.request` and :meth:`PageRenderer.collect` and never waits. One
thread of our own feeds the child and reads its answers. Run as a module, this file is the child.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from app.child import Child, ChildDied, serve

_log = logging.getLogger(__name__)
_WIDTH, _SIZE = struct.Struct("<I"), struct.Struct("<II")


@dataclass(frozen=True)
class Drawn:
    """An answer: ``grey`` is (H, W) uint8, 255 paper and 0 ink; None where the page could not be drawn."""

    key: Hashable
    grey: NDArray[np.uint8] | None


class PageRenderer:
    """A queue of pages to draw, the urgent ones first, and the child that draws them."""

    def __init__(self) -> None:
        self._pending: dict[Hashable, tuple[int, str, int]] = {}
        self._done: SimpleQueue[Drawn] = SimpleQueue()
        self._change = threading.Condition()
        self._closed = False
        self._child = Child("app.widgets.rendering")
        self._thread: threading.Thread | None = None

    def request(self, key: Hashable, svg: str, width_px: int, urgency: int = 0) -> None:
        """Ask for a page ``width_px`` wide; asked again before it is drawn, it only changes its place."""
        with self._change:
            if self._closed:
                return
            self._pending[key] = (urgency, svg, width_px)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="pages", daemon=True)
                self._thread.start()
            self._change.notify()

    def forget(self) -> None:
        """Drop what has not been begun: another piece or another size is on the screen."""
        with self._change:
            self._pending.clear()

    def collect(self) -> list[Drawn]:
        """What has been drawn since the last call."""
        drawn = []
        while not self._done.empty():
            drawn.append(self._done.get())
        return drawn

    def close(self) -> None:
        """End the child."""
        with self._change:
            self._closed = True
            self._pending.clear()
            self._change.notify()
        self._child.close()
        if self._thread:
            self._thread.join(timeout=2)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._pending and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                key = max(self._pending, key=lambda name: self._pending[name][0])
                _, svg, width_px = self._pending.pop(key)
            self._done.put(Drawn(key, self._draw(svg, width_px)))

    def _draw(self, svg: str, width_px: int) -> NDArray[np.uint8] | None:
        try:
            answer = self._child.ask(_WIDTH.pack(width_px) + svg.encode())
        except ChildDied:
            if not self._closed:
                _log.warning("a page could not be drawn %d px wide", width_px)
            return None
        height, width = _SIZE.unpack_from(answer)
        return np.frombuffer(answer, np.uint8, offset=_SIZE.size).reshape(height, width)


def _answer(request: bytes) -> bytes:
    """Draw one page; an empty image where resvg refuses it (the scaled one stays on the screen)."""
    from pieces.strip import draw_page

    (width_px,) = _WIDTH.unpack_from(request)
    try:
        grey = draw_page(request[_WIDTH.size :].decode(), width_px)
    except ValueError:
        grey = np.zeros((0, 0), np.uint8)
    return _SIZE.pack(*grey.shape) + np.ascontiguousarray(grey).tobytes()


if __name__ == "__main__":
    serve(_answer)
