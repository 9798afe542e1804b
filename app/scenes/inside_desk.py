"""Inside as its scene needs it: a run, the map of its states, the moment that is looked at and why it is so.

Used by the thread of the window. One thread of the desk's own asks the child for one thing after the other;
what it answers is taken in by :meth:`InsideDesk.poll`.
"""

from __future__ import annotations

import logging
import pickle
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from app.child import Child, ChildDied
from app.scenes.studio import Studio
from app.scenes.take_desk import export_paths
from app.sessions.inside.paper import paper_colours
from app.sessions.inside.requests import (
    GLANCE,
    PATIENT,
    Begin,
    Draw,
    Drawn,
    Embed,
    Explain,
    Explained,
    GoOn,
    MakeMap,
    Open,
    Problem,
    Request,
)
from app.sessions.inside.run import LiveRun, Run
from models.features import SPEC
from models.inside import INSTALL
from models.inside.record import Record
from pieces.errors import RipienoError
from pieces.files import replace_file, saving
from pieces.piece import Piece

log = logging.getLogger(__name__)

CHUNK_FRAMES = 40
LIVE_EVERY_S = 0.25
"""How often a live run is drawn anew."""
LIVE_REASONS_EVERY_S = 2.0
PATIENCE_S = 0.8
"""A moment that was looked at for so long is explained thoroughly."""
MOST_FRAMES = 1200
"""So much of what was heard before is sent along: the ear remembers no more."""

PROGRAMS_OWN = "the program's own performance"
"""What is followed where no file is named."""

Points = tuple[np.ndarray, np.ndarray]


class _Cancelled(Exception):
    """What was asked is not wanted any more."""


