"""Policy runners: whoever answers a frame with a decision, behind one interface.

`PolicyRunner` asks a worker process and never waits longer than it is told; when the worker dies or hangs, a
new one is started in the background and goes on where the cursor stands. `InlineRunner` asks the player
itself: for headless runs and for players that are a person's keys.

`open` and `close` come before and after the frames flow; `reset` and `step` belong to the engine thread.
"""
from __future__ import annotations

import logging
import pickle
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app import children
from app.engine import worker
from app.engine.clock import now_s
from app.engine.worker import PlayerMaker
from models.players import Decision, Player, rest
from pieces.errors import RipienoError
from pieces.piece import Piece

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 0.040
START_TIMEOUT_S = 60.0
OUTSTANDING_LIMIT = 8  # frames on their way; beyond this a slow worker is spared further ones
HANGS_AFTER_S = 5.0
ENDING_S = 1.0
"""How long the system may take to end a process that was killed."""


class FollowerFailed(RipienoError):
    """The worker could not be started, or died while opening a piece."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, and whether it is the last action held because the new one came too late."""

    decision: Decision
    late: bool = False


class Runner(Protocol):
    """Anything that answers frames."""

    def open(self, piece: Piece) -> None:
        """Load the player on `piece` and warm it up; blocks. Raises RipienoError."""

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """The cursor stands at `x_px`; what was heard before is forgotten."""

    def step(self, frame: NDArray[np.float32]) -> Answer:
        """The answer to one frame, (bands,) float32."""

    def close(self) -> None:
        """Let go of the player."""


class InlineRunner:
    """Asks the player in the caller's thread."""

    def __init__(self, player: Player) -> None:
        self.player = player

    def open(self, piece: Piece) -> None:
        worker.one_torch_thread()
        worker.warm_up(self.player, piece)

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        self.player.reset(x_px, speed_px_per_frame)

    def step(self, frame: NDArray[np.float32]) -> Answer:
        answer = Answer(self.player.step(frame))
        rest(self.player)
        return answer

    def close(self) -> None:
        """Nothing to let go of."""


def _waiting_for(connection: Connection) -> Callable[[float], bool]:
    """As `connection.poll`: whether something comes within so many seconds.

    `Connection` makes a selector for every call, and closes it again, while the worker already computes.
    """
    if not hasattr(select, "poll"):
        return connection.poll
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return lambda timeout_s: bool(poll.poll(timeout_s * 1000))


class _Worker:
    """One process and this side of its connection."""

    def __init__(self, make_player: PlayerMaker) -> None:
        self.connection, theirs = children.CONTEXT.Pipe()
        self.process = children.start(worker.serve, (theirs, make_player), "ripieno-follower")
        theirs.close()
        self.sent = self.answered = 0
        self._heard_from_s = now_s()
        self._answers = _waiting_for(self.connection)

    def open(self, pickled_piece: bytes) -> None:
        """Blocks until the player is warm. Raises FollowerFailed."""
        try:
            self.connection.send_bytes(worker.OPEN + pickled_piece)
            if not self.connection.poll(START_TIMEOUT_S):
                raise FollowerFailed("The follower did not start within a minute. Close other programs.")
            message = self.connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise FollowerFailed("The follower stopped while opening the piece. Run the doctor.") from error
        if message[:1] == worker.FAILED:
            log.error("the follower failed: %s", message[1:].decode())
            raise FollowerFailed(message[1:].decode().strip().split("\n")[-1])

    def ask(self, frame: NDArray[np.float32], deadline_s: float) -> Decision | None:
        """Send a frame; the newest decision if it is the answer to it and came in time.

        Raises EOFError or OSError if the worker is dead, TimeoutError (an OSError) if it hangs.
        """
        while self._waits_for_answer(now_s()):  # too late; after a pause they show that it is well
            self._take_answer()
        if self.sent == self.answered:
            self._heard_from_s = now_s()
        elif now_s() - self._heard_from_s > HANGS_AFTER_S:
            raise TimeoutError("the worker does not answer")
        if self.sent - self.answered < OUTSTANDING_LIMIT:
            self.sent += 1
            self.connection.send_bytes(worker.pack_step(self.sent, frame))
        while self._waits_for_answer(deadline_s):
            decision = self._take_answer()
            if self.answered == self.sent:
                return decision
        return None

    def _waits_for_answer(self, deadline_s: float) -> bool:
        """An answer is due, and comes in time."""
        return self.answered < self.sent and self._answers(max(deadline_s - now_s(), 0.0))

    def _take_answer(self) -> Decision:
        message = self.connection.recv_bytes()
        if message[:1] == worker.FAILED:
            raise EOFError(message[1:].decode())
        self.answered, decision = worker.unpack_decision(message)
        self._heard_from_s = now_s()
        return decision

    def stop(self) -> None:
        """End it at once, whatever it does; it has nothing to lose."""
        self.process.kill()
        self.process.join(ENDING_S)
        self.connection.close()


