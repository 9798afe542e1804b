"""A program to be watched: opens the real window in this process, follows a demo, and prints what it saw.

Started by `app.bench.live` as `python -m app.bench.window_child STARTED SECONDS [PIECE]`, the first in
seconds of `wall_time`. The main thread is the window's; a second one only reads counters, and tells the
window to close.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import psutil

from app.bench.rises import Rises
from app.engine.clock import now_s, sleep_s, wall_time
from app.engine.snapshot import Snapshot
from pieces.errors import RipienoError

PATIENCE_S = 60.0
SETTLING_S = 1.0


class Watcher:
    """Waits for the first frame, then for the follower, then for `seconds`, and closes the window."""

    def __init__(self, window: Any, started_s: float, seconds: float, following: bool) -> None:
        self._window, self._seconds, self._following = window, seconds, following
        self._started_s = started_s
        self.seen: dict[str, Any] = {}

    def run(self) -> None:
        """The second thread."""
        try:
            self._wait(lambda: len(self._window.frame_ms) > 0)
            self.seen["interactive_s"] = wall_time().timestamp() - self._started_s
            if self._following:
                self._wait(lambda: self._window.studio.snapshot.state == "following")
                self._hear_where_it_sounds()
                self._loop_the_piece()
                sleep_s(SETTLING_S)
            before = self._window.studio.snapshot
            self._window.frame_ms.clear()
            self._window.studio.engine.latencies_ms.clear()
            with Rises(lambda: self._window.studio.snapshot.dropouts) as dropouts:
                sleep_s(self._seconds)
            self._read(before)
            self.seen["dropouts_s"] = dropouts.moments_s
        except TimeoutError:
            self.seen["problem"] = f"nothing was followed within {PATIENCE_S:.0f} s"
        except RipienoError as problem:
            self.seen["problem"] = str(problem)
        finally:
            self._window.running = False

    def _hear_where_it_sounds(self) -> None:
        from app.bench.watched import sound_of  # now: at the start it would be part of what is measured

        self.seen["sound"] = sound_of(self._window.studio.engine)

    def _loop_the_piece(self) -> None:
        studio = self._window.studio
        onsets_px = studio.piece.onset_x_px
        studio.session.set_loop(float(onsets_px[0]), float(onsets_px[-1]))

    def _read(self, before: Snapshot) -> None:
        import pygame

        studio = self._window.studio
        stream = studio.engine.supervisor.stream
        everyone = [psutil.Process(), *psutil.Process().children(recursive=True)]
        self.seen |= {
            "frame_ms": list(self._window.frame_ms),
            "latency_ms": list(studio.engine.latencies_ms),
            "late_frames": studio.snapshot.late_frames - before.late_frames,
            "state": studio.snapshot.state,
            "processes": len(everyone),
            "memory_bytes": sum(process.memory_info().rss for process in everyone),
            "through_ms": stream.latency_s * 1000,
            "display": pygame.display.get_driver(),
        }

    @staticmethod
    def _wait(condition: Callable[[], bool]) -> None:
        deadline_s = now_s() + PATIENCE_S
        while not condition():
            if now_s() > deadline_s:
                raise TimeoutError
            sleep_s(0.005)


def main(started_s: float, seconds: float, piece: str | None) -> None:
    """Run the window until the watcher closes it; prints one line of JSON."""
    from app.devices.audio import open_system

    audio = open_system()  # as the command line does: before the rest is imported
    from app.program import build_studio
    from app.window import Window, scenes

    studio = build_studio(None, 0, audio)
    window = Window(studio, scenes(), "follow" if piece else "home")
    if piece:
        studio.open(piece, start=True)
    watcher = Watcher(window, started_s, seconds, piece is not None)
    threading.Thread(target=watcher.run, name="watcher", daemon=True).start()
    window.run()
    sys.stdout.write(json.dumps(watcher.seen) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
