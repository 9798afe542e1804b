"""Where an agent sits, in Duet and at the launchpad: when it is asked, and what happens when it is slow or
fails.

A seat is asked a question and hands on each answer that `answering(agent, question)` yields, the urgent one
first: `ThreadSeat` from a small thread of its own (live), `InlineSeat` before `ask` returns (headless). The
music never waits: whoever asks goes on without an answer that comes too late.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from app.engine.priority import urgent
from pieces.errors import RipienoError

log = logging.getLogger(__name__)

AgentT = TypeVar("AgentT")
MadeT = TypeVar("MadeT", covariant=True)
QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")


class ComingAgent(Generic[MadeT]):
    """An agent that `make` makes when it is seated, in the thread that asks: files are read there."""

    def __init__(self, make: Callable[[], MadeT]) -> None:
        self._make = make
        self._agent: MadeT | None = None

    @property
    def made(self) -> MadeT:
        """The agent. Raises what `make` raises."""
        if self._agent is None:
            self._agent = self._make()
        return self._agent


class Seat(Generic[QuestionT, AnswerT]):
    """An empty one: nobody answers.

    Attributes:
        deliver: is called with each answer, in the thread in which the agent sits.
        newest: the latest answer; None before the first, and where nobody sits.
        taken: somebody sits here.
    """

    taken = False

    def __init__(self) -> None:
        self.deliver: Callable[[AnswerT], Any] = lambda answer: None
        self.newest: AnswerT | None = None

    def ask(self, question: QuestionT) -> None:
        """Ask; what was asked before and has not begun is dropped."""

    def close(self) -> None:
        """It is asked no more."""


class InlineSeat(Seat[QuestionT, AnswerT]):
    """Answers at once, in the thread that asks: the same for the same seed."""

    taken = True

    def __init__(
        self, agent: AgentT | ComingAgent[AgentT],
        answering: Callable[[AgentT, QuestionT], Iterator[AnswerT]],
    ) -> None:  # fmt: skip
        super().__init__()
        seated = agent.made if isinstance(agent, ComingAgent) else agent
        self._answers = lambda question: answering(seated, question)

    def ask(self, question: QuestionT) -> None:
        for answer in self._answers(question):
            self.newest = answer
            self.deliver(answer)


class ThreadSeat(Seat[QuestionT, AnswerT]):
    """Answers when it can, in a thread of its own. An agent that fails is told of once and leaves.

    urgently: the thread is to go before ordinary ones, as far as the system grants it.
    """

    def __init__(
        self, agent: AgentT | ComingAgent[AgentT],
        answering: Callable[[AgentT, QuestionT], Iterator[AnswerT]], tell: Callable[[str], Any], name: str,
        urgently: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.taken = True
        self._tell = tell
        self._question: QuestionT | None = None
        self._wake = threading.Event()
        self._closing = False

        def run() -> None:
            if urgently:
                urgent()
            seated: AgentT = agent.made if isinstance(agent, ComingAgent) else agent
            self._serve(lambda question: answering(seated, question))

        threading.Thread(target=self._guarded, args=(run,), name=name, daemon=True).start()

    def ask(self, question: QuestionT) -> None:
        self._question = question
        self._wake.set()

    def close(self) -> None:
        """The thread ends by itself; a slow agent is not waited for."""
        self._closing = True
        self._wake.set()

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except RipienoError as problem:
            self._leave(f"You play alone: {problem}")
        except Exception:  # whatever an agent does, the music goes on
            log.exception("%s failed", threading.current_thread().name)
            self._leave("The agent stopped; you play on alone. Details are in the log.")

    def _leave(self, why: str) -> None:
        self.newest, self.taken = None, False
        self._tell(why)

    def _serve(self, answers: Callable[[QuestionT], Iterator[AnswerT]]) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            question, self._question = self._question, None
            if question is not None and not self._closing:
                self._answer(answers(question))

    def _answer(self, answers: Iterator[AnswerT]) -> None:
        """Hand on one answer after the other, until something newer is asked."""
        for answer in answers:
            self.newest = answer
            self.deliver(answer)
            if self._question is not None:
                break
