"""How well an agent of the paper plays: every round once, all at the same time, by the rules of the game.

For choosing the best weights while training; the figures of a results table come from `models.evaluation`.
Runs in the training process, on the environment's device.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.batched import BatchedFollowing, WindowObserver
from models.game import GameSpec, Round

BATCH = 32
"""Rounds played at once."""


@dataclass(frozen=True)
class Score:
    """Over all rounds: the share of onsets tracked, and of rounds followed to the end."""

    r_on: float
    r_tue: float


@torch.no_grad()
def validate(
    network: nn.Module, rounds: Sequence[Round], spec: GameSpec, device: torch.device, seed: int = 0
) -> Score:
    """Play every round once with the sampled policy, as the paper does; same seed, same figures."""
    network.eval()
    random = torch.Generator(device).manual_seed(seed)
    tracked = onsets = ended = 0
    for begin in range(0, len(rounds), BATCH):
        part = rounds[begin:begin + BATCH]
        last_frames = _play(network, part, spec, device, random)
        for each, last in zip(part, last_frames.tolist(), strict=True):
            tracked += int((each.truth.onset_frames <= last).sum())
            onsets += len(each.truth.onset_frames)
            ended += last >= each.truth.last_frame
    return Score(tracked / onsets, ended / len(rounds))


def _play(
    network: nn.Module, rounds: Sequence[Round], spec: GameSpec, device: torch.device, random: torch.Generator
) -> Tensor:
    """The last frame (N,) int64 at which each round was still within the tracking window."""
    truths = [each.truth for each in rounds]
    env = BatchedFollowing(truths, WindowObserver(rounds, spec, device), len(rounds), spec.tolerance_px,
                           device=device)  # fmt: skip
    seen = env.reset(torch.arange(len(rounds), device=device))
    last = torch.tensor([truth.first_frame for truth in truths], device=device)
    going = torch.ones(len(rounds), dtype=torch.bool, device=device)
    for step in range(max(truth.last_frame - truth.first_frame for truth in truths)):
        chances = network(seen)[0].softmax(-1)
        actions = (chances / torch.empty_like(chances).exponential_(generator=random)).argmax(-1)
        outcome = env.step(actions)
        last = last + (going & (env.error_px.abs() <= spec.tolerance_px))
        going = going & ~outcome.terminated
        seen = outcome.observation
        if step % 64 == 63 and not going.any():
            break
    return last