class InsideDesk:
    """``run`` and all that belongs to it; ``problem`` is a sentence for the empty scene."""

    def __init__(self, studio: Studio, make_child: Callable[[], Any] | None = None) -> None:
        self.studio = studio
        self._make_child = make_child or (lambda: Child("app.sessions.inside.child"))
        self._child: Any = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turn = 0  # answers to questions of an earlier turn are thrown away
        self._opened: tuple[Piece, str] | None = None
        self._piece: Piece | None = None
        self._follower = ""
        self._begun = Begin()
        self._saves = 0  # asked for and not yet done
        self._live: LiveRun | None = None
        self._live_run_s = self._live_reasons_s = 0.0
        self.source, self.version = "", 0
        self.forget()

    def forget(self) -> None:
        """Nothing is looked at; whatever is under way is thrown away."""
        self._turn += 1
        self.run: Run | None = None
        self.points: Points | None = None
        self.map_problem = self.problem = ""
        self.row: int | None = None
        self.explained: Explained | None = None
        self.share: float | None = None
        self.version += 1
        self._newest = False
        self._asked: tuple[int, tuple[int, ...]] | None = None
        self._chosen_s = 0.0
        self._waiting = 0

    # --- what the scene asks --------------------------------------------------------------------

    @property
    def following(self) -> bool:
        """A file is being followed."""
        return self.share is not None

    @property
    def live(self) -> bool:
        """The run is what is being played."""
        return self._live is not None

    @property
    def at_newest(self) -> bool:
        """A live run whose newest moment is looked at."""
        return self.live and self._newest

    def show(self, piece: Piece) -> None:
        """Look at a piece, unless it is shown already as the follower in use follows it."""
        if self._piece is not piece:
            self.begin(piece)
        elif self._follower != self.studio.follower:
            self.begin(piece, self._begun.audio, self._begun.midi)
        elif self.run is None and not self.following:
            self.begin(piece)

    def begin(self, piece: Piece, audio: Path | None = None, midi: Path | None = None) -> None:
        """Follow a file, or the performance that the program plays of the piece."""
        self.forget()
        self._piece, self._follower, self._live = piece, self.studio.follower, None
        self._begun = begun = Begin(audio, midi)
        file = audio or midi
        self.source = file.name if file else PROGRAMS_OWN
        self.share = 0.0
        self._ask(lambda turn: self._follow(turn, begun))

    def cancel(self) -> None:
        """Stop following the file."""
        if self.following:
            if not self._saves:  # else it stops after some frames more
                self._drop_child()
            self.forget()
            self.problem = "Stopped. Press Space to begin again."

    def watch(self, piece: Piece) -> None:
        """Look at what is being played from now on."""
        self.forget()
        self._piece, self.source, self._newest = piece, "what is played now", True
        self._follower, self._begun = self.studio.follower, Begin()
        self._live = LiveRun(self.studio.engine.rate)
        self._live_run_s = self._live_reasons_s = 0.0

    def rest(self) -> None:
        """What was played is over: its states can be mapped."""
        run, live = self.run, self._live
        if live is None:
            return
        self._live = None
        if run is not None and len(live):
            self.run = live.run()
            self.version += 1
            first = self.run
            self._ask(lambda turn: self._map_live(turn, first))

    def choose(self, at_s: float) -> None:
        """Look at the moment nearest to ``at_s``."""
        row = None if self.run is None else self.run.row_near(at_s)
        if row is not None:
            self._newest = self.live and self.run is not None and row >= len(self.run.fits) - 4
            self._choose(row)

    def step(self, frames: int) -> None:
        """Look at a moment some frames on or back."""
        if self.run is not None and self.row is not None:
            self.choose(float(self.run.record.time_s[self.row]) + frames / SPEC.fps)

    def save(self) -> None:
        """Save the pictures of what is shown."""
        run, row, piece = self.run, self.row, self._piece
        if run is None or piece is None:
            self.studio.say("There is nothing to save yet.")
            return
        self._saves += 1
        follower = self._follower
        self._ask(lambda turn: self._save(Draw(run, row), piece, follower), always=True)

    def close(self) -> None:
        """End the child and the thread."""
        self._turn += 1
        self._drop_child()
        if self._thread is not None:
            self._jobs.put(None)
            self._thread = None

    # --- once a frame ---------------------------------------------------------------------------

    def poll(self, t_s: float) -> None:
        """Take in answers, what was just heard, and ask why for what is looked at."""
        while not self._done.empty():
            self._done.get()()
        if self._live is not None:
            self._poll_live(self._live, t_s)
        self._ask_why(t_s)

    def _poll_live(self, live: LiveRun, t_s: float) -> None:
        if live.push(self.studio.snapshot) and t_s - self._live_run_s >= LIVE_EVERY_S:
            self._live_run_s = t_s
            self.run = live.run()
            self.version += 1
            if self._newest:
                self.row = self.run.row_near(self.run.end_s)

    def _ask_why(self, t_s: float) -> None:
        if self.run is None or self.row is None or self.following or self._waiting:
            return
        row = self.row
        steps: tuple[int, ...] = GLANCE
        if self.at_newest:
            if t_s - self._live_reasons_s < LIVE_REASONS_EVERY_S:
                return
            self._live_reasons_s = t_s
        elif self.explained is not None and self.explained.row == row:
            steps = PATIENT
        if self._asked is None or self._asked[0] != row:
            self._chosen_s = t_s
        elif self._asked == (row, steps) or t_s - self._chosen_s < PATIENCE_S:
            return
        fit = self.run.fits[row]
        if fit is None:
            return
        self._asked = row, steps
        frames = self.run.frames_until(row)[-MOST_FRAMES:]
        request = Explain(row, frames, fit.heaviest, steps)
        self._ask(lambda turn: self._explain(turn, request))

    def _choose(self, row: int) -> None:
        if row != self.row:
            self.row = row
            self.version += 1

    # --- the thread of the desk -----------------------------------------------------------------

    def _ask(self, job: Callable[[int], None], always: bool = False) -> None:
        """Have the thread do it after what it does now; `always`: even if something else is shown by then."""
        turn = self._turn
        self._waiting += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="inside", daemon=True)
            self._thread.start()
        self._jobs.put(lambda: self._guarded(job, turn, always))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _guarded(self, job: Callable[[int], None], turn: int, always: bool) -> None:
        try:
            if always or turn == self._turn:
                job(turn)
        except _Cancelled:
            return
        except RipienoError as problem:
            self._tell_failed(str(problem), turn, always)
        except ChildDied:
            words = "Looking inside stopped; memory may be short. Close something and press Space."
            self._tell_failed(words, turn, always)
        except Exception:
            log.exception("what was asked of Inside failed")
            words = "Looking inside failed; details are in the log. Press Space to try again."
            self._tell_failed(words, turn, always)
        finally:
            self._tell(turn, self._finished)

    def _tell_failed(self, words: str, turn: int, always: bool) -> None:
        if always:
            self.studio.say_later(words, "bad")
        else:
            self._tell(turn, lambda: self._fail(words))

    def _finished(self) -> None:
        self._waiting -= 1

    def _fail(self, words: str) -> None:
        if self.run is None:
            self.share, self.problem = None, words
        else:
            self.studio.say(words, "bad")

    def _tell(self, turn: int, change: Callable[[], None]) -> None:
        """Have the window's thread make a change, unless something else is shown by then."""
        self._done.put(lambda: change() if turn == self._turn else None)

    def _reply(self, request: Request) -> Any:
        """The child's answer about what is shown. Raises RipienoError with the words of a Problem."""
        assert self._piece is not None
        return self._reply_about(request, self._piece, self._follower)

    def _reply_about(self, request: Request, piece: Piece, follower: str) -> Any:
        if self._child is None:
            self._child, self._opened = self._make_child(), None
        if self._opened is None or self._opened[0] is not piece or self._opened[1] != follower:
            self._exchange(
                Open(replace(piece, svg_pages=()), follower, self.studio.seed, paper_colours())
            )
            self._opened = piece, follower
        return self._exchange(request)

    def _exchange(self, request: Request) -> Any:
        child = self._child
        if child is None:
            raise _Cancelled
        try:
            reply = pickle.loads(child.ask(pickle.dumps(request, protocol=5)))
        except ChildDied:
            if child is not self._child:
                raise _Cancelled from None
            self._child = None
            raise
        if isinstance(reply, Problem):
            raise RipienoError(reply.words)
        return reply

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _follow(self, turn: int, request: Begin) -> None:
        total = max(self._reply(request), 1)
        while True:
            if turn != self._turn:
                raise _Cancelled
            reply = self._reply(GoOn(CHUNK_FRAMES))
            if isinstance(reply, Run):
                break
            share = reply / total
            self._tell(turn, lambda share=share: setattr(self, "share", share))  # type: ignore[misc]
        run: Run = reply
        self._tell(turn, lambda: self._take_run(run))
        self._map(turn, run.record)

    def _take_run(self, run: Run) -> None:
        self.run, self.share = run, None
        self.version += 1
        self.row = run.row_near(run.end_s / 3)
        if self.row is None:
            self.problem = "Nothing was heard in it that could be followed."

    def _map_live(self, turn: int, run: Run) -> None:
        embeddings = self._reply(Embed(run.record.frames, float(run.record.x_px[0])))
        mapped = replace(run, record=replace(run.record, embeddings=embeddings))
        self._tell(turn, lambda: setattr(self, "run", mapped))
        self._map(turn, mapped.record)

    def _map(self, turn: int, record: Record) -> None:
        try:
            points: Points = self._reply(MakeMap(record))
        except RipienoError as problem:
            words = str(problem)
            self._tell(turn, lambda: self._take_map(None, words))
            return
        self._tell(turn, lambda: self._take_map(points, ""))

    def _take_map(self, points: Points | None, problem: str) -> None:
        self.points, self.map_problem = points, problem
        self.version += 1

    def _explain(self, turn: int, request: Explain) -> None:
        explained: Explained = self._reply(request)
        self._tell(turn, lambda: self._take_reasons(explained))

    def _take_reasons(self, explained: Explained) -> None:
        self.explained = explained
        self.version += 1

    def _save(self, request: Draw, piece: Piece, follower: str) -> None:
        try:
            drawn: Drawn = self._reply_about(request, piece, follower)
            stem = re.sub(r"[^\w\- ]+", "-", f"{piece.title or piece.name} inside").strip()
            paths = export_paths(stem, *(f" {name}.png" for name in drawn.pictures))
            with saving(paths[0].parent):
                for path, picture in zip(paths, drawn.pictures.values(), strict=True):
                    replace_file(path, picture)
            self.studio.say_later(_saved_words(drawn, paths[0].parent), "good")
        finally:
            self._done.put(self._saved)

    def _saved(self) -> None:
        self._saves -= 1


def _saved_words(drawn: Drawn, folder: Path) -> str:
    names = list(drawn.pictures)
    saved = f"Saved {len(names)} picture{'s' * (len(names) > 1)} ({', '.join(names)}) in {folder}"
    return f"{saved}. Left out: {' and '.join(drawn.left_out)} ({INSTALL})" if drawn.left_out else saved
