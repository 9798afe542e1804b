"""Opens pieces and makes thumbnails without holding up the window.

Engraving and drawing happen in child processes, which leave the finished piece in the cache; a thread then
reads it from there. The window's thread starts jobs and collects what is done. Run as a module, this file is
the child.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from app.child import Child, ChildDied, serve
from pieces.errors import RipienoError
from pieces.files import replacing
from pieces.piece import Piece

_log = logging.getLogger(__name__)
Item = TypeVar("Item")
_MODULE = "app.scenes.loading"
THUMBNAIL_WIDTH_PX, THUMBNAIL_HEIGHT_PX = 640, 460
BACKGROUND_NICENESS = 10


@dataclass(frozen=True)
class Opened:
    """A piece that was asked for, or the sentence that says why there is none.

    The piece's name opens it again: that in the library, or the whole path of a file that is not in it.
    """

    wanted: str
    piece: Piece | None
    problem: str = ""


@dataclass(frozen=True)
class Thumbnail:
    """The top of a first page as a PNG file; ``path`` is None where it could not be made."""

    wanted: str
    path: Path | None


@dataclass(frozen=True, eq=False)
class _Opening:
    """What was asked for: a piece by name or path to "open", or a path to "add" to the library first."""

    wanted: str
    job: str
    child: Child


class Loader:
    """One child for the piece that is wanted, one for thumbnails: an opening waits neither for a picture nor
    for another opening, which it ends. Scores that are still being added then are added all the same."""

    def __init__(self) -> None:
        self._opened: SimpleQueue[tuple[_Opening, Opened]] = SimpleQueue()
        self._thumbnails: SimpleQueue[Thumbnail] = SimpleQueue()
        self._opener, self._painter = Child(_MODULE), Child(_MODULE)
        self._painting = threading.Lock()  # one list of pictures after the other
        self._closed = False
        self._opening: _Opening | None = None
        self._adding: list[Child] = []  # what they add is not what is wanted any more
        self._turn_to_add = threading.Lock()  # two at once could take the same name in the library

    def open(self, wanted: str) -> None:
        """Begin to open a piece; only the last one asked for is delivered."""
        self._begin(wanted, "open")

    def add(self, path: Path) -> None:
        """Begin to take a score of the user's into the library and to open it."""
        self._begin(str(path), "add")

    def cancel(self) -> None:
        """End the opening under way, if there is one: nothing of it is delivered."""
        if self._opening is not None:
            self._opening = None
            self._opener.close()
            self._opener = Child(_MODULE)

    def make_thumbnails(self, wanted: list[str]) -> None:
        """Begin to make the pictures of these pieces, in this order."""
        threading.Thread(target=self._paint, args=(wanted,), name="thumbnails", daemon=True).start()

    def opened(self) -> list[Opened]:
        """The openings that have ended since the last call; of those that others have ended, what failed."""
        ended = []
        for opening, done in _drain(self._opened):
            if opening is self._opening:
                self._opening = None
                ended.append(done)
            elif opening.child in self._adding:
                self._adding.remove(opening.child)
                opening.child.close()
                if done.problem and not self._is_awaited(done.wanted):
                    ended.append(done)
        return ended

    def _is_awaited(self, wanted: str) -> bool:
        """It is asked for once more: what comes of that is what counts."""
        return self._opening is not None and self._opening.wanted == wanted

    def thumbnails(self) -> list[Thumbnail]:
        """The pictures made since the last call."""
        return _drain(self._thumbnails)

    def close(self) -> None:
        """End every child."""
        self._closed = True
        for child in (self._opener, self._painter, *self._adding):
            child.close()

    def _begin(self, wanted: str, job: str) -> None:
        if self._opening is not None and self._opening.job == "add":
            self._adding.append(self._opener)
            self._opener = Child(_MODULE)
        else:
            self.cancel()
        self._opening = _Opening(wanted, job, self._opener)
        threading.Thread(target=self._open, args=(self._opening,), name="open-piece", daemon=True).start()

    def _open(self, opening: _Opening) -> None:
        """Thread of an opening. Whatever happens, there is an answer."""
        name = Path(opening.wanted).name
        turn = self._turn_to_add if opening.job == "add" else nullcontext()
        try:
            with turn:
                done = _opened(opening)
        except RipienoError as error:
            done = Opened(opening.wanted, None, str(error))
        except ChildDied:
            problem = f"{name} could not be opened. Export it again as MusicXML and try once more."
            done = Opened(opening.wanted, None, problem)
        except Exception:  # noqa: BLE001 - the last stop of this thread
            _log.exception("opening %s", opening.wanted)
            done = Opened(opening.wanted, None, f"{name} could not be opened. Details are in the log.")
        self._opened.put((opening, done))

    def _paint(self, wanted: list[str]) -> None:
        with self._painting:
            for name in wanted:
                if self._closed:
                    return
                try:
                    reply = json.loads(self._painter.ask(json.dumps({"thumbnail": name}).encode()))
                except ChildDied:
                    reply = {}
                path = reply.get("path")
                self._thumbnails.put(Thumbnail(name, Path(path) if path else None))
            self._painter.close()
            self._painter = Child(_MODULE)


