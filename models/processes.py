"""Training spread over processes by torchrun; without it there is one process and nothing to average."""
from __future__ import annotations

import os
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from pieces.errors import RipienoError

T = TypeVar("T")


class TooFewGPUs(RipienoError):
    """More processes than GPUs."""

    exit_code = 2


def gpu_here() -> torch.device:
    """The GPU of this process: where torchrun started several, each has its own; raises TooFewGPUs."""
    index, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if index >= count:
        raise TooFewGPUs(f"there are {count} GPUs here: start at most as many processes, or train on a CPU.")
    return torch.device("cuda", index)


def join(device: torch.device) -> int:
    """Take part where torchrun started this process; gives its rank, 0 where there is only one."""
    if "RANK" not in os.environ:
        return 0
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        # What all must agree on lies on the CPU, whatever they train on.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return int(distributed.get_rank())


def agreed(value: float) -> float:
    """The mean over all processes, so that all decide alike."""
    return float(average(torch.tensor([value], dtype=torch.float64)))


def of_the_first(value: T) -> T:
    """What the first process calls this with, in all of them; tensors in it lie on the CPU."""
    if not distributed.is_initialized():
        return value
    held = [value]
    distributed.broadcast_object_list(held, src=0, device=torch.device("cpu"))
    return held[0]


def average(values: Tensor) -> Tensor:
    """The mean over all processes, in place."""
    if distributed.is_initialized():
        distributed.all_reduce(values)
        values /= distributed.get_world_size()
    return values


def average_gradients(network: nn.Module) -> None:
    """Give all processes the mean of their gradients, in one message."""
    if not distributed.is_initialized():
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    averaged = average(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = averaged.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
