"""Fixtures of the program's tests: a short piece, a sound card and an instrument made by hand."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app.devices.audio import NONE, AudioChoice, AudioSystem, DeviceInfo
from app.engine.engine import Engine
from pieces.piece import PADDING_PX, Piece, PlayedNotehead, Segment

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
NOTE_SPACING_PX = 40.0


def make_tune(measures: int = 4, tempo_bpm: float = 120.0) -> Piece:
    """One staff, one system, quarter notes up and down a scale, four a measure, 40 px apart."""
    count = 4 * measures
    notes = tuple(
        PlayedNotehead(f"n{i}", SCALE[i % 8], float(i), 1.0, str(i // 4 + 1),
                       PADDING_PX + 60 + NOTE_SPACING_PX * i, 0, 0, 60 + NOTE_SPACING_PX * i, 100.0, 1)
        for i in range(count)
    )
    width_px = 60 + NOTE_SPACING_PX * count + 20
    starts = tuple((PADDING_PX + 60 + NOTE_SPACING_PX * 4 * m - 15, str(m + 1)) for m in range(measures))
    return Piece(
        "tune", "A tune", "nobody", "made by hand", pages=(np.full((300, 835), 255, np.uint8),), svg_pages=(),
        strip=np.zeros((200, int(width_px) + 2 * PADDING_PX), np.uint8), notes=notes,
        segments=(Segment(0, 0, 0.0, width_px, 80.0, 120.0, PADDING_PX),), measure_starts=starts,
        tempo_bpm=tempo_bpm, length_quarters=float(count), staves=1,
    )


@pytest.fixture(scope="session")
def tune() -> Piece:
    """Four measures at 120: eight seconds of music."""
    return make_tune()


@pytest.fixture(scope="session")
def tune_maker() -> Callable[..., Piece]:
    """`make_tune`, for pieces of another length or tempo."""
    return make_tune


class HandCrankedBackend:
    """A sound card without a driver: the test itself calls the callback, with blocks of any size."""

    name = "by hand"
    player = None

    def __init__(self, rate: int = 44_100) -> None:
        self.rate = rate
        self.input_label = self.output_label = "none"
        self.latency_s = 0.0
        self.alive = True
        self.started = False
        self._callback: Callable[..., None] | None = None

    def devices(self) -> list[DeviceInfo]:
        return []

    def defaults(self) -> tuple[str, str]:
        return "none", "none"

    def rescan(self) -> None:
        """Nothing to look for."""

    def open(self, choice: object, callback: Callable[..., None]) -> HandCrankedBackend:
        self._callback = callback
        return self

    def at_rate(self, rate: int) -> HandCrankedBackend:
        """It runs at another rate from now on."""
        self.rate = rate
        return self

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.started = False

    def crank(self, heard: np.ndarray | None = None, count: int = 256, troubles: int = 0) -> np.ndarray:
        """One block through the callback; what it played, (count, 2)."""
        assert self._callback is not None
        output = np.zeros((len(heard) if heard is not None else count, 2), np.float32)
        self._callback(heard, output, troubles)
        return output


class Impulses:
    """An instrument whose note is one sample of its velocity: shows exactly where things happen."""

    def __init__(self, rate: int = 44_100) -> None:
        self.log: list[tuple[str, int]] = []
        self._level = 0.0

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        self.log.append(("on", pitch))
        self._level = velocity / 128

    def note_off(self, pitch: int, channel: int = 0) -> None:
        self.log.append(("off", pitch))

    def control_change(self, controller: int, value: int, channel: int = 0) -> None:
        self.log.append(("control", controller))

    def program(self, number: int, channel: int = 0) -> None:
        self.log.append(("program", number))

    def all_off(self) -> None:
        self.log.append(("all_off", 0))

    def render(self, samples: int) -> np.ndarray:
        block = np.zeros((samples, 2), np.float32)
        block[0] = self._level
        self._level = 0.0
        return block

    def close(self) -> None:
        self.log.append(("close", 0))


@pytest.fixture
def hand_cranked() -> HandCrankedBackend:
    """See the class."""
    return HandCrankedBackend()


@pytest.fixture
def impulses() -> Impulses:
    """See the class."""
    return Impulses()


@pytest.fixture
def engine(hand_cranked: HandCrankedBackend, impulses: Impulses) -> Iterator[Engine]:
    """A running engine on the hand-cranked card, playing impulses."""
    made = Engine(AudioSystem([], hand_cranked), AudioChoice(NONE, NONE), lambda rate: (impulses, None))
    made.supervisor._watch_s = 1e6  # this card is not lost, though it stands still while a test waits
    made.start()
    yield made
    made.close()