def _opened(opening: _Opening) -> Opened:
    """Have the child do it, then take the piece from the cache."""
    from pieces import library
    from pieces.opening import open_piece

    reply = json.loads(opening.child.ask(json.dumps({opening.job: opening.wanted}).encode()))
    if "problem" in reply:
        return Opened(opening.wanted, None, reply["problem"])
    name = reply.get("name", opening.wanted)
    piece, path = open_piece(name), library.find(name)
    if library.describe(path) is None:
        piece = replace(piece, name=str(path.absolute()))
    return Opened(opening.wanted, piece)


def _drain(queue: SimpleQueue[Item]) -> list[Item]:
    items = []
    while not queue.empty():
        items.append(queue.get())
    return items


def thumbnail_path(name: str) -> Path:
    """Where the picture of a piece is kept; another one as soon as the file changes."""
    from pieces import folders, library

    path = library.find(name)
    stat = path.stat()
    key = f"5|{path}|{stat.st_mtime_ns}|{stat.st_size}"
    return folders.cache_folder() / "thumbnails" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.png"


def _answer(request: bytes) -> bytes:
    """The child: open a piece (which fills the cache) or draw its picture."""
    from pieces import library
    from pieces.opening import open_piece

    job = json.loads(request)
    try:
        if "add" in job:
            return json.dumps({"name": library.add(Path(job["add"])).name}).encode()
        if "open" in job:
            open_piece(job["open"])
            return b"{}"
        _step_back()
        path = thumbnail_path(job["thumbnail"])
        if not path.exists():
            _draw_thumbnail(open_piece(job["thumbnail"]), path)
        return json.dumps({"path": str(path)}).encode()
    except (RipienoError, OSError) as error:
        return json.dumps({"problem": str(error)}).encode()


@cache
def _step_back() -> None:
    """Pictures of a whole library take a minute at the first start: they wait for music and openings."""
    if hasattr(os, "nice"):
        os.nice(BACKGROUND_NICENESS)


def _draw_thumbnail(piece: Piece, path: Path) -> None:
    """The music at the top of the first page, without the title that the card says anyway."""
    from PIL import Image

    from pieces.strip import draw_page, without

    page = draw_page(without(piece.svg_pages[0], "pgHead"), 900)
    scale = 900 / piece.pages[0].shape[1]
    first = min(segment.page_y0_px for segment in piece.segments if segment.page == 0) * scale
    top = max(round(first) - 56, 0)
    left = max(round(min(segment.page_x0_px for segment in piece.segments) * scale) - 40, 0)
    cut = page[top : top + THUMBNAIL_HEIGHT_PX, left : left + THUMBNAIL_WIDTH_PX]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        Image.fromarray(cut).save(file, format="PNG")


if __name__ == "__main__":
    serve(_answer)
