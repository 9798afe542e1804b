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
from models.game import GameSpec, Round, Truth

BATCH = 32
"""Rounds played at once."""


@dataclass(frozen=True)
class Score:
    """Over all rounds: the share of onsets tracked, and of rounds followed to the end."""

    r_on: float
    r_tue: float


class Examination:
    """Rounds to be played again and again; of each the first `longest_frames`, 0 for all."""

    def __init__(
        self, rounds: Sequence[Round], spec: GameSpec, device: torch.device, longest_frames: int = 0
    ) -> None:
        self._device, self._tolerance_px = device, spec.tolerance_px
        self._parts = [
            (part := [each.truth for each in rounds[begin:begin + BATCH]],
             WindowObserver(rounds[begin:begin + BATCH], spec, device),
             [min(t.last_frame, t.first_frame + (longest_frames or t.last_frame)) for t in part])
            for begin in range(0, len(rounds), BATCH)
        ]  # fmt: skip

    @torch.no_grad()
    def __call__(self, network: nn.Module, seed: int = 0) -> Score:
        """Play every round once with the sampled policy, as the paper does; same seed, same figures."""
        network.eval()
        random = torch.Generator(self._device).manual_seed(seed)
        tracked = onsets = ended = rounds = 0
        for truths, observe, ends in self._parts:
            env = BatchedFollowing(truths, observe, len(truths), self._tolerance_px, device=self._device)
            last_frames = _play(network, env, truths, ends, self._tolerance_px, random).tolist()
            for truth, end, last in zip(truths, ends, last_frames, strict=True):
                tracked += int((truth.onset_frames <= min(last, end)).sum())
                onsets += int((truth.onset_frames <= end).sum())
                ended += last >= end
            rounds += len(truths)
        return Score(tracked / onsets, ended / rounds)


def validate(
    network: nn.Module, rounds: Sequence[Round], spec: GameSpec, device: torch.device, seed: int = 0
) -> Score:
    """An examination taken once."""
    return Examination(rounds, spec, device)(network, seed)


def _play(
    network: nn.Module, env: BatchedFollowing, truths: Sequence[Truth], ends: Sequence[int],
    tolerance_px: float, random: torch.Generator,
) -> Tensor:
    """The last frame (N,) int64 at which each round was still within the tracking window."""
    device = env.device
    seen = env.reset(torch.arange(len(truths), device=device))
    last = torch.tensor([truth.first_frame for truth in truths], device=device)
    going = torch.ones(len(truths), dtype=torch.bool, device=device)
    for step in range(max(end - truth.first_frame for truth, end in zip(truths, ends, strict=True))):
        chances = network(seen)[0].softmax(-1)
        actions = (chances / torch.empty_like(chances).exponential_(generator=random)).argmax(-1)
        outcome = env.step(actions)
        last = last + (going & (env.error_px.abs() <= tolerance_px))
        going = going & ~outcome.terminated
        seen = outcome.observation
        if step % 64 == 63 and not going.any():
            break
    return last
