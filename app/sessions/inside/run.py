"""A run: a follower recorded while it follows, from a file at once or live as it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.snapshot import Snapshot
from models.features import SPEC
from models.inside.packed import PackedFit
from models.inside.record import Moment, Record

FloatArray = NDArray[np.float32]

LONGEST_FRAMES = 20 * 60 * SPEC.fps
HEARD_IN = ("following", "lost")


@dataclass(frozen=True, eq=False)
class Run:
    """``record``, and ``fits``: the belief at each of its T rows, None where the player had none."""

    record: Record
    fits: tuple[PackedFit | None, ...]

    @property
    def end_s(self) -> float:
        """When it ends."""
        return float(self.record.time_s[-1]) if len(self.record.time_s) else 0.0

    def row_near(self, at_s: float) -> int | None:
        """The row nearest to a moment at which something was heard; None where nothing ever was."""
        rows = np.flatnonzero(self.record.heard >= 0)
        if not len(rows):
            return None
        return int(rows[np.abs(self.record.time_s[rows] - at_s).argmin()])

    def frames_until(self, row: int) -> FloatArray:
        """(n, 78) all that the player had heard at a row."""
        return self.record.frames[: self.record.heard[row] + 1]


def keeping(moments: Iterable[Moment], fits: list[PackedFit | None]) -> Iterator[Moment]:
    """Pass the moments on, and put the belief at each of them into ``fits``."""
    for moment in moments:
        fits.append(None if moment.fit is None else PackedFit.of(moment.fit))
        yield moment


class LiveRun:
    """Grows with the engine's snapshots. The window's thread feeds it and may miss one now and then."""

    def __init__(self, rate: int) -> None:
        self._frame_samples = rate / SPEC.fps
        self._begin_sample: int | None = None
        self._last_sample = 0
        self._rows: list[tuple[float, ...]] = []
        self._states: list[str] = []
        self._heard: list[int] = []
        self._frames: list[FloatArray] = []
        self._fits: list[PackedFit | None] = []

    def __len__(self) -> int:
        return len(self._rows)

    def push(self, snapshot: Snapshot) -> bool:
        """Take in a snapshot of a frame; False where it is none of this run or too much for it."""
        if snapshot.state not in HEARD_IN or len(self) >= LONGEST_FRAMES:
            return False
        if self._begin_sample is None:
            self._begin_sample = snapshot.sample - round(self._frame_samples)
            self._last_sample = self._begin_sample
        missed = round((snapshot.sample - self._last_sample) / self._frame_samples)
        if missed < 1:
            return False
        self._last_sample = snapshot.sample
        fit = None if snapshot.fit is None else PackedFit.of(snapshot.fit)
        known = min(missed, len(snapshot.spectrogram))
        for back in range(known - 1, -1, -1):
            self._heard.append(len(self._frames))
            self._frames.append(snapshot.spectrogram[len(snapshot.spectrogram) - 1 - back])
            at_s = (snapshot.sample - self._begin_sample) / self._frame_samples / SPEC.fps - back / SPEC.fps
            self._rows.append(
                (at_s, snapshot.x_px, snapshot.value, snapshot.confidence, *snapshot.probabilities)
            )
            self._states.append(snapshot.state)
            self._fits.append(fit)
        return True

    def run(self) -> Run:
        """What there is so far; embeddings are empty, for the engine does not pass them on."""
        columns = np.array(self._rows, np.float64).reshape(-1, 7).T
        count = len(self._frames)
        frames = np.array(self._frames, np.float32).reshape(count, SPEC.bands)
        record = Record(
            time_s=columns[0], x_px=columns[1], value=columns[2], confidence=columns[3],
            probabilities=columns[4:].T, states=tuple(self._states),
            heard=np.array(self._heard, np.int64), frames=frames,
            embeddings=np.zeros((count, 0), np.float32), fits={},
        )  # fmt: skip
        return Run(record, tuple(self._fits))
