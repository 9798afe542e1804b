"""How crops are varied while training: pianos out of tune, rooms, pages that lie askew.

Pure functions of tensors and of what was drawn for each crop, so that a crop cut by the processor and one of
a batch on a GPU are varied alike. Nothing here moves what is true of a crop: sound never comes earlier, and
ink moves up and down only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features import SPEC
from models.follower.data import Item
from pieces.piece import PADDING_PX

_ROOM_FRAMES = 24
_MOST_SEMITONES = 1.0
"""A band is one semitone wide: no sound is moved further than to the next."""


@dataclass(frozen=True)
class Variety:
    """How much crops are varied, beside gain, colour, noise and print, which always are.

    ``in_rooms`` is the share of crops heard in a room, ``detuned_semitones`` the most by which a piano is out
    of tune, ``skew_degrees`` the most by which a page was turned. Raises ValueError where that cannot be.
    """

    in_rooms: float = 0.0
    detuned_semitones: float = 0.0
    skew_degrees: float = 0.0

    def __post_init__(self) -> None:
        most = {"in_rooms": 1.0, "detuned_semitones": _MOST_SEMITONES, "skew_degrees": 5.0}
        for name, limit in most.items():
            if not 0.0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} is {getattr(self, name)}; it should be 0 to {limit:g}")

    @property
    def steepest(self) -> float:
        """Rise of the most turned page, px a px."""
        return float(np.tan(np.radians(self.skew_degrees)))


ON_PROCESSOR = Variety()
ON_GPU = Variety(in_rooms=0.4, detuned_semitones=0.3)
"""What is usual there, as it was for the encoders that ship."""


def detuned(frames: Tensor, semitones: Tensor) -> Tensor:
    """Frames (B, T, 78) higher by ``semitones`` (B, 1, 1) in [-1, 1]: bands are read between their places."""
    beside = torch.where(semitones > 0, frames.roll(1, 2), frames.roll(-1, 2))
    return torch.lerp(frames, beside, semitones.abs())


def in_room(magnitude: Tensor, away_s: Tensor, level: Tensor) -> Tensor:
    """Magnitudes (B, T, 78) whose every frame goes on: by 60 dB less after ``away_s`` (B, 1), and from
    the next frame on ``level`` (B, 1) of itself."""
    later = torch.arange(_ROOM_FRAMES, device=magnitude.device)
    tail = level * torch.pow(10.0, -3.0 * (later + 1) / (SPEC.fps * away_s))
    kernel = torch.cat([torch.ones_like(level), tail], 1).square().flip(1)
    powers = magnitude.square().transpose(1, 2)       # uncorrelated: powers add, not magnitudes
    padded = torch.nn.functional.pad(powers, (_ROOM_FRAMES, 0)).transpose(0, 1)
    heard = torch.nn.functional.conv1d(padded, kernel[:, None].to(padded.dtype), groups=len(magnitude))
    return heard.transpose(0, 1).transpose(1, 2).sqrt()


def skewed(strip: Tensor, down_px: Tensor) -> Tensor:
    """A strip (B, H, W) whose columns are moved down by ``down_px`` (B, W), and white where none was.

    What the turning of a page does to a system, but for sideways: by a degree, that would be 1.4 px of the
    full-size strip at the edges of the window, where a column has 4. So labels hold as they are.
    """
    height = strip.shape[1]
    from_row = torch.arange(height, device=strip.device)[:, None] - down_px[:, None, :]
    above = from_row.floor()
    padded = torch.nn.functional.pad(strip, (0, 0, 1, 1))
    rows = (above.long() + 1).clamp(0, height)        # of the padded strip: its first and last row are white
    upper = padded.gather(1, rows)
    lower = padded.gather(1, rows + 1)
    inside = (above >= -1) & (above < height)
    return torch.where(inside, torch.lerp(upper, lower, from_row - above), 0.0)


def leaning_px(item: Item) -> NDArray[np.float32]:
    """(W / 2,) how far each column of an item's strip is from the middle of its system, in px of that strip.

    A page is cut into systems, each about the middle of its staves: so much, times the slope, a column of a
    page that was turned lies too low. Beyond the music it is as at its ends.
    """
    width_px = 2 * item.strip.shape[1]
    edges = np.append(item.system_x_px, width_px - PADDING_PX)
    x_px = np.clip(np.arange(0, width_px, 2), edges[0], edges[-1])
    system = np.clip(np.searchsorted(edges, x_px, "right") - 1, 0, len(edges) - 2)
    middle_px = 0.5 * (edges[system] + edges[system + 1])
    return ((x_px - middle_px) / 2).astype(np.float32)
