"""Fixtures of the launchpad's tests: agents made by hand, a song that is played through without an engine."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.arrangement import Arrangement
from models.launchpad.instrument import LAUNCHPAD
from tests.app.sessions.launchpad.agents import RandomAgent, ScriptedAgent


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
