"""The launchpad batched on tensors: thousands of songs at once, for learners of a VectorEnv (PPO, A2C).

Those that train the agents here (Q-learning, evolution) step the packed grids themselves.

The rules are those of `environment`, and a test holds them equal step by step. States stay packed in one
small array of bytes, on the CPU, where the rewards count bits; a replay should keep `states`, a sixth of the
bytes of an observation, and make `features` of what it draws. One thread steps it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.launchpad.environment import SONG_BARS
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.reward import Reward
from models.launchpad.starts import Start, sparse
from models.vectorised import Transition


class BatchedLaunchpad:
    """N songs at once, each beginning anew when it is cut off (a VectorEnv).

    With `spread`, songs are cut off at different times: the first ones of each are shorter by chance.
    Afterwards `states` (N, keys, 2) are where the songs are, `played` those that the last step led to, before
    any song began anew.
    """

    def __init__(
        self,
        count: int,
        reward: Reward,
        start: Start = sparse,
        bars: int = SONG_BARS,
        memory: int = 1,
        spread: bool = False,
        seed: int = 0,
    ) -> None:
        self.count = count
        self.device = torch.device("cpu")
        self._reward, self._start, self._bars, self._memory = reward, start, bars, memory
        self._spread = spread
        self._rng = np.random.default_rng(seed)
        self.reset()

    def reset(self, states: States | None = None) -> Tensor:
        """Begin N songs, in states drawn at random or in those given, (N, keys, 2)."""
        self.states = self._start(self.count, self._rng) if states is None else states.copy()
        self.played = self.states
        self._bar = self._rng.integers(0, self._bars if self._spread else 1, self.count)
        self._heard = self._silent_past(self.states)
        return self._observe()

    def step(self, actions: Tensor) -> Transition:
        """Press one button in each song, (N,) int64, and play the bars."""
        self.states = self.played = LAUNCHPAD.press(self.states, actions.numpy())
        bars = LAUNCHPAD.packed(self.states)
        reward = torch.from_numpy(self._reward(bars, self._heard))
        self._heard = np.concatenate([self._heard[:, 1:], bars[:, None]], 1)
        self._bar += 1
        cut_off = self._bar >= self._bars
        final = self._observe() if cut_off.any() else None
        self._begin_anew(cut_off)
        truncated = torch.from_numpy(cut_off)
        return Transition(self._observe(), reward, torch.zeros_like(truncated), truncated, final)

    def _begin_anew(self, ended: np.typing.NDArray[np.bool_]) -> None:
        if not ended.any():
            return
        self.states = self.states.copy()
        self.states[ended] = self._start(int(ended.sum()), self._rng)
        self._heard[ended] = self._silent_past(self.states[ended])
        self._bar[ended] = 0

    def _silent_past(self, states: States) -> np.typing.NDArray[np.uint64]:
        """(N, memory, keys): before the first button, nothing but the start was heard."""
        return np.repeat(LAUNCHPAD.packed(states)[:, None], self._memory, 1)

    def _observe(self) -> Tensor:
        return torch.from_numpy(LAUNCHPAD.features(self.states))
