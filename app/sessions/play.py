"""The game for a person: a demo sounds, the keys steer the cursor, the truth is known and keeps score.

:class:`SteeringGame` is the game itself, pure and driven by frame numbers. :class:`PlaySession` ties it to
the engine's clock; the window's thread calls both, the demo is played by the engine thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.engine.engine import Engine
from app.engine.performer import PerformancePlayer, performance_events
from models.features import SPEC
from models.game import Truth, is_lost, reward
from models.performance import Performance, perform
from models.players import HumanPlayer
from pieces.piece import Piece

_NO_FRAME = np.zeros(SPEC.bands, np.float32)


@dataclass(frozen=True)
class Result:
    """How a game ended. ``score`` 0..1000 is the mean reward over the whole piece, lost frames counting 0."""

    score: int
    followed: float
    mean_error_px: float
    measure: str
    finished: bool


class SteeringGame:
    """A person's cursor against the truth, frame by frame (20 a second)."""

    def __init__(self, piece: Piece, truth: Truth) -> None:
        self.piece, self.truth = piece, truth
        self.tolerance_px = piece.tolerance_px
        self.player = HumanPlayer()
        self.player.reset(truth.x_at_frame(truth.first_frame))
        self.frame = truth.first_frame
        self.rewards: list[float] = []
        self._errors_px: list[float] = []
        self._key, self._tap = 0, 0
        self.over = False

    @property
    def x_px(self) -> float:
        return self.player.x_px

    @property
    def speed_px(self) -> float:
        """In px per frame."""
        return self.player.speed_px_per_frame

    @property
    def error_px(self) -> float:
        """How far ahead (above zero) or behind the cursor is."""
        return self.x_px - self.truth.x_at_frame(self.frame)

    @property
    def reward(self) -> float:
        """Of the present frame, 0..1."""
        return reward(self.error_px, self.tolerance_px)

    @property
    def score(self) -> int:
        frames = self.truth.last_frame - self.truth.first_frame
        return round(1000 * sum(self.rewards) / max(frames, 1))

    def press(self, action: int) -> None:
        """A key went down: -1 slower, +1 faster. Even the shortest tap counts for one frame."""
        self._key = self._tap = action

    def release(self, action: int) -> None:
        """The key was let go."""
        if self._key == action:
            self._key = 0

    def advance(self, frame: int) -> None:
        """Play up to a frame of the performance."""
        while self.frame < min(frame, self.truth.last_frame) and not self.over:
            self._step()
        self.over = self.over or self.frame >= self.truth.last_frame

    def _step(self) -> None:
        self.player.set_key(self._tap or self._key)
        self._tap = 0
        self.player.step(_NO_FRAME)
        self.frame += 1
        self.player.x_px = min(max(self.player.x_px, 0.0), float(self.piece.width_px))
        self.rewards.append(self.reward)
        self._errors_px.append(abs(self.error_px))
        self.over = is_lost(self.error_px, self.tolerance_px)

    def result(self) -> Result:
        """Where the game stands or ended."""
        whole = max(self.truth.last_frame - self.truth.first_frame, 1)
        return Result(
            self.score,
            len(self.rewards) / whole,
            sum(self._errors_px) / max(len(self._errors_px), 1),
            self.piece.measure_at_x(self.truth.x_at_frame(self.frame)),
            self.frame >= self.truth.last_frame,
        )


class PlaySession:
    """One game on the engine's clock. ``start_ghost`` and ``stop_ghost`` set an agent following beside.

    The music waits until that agent is ``ready``: neither may begin without the other.
    """

    def __init__(
        self,
        piece: Piece,
        engine: Engine,
        tempo: float = 1.0,
        seed: int = 0,
        start_ghost: Callable[[], object] | None = None,
        stop_ghost: Callable[[], object] | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.engine = engine
        self.performance = _at_tempo(perform(piece, seed), tempo)
        self.game = SteeringGame(piece, Truth.from_performance(piece, self.performance))
        self._player = PerformancePlayer(engine, performance_events(self.performance))
        self._start_ghost, self._stop_ghost = start_ghost, stop_ghost
        self._ready = ready
        self.running = False
        self.waiting = False
        self._begun = False

    def start(self) -> None:
        """The demo begins as soon as the ghost is ready; the keys count from its first note on."""
        self.engine.set_source("synth")
        self.running = self.waiting = True
        self.update()

    def stop(self) -> None:
        """Silence."""
        if self.running:
            self.running = False
            self.engine.call(self._player.stop)
            if self._stop_ghost:
                self._stop_ghost()

    def update(self) -> None:
        """Bring the game up to the engine's clock."""
        if self.running and self.waiting and self._ready():
            self.waiting = False
            if self._start_ghost:
                self._start_ghost()
            self.engine.call(self._begin)
        if not (self.running and self._begun):
            return
        self.game.advance(int(self._player.position_s(self.engine.sample) * SPEC.fps))
        if self.game.over:
            self.stop()

    def _begin(self) -> None:
        self._player.start(0.0)
        self._begun = True


def _at_tempo(performance: Performance, tempo: float) -> Performance:
    return performance if tempo == 1.0 else performance.stretched(1.0 / tempo)
