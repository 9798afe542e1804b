"""How fast the following game runs for training: the figures that `launch.py bench` prints.

Measured on made-up rounds, with actions drawn beforehand unless a network is given to take them; the
observations of every step are made. The work is copying memory, so one thread does it; two only wait for each
other on a busy machine.
"""
from __future__ import annotations

import time
from itertools import count

import numpy as np
import torch
from torch import nn

from models.batched import BatchedFollowing, Start, WindowObserver
from models.features import SPEC
from models.game import MSMD, NOTTINGHAM, GameSpec, Round, Truth


def made_up_rounds(number: int, onsets: int = 300) -> list[Round]:
    """Rounds with random ink, random sound and two to four onsets a second."""
    rng = np.random.default_rng(0)
    rounds = []
    for _ in range(number):
        seconds = 0.5 + np.cumsum(rng.uniform(0.25, 0.5, onsets))
        x_px = 512 + np.cumsum(rng.uniform(10.0, 30.0, onsets))
        strip = (rng.random((200, int(x_px[-1]) + 512)) < 0.1).astype(np.uint8) * 255
        truth = Truth.from_onsets(seconds, x_px)
        rounds.append(Round(strip, rng.random((truth.last_frame + 1, SPEC.bands), np.float32), truth))
    return rounds


@torch.no_grad()
def batched_frames_per_s(
    spec: GameSpec, rounds: list[Round], games: int = 256, seconds: float = 2.0,
    network: nn.Module | None = None, device: str = "cpu",
) -> float:
    """Frames per second of the batched game with the paper's observations, and with a network that acts."""
    truths = [r.truth for r in rounds]
    start = Start(anywhere=1.0)
    observe = WindowObserver(rounds, spec, device)
    env = BatchedFollowing(truths, observe, games, spec.tolerance_px, start, device)
    seen = env.reset()
    actions = torch.randint(0, 3, (64, games), generator=torch.Generator().manual_seed(0)).to(device)
    begin = time.perf_counter()
    for step in count(1):
        seen = env.step(network(seen)[0].argmax(-1) if network else actions[step % 64]).observation
        if device != "cpu" and step % 16 == 0:
            torch.cuda.synchronize()
        spent_s = time.perf_counter() - begin
        if spent_s > seconds and (device == "cpu" or step % 16 == 0):
            return games * step / spent_s
    raise AssertionError("unreachable")


def single_frames_per_s(spec: GameSpec, rounds: list[Round], seconds: float = 1.0) -> float:
    """Frames per second of the single, readable environment; needs Gymnasium, which the others do not."""
    from models.environment import FollowingEnv

    env = FollowingEnv(rounds, spec)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 3, 1000)
    begin = time.perf_counter()
    for step in count(1):
        if env.step(actions[step % 1000])[2]:
            env.reset()
        spent_s = time.perf_counter() - begin
        if spent_s > seconds:
            return step / spent_s
    raise AssertionError("unreachable")


def figures(seconds: float = 2.0) -> dict[str, float]:
    """Frames per second by game and environment, on one thread."""
    rounds = made_up_rounds(40)
    found = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for spec in (NOTTINGHAM, MSMD):
            found[f"{spec.name} batched"] = batched_frames_per_s(spec, rounds, seconds=seconds)
            found[f"{spec.name} single"] = single_frames_per_s(spec, rounds, seconds / 2)
    finally:
        torch.set_num_threads(threads)
    return found