class PolicyRunner:
    """Asks a worker process; restarts it when it dies.

    make_player runs in the worker and must be picklable. `on_message` is told, in a sentence for the user,
    when the worker was lost.
    """

    def __init__(self, make_player: PlayerMaker, timeout_s: float = ANSWER_TIMEOUT_S,
                 on_message: Callable[[str], None] = log.warning) -> None:
        self._make_player = make_player
        self._timeout_s = timeout_s
        self._on_message = on_message
        self._worker: _Worker | None = None
        self._coming: _Worker | None = None  # it still loads; the thread that brings it lets go of it
        self._pickled_piece = b""
        self._must_reset = False
        self._closed = False
        self._lock = threading.Lock()  # over `_closed`, and which worker answers or comes
        self._may_restart = children.Restarts()
        self._last = Decision(0.0, 0.0, 0.0)
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        current = self._worker
        return None if current is None else current.process.pid

    def open(self, piece: Piece) -> None:
        # the worker follows, it does not draw: the pages stay here
        self._pickled_piece = pickle.dumps(replace(piece, pages=(), svg_pages=()), protocol=5)
        self._bring()

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        self._last = Decision(0.0, x_px, speed_px_per_frame)
        self._must_reset = True

    def step(self, frame: NDArray[np.float32]) -> Answer:
        decision = None
        current = self._worker
        if current is not None:
            try:
                decision = self._ask(current, frame)
            except (EOFError, OSError) as error:
                self._replace_worker(current, error)
        if decision is None:
            self._last = replace(self._last, action=0.0, x_px=self._last.x_px + self._last.speed_px_per_frame)
            return Answer(self._last, late=True)
        self._last = decision
        return Answer(decision)

    def close(self) -> None:
        """Returns at once, also while a worker loads: `open` then returns, and there is none."""
        with self._lock:
            self._closed = True
            current, self._worker = self._worker, None
            if self._coming is not None:
                self._coming.process.kill()
        if current is not None:
            threading.Thread(target=current.stop, name="worker-stop", daemon=True).start()

    def _bring(self) -> bool:
        """Start a worker and have it answer once it is warm; blocks. False: closed meanwhile.

        Raises FollowerFailed.
        """
        try:
            fresh = _Worker(self._make_player)
        except OSError as error:
            problem = f"The follower could not be started ({error.strerror or error}). Close other programs."
            raise FollowerFailed(problem) from error
        with self._lock:
            self._coming = fresh
        try:
            if not self._closed:
                fresh.open(self._pickled_piece)
        except FollowerFailed:
            fresh.stop()
            if self._closed:
                return False
            raise
        return self._take_on(fresh)

    def _take_on(self, fresh: _Worker) -> bool:
        """It answers from now on, unless the runner was closed."""
        with self._lock:
            self._coming = None
            if not self._closed:
                self._worker = fresh
                return True
        fresh.stop()
        return False

    def _ask(self, current: _Worker, frame: NDArray[np.float32]) -> Decision | None:
        deadline_s = now_s() + self._timeout_s
        if self._must_reset:
            current.connection.send_bytes(worker.pack_reset(self._last.x_px, self._last.speed_px_per_frame))
            self._must_reset = False
        return current.ask(frame, deadline_s)

    def _replace_worker(self, dead: _Worker, error: Exception) -> None:
        """Engine thread: let go of the worker and start the next one beside the music."""
        with self._lock:
            if self._closed:
                return  # `close` has stopped it
            self._worker = None
        log.warning("policy worker lost: %s %s", type(error).__name__, error)
        if not self._may_restart.allowed():
            self._on_message("The follower keeps stopping. Open the piece again, or run the doctor.")
            return
        self._on_message("The follower stopped and is starting again; the cursor goes on.")
        self._must_reset = True
        threading.Thread(target=self._restart, args=(dead,), name="worker-restart", daemon=True).start()

    def _restart(self, dead: _Worker) -> None:
        """Restart thread: the engine thread sees the new worker once it is warm."""
        dead.stop()
        try:
            self.restarts += self._bring()
        except FollowerFailed as error:
            self._on_message(str(error))
