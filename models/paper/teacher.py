"""Who the paper's agents may learn from before they learn from reward: the game's optimal player, by keys.

The optimal player changes its speed by any amount; here it may only choose -1, 0 or +1, as the agents do,
and must begin early enough. So it looks ahead: what does each action earn if one of several simple players
goes on from there, the best of them counting? Each of these steers, rounded to the nearest action, to where
the music will be in a few frames; looking ahead over them is a step of policy improvement, which mends the
overshooting of each alone. It knows the truth, so it serves training only. Runs in the training process, on
the device of the truths.
"""
from __future__ import annotations

import torch
from torch import Tensor

from models.batched import FollowState, Truths
from models.game import ACTIONS

LOOKS_FRAMES = (1, 4, 8)
"""How far ahead each of the simple players looks; 1 is the optimal player rounded to the nearest action."""
HORIZON_FRAMES = 30
"""How far the looking ahead goes: a discount of 0.9 leaves 4 % beyond."""


def rounded(truths: Truths, state: FollowState, look_frames: Tensor) -> Tensor:
    """Changes of speed, (N,) float64 of -1, 0, +1, that best lead to where the music is that much later."""
    ahead = torch.minimum(state.frame + look_frames, truths.last[state.round])
    pace_px = (truths.at(state.round, ahead) - state.x_px) / look_frames
    return (pace_px - state.speed_px).round().clamp(-1.0, 1.0)


def returns(truths: Truths, state: FollowState, discount: float) -> Tensor:
    """Discounted rewards (N, 3) of slower, keep, faster in each state, if the best simple player goes on.

    Rewards and ends are those of `BatchedFollowing`; a game that is over earns nothing more.
    """
    count, device = len(state.round), state.x_px.device
    branches = (len(LOOKS_FRAMES), len(ACTIONS), count)
    state = FollowState(*(part.expand(branches).flatten() for part in vars(state).values()))
    look_frames = torch.tensor(LOOKS_FRAMES, device=device).repeat_interleave(len(ACTIONS) * count)
    first = torch.tensor(ACTIONS, dtype=torch.float64, device=device).unsqueeze(1)
    action = first.expand(branches).flatten()
    tolerance_px, last = truths.tolerance_px[state.round], truths.last[state.round]
    going = state.frame < last
    total, weight = torch.zeros_like(state.x_px), 1.0
    for _ in range(HORIZON_FRAMES):
        state = state.moved(action)
        error_px = (state.x_px - truths.at(state.round, torch.minimum(state.frame, last))).abs()
        total = total + weight * going * (1.0 - error_px / tolerance_px).clamp_min(0.0)
        going = going & (error_px <= tolerance_px) & (state.frame < last)
        weight, action = weight * discount, rounded(truths, state, look_frames)
    return total.view(branches).amax(0).T
