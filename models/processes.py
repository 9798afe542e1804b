"""Training spread over processes by torchrun; without it there is one process and nothing to average."""
from __future__ import annotations

import os

import torch
from torch import Tensor, distributed, nn


def join(device: torch.device) -> int:
    """Take part where torchrun started this process; gives its rank, 0 where there is only one."""
    if "RANK" not in os.environ:
        return 0
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return int(distributed.get_rank())


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
