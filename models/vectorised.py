"""What a learner and many environments at once say to each other, in tensors.

An observation is one tensor, or a dict of tensors, with the environments along the first dimension.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

Observation = Tensor | dict[str, Tensor]


class Transition(NamedTuple):
    """The outcome of one step of N environments; those that ended have already begun anew.

    `reward` (N,) float32; `terminated` and `truncated` (N,) bool; `observation` follows a reset where an
    episode ended. `final_observation` is the one before that reset, given only if any was truncated.
    """

    observation: Observation
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    final_observation: Observation | None = None


class VectorEnv(Protocol):
    """N environments stepped together. Observations are valid until the next call: copy what you keep."""

    count: int
    device: torch.device

    def reset(self) -> Observation:
        """Begin N episodes."""

    def step(self, actions: Tensor) -> Transition:
        """Take one action, (N,) int64, in each."""


def map_observation(function: Callable[[Tensor], Tensor], observation: Observation) -> Observation:
    """The same shape of observation with `function` applied to every tensor."""
    if isinstance(observation, Tensor):
        return function(observation)
    return {name: function(part) for name, part in observation.items()}


def empty_like(observation: Observation, steps: int) -> Observation:
    """Uninitialised storage for `steps` observations, time first."""
    return map_observation(lambda part: part.new_empty((steps, *part.shape)), observation)


def write(storage: Observation, step: int, observation: Observation) -> None:
    """Copy an observation into row `step` of a storage made by `empty_like`."""
    if isinstance(storage, Tensor) and isinstance(observation, Tensor):
        storage[step] = observation
    elif isinstance(storage, dict) and isinstance(observation, dict):
        for name, part in observation.items():
            storage[name][step] = part
    else:
        raise TypeError("an environment must not change the kind of its observations")


class GymnasiumVector:
    """Gymnasium environments with array observations as a VectorEnv; for tests and small problems."""

    def __init__(self, make: Callable[[], Any], count: int, seed: int = 0) -> None:
        self.count = count
        self.device = torch.device("cpu")
        self._envs = [make() for _ in range(count)]
        self._seed: int | None = seed

    def reset(self) -> Observation:
        """Begin N episodes; seeded the first time only, as Gymnasium advises."""
        first, self._seed = self._seed, None
        return self._stack([
            env.reset(seed=None if first is None else first + i)[0] for i, env in enumerate(self._envs)
        ])

    def step(self, actions: Tensor) -> Transition:
        """One step in each, with an immediate reset of those that ended."""
        outcomes = [env.step(int(action)) for env, action in zip(self._envs, actions, strict=True)]
        observations = [outcome[0] for outcome in outcomes]
        terminated, truncated = (torch.tensor([bool(o[k]) for o in outcomes]) for k in (2, 3))
        final = self._stack(observations) if truncated.any() else None
        for i in torch.nonzero(terminated | truncated).flatten().tolist():
            observations[i] = self._envs[i].reset()[0]
        reward = torch.tensor([float(o[1]) for o in outcomes])
        return Transition(self._stack(observations), reward, terminated, truncated, final)

    @staticmethod
    def _stack(observations: list[Any]) -> Tensor:
        return torch.stack([torch.as_tensor(each, dtype=torch.float32) for each in observations])
