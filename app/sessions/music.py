"""What the program itself plays to be followed: the piece as somebody performs it, or a recording of it.

While it plays the engine hears it, whatever source is chosen. Every method of `Music` runs in the engine
thread; a `Demo` is made in another one, for that takes a while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from app.engine.engine import Engine
from app.engine.performer import Played, performance_events
from models.performance import Performance
from pieces.piece import Piece

ATTACK_S = 0.03
DYING_AWAY_S = 3.0
"""After its last event: by then its last note is heard no more, and a follower at the end has noticed."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A performance, ready to be played: with its events in order of time."""

    performance: Performance
    events: Sequence[Played]

    @classmethod
    def of(cls, performance: Performance) -> Self:
        """Takes a second where it is long."""
        return cls(performance, performance_events(performance))


class Sounding(Protocol):
    """Plays from any moment on: a `PerformancePlayer` or a `ClipPlayer`."""

    playing: bool
    tempo: float

    @property
    def length_s(self) -> float: ...
    def start(self, from_s: float = 0.0) -> None: ...
    def stop(self) -> None: ...
    def jump(self, to_s: float) -> None: ...
    def set_tempo(self, tempo: float) -> None: ...
    def position_s(self, sample: int) -> float: ...


class Music:
    """A player, and which moment of its music stands where in the score.

    performance: has anchors where that is known. Without, the music goes its own way from its beginning.
    """

    def __init__(
        self, engine: Engine, player: Sounding, piece: Piece, performance: Performance | None = None
    ) -> None:
        self._engine = engine
        self.player = player
        self._piece = piece
        self._performance = performance
        self._held_s = 0.0

    @property
    def playing(self) -> bool:
        """It sounds, and is not held."""
        return self.player.playing

    @property
    def over(self) -> bool:
        """It has played to its end, and died away."""
        end_s = self.player.length_s + DYING_AWAY_S * self.player.tempo
        return self.playing and self.player.position_s(self._engine.sample) >= end_s

    @property
    def is_placed(self) -> bool:
        """It is known where in the score it is."""
        return self._performance is not None and len(self._performance.anchors_s) > 0

    def start(self, x_px: float) -> None:
        """Play what stands at `x_px`; from the beginning where that is not known."""
        self._play(self._time_s(x_px) or 0.0)

    def hold(self) -> None:
        """Silence; `go_on` plays on."""
        if self.playing:
            self._held_s = self.player.position_s(self._engine.sample)
            self.player.stop()
            self._engine.hear_itself(False)

    def go_on(self, x_px: float) -> None:
        """From what stands at `x_px`; from where it was held where that is not known."""
        if self.is_placed:
            self.start(x_px)
        else:
            self._play(self._held_s)

    def jump(self, x_px: float) -> None:
        """Go on from what stands at `x_px`, at once or once it is held no more."""
        time_s = self._time_s(x_px)
        if time_s is not None:
            self._held_s = time_s
            self.player.jump(time_s)

    def quarters(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Every quarter of the score, and the sample at which it sounds, if it plays on; (n,) both.

        n is 0 where that is not known.
        """
        performance = self._performance
        if performance is None or not self.is_placed:
            return np.zeros(0, np.int64), np.zeros(0)
        first, last = performance.anchors_quarters[[0, -1]]
        quarters = np.arange(math.ceil(first), math.floor(last) + 1)
        now_sample = self._engine.sample
        ahead_s = performance.time_at(quarters) - self.player.position_s(now_sample)
        return quarters, now_sample + ahead_s / self.player.tempo * self._engine.rate

    def _play(self, from_s: float) -> None:
        self._engine.hear_itself(True)
        self.player.start(from_s)

    def _time_s(self, x_px: float) -> float | None:
        """When it plays what stands at `x_px`; a little earlier, so that its attack is heard."""
        if x_px <= float(self._piece.onset_x_px[0]):
            return 0.0
        if self._performance is None or not self.is_placed:
            return None
        quarters = float(self._piece.quarters_at_x(x_px))
        return max(float(self._performance.time_at(quarters)) - ATTACK_S, 0.0)
