"""The policy: from what the follower believes and where the cursor stands to slower, keep or faster.

The belief does not depend on the cursor, so its summaries are computed once for a performance and the game
is then played on twelve numbers a frame: this is what lets PPO run at tens of thousands of frames a second
on a CPU. Pure torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batched import FollowState
from models.follower.belief import HORIZONS, SUMMARY
from pieces.piece import TOLERANCE_PX

OBSERVATION = len(HORIZONS) + 8
PX = 50.0


def observation(summary: Tensor, x_px: Tensor, speed_px: Tensor, tolerance_px: Tensor) -> Tensor:
    """What the policy sees, (N, OBSERVATION) float32.

    ``summary`` (N, SUMMARY) of :meth:`~models.follower.belief.Belief.summary`; the cursor's place, speed (px
    per frame) and the game's b are (N,). Errors are those to come if the speed is kept, at every horizon.
    """
    place, speed = x_px.float(), speed_px.float()
    horizon = torch.tensor(HORIZONS, dtype=torch.float32, device=summary.device)
    coming = (summary[:, : len(HORIZONS)] - place[:, None] - speed[:, None] * horizon) / PX
    spread, music_speed, here, halted = summary[:, len(HORIZONS) : SUMMARY].unbind(1)
    tolerance = tolerance_px.float()
    rest = torch.stack(
        [
            (summary[:, 0] - place) / tolerance,
            speed / 10.0,
            music_speed / 10.0,
            (music_speed - speed) / 4.0,
            spread / PX,
            here,
            halted,
            tolerance / TOLERANCE_PX,
        ],
        dim=1,
    )
    return torch.cat([coming, rest], dim=1).clamp(-6.0, 6.0)


class Policy(nn.Module):
    """(N, OBSERVATION) -> logits (N, 3) of slower, keep, faster and the value (N,) of the state."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.actor = _perceptron(width, 3, 0.01)
        self.critic = _perceptron(width, 1, 1.0)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(seen), self.critic(seen).squeeze(-1)


def _perceptron(width: int, outputs: int, last_gain: float) -> nn.Sequential:
    """Two hidden layers, orthogonal initialisation (paper, appendix)."""
    layers = (nn.Linear(OBSERVATION, width), nn.Linear(width, width), nn.Linear(width, outputs))
    for layer, gain in zip(layers, (2**0.5, 2**0.5, last_gain), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


class BeliefObserver:
    """Shows the batched game the precomputed beliefs of many performances.

    Args:
        summaries: per round (T, SUMMARY) float32, row f the belief after frame f.
        tolerances_px: the game's b of every round.
    """

    def __init__(self, summaries: Sequence[NDArray[np.float32]], tolerances_px: Sequence[float]) -> None:
        self._rows = torch.from_numpy(np.concatenate(summaries))
        lengths = [len(rows) for rows in summaries]
        self._offset = torch.tensor(np.cumsum([0, *lengths[:-1]]))
        self._last = torch.tensor(lengths) - 1
        self._tolerance = torch.tensor(tolerances_px, dtype=torch.float32)

    def __call__(self, state: FollowState) -> Tensor:
        frame = torch.minimum(state.frame, self._last[state.round])
        summary = self._rows[self._offset[state.round] + frame]
        return observation(summary, state.x_px, state.speed_px, self._tolerance[state.round])
