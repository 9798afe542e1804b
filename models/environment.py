"""The following game as a Gymnasium environment, one round at a time; the readable twin of `batched`.

Plain NumPy, no I/O, no clock: it runs as fast as it is asked.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from models import game
from models.features import SPEC
from models.game import MSMD, GameSpec, Round

Observation = dict[str, npt.NDArray[np.float32]]
LOUDEST = 10.0
"""Above any value of a frame: log10(1 + magnitude)."""


class FollowingEnv(gymnasium.Env[Observation, Any]):
    """Follow a performance along the strip (score-following paper, section 2).

    Observation (section 2.1), float32: `score` (2, rows, columns), ink 0..1 around the cursor and its
    difference to the window one step ago; `audio` (2, 78, 40), the newest 2 s and their difference to those
    one frame ago. Actions: 0, 1, 2 for slower, keep, faster; or, `continuous`, the change of speed itself,
    (1,) px per frame. Each episode is one round, from its first onset at speed 0 until the player is more
    than the tolerance away or the last onset is reached. `info` has `error_px`, `x_px`, `frame`, `lost`.
    """

    def __init__(self, rounds: Sequence[Round], spec: GameSpec = MSMD, continuous: bool = False) -> None:
        self._rounds = tuple(rounds)
        self._spec = spec
        score = spaces.Box(-1.0, 1.0, (2, *spec.window_shape), np.float32)
        audio = spaces.Box(-LOUDEST, LOUDEST, (2, SPEC.bands, spec.context_frames), np.float32)
        self.observation_space: spaces.Space[Any] = spaces.Dict({"score": score, "audio": audio})
        change = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.action_space = change if continuous else spaces.Discrete(len(game.ACTIONS))
        self._round = self._rounds[0]
        self._frame, self._x_px, self._previous_x_px, self._speed_px = 0, 0.0, 0.0, 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a round drawn at random, or the one numbered `options["round"]`."""
        super().reset(seed=seed)
        chosen = (options or {}).get("round", self.np_random.integers(len(self._rounds)))
        self._round = self._rounds[int(chosen)]
        self._frame = self._round.truth.first_frame
        self._x_px = self._previous_x_px = self._round.truth.x_at_frame(self._frame)
        self._speed_px = 0.0
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Change the speed, move one frame on; both ends of an episode are terminal, none is cut short."""
        change = game.ACTIONS[int(action)] if isinstance(self.action_space, spaces.Discrete) else action
        self._previous_x_px = self._x_px
        self._x_px, self._speed_px = game.move(self._x_px, self._speed_px, float(np.squeeze(change)))
        self._frame += 1
        info = self._info()
        over = info["lost"] or self._frame >= self._round.truth.last_frame
        gained = game.reward(info["error_px"], self._spec.tolerance_px)
        return self._observe(), gained, over, False, info

    @property
    def speed_px(self) -> float:
        """Speed of the cursor in px per frame."""
        return self._speed_px

    def _info(self) -> dict[str, Any]:
        error_px = self._x_px - self._round.truth.x_at_frame(self._frame)
        lost = game.is_lost(error_px, self._spec.tolerance_px)
        return {"error_px": error_px, "x_px": self._x_px, "frame": self._frame, "lost": lost}

    def _observe(self) -> Observation:
        strip, frames, spec = self._round.strip, self._round.frames, self._spec
        now, before = (
            game.score_window(strip, x_px, spec).astype(np.float32) / 255.0
            for x_px in (self._x_px, self._previous_x_px)
        )
        heard = game.audio_context(frames, self._frame, spec.context_frames + 1).T
        audio = np.stack((heard[:, 1:], heard[:, 1:] - heard[:, :-1]))
        return {"score": np.stack((now, now - before)), "audio": audio.astype(np.float32)}
