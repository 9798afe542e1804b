"""A song outlives the program: what changes is on the disk a few seconds later, and taken up the next time.

`SongKeeper` writes in a thread of its own, which looks at the song now and then: its pictures are never
written again, so nobody waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.song_files import load, text_of
from models.launchpad.instrument import BadState
from pieces.files import replace_file
from pieces.folders import folder

log = logging.getLogger(__name__)
PERIOD_S = 3.0
Tell = Callable[[str], object]


class Kept(Protocol):
    """What is kept of a song."""

    now: Picture


def kept_path() -> Path:
    """Where the song lies between two runs."""
    return folder("data") / "launchpad-song.json"


def take_up(path: Path, tell: Tell) -> Picture | None:
    """The song that was kept last, if any; a file that cannot be read is set aside, and told of."""
    if not path.exists():
        return None
    try:
        kept = load(path)
    except BadState as problem:
        log.warning("the kept song: %s", problem)
        kept = None
    if isinstance(kept, Picture):
        return kept
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}.json")
    try:
        path.replace(aside)
    except OSError as error:
        log.warning("it cannot be set aside", exc_info=error)
    tell(f"The launchpad's last song is damaged; a new one begins, the old file is kept as {aside.name}.")
    return None


class SongKeeper:
    """Writes a song after each change, at the latest when it is closed.

    Args:
        song: its `now` is another object as soon as anything has changed.
        path: the file to replace.
        tell: is given a sentence when it cannot be written; called in the keeper's thread.
        period_s: from one look at the song to the next.
    """

    def __init__(self, song: Kept, path: Path, tell: Tell, period_s: float = PERIOD_S) -> None:
        self._song, self._path, self._tell, self._period_s = song, path, tell, period_s
        self._written = song.now
        self._fails = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="launchpad-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is not written yet."""
        self._closed.set()
        self._thread.join()
        self._keep()

    def _run(self) -> None:
        while not self._closed.wait(self._period_s):
            self._keep()

    def _keep(self) -> None:
        now = self._song.now
        if now is self._written:
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
            self._tell(f"The launchpad's song cannot be kept for the next time ({why}): save it elsewhere.")
