"""Agents made by hand."""

from __future__ import annotations

import time

import numpy as np

from models.launchpad.agent import Choice
from models.launchpad.instrument import LAUNCHPAD
from pieces.errors import RipienoError


class RandomAgent:
    """Presses anything that is not forbidden."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, state, forbidden, temperature, votes, bar):
        action = int(self._rng.choice(np.flatnonzero(~forbidden)))
        return Choice(action, np.zeros(LAUNCHPAD.actions, np.float32))


class ScriptedAgent:
    """Presses the buttons of a list, then nothing; remembers what it was asked."""

    def __init__(self, *actions: int) -> None:
        self.actions = list(actions)
        self.asked: list[tuple] = []

    def choose(self, state, forbidden, temperature, votes, bar):
        self.asked.append((state.copy(), forbidden.copy(), temperature, votes, bar))
        action = self.actions[0] if self.actions else LAUNCHPAD.nothing
        return Choice(action, np.zeros(LAUNCHPAD.actions, np.float32))


class SleepingAgent:
    """Chooses for half a minute."""

    def choose(self, state, forbidden, temperature, votes, bar):
        time.sleep(30)
        return Choice(0, np.zeros(LAUNCHPAD.actions, np.float32))


class BrokenAgent:
    """Fails whenever it is asked."""

    def choose(self, state, forbidden, temperature, votes, bar):
        raise ZeroDivisionError


def refuse() -> BrokenAgent:
    """No agent."""
    raise RipienoError("it is damaged; train another.")
