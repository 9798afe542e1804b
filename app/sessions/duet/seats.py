"""The agent's seat: who decides the machine's next step, and what happens when it is slow or fails.

A seat is asked with a `Question` and answers by calling `deliver`: `ThreadSeat` from a small thread of its
own (live), `InlineSeat` before `ask` returns (headless). The music never waits: an answer that comes too late
is of no use, and the machine has held what it played.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app.engine.clock import now_s
from app.engine.priority import urgent
from models.duet.encoding import MULTI_HOLD, Tokens, held
from pieces.errors import RipienoError

log = logging.getLogger(__name__)
REST = MULTI_HOLD.rest


class Agent(Protocol):
    """What `models.duet.agent.DuetAgent` can do; tests put their own here."""

    def reset(self, seed: int = 0) -> None: ...

    def choose(
        self, human: Tokens, machine: Tokens, beat: int, temperature: float = 0.0,
        lowest: int = 0, highest: int = 127,
    ) -> int: ...  # fmt: skip

    def intend(
        self, human: Tokens, machine: Tokens, beat: int, steps: int, lowest: int = 0, highest: int = 127
    ) -> Tokens: ...


@dataclass(frozen=True, eq=False)
class Question:
    """What is the symbol of `step`, after two lines (n,) multi-hold that end just before it?

    take: of the music, so that no answer to an older one is heard. seed: of the draws; given where they begin
    anew. plan_steps: how far ahead it may say what it intends.
    """

    take: int
    step: int
    human: Tokens
    machine: Tokens
    temperature: float
    lowest: int
    highest: int
    seed: int | None = None
    plan_steps: int = 0


@dataclass(frozen=True, eq=False)
class Answer:
    """The symbol, and how long it took."""

    question: Question
    symbol: int
    took_ms: float


@dataclass(frozen=True, eq=False)
class Plan:
    """What it would play from `step` on if the human held, (n,) multi-hold; `last` is what goes before."""

    take: int
    step: int
    symbols: Tokens
    last: int


Deliver = Callable[[Answer | Plan], Any]


class Seat(Protocol):
    """Where an agent sits. `deliver` is to be set before the first question."""

    deliver: Deliver

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

    def reset(self, seed: int = 0) -> None:
        """Begin the draws anew. Raises what `make` raises."""
        self._made().reset(seed)

    def choose(self, *arguments: Any, **options: Any) -> int:
        """What the agent itself chooses."""
        return self._made().choose(*arguments, **options)

    def intend(self, *arguments: Any, **options: Any) -> Tokens:
        """What it intends."""
        return self._made().intend(*arguments, **options)

    def _made(self) -> Agent:
        if self._agent is None:
            self._agent = self._make()
        return self._agent


class EmptySeat:
    """Nobody."""

    taken = False

    def __init__(self) -> None:
        self.deliver: Deliver = lambda answer: None

    def ask(self, question: Question) -> None:
        """Nobody answers."""

    def close(self) -> None:
        """Nothing to close."""


class InlineSeat:
    """Answers at once, in the thread that asks: the same for the same seed."""

    taken = True

    def __init__(self, agent: Agent, tell: Callable[[str], Any] = log.info) -> None:
        self.deliver: Deliver = lambda answer: None
        self._agent = agent

    def ask(self, question: Question) -> None:
        answer = _answered(self._agent, question)
        self.deliver(answer)
        if question.plan_steps:
            self.deliver(_planned(self._agent, answer))

    def close(self) -> None:
        """Nothing to close."""


class ThreadSeat:
    """Answers when it can, in a thread of its own. An agent that fails is told of once and leaves.

    The thread begins by waking the agent, so that its file is read before the first step is due.
    """

    def __init__(self, agent: Agent, tell: Callable[[str], Any]) -> None:
        self.deliver: Deliver = lambda answer: None
        self.taken = True
        self._agent = agent
        self._tell = tell
        self._question: Question | None = None
        self._wake = threading.Event()
        self._closing = False
        threading.Thread(target=self._run, name="duet-agent", daemon=True).start()

    def ask(self, question: Question) -> None:
        self._question = question
        self._wake.set()

    def close(self) -> None:
        """The thread ends by itself; a slow agent is not waited for."""
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        urgent()
        try:
            self._agent.reset()
            while not self._closing:
                self._wake.wait()
                self._wake.clear()
                self._answer_newest()
        except RipienoError as problem:
            self._leave(f"You play alone: {problem}")
        except Exception:  # whatever an agent does, the music goes on
            log.exception("the duet's agent failed")
            self._leave("The agent stopped; you play on alone. Details are in the log.")

    def _leave(self, why: str) -> None:
        self.taken = False
        self._tell(why)

    def _answer_newest(self) -> None:
        question, self._question = self._question, None
        if question is None or self._closing:
            return
        answer = _answered(self._agent, question)
        self.deliver(answer)
        if question.plan_steps and self._question is None:
            self.deliver(_planned(self._agent, answer))


def _answered(agent: Agent, question: Question) -> Answer:
    begun_s = now_s()
    if question.seed is not None:
        agent.reset(question.seed)
    symbol = agent.choose(
        question.human, question.machine, question.step, question.temperature, question.lowest,
        question.highest,
    )  # fmt: skip
    return Answer(question, int(symbol), 1000.0 * (now_s() - begun_s))


def _planned(agent: Agent, answer: Answer) -> Plan:
    question = answer.question
    human = np.append(question.human, held(question.human[-1:] if len(question.human) else [REST]))
    machine = np.append(question.machine, np.uint8(answer.symbol))
    symbols = agent.intend(
        human, machine, question.step + 1, question.plan_steps, question.lowest, question.highest
    )
    return Plan(question.take, question.step + 1, symbols, answer.symbol)
