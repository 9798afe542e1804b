"""The paper's two networks (score-following paper, figure 5, tables 1 and 2), as actor-critics.

Both read the raw observation of `batched.WindowObserver` and take its differences themselves. ELU after
every layer but the two outputs, dropout 0.2 where table 2 says so, orthogonal initialisation, no padding.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, linear
from torch.nn.utils import convert_conv2d_weight_memory_format

from models.features import SPEC
from models.game import ACTIONS, MSMD, NOTTINGHAM, GameSpec
from models.vectorised import Observation

DROPOUT = 0.2


def paper_input(observation: Observation) -> tuple[Tensor, Tensor]:
    """Raw observation to the paper's state (section 2.1).

    `score` (N, 2, columns, rows) uint8 becomes (N, 2, rows, columns) float32, ink 0..1 and its difference to
    the step before; `audio` (N, 41, 78) becomes (N, 2, 78, 40), the frames and their differences.
    """
    if isinstance(observation, Tensor):
        raise TypeError("the paper's networks read score and audio")
    now, before = (observation["score"].float() / 255.0).transpose(2, 3).unbind(1)
    heard = observation["audio"].float().transpose(1, 2)
    score = torch.stack((now, now - before), 1)
    return score, torch.stack((heard[..., 1:], heard[..., 1:] - heard[..., :-1]), 1)


@dataclass(frozen=True)
class Conv:
    """One row of the paper's tables: a square kernel, its stride, feature maps, dropout after it or not."""

    kernel: int
    stride: int | tuple[int, int]
    maps: int
    dropout: bool = False


@dataclass(frozen=True)
class Table:
    """A network as the paper prints it; `branch_dense` is the dense layer within each branch (0: none)."""

    game: GameSpec
    audio: tuple[Conv, ...]
    score: tuple[Conv, ...]
    branch_dense: int
    joint_dense: int
    head_dense: int
    head_dropout: bool


TABLE_1 = Table(
    NOTTINGHAM,
    audio=(Conv(3, 2, 16), Conv(3, 2, 32), Conv(3, 2, 32), Conv(3, 1, 64)),
    score=(Conv(5, (1, 2), 16), Conv(3, 2, 32), Conv(3, 2, 32), Conv(3, (1, 2), 64)),
    branch_dense=0, joint_dense=256, head_dense=256, head_dropout=False,
)
TABLE_2 = Table(
    MSMD,
    audio=(
        Conv(3, 1, 16), Conv(3, 1, 16), Conv(3, 2, 32), Conv(3, 1, 32, dropout=True), Conv(3, 2, 64),
        Conv(3, 2, 96), Conv(1, 1, 96, dropout=True),
    ),
    score=(
        Conv(5, (1, 2), 16), Conv(3, 1, 16), Conv(3, 2, 32), Conv(3, 1, 32, dropout=True), Conv(3, 2, 32),
        Conv(3, 2, 64, dropout=True), Conv(3, 2, 96), Conv(1, 1, 96, dropout=True),
    ),
    branch_dense=512, joint_dense=512, head_dense=256, head_dropout=True,
)


class PaperNetwork(nn.Module):
    """Score and sound, each through its own convolutions, joined, and two heads: policy and value.

    `outputs` is the number of actions, or of whatever else the first head tells apart.
    """

    def __init__(self, table: Table, outputs: int = len(ACTIONS)) -> None:
        super().__init__()
        self.branches_in_bfloat16 = False
        audio_shape = (2, SPEC.bands, table.game.context_frames)
        self.audio = _branch(table.audio, table.branch_dense, audio_shape)
        self.score = _branch(table.score, table.branch_dense, (2, *table.game.window_shape))
        joined = _width(self.audio, audio_shape) + _width(self.score, (2, *table.game.window_shape))
        self.joint = nn.Sequential(nn.Linear(joined, table.joint_dense), nn.ELU())
        self.policy = _head(table, outputs)
        self.value = _head(table, 1)
        self.apply(_orthogonal)
        _scale(self.policy[-1], 0.01)    # begin undecided
        _scale(self.value[-1], 1.0)

    def forward(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) of slower, keep, faster, and values (N,)."""
        return self.decide(*self.perceive(observation))

    def perceive(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """What the joint layer is told of the sound and of the score, (N, joint) each, to be added up."""
        score, audio = paper_input(observation)
        if self.branches_in_bfloat16:
            with torch.autocast(score.device.type, torch.bfloat16):
                heard, seen = self.audio(audio), self.score(score)
            heard, seen = heard.float(), seen.float()
        else:
            heard, seen = self.audio(audio), self.score(score)
        weight, bias = self.joint.get_parameter("0.weight"), self.joint.get_parameter("0.bias")
        heard_weight, seen_weight = weight.split((heard.shape[1], seen.shape[1]), 1)
        return linear(heard, heard_weight, bias), linear(seen, seen_weight)

    def decide(self, heard: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and values of any pairs of what was perceived, (N, joint) each."""
        joint = elu(heard + seen)
        return self.policy(joint), self.value(joint).squeeze(1)


def use_bfloat16(network: nn.Module) -> None:
    """Have the branches of the paper's network, or of those within, computed in bfloat16, as suits a GPU.

    Weights, the joint layer and the heads stay float32.
    """
    for part in network.modules():
        if isinstance(part, PaperNetwork):
            part.branches_in_bfloat16 = True
            convert_conv2d_weight_memory_format(part, torch.channels_last)


def nottingham_network() -> PaperNetwork:
    """Table 1, for one-staff tunes."""
    return PaperNetwork(TABLE_1)


def msmd_network() -> PaperNetwork:
    """Table 2, for piano systems."""
    return PaperNetwork(TABLE_2)


def _branch(convolutions: Sequence[Conv], dense: int, shape: tuple[int, int, int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    maps = shape[0]
    for conv in convolutions:
        layers += [nn.Conv2d(maps, conv.maps, conv.kernel, conv.stride), nn.ELU()]
        layers += [nn.Dropout(DROPOUT)] if conv.dropout else []
        maps = conv.maps
    layers.append(nn.Flatten())
    branch = nn.Sequential(*layers)
    if dense:
        branch.extend([nn.Linear(_width(branch, shape), dense), nn.ELU()])
    return branch


def _head(table: Table, outputs: int) -> nn.Sequential:
    dropout = [nn.Dropout(DROPOUT)] if table.head_dropout else []
    hidden = nn.Linear(table.joint_dense, table.head_dense)
    return nn.Sequential(hidden, nn.ELU(), *dropout, nn.Linear(table.head_dense, outputs))


@torch.no_grad()
def _width(branch: nn.Sequential, shape: tuple[int, int, int]) -> int:
    """Values that a branch puts out for an input of `shape`."""
    width = int(branch.eval()(torch.zeros(1, *shape)).shape[1])
    branch.train()
    return width


def _orthogonal(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        _scale(module, math.sqrt(2.0))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _scale(module: nn.Module, gain: float) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.orthogonal_(module.weight, gain)
