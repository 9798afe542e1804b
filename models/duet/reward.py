"""What a generated part earns: the ensemble of reward models and rules, a reward a step.

"Reward Model" of the paper: all models give the probability of each note, their mean is the model-based
reward, and a rule is added. Models that predict 16 steps are asked on every fourth step, and a note's
probability is the mean over the centres in which it lies; a model (a), and a causal network in its
place, is asked on every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.causal import CausalNetwork, block_features
from models.duet.encoding import BEATS, Tokens
from models.duet.networks import KINDS, DuetNetwork, Learnable, Network, from_arguments
from models.duet.teacher import ForesightNetwork
from models.duet.windows import cut, encoded

Floats = NDArray[np.float64]
Rule = Callable[[Tokens], Floats]
STRIDE = 4
CHUNK = 1024


class Reward:
    """Called with finished duets; gives what each of the machine's steps earns."""

    def __init__(self, models: Sequence[Network], rule: Rule, scale: float = 1.0) -> None:
        self._models, self._rule, self._scale = list(models), rule, scale

    def __call__(self, human: Tokens, machine: Tokens, phase: NDArray[np.int64], first: int) -> Floats:
        """Rewards (n, T - first) of multi-hold lines (n, T) whose first step has the beat `phase` (n,)."""
        found = [probabilities(model, human, machine, phase, first) for model in self._models]
        ruled = np.stack([self._rule(line) for line in machine])[:, first:]
        total: Floats = np.mean(found, 0) + self._scale * ruled
        return total


@torch.no_grad()
def probabilities(
    model: Network, human: Tokens, machine: Tokens, phase: NDArray[np.int64], first: int
) -> Floats:
    """(n, T - first) what one model thinks of each of the machine's symbols; see :class:`Reward`."""
    if isinstance(model, CausalNetwork):
        return _read_through(model, human, machine, phase)[:, first:]
    kind, steps = model.kind, machine.shape[1]
    given, own = (encoded(lines, kind.encoding) for lines in (human, machine))
    stride = 1 if kind.centre == 1 else STRIDE
    starts = np.arange(first - kind.centre + stride, steps, stride)
    inside = starts[:, None] + np.arange(kind.centre)  # (starts, centre)
    known = (inside >= first) & (inside < steps)
    inside = np.clip(inside, 0, steps - 1)
    chances = _asked(model, given, own, phase, starts)  # (n, starts, centre, symbols)
    chosen = own[:, inside].astype(np.int64)
    found = np.take_along_axis(chances, chosen[..., None], -1)[..., 0] * known
    sums, counts = np.zeros((steps, len(own))), np.zeros(steps)
    np.add.at(sums, inside, found.transpose(1, 2, 0))
    np.add.at(counts, inside, known)
    return (sums[first:] / counts[first:, None]).T


def _read_through(model: CausalNetwork, human: Tokens, machine: Tokens, phase: NDArray[np.int64]) -> Floats:
    """(n, T) probability of every symbol of the machine's."""
    given, own = (torch.from_numpy(line.astype(np.int64)) for line in (human, machine))
    chances = model.head(block_features(model, given, own, torch.from_numpy(phase))).softmax(-1)
    found: Floats = chances.gather(-1, own[..., None])[..., 0].double().numpy()
    return found


def _asked(
    model: DuetNetwork, human: Tokens, machine: Tokens, phase: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n, starts, centre, symbols) probabilities."""
    windows = [cut(lines, starts, model.kind).reshape(-1, model.kind.width) for lines in (human, machine)]
    beats = ((phase[:, None] + starts) % BEATS).reshape(-1)
    given = [torch.from_numpy(array).split(CHUNK) for array in (*windows, beats)]
    chances = torch.cat([model(*chunk).softmax(-1) for chunk in zip(*given, strict=True)])
    return chances.unflatten(0, (len(human), len(starts))).numpy()


def load_network(path: Path | str, kinds: Sequence[str] = ()) -> Network:
    """A trained network, of one of the kinds that are asked for; a teacher is none of them.

    Raises:
        CheckpointError: the file is missing, damaged, none of Duet's, or of another kind.
    """
    network = _loaded(path)
    if isinstance(network, ForesightNetwork) or (kinds and network.name not in kinds):
        wanted = " or ".join(kinds or (*KINDS, CausalNetwork.name))
        raise CheckpointError(f"{path} is of kind {network.name}; name one of kind {wanted}")
    return network


def load_teacher(path: Path | str) -> ForesightNetwork:
    """A trained teacher; raises as :func:`load_network`."""
    network = _loaded(path)
    if not isinstance(network, ForesightNetwork):
        raise CheckpointError(f"{path} is of kind {network.name}; name one of kind {ForesightNetwork.name}")
    return network


def _loaded(path: Path | str) -> Learnable:
    tensors, metadata = checkpoint.load(Path(path), None)
    try:
        network = from_arguments(metadata["network"])
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no network of Duet ({error}); train one") from error
    return network.eval()
