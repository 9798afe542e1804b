"""The follower's ears and eyes: one encoder reads the strip once, one hears frame by frame.

Encode once: every 4 px column of the strip becomes a vector when the piece is opened, and every new frame
becomes a vector when it is heard; their products say where this sound fits. Besides, the eye reads how
long the music at a column lasts, which turns pixels into time. Image and sound only: pitches and lengths
are targets in training, never inputs. Pure torch modules, no I/O.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

COLUMN_PX = 4
"""Strip pixels (full size) to a column of features."""
CROP_COLUMNS = 640
"""Of the crops on which it is trained; after so many a strip is read as in the middle."""
PITCHES = 88
LOWEST_PITCH = 21
_LATELY_COLUMNS = 10


@dataclass(frozen=True)
class NetworkConfig:
    """Widths of the network; saved in the checkpoint."""

    rows: int = 80
    bands: int = 78
    eye: int = 160
    eye_memory: int = 96
    ear: int = 160
    ear_memory: int = 192
    embedding: int = 96

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ScoreEncoder(nn.Module):
    """Strip (B, 80, W) in [0, 1], ink = 1, half size -> features (B, W // 2, 2 x eye_memory).

    The convolutions keep the vertical order, which is pitch; the recurrence over columns, both ways,
    carries clef, key signature and accidentals along the system.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=(1, 2), padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=(2, 1), padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.ReLU(),
        )
        self.squeeze = nn.Linear(48 * config.rows // 4, config.eye)
        self.normalise = nn.LayerNorm(config.eye)
        # Clef and key need no 4 px resolution: the memory runs over pairs of columns.
        self.memory = nn.GRU(2 * config.eye, config.eye_memory, batch_first=True, bidirectional=True)
        self.mix = nn.Linear(2 * config.eye_memory + config.eye, 2 * config.eye_memory)

    def forward(self, strip: Tensor) -> Tensor:
        maps = self.convolutions(strip.unsqueeze(1))
        seen = torch.relu(self.normalise(self.squeeze(maps.permute(0, 3, 1, 2).flatten(2))))
        batch, columns, width = seen.shape
        paired = nn.functional.pad(seen, (0, 0, 0, columns % 2)).reshape(batch, -1, 2 * width)
        remembered = self.memory(paired)[0].repeat_interleave(2, dim=1)[:, :columns]
        return torch.relu(self.mix(torch.cat([remembered, seen], dim=-1)))


class SoundEncoder(nn.Module):
    """Frames (B, T, 78) -> features (B, T, ear_memory), causal: frame t sees no later one.

    ``history`` is the number of frames the convolutions look back; streaming callers keep that many.
    """

    history = 4

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 16, (3, 5), padding=(0, 2)),
            nn.ReLU(),
            nn.Conv2d(16, 24, (3, 3), stride=(1, 2), padding=(0, 1)),
            nn.ReLU(),
            nn.Conv2d(24, 32, (1, 3), stride=(1, 2), padding=(0, 1)),
            nn.ReLU(),
        )
        bands = (config.bands + 3) // 4
        self.squeeze = nn.Linear(32 * bands, config.ear)
        self.normalise = nn.LayerNorm(config.ear)
        self.memory = nn.GRU(config.ear, config.ear_memory, batch_first=True)
        self.mix = nn.Linear(config.ear_memory + config.ear, config.ear_memory)

    def forward(self, frames: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``frames`` (B, history + T, 78), the first ``history`` only as context; state of the memory."""
        maps = self.convolutions(frames.unsqueeze(1))
        heard = torch.relu(self.normalise(self.squeeze(maps.permute(0, 2, 1, 3).flatten(2))))
        remembered, state = self.memory(heard, state)
        return torch.relu(self.mix(torch.cat([remembered, heard], dim=-1))), state


class Reader(nn.Module):
    """Both encoders, the space in which they meet, and the heads that teach them music."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        eye, ear = 2 * self.config.eye_memory, self.config.ear_memory
        self.score = ScoreEncoder(self.config)
        self.sound = SoundEncoder(self.config)
        self.score_key = nn.Linear(eye, self.config.embedding)
        self.sound_query = nn.Linear(ear, self.config.embedding)
        self.score_bias = nn.Linear(eye, 1)
        # Struck keys fit where they are written, sounding ones where they were lately.
        self.pitch_weight = nn.Parameter(torch.cat([torch.full((PITCHES,), 3.0), torch.ones(PITCHES)]))
        self.duration = nn.Linear(eye, 1)  # log quarters per column
        self.written = nn.Linear(eye, PITCHES)  # noteheads in this column
        self.struck = nn.Linear(ear, PITCHES)  # keys struck in this frame
        self.sounding = nn.Linear(ear, PITCHES)
        # Start from what is common: few notes anywhere, about a tenth of a quarter to a column.
        for rare in (self.written, self.struck, self.sounding):
            nn.init.constant_(rare.bias, -4.5)
        nn.init.constant_(self.duration.bias, -2.3)

    def read(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Columns' keys (B, X, D + 176), biases (B, X) and log quarters per column (B, X).

        A key has a free part and two of pitches: what is written here, and what was lately.
        """
        written = torch.sigmoid(self.written(features))
        lately = nn.functional.pad(written.transpose(1, 2), (_LATELY_COLUMNS - 1, 0))
        lately = nn.functional.max_pool1d(lately, _LATELY_COLUMNS, stride=1).transpose(1, 2)
        free = self.score_key(features) * self.config.embedding**-0.5
        keys = torch.cat([free, torch.cat([written, lately], dim=-1) * self.pitch_weight], dim=-1)
        return keys, self.score_bias(features).squeeze(-1), self.duration(features).squeeze(-1)

    def ask(self, sound: Tensor) -> Tensor:
        """Queries (B, T, D + 176) of sound features: a free part, keys struck and keys sounding."""
        struck, sounding = torch.sigmoid(self.struck(sound)), torch.sigmoid(self.sounding(sound))
        return torch.cat([self.sound_query(sound), struck, sounding], dim=-1)

    def fit(self, sound: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """Where the sound fits: logits (B, T, X) of sound features (B, T, ear) over columns."""
        return self.ask(sound) @ keys.transpose(1, 2) + bias.unsqueeze(1)
