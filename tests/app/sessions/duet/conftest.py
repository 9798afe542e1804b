"""Fixtures of the duet's tests: agents made by hand or from a small network, a session that is cranked."""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import pytest
import torch

from app.engine.scheduler import Event
from app.sessions.duet.questions import answers
from app.sessions.duet.session import DuetSession
from app.sessions.seats import InlineSeat
from models.duet.agent import DuetAgent, Policy
from models.duet.networks import DuetNetwork, Widths
from tests.app.sessions.duet.agents import ScriptedAgent

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=16)


def small_agent(seed: int = 0) -> DuetAgent:
    """A network nobody trained: it plays anything, the same for the same seed."""
    torch.manual_seed(4)
    weights = {name: value.numpy() for name, value in DuetNetwork("a", SMALL).state_dict().items()}
    return DuetAgent("made up", Policy(weights), seed)


@pytest.fixture
def scripted() -> Callable[..., ScriptedAgent]:
    """See the class."""
    return ScriptedAgent


@pytest.fixture
def network_agent() -> Callable[[int], DuetAgent]:
    """See the function."""
    return small_agent


class Counted(deque):
    """Counts what was ever appended."""

    appended = 0

    def append(self, item) -> None:
        self.appended += 1
        super().append(item)


class Stage:
    """A session on the hand-cranked engine that is settled after every block, so that nothing is late."""

    def __init__(self, engine, card, instrument, make_session: Callable[[], DuetSession]) -> None:
        self.engine, self.card, self.instrument = engine, card, instrument
        self.applied = engine.mixer.applied = Counted()
        self.session = make_session()
        self.played: list[Event] = []
        engine.add_sink(self.played.append)  # behind the session's: what is here has reached it
        self.settle()

    def crank(self, samples: float, block: int = 256) -> None:
        """So many samples go by, at least."""
        end = self.engine.sample + samples
        while self.engine.sample < end:
            self.card.crank(count=block)
            self.settle()

    def crank_steps(self, until: float, block: int = 256) -> None:
        """Until the playhead has reached a step."""
        while self.session.snapshot.step < until:
            assert self.session.snapshot.state != "stopped"
            self.crank(1, block)

    def change_rate(self, rate: int) -> None:
        """The card goes on at another rate, on a clock that begins at 0."""
        self.settle()
        self.played.clear()
        self.engine.use_stream(self.card.at_rate(rate))
        self.applied = self.engine.mixer.applied = Counted()

    def settle(self) -> None:
        """Wait until what the block has brought is done: events in the "played" thread, then the engine's."""
        deadline_s = time.monotonic() + 10.0
        while len(self.played) < self.applied.appended and time.monotonic() < deadline_s:
            time.sleep(0.0002)
        for _ in range(3):  # a fill asks, the seat answers, the answer is taken in
            done = threading.Event()
            self.engine.call(done.set)
            assert done.wait(10.0)

    def notes(self, source: str = "duet") -> list[tuple[str, int, int]]:
        """(kind, pitch, sample) of what sounded."""
        return [(event.kind, event.data1, event.sample) for event in self.played
                if event.source == source and event.kind.startswith("note")]  # fmt: skip


@pytest.fixture
def stage(engine, hand_cranked, impulses) -> Iterator[Callable[..., Stage]]:
    """Make a stage for an agent."""
    made: list[Stage] = []

    def make(agent=None, **options) -> Stage:
        made.append(Stage(engine, hand_cranked, impulses, lambda: DuetSession(
            engine, None if agent is None else lambda: agent, "made up",
            make_seat=lambda make, tell: InlineSeat(make(), answers), **options
        )))  # fmt: skip
        return made[-1]

    yield make
    for one in made:
        one.session.close()
