"""Everything of a song but its grid, frozen: tempo, swing, key, rows, voices, drums, pace, parts, chain.

Pure values; a change makes a new one (`dataclasses.replace`), which is what undo and the snapshots rest on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.launchpad.agent import Vote
from models.launchpad.instrument import LAUNCHPAD, States

ScaleLock = Literal["off", "forbid", "map"]
"""What becomes of a press outside the key: played, refused, or moved to the nearest row inside."""
SLOWEST_BPM, FASTEST_BPM = 20.0, 300.0
STRAIGHT, HARDEST_SWING = 0.5, 0.75
SIXTEENTHS = 16
STEPS_A_SIXTEENTH = LAUNCHPAD.steps // SIXTEENTHS
BEATS_A_BAR = 4
ACCENTS = (104, 72, 84, 70, 96, 72, 84, 70, 100, 72, 84, 70, 96, 72, 84, 74)
"""Velocity of the notes in each sixteenth of a bar."""
LONGEST_LINK_BARS = 64
NO_ROWS: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Part:
    """A kept snapshot of the grid, with what makes it sound as it did; chained, parts make a song."""

    name: str
    grid: States
    owners: NDArray[np.int8]
    arrangement: Arrangement


@dataclass(frozen=True)
class Link:
    """`part` (its index in `Arrangement.parts`) for `bars` bars."""

    part: int
    bars: int = 4


@dataclass(frozen=True)
class Arrangement:
    """What can be changed beside the grid.

    tempo_bpm 20..300; swing 0.5 (straight) .. 0.75: share of a pair of sixteenths that its first one takes.
    tonic 0..11 and scale (`scales.SCALES`) are obeyed as `scale_lock` says. Rows count from the lowest key:
    `locked` ones are closed to the agent; while any is `soloed`, only those sound; `muted` ones never do.
    voices: GM programs; row_voices: for each row which of them plays it. accents: velocity by sixteenth.
    note_steps: how long a note lasts, unless it is struck again before. drums: a name in `drums.PATTERNS`.
    pace: the agent acts every so many bars, 0 never. temperature: 0 its best move, higher is bolder.
    """

    tempo_bpm: float = 120.0
    swing: float = STRAIGHT
    tonic: int = 0
    scale: str = "chromatic"
    scale_lock: ScaleLock = "off"
    locked: frozenset[int] = NO_ROWS
    muted: frozenset[int] = NO_ROWS
    soloed: frozenset[int] = NO_ROWS
    voices: tuple[int, ...] = (0,)
    row_voices: tuple[int, ...] = (0,) * LAUNCHPAD.keys
    accents: tuple[int, ...] = ACCENTS
    note_steps: int = 2 * STEPS_A_SIXTEENTH
    drums: str = "off"
    drum_level: float = 1.0
    click: bool = False
    pace: int = 1
    temperature: float = 0.0
    votes: tuple[Vote, ...] = ()
    parts: tuple[Part, ...] = ()
    chain: tuple[Link, ...] = ()
    chain_on: bool = False

    def sounds(self, row: int) -> bool:
        """Whether a row is heard."""
        return row not in self.muted and (not self.soloed or row in self.soloed)


RECALLED = ("swing", "tonic", "scale", "scale_lock", "muted", "soloed", "voices", "row_voices", "accents",
            "note_steps", "drums", "drum_level")  # fmt: skip
"""What a part brings back beside its grid."""
