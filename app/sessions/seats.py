"""Where an agent sits, in Duet and at the launchpad: when it is asked, and what happens when it is slow or
fails.

A seat is asked a question and hands on each answer that `answering(agent, question)` yields, the urgent one
first: `ProcessSeat` from a process of the agent's own (live), `InlineSeat` before `ask` returns (headless).
The music never waits: whoever asks goes on without an answer that comes too late.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from app import children
from app.engine.priority import hurry, ordinary, urgent
from app.sessions import seat_child

log = logging.getLogger(__name__)

AgentT = TypeVar("AgentT")
QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")

STOPPED = "The agent stopped; you play on alone. Details are in the log."
ENDING_S = 1.0
"""How long a process may take from its last word to its end."""
UNDER_WAY = 2
"""Questions that the process has at most: the one that it answers and the next, so its pipe never fills."""


class Seat(Generic[QuestionT, AnswerT]):
    """An empty one: nobody answers.

    Attributes:
        deliver: is called with each answer, in a thread of the seat's.
        newest: the latest answer; None before the first, and where nobody sits.
        taken: somebody sits here, or is about to.
        ready: whoever it is would answer by now.
    """

    taken = ready = False

    def __init__(self) -> None:
        self.deliver: Callable[[AnswerT], Any] = lambda answer: None
        self.newest: AnswerT | None = None

    def ask(self, question: QuestionT) -> None:
        """Ask; what was asked before and has not begun is dropped."""

    def close(self) -> None:
        """It is asked no more."""

    def _hand_on(self, answer: AnswerT) -> None:
        self.newest = answer
        self.deliver(answer)


class InlineSeat(Seat[QuestionT, AnswerT]):
    """Answers at once, in the thread that asks: the same for the same seed."""

    taken = ready = True

    def __init__(self, agent: AgentT, answering: Callable[[AgentT, QuestionT], Iterator[AnswerT]]) -> None:
        super().__init__()
        self._answers = lambda question: answering(agent, question)

    def ask(self, question: QuestionT) -> None:
        for answer in self._answers(question):
            self._hand_on(answer)


class ProcessSeat(Seat[QuestionT, AnswerT]):
    """Answers when it can, in a process of its own, which waits for no other thread's Python.

    An agent that fails is told of once and leaves; if its process dies, another is started, and asked anew.

    Args:
        make: makes the agent, there. As `answering` a function of a module (or a `partial` of one).
        tell: gets a sentence for the user. name: of the process, and of the thread that hands on its answers.
        rehearsal: a question to begin with, whose answers nobody hears: the first is the slowest.
    """

    def __init__(
        self, make: Callable[[], AgentT], answering: Callable[[AgentT, QuestionT], Iterator[AnswerT]],
        tell: Callable[[str], Any], name: str, rehearsal: QuestionT | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.taken = True
        self._work = (make, answering, rehearsal)
        self._tell, self._name = tell, name
        self._lock = threading.Lock()
        self._closed = False
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._numbers = itertools.count()
        self._waiting: QuestionT | None = None
        self._under_way: dict[int, QuestionT] = {}
        atexit.register(self.close)  # the program's end is no reason to start another
        threading.Thread(target=self._guarded, name=name, daemon=True).start()

    def ask(self, question: QuestionT) -> None:
        with self._lock:
            self._waiting = question
            self._send()

    def close(self) -> None:
        """The process ends at once, whatever it does; it has nothing to lose."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    # --- the seat's thread --------------------------------------------------------------------------

    def _guarded(self) -> None:
        try:
            self._run()
        except _Left as why:
            self._leave(str(why))
        except Exception:  # whatever an agent does, the music goes on
            log.exception("%s failed", self._name)
            self._leave(STOPPED)

    def _leave(self, why: str) -> None:
        self.newest, self.taken = None, False
        self._tell(why)

    def _run(self) -> None:
        """One process after the other, until the seat is closed or nobody sits here any more."""
        restarts = children.Restarts()
        while not self._closed:
            self._serve()
            if not self._closed:
                if not restarts.allowed():
                    raise _Left("The agent keeps stopping; you play on alone. Details are in the log.")
                self._tell("The agent stopped and is starting again; the music goes on.")

    def _serve(self) -> None:
        """A process, from its start to its end."""
        ordinary()  # a process begins with the priority of the thread that starts it
        ours, theirs = children.CONTEXT.Pipe()
        with ours:
            with theirs:
                process = children.start(seat_child.serve, (theirs, *self._work), f"ripieno-{self._name}")
            try:
                self._use(process, ours)
                while True:
                    self._take_in(ours.recv_bytes())
            except (EOFError, ConnectionResetError):
                process.join(ENDING_S)
                level = logging.INFO if self._closed else logging.WARNING
                log.log(level, "%s has ended, exit code %s", self._name, process.exitcode)
            finally:
                self._use(None, None)
                process.kill()
                process.join()

    def _use(self, process: BaseProcess | None, connection: Connection | None) -> None:
        """Ask this process from now on, first what the one before has not answered."""
        with self._lock:
            self._process, self._connection, self.ready = process, connection, False
            if self._waiting is None and self._under_way:
                self._waiting = self._under_way.popitem()[1]
            self._under_way.clear()
            self._send()
            if self._closed and process is not None:
                process.kill()

    def _take_in(self, message: bytes) -> None:
        kind, number = seat_child.unpack_head(message)
        if kind == seat_child.READY:
            urgent()
            self.ready = True
            return
        if kind == seat_child.REFUSED:
            raise _Left(f"You play alone: {seat_child.unpack_words(message)}")
        if kind == seat_child.FAILED:
            log.error("%s failed: %s", self._name, seat_child.unpack_words(message))
            raise _Left(STOPPED)
        self._hand_on(seat_child.unpack_answer(message, self._under_way[number]))
        with self._lock:
            for overtaken in [other for other in self._under_way if other < number]:
                del self._under_way[overtaken]
            self._send()

    def _send(self) -> None:
        """What waits, if the process can take it. With the lock; by any thread."""
        question, connection, process = self._waiting, self._connection, self._process
        if question is None or connection is None or process is None or len(self._under_way) >= UNDER_WAY:
            return
        number, self._waiting = next(self._numbers), None
        self._under_way[number] = question
        try:
            connection.send_bytes(seat_child.pack_question(number, question))
            if self.ready and process.pid is not None:
                hurry(process.pid)  # it may be at what nobody waits for
        except OSError:
            log.debug("%s has just ended", self._name)  # its thread starts another


class _Left(Exception):
    """Why nobody sits here any more, as the user is told."""
