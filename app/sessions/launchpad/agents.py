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

from models.launchpad.agent import Choice, Vote
from models.launchpad.instrument import LAUNCHPAD, States
from pieces.errors import RipienoError

log = logging.getLogger(__name__)


class Agent(Protocol):
    """What `models.launchpad.agent.LaunchpadAgent` can do; tests put their own here."""

    def choose(
        self, state: States, forbidden: NDArray[np.bool_] | None, temperature: float, votes: Sequence[Vote]
    ) -> Choice:
        """An action that is not forbidden, and the values of all."""


@dataclass(frozen=True, eq=False)
class Question:
    """What the agent is asked. number: they count up."""

    number: int
    grid: States
    forbidden: NDArray[np.bool_]
    temperature: float
    votes: tuple[Vote, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What it would press, and what it thinks of everything that it could."""

    question: Question
    action: int
    values: NDArray[np.float32]

    def fits(self, grid: States) -> bool:
        """Whether the row that it is about is still as it was."""
        button = LAUNCHPAD.button(self.action)
        return button is None or bool((grid[button.key] == self.question.grid[button.key]).all())


class Seat(Protocol):
    """Where an agent sits. Used by the one thread that leads the song."""

    @property
    def answer(self) -> Answer | None:
        """The newest answer; None before the first, and where no agent sits."""

    @property
    def taken(self) -> bool:
        """Somebody sits here."""

    def ask(self, question: Question) -> None:
        """Ask; what was asked before and has not begun is dropped."""

    def close(self) -> None:
        """It is asked no more."""


class ComingAgent:
    """An agent that `make` makes when it is first asked, in the thread that asks: files are read there."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._agent: Agent | None = None

    def choose(
        self, state: States, forbidden: NDArray[np.bool_] | None, temperature: float, votes: Sequence[Vote]
    ) -> Choice:
        """What the agent itself chooses. Raises what `make` raises."""
        if self._agent is None:
            self._agent = self._make()
        return self._agent.choose(state, forbidden, temperature, votes)


class EmptySeat:
    """Nobody."""

    answer: Answer | None = None
    taken = False

    def ask(self, question: Question) -> None:
        """Nobody answers."""

    def close(self) -> None:
        """Nothing to close."""


class InlineSeat:
    """Answers at once, in the thread that asks: the same for the same seed."""

    taken = True

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.answer: Answer | None = None

    def ask(self, question: Question) -> None:
        self.answer = _answered(self._agent, question)

    def close(self) -> None:
        """Nothing to close."""


class ThreadSeat:
    """Answers when it can, in a thread of its own. An agent that fails is told of once and leaves."""

    def __init__(self, agent: Agent, tell: Callable[[str], Any]) -> None:
        self.answer: Answer | None = None
        self.taken = True
        self._agent = agent
        self._tell = tell
        self._question: Question | None = None
        self._wake = threading.Event()
        self._closing = False
        threading.Thread(target=self._run, name="launchpad-agent", daemon=True).start()

    def ask(self, question: Question) -> None:
        self._question = question
        self._wake.set()

    def close(self) -> None:
        """The thread ends by itself; a slow agent is not waited for."""
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.wait()
                self._wake.clear()
                self._answer_newest()
        except RipienoError as problem:
            self._leave(f"You play alone: {problem}")
        except Exception:  # whatever an agent does, the music goes on
            log.exception("the launchpad's agent failed")
            self._leave("The agent stopped; you play on alone. Details are in the log.")

    def _leave(self, why: str) -> None:
        self.answer, self.taken = None, False
        self._tell(why)

    def _answer_newest(self) -> None:
        question, self._question = self._question, None
        if question is not None and not self._closing:
            self.answer = _answered(self._agent, question)


def _answered(agent: Agent, question: Question) -> Answer:
    choice = agent.choose(question.grid, question.forbidden, question.temperature, question.votes)
    return Answer(question, int(choice.action), choice.values)
