"""Simulated rooms: how a performance sounds at a microphone some way off, drawn from a seed.

Shoebox rooms by the image-source method (Allen and Berkley 1979; pyroomacoustics). The direct sound stands
at sample 0 of every response, so that a label which was true of the dry sound is true in the room: for
training and evaluation, never for live following. Pure functions of their arguments, for any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC
from pieces.errors import RipienoError

FloatArray = NDArray[np.float32]

WALL_DISTANCE_M = 0.5
"""Source and microphone stay at least so far from every wall."""
MOST_REFLECTIONS = 40
"""On one path between source and microphone. What comes after is 35 dB weaker or more in the rooms drawn
here, and would take ten times as long to compute."""


class NoRooms(RipienoError):
    """pyroomacoustics is not installed."""


@dataclass(frozen=True)
class Room:
    """A shoebox with one source and one microphone; all places (x, y, z) in metres from one corner.

    `reverberation_s` is the time in which sound falls by 60 dB (Sabine).
    """

    size_m: tuple[float, float, float]
    reverberation_s: float
    source_m: tuple[float, float, float]
    microphone_m: tuple[float, float, float]


def draw_room(seed: int) -> Room:
    """From a practice room to a small hall, the microphone 1 to 5 m from the piano; same seed, same room."""
    rng = np.random.default_rng(seed)
    size = np.array([rng.uniform(4.0, 12.0), rng.uniform(3.0, 9.0), rng.uniform(2.5, 5.0)])
    reverberation_s = float(rng.uniform(0.25, 0.9))
    source = _place(rng, size, height_m=1.0)
    microphone = _place(rng, size, height_m=float(rng.uniform(0.8, 1.8)))
    while not 1.0 <= np.linalg.norm(source - microphone) <= 5.0:
        source, microphone = _place(rng, size, 1.0), _place(rng, size, float(microphone[2]))
    return Room(_metres(size), reverberation_s, _metres(source), _metres(microphone))


def _place(rng: np.random.Generator, size: NDArray[np.float64], height_m: float) -> NDArray[np.float64]:
    x_m, y_m = rng.uniform(WALL_DISTANCE_M, size[:2] - WALL_DISTANCE_M)
    return np.array([x_m, y_m, height_m])


def _metres(place: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(place[0]), float(place[1]), float(place[2])


def response(room: Room, sample_rate: int = SPEC.sample_rate) -> FloatArray:
    """Impulse response (N,) float32 of energy 1, its direct sound (at least 0.5 m away) at sample 0.

    Raises:
        NoRooms: pyroomacoustics is missing.
    """
    acoustics = find_simulator()
    absorption, reflections = acoustics.inverse_sabine(room.reverberation_s, room.size_m)
    box = acoustics.ShoeBox(
        room.size_m, fs=sample_rate, materials=acoustics.Material(absorption),
        max_order=min(reflections, MOST_REFLECTIONS), air_absorption=True,
    )  # fmt: skip
    box.add_source(room.source_m)
    box.add_microphone(room.microphone_m)
    box.compute_rir()
    heard = np.asarray(box.rir[0][0])
    # Every reflection is drawn by a symmetric filter, which delays all of them by half its length.
    travel_s = np.linalg.norm(np.subtract(room.source_m, room.microphone_m)) / box.c
    direct = round(travel_s * sample_rate) + acoustics.constants.get("frac_delay_length") // 2
    kept = heard[direct:]
    return (kept / np.linalg.norm(kept)).astype(np.float32)


def find_simulator() -> Any:
    """The module of pyroomacoustics; raises NoRooms where it is missing."""
    try:
        import pyroomacoustics
    except ImportError as error:
        raise NoRooms(
            'Simulated rooms need pyroomacoustics: pip install -e ".[train]" -c constraints.txt.'
        ) from error
    return pyroomacoustics


def in_room(audio: FloatArray, room_response: FloatArray) -> FloatArray:
    """Mono sound (N,) as heard in the room, (N,) float32: what still rings after the end is cut off."""
    from scipy.signal import oaconvolve  # half a second to import, and a machine that trains may lack it

    if not len(audio):
        return audio
    return oaconvolve(audio, room_response)[: len(audio)].astype(np.float32)


def seeded_response(seed: int, sample_rate: int = SPEC.sample_rate) -> FloatArray:
    """The response of `draw_room(seed)`; raises as `response` does."""
    return response(draw_room(seed), sample_rate)
