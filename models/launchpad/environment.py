"""The launchpad as a Gymnasium environment, one song at a time; the readable twin of `batched`.

Plain NumPy, no I/O, no clock: it runs as fast as it is asked.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from models.launchpad.corpus import densities
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.reward import Reward
from models.launchpad.starts import Start, sparse

SONG_BARS = 1000
"""The paper's (section 2.3.2)."""
Observation = npt.NDArray[np.float32]


class LaunchpadEnv(gymnasium.Env[Observation, Any]):
    """Press one button of the launchpad for every bar of a song (RL-DJ, section 2.1).

    Observation, (312,) float32 of 0 and 1: for every key its seven toggles and the six bits of its offset.
    Actions: the 313 of :class:`~models.launchpad.instrument.Instrument`. The reward judges the bar that the
    button leads to, beside the last `memory` bars that were heard. A song is cut off after `bars` bars: it
    has no end of its own. `info` has the `state` (24, 2) uint8, the `bar` number and its `notes`.
    """

    def __init__(self, reward: Reward, start: Start = sparse, bars: int = SONG_BARS, memory: int = 1) -> None:
        self._reward, self._start, self._bars, self._memory = reward, start, bars, memory
        size = (LAUNCHPAD.keys * LAUNCHPAD.columns,)
        self.observation_space: spaces.Space[Any] = spaces.Box(0.0, 1.0, size, np.float32)
        self.action_space = spaces.Discrete(LAUNCHPAD.actions)
        self.state = LAUNCHPAD.empty()
        self._bar = 0
        self._heard = LAUNCHPAD.packed(self.state)[None]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a song in a state drawn at random, or in `options["state"]`."""
        super().reset(seed=seed)
        given = (options or {}).get("state")
        self.state = self._start(1, self.np_random)[0] if given is None else np.array(given, np.uint8)
        self._bar = 0
        self._heard = np.repeat(LAUNCHPAD.packed(self.state)[None], self._memory, 0)
        return LAUNCHPAD.features(self.state), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Press one button and play the bar."""
        self.state = LAUNCHPAD.press(self.state, int(action))
        bar = LAUNCHPAD.packed(self.state)[None]
        gained = float(self._reward(bar, self._heard[None])[0])
        self._heard = np.concatenate([self._heard[1:], bar])
        self._bar += 1
        return LAUNCHPAD.features(self.state), gained, False, self._bar >= self._bars, self._info()

    def _info(self) -> dict[str, Any]:
        state: States = self.state.copy()
        return {"state": state, "bar": self._bar, "notes": int(densities(self._heard[-1]))}
