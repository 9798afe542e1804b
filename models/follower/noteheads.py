"""Which noteheads stand where, read from the strip at full size: what keys struck are held against.

The encoders of :mod:`models.follower.network` learn to say where a sound fits, from a strip of half the
size; they mistake one accidental for another in one note of ten. This network learns nothing but noteheads,
sees twice as fine, and further up and down, where ledger lines lead. It remembers along every line of the
staff by itself what was altered there: what an accidental means to the end of its measure. Pure torch
modules, no I/O.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.follower.data import middle_rows
from models.follower.network import PITCHES, ScoreEncoder

FINE_ROWS, FINE_COLUMN_PX = 192, 4
"""Rows of a strip as this network sees it, and its columns' width, in px of the full size.

Of notes above C7 the window's 160 rows hold half, these nearly all."""
_ROWS = FINE_ROWS // 8
"""Rows that are left of it where memory begins."""


@dataclass(frozen=True)
class NoteheadConfig:
    """Widths of the network; saved in the checkpoint."""

    strokes: int = 24
    width: int = 160
    memory: int = 96
    line_memory: int = 32

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class NoteheadReader(nn.Module):
    """Strip (B, 192, 4 C) in [0, 1], ink = 1, full size -> logits of noteheads (B, C, 88)."""

    def __init__(self, config: NoteheadConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NoteheadConfig()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, config.strokes, 10, stride=(2, 4), padding=4),
            nn.ReLU(),
            nn.Conv2d(config.strokes, 24, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.ReLU(),
        )
        self.squeeze = nn.Linear(48 * _ROWS, config.width)
        # Of pairs of columns, as in the encoder; every row by itself, all with the same weights.
        self.line = nn.GRU(2 * 48, config.line_memory, batch_first=True)
        self.altered = nn.Linear(_ROWS * config.line_memory, config.width)
        self.normalise = nn.LayerNorm(config.width)
        self.memory = nn.GRU(2 * config.width, config.memory, batch_first=True, bidirectional=True)
        self.mix = nn.Linear(2 * config.memory + config.width, 2 * config.memory)
        self.written = nn.Linear(2 * config.memory, PITCHES)
        nn.init.constant_(self.written.bias, -4.5)
        nn.init.zeros_(self.altered.weight)
        nn.init.zeros_(self.altered.bias)

    def forward(self, strip: Tensor) -> Tensor:
        maps = self.convolutions(strip.unsqueeze(1))
        batch, channels, rows, columns = maps.shape
        odd = columns % 2
        by_row = nn.functional.pad(maps, (0, odd)).permute(0, 2, 3, 1)
        lines = self.line(by_row.reshape(batch * rows, -1, 2 * channels))[0]
        altered = self.altered(lines.reshape(batch, rows, -1, lines.shape[-1]).transpose(1, 2).flatten(2))
        seen = self.squeeze(maps.permute(0, 3, 1, 2).flatten(2))
        seen = torch.relu(self.normalise(seen + altered.repeat_interleave(2, dim=1)[:, :columns]))
        paired = nn.functional.pad(seen, (0, 0, 0, odd)).reshape(batch, -1, 2 * seen.shape[-1])
        remembered = self.memory(paired)[0].repeat_interleave(2, dim=1)[:, :columns]
        logits: Tensor = self.written(torch.relu(self.mix(torch.cat([remembered, seen], dim=-1))))
        return logits

    @torch.no_grad()
    def begin_from(self, encoder: ScoreEncoder, written: nn.Linear) -> None:
        """Read as this encoder and its head do: halving is a part of the first convolution from now on."""
        first = encoder.convolutions[0]
        assert isinstance(first, nn.Conv2d)
        strokes = first.out_channels
        mine: Any = self.convolutions
        mine[0].weight[:strokes] = first.weight.repeat_interleave(2, 2).repeat_interleave(2, 3) / 4
        mine[0].bias[:strokes] = first.bias
        theirs: Any = encoder.convolutions
        mine[2].weight.zero_()
        mine[2].weight[:, :strokes] = theirs[2].weight
        mine[2].bias.copy_(theirs[2].bias)
        for index in (4, 6):
            mine[index].load_state_dict(theirs[index].state_dict())
        by_row = encoder.squeeze.weight.unflatten(1, (48, -1))
        above = (_ROWS - by_row.shape[2]) // 2  # it sees as much less above as below
        wider = torch.zeros(len(by_row), 48, _ROWS)
        wider[:, :, above : above + by_row.shape[2]] = by_row
        self.squeeze.weight.copy_(wider.flatten(1))
        self.squeeze.bias.copy_(encoder.squeeze.bias)
        for name in ("normalise", "memory", "mix"):
            getattr(self, name).load_state_dict(getattr(encoder, name).state_dict())
        self.written.load_state_dict(written.state_dict())


@torch.inference_mode()
def read_noteheads(reader: NoteheadReader, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(C, 88) chances of noteheads on a strip (200, W)."""
    columns = (strip.shape[1] // 2 + 1) // 2  # as many as the halved strip has
    ink = torch.zeros(FINE_ROWS, FINE_COLUMN_PX * columns)
    seen = torch.from_numpy(middle_rows(strip, FINE_ROWS)[:, : ink.shape[1]])
    ink[:, : seen.shape[1]] = seen.float().div_(255.0)
    chances: NDArray[np.float32] = torch.sigmoid(reader(ink.unsqueeze(0)))[0].numpy()
    return chances
