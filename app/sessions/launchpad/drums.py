"""Drum patterns under the notes: tables of sixteenths on the drum channel. Pure data.

In a line each sign is a sixteenth: `X` accented, `x` plain, `o` soft, `.` silent.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANNEL = 9
KICK, RIM, SNARE, CLAP, CLOSED_HAT, OPEN_HAT, RIDE, COWBELL, SHAKER, LOW_CONGA, HIGH_CONGA = (
    36, 37, 38, 39, 42, 46, 51, 56, 70, 64, 63,
)  # fmt: skip
VELOCITIES = {"X": 112, "x": 88, "o": 52}

PATTERNS: dict[str, dict[int, str]] = {
    "off": {},
    "four on the floor": {
        KICK:       "X...X...X...X...",
        CLAP:       "....X.......X...",
        CLOSED_HAT: "o.o.o.o.o.o.o.o.",
        OPEN_HAT:   "..x...x...x...x.",
    },
    "rock": {
        KICK:       "X.......X.x.....",
        SNARE:      "....X.......X...",
        CLOSED_HAT: "x.o.x.o.x.o.x.o.",
    },
    "break": {
        KICK:       "X.x.......xx....",
        SNARE:      "....X..o.o..X..o",
        CLOSED_HAT: "x.x.x.x.x.x.x.x.",
    },
    "hip-hop": {
        KICK:       "X......x..X.....",
        SNARE:      "....X.......X...",
        CLOSED_HAT: "x.oox.o.x.oox.oo",
    },
    "half time": {
        KICK:       "X.....x.........",
        SNARE:      "........X.......",
        RIDE:       "x...o...x...o...",
    },
    "bossa nova": {
        KICK:       "X..xX..xX..xX..x",
        RIM:        "x..x..x...x..x..",
        SHAKER:     "xoxoxoxoxoxoxoxo",
    },
    "son clave": {
        RIM:        "X..x..x...x.x...",
        LOW_CONGA:  "......x.......xx",
        HIGH_CONGA: "..x.......x.....",
        COWBELL:    "x...x...x...x...",
    },
    "electro": {
        KICK:       "X.....x.x.X.....",
        SNARE:      "....X.......X...",
        CLOSED_HAT: "xxoxxxoxxxoxxxox",
        COWBELL:    "..o..o....o..o..",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """One stroke at a sixteenth of the bar."""

    sixteenth: int
    pitch: int
    velocity: int


def hits(name: str, level: float = 1.0) -> list[Hit]:
    """The strokes of a bar; `level` 0..1 scales their velocity, at 0 there are none."""
    if level <= 0.0:
        return []
    return [
        Hit(sixteenth, pitch, max(round(VELOCITIES[sign] * level), 1))
        for pitch, line in PATTERNS[name].items()
        for sixteenth, sign in enumerate(line)
        if sign in VELOCITIES
    ]
