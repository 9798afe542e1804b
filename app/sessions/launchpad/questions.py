"""What the agent of the launchpad is asked, and how it answers. It sits in a `seats.Seat`.

It is asked as soon as the song has changed. A bar never waits: who has no answer by the time a bar is made
sits that bar out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.launchpad.agent import Choice, Vote
from models.launchpad.instrument import LAUNCHPAD, States


class Agent(Protocol):
    """What `models.launchpad.agent.LaunchpadAgent` can do; tests put their own here."""

    def choose(
        self, state: States, forbidden: NDArray[np.bool_] | None, temperature: float, votes: Sequence[Vote],
        *, bar: int | None,
    ) -> Choice:  # fmt: skip
        """An action that is not forbidden, and the values of all."""


@dataclass(frozen=True, eq=False)
class Question:
    """What the agent is asked. number: they count up. bar: the one that is made next; it is asked of it again
    whenever the song has changed."""

    number: int
    bar: int
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


def answers(agent: Agent, question: Question) -> Iterator[Answer]:
    """The one answer."""
    choice = agent.choose(
        question.grid, question.forbidden, question.temperature, question.votes, bar=question.bar
    )
    yield Answer(question, int(choice.action), choice.values)
