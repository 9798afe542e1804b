"""Where a one-line tune's notes are struck, and how long each lasts until the next: read from the image.

The encoder of :mod:`models.follower.network` reads one column after another and adds up their lengths; this
small network reads notes, as a musician does: heads, stems, flags, dots, the ties that hold a note and the
rests behind it, over line breaks too. It learns from engraved strips alone: no sound is needed. Pure torch
modules and numpy, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.follower.network import COLUMN_PX

FloatArray = NDArray[np.float32]

LENGTHS = (
    *(1 / 8, 1 / 6, 1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 1, 5 / 4, 4 / 3, 3 / 2, 7 / 4, 2, 5 / 2, 3),
    *(7 / 2, 4, 9 / 2, 5, 6, 7, 8, 12),
)
"""Quarters from a note to the next that the network can tell apart."""
SURE = 0.3
"""A column in which a note begins less surely than this holds none."""
FEWEST = 8
"""A strip with fewer notes is not read note by note."""
_APART = 2
"""Columns that two notes are apart at least; a notehead is two or three wide."""


class Rhythm(nn.Module):
    """Strip (B, 80, 2 C) in [0, 1], half size -> logits of struck notes (B, C), of lengths (B, C, LENGTHS).

    Convolutions see a head with its stem, flags, dots and ties; then dilated ones along the strip see 250 px
    to either side: the rests and the clef behind a note, the number over a triplet.
    """

    DILATIONS = (1, 2, 4, 8, 16, 32)

    def __init__(self, width: int = 80) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 12, 5, stride=(2, 1), padding=2),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
        )
        self.squeeze = nn.Linear(48 * 5, width)
        self.normalise = nn.LayerNorm(width)
        self.along = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for dilation in self.DILATIONS
        )
        self.struck = nn.Linear(width, 1)
        self.length = nn.Linear(width, len(LENGTHS))
        nn.init.constant_(self.struck.bias, -2.0)

    def forward(self, strip: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.convolutions(strip.unsqueeze(1))
        seen = torch.relu(self.normalise(self.squeeze(maps.permute(0, 3, 1, 2).flatten(2)))).transpose(1, 2)
        for layer in self.along:
            seen = seen + torch.relu(layer(seen))
        columns = seen.transpose(1, 2)
        return self.struck(columns).squeeze(-1), self.length(columns)


@dataclass(frozen=True, eq=False)
class Notes:
    """The notes of a strip, left to right.

    ``x_px`` (K,) and ``quarters`` (K,) from each to the next, float64; ``keys`` (K, 88) float32, how likely
    each key is what is written there: every row adds up to one.
    """

    x_px: NDArray[np.float64]
    quarters: NDArray[np.float64]
    keys: FloatArray

    def __len__(self) -> int:
        return len(self.x_px)


@torch.inference_mode()
def read_notes(
    rhythm: Rhythm, strip: NDArray[np.uint8], written: FloatArray, music: tuple[int, int]
) -> Notes | None:
    """Read a halved strip (80, W // 2) between the first and the last column of ``music``.

    ``written`` (C, 88) are the reader's chances of noteheads: they say which keys. None where fewer than
    :data:`FEWEST` notes are found.
    """
    struck, lengths = rhythm(torch.from_numpy(strip).float().div_(255.0).unsqueeze(0))
    chances = torch.sigmoid(struck[0]).numpy().astype(np.float64)
    chances[: music[0]] = chances[music[1] + 1 :] = 0.0
    peaks = _peaks(chances)
    if len(peaks) < FEWEST:
        return None
    chosen = lengths[0].numpy()[peaks].argmax(-1)
    return Notes(_centres_px(chances, peaks), np.array(LENGTHS)[chosen], keys_at(written, peaks))


def keys_at(written: FloatArray, columns: NDArray[np.int64]) -> FloatArray:
    """(K, 88) shares of what the reader sees ``written`` (C, 88) at each of ``columns`` and beside it."""
    beside = np.clip(columns[:, None] + np.arange(-1, 2), 0, len(written) - 1)
    seen = written[beside].max(1)
    shares: FloatArray = seen / np.maximum(seen.sum(1, keepdims=True), np.float32(1e-6))
    return shares


def _peaks(chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns where a note is struck: sure ones, the surest among neighbours."""
    before, after = np.append(0.0, chances[:-1]), np.append(chances[1:], 0.0)
    found: list[int] = []
    for column in np.flatnonzero((chances > SURE) & (chances >= before) & (chances > after)).tolist():
        if found and column - found[-1] < _APART:
            found[-1] = max(found[-1], column, key=lambda place: float(chances[place]))
        else:
            found.append(column)
    return np.array(found, np.int64)


def _centres_px(chances: NDArray[np.float64], peaks: NDArray[np.int64]) -> NDArray[np.float64]:
    """The middle of every peak, between the columns that make it up."""
    columns = np.clip(peaks[:, None] + np.arange(-1, 2), 0, len(chances) - 1)
    weights = chances[columns]
    return np.asarray((weights * (columns + 0.5)).sum(1) / weights.sum(1) * COLUMN_PX)


def spread_evenly(log_quarters: FloatArray, notes: Notes) -> FloatArray:
    """(C,) log quarters of every column: the notes' lengths, shared out evenly from each to the next.

    Evenly, as the truth of the game runs straight from note to note. What lies before the first note and
    after the last stays as ``log_quarters`` (C,) has it.
    """
    edges_px = np.arange(len(log_quarters) + 1, dtype=np.float64) * COLUMN_PX
    at_notes = np.append(0.0, np.cumsum(notes.quarters[:-1]))
    spent = np.diff(np.interp(edges_px, notes.x_px, at_notes))
    inside = (edges_px[:-1] >= notes.x_px[0]) & (edges_px[1:] <= notes.x_px[-1])
    return np.where(inside, np.log(np.maximum(spent, 1e-4)), log_quarters).astype(np.float32)
