"""The agent's seat: who chooses, when it is asked, and what happens when it is slow or fails.

A seat is asked with a `Question` as soon as the song has changed and answers when it can: `ThreadSeat` in a
small thread of its own (live), `InlineSeat` at once (headless). A bar never waits: who has no answer by the
time a bar is made sits that bar out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad.arrangement import Vote
from models.launchpad.instrument import States

log = logging.getLogger(__name__)


class Agent(Protocol):
    """What `models.launchpad.agent.load_agent` gives."""

    def choose(
        self, state: States, forbidden: NDArray[np.bool_], temperature: float, votes: Sequence[Vote]
    ) -> tuple[int, NDArray[np.float32]]:
        """An action that is not forbidden (actions,), and the value of every action (actions,) float32."""


Judge = Callable[[States], float]
"""The reward of a grid, for the curve."""


@dataclass(frozen=True, eq=False)
class Question:
    """What the agent is asked: `version` is the song's, to know what an answer was about."""

    version: int
    grid: States
    forbidden: NDArray[np.bool_]
    temperature: float
    votes: tuple[Vote, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What it would press, and what it thinks of everything it could."""

    version: int
    action: int
    values: NDArray[np.float32]


class Seat(Protocol):
    """Where an agent sits. Used by the one thread that leads the song."""

    @property
    def answer(self) -> Answer | None:
        """The newest answer; None before the first, and where no agent sits."""

    def ask(self, question: Question) -> None:
        """Ask; what was asked before and has not begun is dropped."""

    def close(self) -> None:
        """It is asked no more."""


class EmptySeat:
    """Nobody."""

    answer: Answer | None = None

    def ask(self, question: Question) -> None:
        """Nobody answers."""

    def close(self) -> None:
        """Nothing to close."""


class InlineSeat:
    """Answers at once, in the thread that asks: the same for the same seed."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.answer: Answer | None = None

    def ask(self, question: Question) -> None:
        self.answer = _answered(self._agent, question)

    def close(self) -> None:
        """Nothing to close."""


class ThreadSeat:
    """Answers when it can, in a thread of its own. An agent that fails is told of once and sits out."""

    def __init__(self, agent: Agent, tell: Callable[[str], Any]) -> None:
        self.answer: Answer | None = None
        self._agent = agent
        self._tell = tell
        self._question: Question | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="launchpad-agent", daemon=True)
        self._thread.start()

    def ask(self, question: Question) -> None:
        self._question = question
        self._wake.set()

    def close(self) -> None:
        """The thread ends by itself; a slow agent is not waited for."""
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            question, self._question = self._question, None
            if question is None or self._closing:
                continue
            try:
                self.answer = _answered(self._agent, question)
            except Exception:  # whatever an agent does, the music goes on
                log.exception("the launchpad's agent failed")
                self.answer = None
                self._tell("The agent stopped; you play on alone. Details are in the log.")
                return


def _answered(agent: Agent, question: Question) -> Answer:
    action, values = agent.choose(question.grid, question.forbidden, question.temperature, question.votes)
    return Answer(question.version, int(action), values)
