"""What the window and the child of Inside say to each other. Nothing here brings torch into the window.

Any process and thread may use these.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.sessions.inside.run import Run
from models.inside.colours import Colours
from models.inside.record import Record
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

GLANCE, PATIENT = (16,), (64, 128, 256)
"""Steps of the integral: for a first look, and for one that lasts."""


@dataclass(frozen=True)
class Open:
    """Look at this piece and this follower from now on. The reply is None."""

    piece: Piece
    follower: str
    seed: int
    colours: Colours


@dataclass(frozen=True)
class Begin:
    """Follow a file, or the program's own performance, from its start. The reply is the number of frames."""

    audio: Path | None = None
    midi: Path | None = None


@dataclass(frozen=True)
class GoOn:
    """Follow so many frames more. The reply is a Run once it is over, until then the frames done."""

    frames: int


@dataclass(frozen=True)
class Embed:
    """Follow frames (H, 78) that were heard live, from a place. The reply is their embeddings (H, E)."""

    frames: FloatArray
    x_px: float


@dataclass(frozen=True)
class MakeMap:
    """The reply is (rows, points): rows of the record and their places on the map, (N,) and (N, 2)."""

    record: Record


@dataclass(frozen=True)
class Explain:
    """What says that ``frames`` (n, 78), heard up to ``row``, fit ``column``? The reply is Explained."""

    row: int
    frames: FloatArray
    column: int
    steps: tuple[int, ...] = GLANCE


@dataclass(frozen=True)
class Reasons:
    """Integrated gradients, as :class:`models.inside.listening.Attributions` has them."""

    column: int
    first_px: int
    strip: FloatArray
    strip_gradients: FloatArray
    frames: FloatArray
    frames_gradients: FloatArray
    error: float
    rough: bool


@dataclass(frozen=True)
class Explained:
    """Where ``reasons`` are None, ``problem`` says why."""

    row: int
    reasons: Reasons | None
    problem: str = ""


@dataclass(frozen=True)
class Draw:
    """Draw what is shown: the timeline, the map, and a row if it was explained last. The reply is Drawn."""

    run: Run
    row: int | None


@dataclass(frozen=True)
class Drawn:
    """PNG files by what they show, and what a package that is not installed would have drawn besides."""

    pictures: dict[str, bytes]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """The reply where something cannot be done: a sentence for the user."""

    words: str


Request = Open | Begin | GoOn | Embed | MakeMap | Explain | Draw
