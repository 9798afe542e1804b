"""Fixtures of the launchpad's tests: agents made by hand, a song that is played through without an engine."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.arrangement import Arrangement
from models.launchpad.agent import Choice
from models.launchpad.instrument import LAUNCHPAD


class RandomAgent:
    """Presses anything that is not forbidden."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, state, forbidden, temperature, votes):
        action = int(self._rng.choice(np.flatnonzero(~forbidden)))
        return Choice(action, np.zeros(LAUNCHPAD.actions, np.float32))


class ScriptedAgent:
    """Presses the buttons of a list, then nothing; remembers what it was asked."""

    def __init__(self, *actions: int) -> None:
        self.actions = list(actions)
        self.asked: list[tuple] = []

    def choose(self, state, forbidden, temperature, votes):
        self.asked.append((state.copy(), forbidden.copy(), temperature, votes))
        action = self.actions[0] if self.actions else LAUNCHPAD.nothing
        return Choice(action, np.zeros(LAUNCHPAD.actions, np.float32))


@pytest.fixture
def random_agent() -> Callable[[int], RandomAgent]:
    """See the class."""
    return RandomAgent


@pytest.fixture
def scripted() -> Callable[..., ScriptedAgent]:
    """See the class."""
    return ScriptedAgent


@pytest.fixture
def busy() -> Arrangement:
    """Everything that complicates a bar at once."""
    return Arrangement(tempo_bpm=173.0, swing=0.62, voices=(0, 33), row_voices=(1,) * 8 + (0,) * 16,
                       drums="rock", note_steps=23)  # fmt: skip


@pytest.fixture
def session(engine) -> Iterator[LaunchpadSession]:
    """Alone on the hand-cranked engine, from an empty grid."""
    made = LaunchpadSession(engine, grid=LAUNCHPAD.empty())
    yield made
    made.close()
