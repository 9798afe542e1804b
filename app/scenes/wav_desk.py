"""Sound is written to a file on a thread of its own, one file at a time; how far it is is said once a second.

The message offers to stop it: then nothing is left of the file. Used by the thread of the window.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from app.engine.clock import now_s
from app.sessions.export import Progress
from pieces.errors import RipienoError

log = logging.getLogger(__name__)
STOP = "stop_export"
"""The action of the window that stops what is written; messages about it take each other's place."""
PERIOD_S = 1.0


class _Stopped(RipienoError):
    """Whoever asked for the file does not want it any more."""


class WavDesk:
    """``say(text, kind, action)`` may be called from any thread."""

    def __init__(self, say: Callable[[str, str, str], object]) -> None:
        self._say = say
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def writing(self) -> bool:
        """A file is not finished yet."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, path: Path, work: Callable[[Path, Progress], object]) -> None:
        """Have ``work(path, progress)`` write a file; progress takes the share that is done."""
        if self.writing:
            self._say("A file is being written: wait for it, or click here to stop it.", "plain", STOP)
            return
        self._stopped.clear()
        self._thread = threading.Thread(target=self._write, args=(path, work), name="wav-desk", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up what is being written."""
        self._stopped.set()

    def close(self) -> None:
        """Give it up, and wait until its traces are gone."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _write(self, path: Path, work: Callable[[Path, Progress], object]) -> None:
        said_s = now_s()

        def progress(share: float) -> None:
            nonlocal said_s
            if self._stopped.is_set():
                raise _Stopped(f"{path.name} is not written.")
            if now_s() - said_s >= PERIOD_S:
                said_s = now_s()
                self._say(f"Writing {path.name}: {100 * share:.0f} %. Click here to stop it.", "plain", STOP)

        self._say(f"Writing {path.name} … Click here to stop it.", "plain", STOP)
        try:
            work(path, progress)
        except _Stopped as stopped:
            self._say(str(stopped), "plain", STOP)
        except RipienoError as problem:
            self._say(str(problem), "bad", STOP)
        except Exception:
            log.exception("writing sound failed")
            self._say(f"{path.name} could not be written; details are in the log.", "bad", STOP)
        else:
            self._say(f"Saved {path.name} in {path.parent}", "good", STOP)
