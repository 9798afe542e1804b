"""The three actions by a rule instead of by reward: what the follower is worth without its policy.

The policy's place is taken by one who looks ahead as the teacher of the paper's agents does
(:mod:`models.paper.teacher`), but along the course that the music is believed to take, not along the true
one. It learned nothing and draws nothing. Belongs to one thread, allocates little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.follower.belief import HORIZONS
from models.game import ACTIONS

LOOKS_FRAMES = np.repeat([2, 4, 8], len(ACTIONS))
"""How far ahead the simple players look who go on after each action."""
REACH_FRAMES = HORIZONS[-1] - int(LOOKS_FRAMES[-1])
"""So far the course of each is judged; nobody looks beyond what the belief says."""
DISCOUNT = 0.95
_FIRST = np.tile(np.array(ACTIONS, np.float64), len(LOOKS_FRAMES) // len(ACTIONS))


class Steering:
    """Chooses as :class:`~models.follower.streaming.PolicyStep` does, with certainty."""

    hidden: NDArray[np.float32] = np.zeros(0, np.float32)
    """It has no hidden layers."""

    def __call__(
        self, summary: NDArray[np.float32], x_px: float, speed_px: float, tolerance_px: float
    ) -> tuple[tuple[float, float, float], float]:
        """Certainty of slower, keep or faster, and the mean reward that it expects.

        Each action is followed by simple players who steer, by one px a frame each frame, to where the music
        is believed to be in a few frames; the action counts for what the best of them strays least.
        """
        music_px = np.interp(np.arange(HORIZONS[-1] + 1), HORIZONS, summary[: len(HORIZONS)])
        place, speed, action = np.full(len(_FIRST), x_px), np.full(len(_FIRST), speed_px), _FIRST
        strayed_px, weight, weights = np.zeros(len(_FIRST)), 1.0, 0.0
        for frame in range(1, REACH_FRAMES + 1):
            speed = speed + action
            place = place + speed
            strayed_px += weight * np.abs(place - music_px[frame])
            weights, weight = weights + weight, weight * DISCOUNT
            pace_px = (music_px[frame + LOOKS_FRAMES] - place) / LOOKS_FRAMES
            action = np.clip(np.rint(pace_px - speed), -1.0, 1.0)
        best = int(strayed_px.argmin())
        chosen = _FIRST[best]
        chances = (float(chosen < 0), float(chosen == 0), float(chosen > 0))
        return chances, 1.0 - float(strayed_px[best]) / weights / tolerance_px
