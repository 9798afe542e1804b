"""Following as a state machine: frames in, snapshots out. The same object serves the engine and a file.

Waiting until something is heard, following, paused, lost, finished; seek and loop. Everything happens in the
thread that calls `hear` (the engine's, or the main thread for a file); no clock, no I/O.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.engine.frontend import Heard
from app.engine.runner import Runner
from app.engine.snapshot import RUNNING, Snapshot, State
from models.features import SPEC
from models.players import Decision
from pieces.piece import Piece

LOST_CONFIDENCE, FOUND_CONFIDENCE = 0.10, 0.25
LOST_FRAMES = 2 * SPEC.fps
END_MARGIN_PX = 8.0
END_FRAMES = SPEC.fps // 2
END_SILENCE_FRAMES = 2 * SPEC.fps
SILENCE_ENERGY = 0.02


class OnsetDetector:
    """Hears the first note: a rise of the spectrum against what the room does by itself.

    flux: sum over bands of the rise of log10(1 + magnitude). A piano note at -45 dB raises it by about 1, the
    noise of a room at -50 dB by less than that; what the quietest quarter of the last two seconds did is the
    floor, so it may listen through music as well.
    """

    FLUX = 1.0
    ABOVE_FLOOR = 4.0
    SETTLING_FRAMES = 3  # the stream starts: noise itself looks like an onset
    SETTLING_FACTOR = 6.0

    def __init__(self) -> None:
        self._previous: NDArray[np.float32] | None = None
        self._history: deque[float] = deque(maxlen=2 * SPEC.fps)
        self._frames = 0

    def push(self, frame: NDArray[np.float32]) -> bool:
        """Whether a note begins in this frame, (bands,) float32."""
        before = np.zeros_like(frame) if self._previous is None else self._previous
        rise = frame - before
        flux = float(np.add.reduce(np.maximum(rise, 0.0, out=rise)))
        onset = flux > self.FLUX and flux > self._threshold()  # which is no lower
        self._previous = frame
        self._history.append(flux)
        self._frames += 1
        return onset

    def _threshold(self) -> float:
        floor = _quarter(self._history) if self._history else 0.0
        threshold = max(self.FLUX, self.ABOVE_FLOOR * floor)
        return threshold * (self.SETTLING_FACTOR if self._frames < self.SETTLING_FRAMES else 1.0)


def _quarter(values: Iterable[float]) -> float:
    """What a quarter of them lies below, between two of them in proportion; `np.quantile` takes 0.1 ms."""
    ordered = sorted(values)
    place = 0.25 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


class Following:
    """A piece, who follows it, and where they are. `on_loop` is called when B was reached and A is next."""

    def __init__(self, piece: Piece, runner: Runner, on_loop: Callable[[float], None] | None = None) -> None:
        self.piece = piece
        self.runner = runner
        self.on_loop = on_loop
        self.loop: tuple[float, float] | None = None
        self.state: State = "idle"
        self._onset = OnsetDetector()
        self._decision = Decision(0.0, self.first_x_px, 0.0, confidence=0.0)
        self._low_frames = self._end_frames = self._quiet_frames = 0
        self._deaf_frames = 0
        self.late_frames = 0

    @property
    def first_x_px(self) -> float:
        """Where the first note stands."""
        return float(self.piece.onset_x_px[0])

    @property
    def last_x_px(self) -> float:
        """Where the last note stands."""
        return float(self.piece.onset_x_px[-1])

    @property
    def x_px(self) -> float:
        """Where the cursor stands."""
        return self._decision.x_px

    @property
    def begin_x_px(self) -> float:
        """Where the cursor stands; A of a loop that this is outside of, the first note after the end."""
        here_px = self.first_x_px if self.state == "finished" else self.x_px
        if self.loop is not None and not self.loop[0] <= here_px < self.loop[1]:
            return self.loop[0]
        return here_px

    def start(self, x_px: float | None = None, deaf_s: float = 0.0) -> None:
        """Wait at `x_px` (by default where the cursor stands, see `begin_x_px`) for the first sound.

        deaf_s: what sounds until then is not meant, such as a count-in that the microphone hears.
        """
        self.seek(self.begin_x_px if x_px is None else x_px)
        self.state = "waiting"
        self._deaf_frames = round(deaf_s * SPEC.fps)

    def stretch_deaf(self, factor: float) -> None:
        """What is left of `deaf_s` takes so many times as long: a count-in whose tempo has changed."""
        self._deaf_frames = round(self._deaf_frames * factor)

    def stop(self) -> None:
        """Idle, the cursor stays where it is."""
        self.state = "idle"

    def pause(self) -> None:
        """Stop listening; `resume` goes on from the same place."""
        if self.state in RUNNING:
            self.state = "paused"

    def resume(self) -> None:
        """Wait for sound where the cursor stands."""
        if self.state == "paused":
            self.seek(self.x_px)
            self.state = "waiting"

    def seek(self, x_px: float) -> None:
        """Put the cursor at `x_px` (kept inside the music) and listen afresh from there."""
        x_px = min(max(x_px, self.first_x_px), self.last_x_px)
        self._decision = Decision(0.0, x_px, 0.0, confidence=0.0)
        self._low_frames = self._end_frames = self._quiet_frames = 0
        self.runner.reset(x_px, 0.0)
        if self.state in ("following", "lost", "finished"):
            self.state = "waiting"

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Play from A to B over and over; None ends it. A and B may come in either order."""
        self.loop = None if loop is None else (min(loop), max(loop))

    def hear(self, heard: Heard, base: Snapshot) -> Snapshot:
        """One frame; `base` with what was decided filled in."""
        onset = self._onset.push(heard.frame)
        self._deaf_frames = max(self._deaf_frames - 1, 0)
        if onset and self.state == "waiting" and not self._deaf_frames:
            self.state = "following"
        if self.state in ("following", "lost"):
            self._step(heard.frame)
        return self._snapshot(base)

    def _step(self, frame: NDArray[np.float32]) -> None:
        answer = self.runner.step(frame)
        self.late_frames += answer.late
        decision = answer.decision
        x_px = min(max(decision.x_px, 0.0), self.last_x_px)  # rests there while the note sounds
        self._decision = decision if x_px == decision.x_px else replace(decision, x_px=x_px)
        self._judge_confidence()
        at_end = self._at_end(frame)
        if self.loop is not None and (at_end or self._at_b(self.loop[1])):
            self._loop_back(self.loop[0])
        elif at_end:
            self.state = "finished"

    def _at_b(self, b_px: float) -> bool:
        """B was reached; one on the last note only where the piece would end, so that this is heard too."""
        return b_px < self.last_x_px - END_MARGIN_PX and self.x_px >= b_px

    def _loop_back(self, x_px: float) -> None:
        self.seek(x_px)
        if self.on_loop is not None:
            self.on_loop(x_px)

    def _judge_confidence(self) -> None:
        confidence = self._decision.confidence
        self._low_frames = self._low_frames + 1 if confidence < LOST_CONFIDENCE else 0
        if self._low_frames >= LOST_FRAMES:
            self.state = "lost"
        elif self.state == "lost" and confidence > FOUND_CONFIDENCE:
            self.state = "following"

    def _at_end(self, frame: NDArray[np.float32]) -> bool:
        """The cursor rests on the last note, or is near it and the music has died away."""
        self._end_frames = self._end_frames + 1 if self.x_px >= self.last_x_px - END_MARGIN_PX else 0
        energy = float(np.add.reduce(frame)) / len(frame)
        self._quiet_frames = self._quiet_frames + 1 if energy < SILENCE_ENERGY else 0
        near = self.x_px >= self.last_x_px - self.piece.tolerance_px
        return self._end_frames >= END_FRAMES or (near and self._quiet_frames >= END_SILENCE_FRAMES)

    def _snapshot(self, base: Snapshot) -> Snapshot:
        decision = self._decision
        moving = self.state in ("following", "lost")
        return replace(
            base,
            state=self.state,
            x_px=decision.x_px,
            speed_px_s=decision.speed_px_per_frame * SPEC.fps if moving else 0.0,
            place=self.piece.place_at_x(decision.x_px),
            probabilities=decision.probabilities,
            value=decision.value,
            confidence=decision.confidence,
            fit=decision.fit,
            late_frames=self.late_frames,
        )
