"""What the agent of Duet is asked at each step, and how it answers. It sits in a `seats.Seat`.

An answer that comes too late is of no use: by then the machine has held what it played.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.engine.clock import now_s
from models.duet.encoding import HIGHEST, LOWEST, MULTI_HOLD, Tokens, held
from models.duet.windows import BLOCK

REST = MULTI_HOLD.rest
PLAN_STEPS = 8


class Agent(Protocol):
    """What `models.duet.agent.DuetAgent` can do; tests put their own here."""

    def reset(self, seed: int = 0) -> None: ...

    def choose(
        self, human: Tokens, machine: Tokens, beat: int, temperature: float = 0.0,
        lowest: int = 0, highest: int = 127, may_rest: bool = True,
    ) -> int: ...  # fmt: skip

    def look_ahead(self, human: Tokens, machine: Tokens, beat: int) -> None: ...

    def intend(
        self, human: Tokens, machine: Tokens, beat: int, steps: int, lowest: int = 0, highest: int = 127
    ) -> Tokens: ...


@dataclass(frozen=True, eq=False)
class Question:
    """What is the symbol of `step`, after two lines (n,) multi-hold that end just before it?

    Of longer lines, what an agent looks at (`models.duet.windows.seen_steps`).

    take: of the music, so that no answer to an older one is heard. seed: of the draws; given where they begin
    anew. plan_steps: how far ahead it may say what it intends. may_rest: or else it has to play a note.
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
    may_rest: bool = True


_SILENCE = np.full(BLOCK + 1, REST, np.uint8)
REHEARSAL = Question(0, len(_SILENCE), _SILENCE, _SILENCE, 1.0, LOWEST, HIGHEST, 0, PLAN_STEPS)
"""Everything that an agent may be asked to do, to be done before it is heard: the first time is slow."""


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


def answers(agent: Agent, question: Question) -> Iterator[Answer | Plan]:
    """The symbol; then, where that is asked for, what it intends.

    Once the symbol is out, the agent gets ready for the next question.
    """
    answer = _answered(agent, question)
    yield answer
    agent.look_ahead(question.human, question.machine, question.step)
    if question.plan_steps:
        yield _planned(agent, answer)


def _answered(agent: Agent, question: Question) -> Answer:
    begun_s = now_s()
    if question.seed is not None:
        agent.reset(question.seed)
    symbol = agent.choose(
        question.human, question.machine, question.step, question.temperature, question.lowest,
        question.highest, question.may_rest,
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
