"""A song outlives the program: what changes is on the disk a few seconds later, and taken up the next time.

`SongKeeper` writes in a thread of its own, which looks at the song now and then: its pictures are never
written again, so nobody waits for it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from app.engine.clock import wall_time
from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.song_files import load, text_of
from models.launchpad.instrument import BadState
from pieces.files import replace_file, set_aside
from pieces.folders import folder

log = logging.getLogger(__name__)
PERIOD_S = 3.0
OTHER = "Another Ripieno keeps the launchpad's song: save what you make here before you quit."
CANNOT = "The launchpad's song cannot be kept for the next time ({}): save it before you quit."
Tell = Callable[[str], object]


class Kept(Protocol):
    """What is kept of a song."""

    now: Picture


def kept_path() -> Path:
    """Where the song lies between two runs."""
    return folder("data") / "launchpad-song.json"


class SongKeeper:
    """Takes up the song that was kept, then writes after each change, at the latest when it is closed.

    Several programs may run: the first one keeps its song, the others say that they do not.

    Args:
        path: the file.
        tell: is given sentences, also by the keeper's thread.
        period_s: from one look at the song to the next.
    """

    def __init__(self, path: Path, tell: Tell, period_s: float = PERIOD_S) -> None:
        self._path, self._tell, self._period_s = path, tell, period_s
        self._lock, self._hindrance = _locked(path.with_suffix(".lock"))
        self._song: Kept | None = None
        self._written: Picture | None = None
        self._fails = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="launchpad-keeper", daemon=True)

    def take_up(self) -> Picture | None:
        """The song that was kept last, if any; a damaged file is set aside, and told of.

        Where it cannot be read now, or not be set aside, nothing is kept: what lies there stays.
        """
        if self._lock is None:
            self._tell(self._hindrance)
            return None
        if not self._path.exists():
            return None
        try:
            kept = load(self._path)
        except BadState as problem:
            if isinstance(problem.__cause__, OSError):
                self._leave_alone(problem.__cause__)
                return None
            log.warning("the kept song: %s", problem)
            kept = None
        if not isinstance(kept, Picture):
            self._set_aside()
            return None
        return kept

    def keep(self, song: Kept) -> None:
        """Write ``song`` from now on: its `now` is another object as soon as anything has changed."""
        if self._lock is not None:
            self._song, self._written = song, song.now
            self._thread.start()

    def close(self) -> None:
        """Write what is not written yet; another program may keep its song now."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write()
        if self._lock is not None:
            self._lock.close()

    def _run(self) -> None:
        while not self._closed.wait(self._period_s):
            self._write()

    def _write(self) -> None:
        now = self._song.now if self._song is not None else None
        if now is None or now is self._written:
            return
        try:
            replace_file(self._path, text_of(now).encode())
        except OSError as error:
            self._fail(f"{error.strerror or error}", error)
        except Exception as error:  # noqa: BLE001 - the next change may be written again
            self._fail("details are in the log", error)
        else:
            self._written, self._fails = now, False

    def _fail(self, why: str, error: Exception) -> None:
        """Say it once, until it goes well again."""
        if not self._fails:
            self._fails = True
            log.warning("the song is not kept", exc_info=error)
            self._tell(CANNOT.format(why))

    def _set_aside(self) -> None:
        try:
            aside = set_aside(self._path, wall_time())
        except OSError as error:
            self._leave_alone(error)
            return
        self._tell(
            f"The launchpad's last song is damaged; a new one begins, the old file is kept as {aside.name}."
        )

    def _leave_alone(self, error: OSError) -> None:
        """Write nothing in this run."""
        log.warning("the kept song is left alone", exc_info=error)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        self._tell(CANNOT.format(error.strerror or error))


def _locked(path: Path) -> tuple[TextIO | None, str]:
    """The file, locked until it is closed; or None, and what hinders it."""
    try:
        file = path.open("w")
    except OSError as error:
        return None, CANNOT.format(error.strerror or error)
    if os.name != "nt":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None, OTHER
        except OSError as error:
            log.warning("no locks on this disk: %s", error)
    return file, ""
