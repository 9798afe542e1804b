"""Recording a follower: what it heard, believed and decided over a whole piece.

A :class:`Recorder` stands in the player's place, so whatever drives a player (a headless session) can be
recorded. Pure numpy; runs in the thread that drives the player.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC
from models.players import Decision, Player, Probabilities, rest
from pieces.errors import RipienoError
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

COLUMNS = ("time_s", "x_px", "value", "slower", "keep", "faster", "confidence", "state")


class BadMoment(RipienoError):
    """A moment that was asked for and is not in the recording, or at which nothing was heard."""

    exit_code = 2


class Moment(Protocol):
    """What of a session's frame is recorded; ``fit`` (C,) float32 in 0..1 over columns of 4 px, or None."""

    @property
    def time_s(self) -> float:
        """End of the newest sample."""

    @property
    def state(self) -> str:
        """waiting, following, lost or finished."""

    @property
    def x_px(self) -> float:
        """The cursor along the strip."""

    @property
    def probabilities(self) -> Probabilities:
        """Of slower, keep and faster."""

    @property
    def value(self) -> float:
        """What the player expects of the future."""

    @property
    def confidence(self) -> float:
        """0 to 1."""

    @property
    def fit(self) -> FloatArray | None:
        """How well the sound fits each column."""


class Recorder:
    """Plays as ``player`` does and keeps what it hears since the last reset.

    ``embeddings`` are the player's after every frame: of the shipped follower (128,) float32, the last
    hidden layers of its actor and critic. It is empty for a player that has none.
    """

    def __init__(self, player: Player) -> None:
        self.player = player
        self.frames: list[FloatArray] = []
        self.embeddings: list[FloatArray] = []

    def open(self, piece: Piece) -> None:
        self.player.open(piece)

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at ``x_px``; what was recorded before is forgotten as well."""
        self.player.reset(x_px, speed_px_per_frame)
        self.frames.clear()
        self.embeddings.clear()

    def step(self, frame: FloatArray) -> Decision:
        """As the player does."""
        decision = self.player.step(frame)
        self.frames.append(frame.copy())
        embedding = getattr(self.player, "embedding", None)
        if embedding is not None:
            self.embeddings.append(embedding.copy())
        return decision

    def rest(self) -> None:
        """As the player does."""
        rest(self.player)


@dataclass(frozen=True)
class Record:
    """A piece as it was followed; T frames of a session, of which the player heard H.

    ``time_s``, ``x_px``, ``value``, ``confidence`` (T,) and ``probabilities`` (T, 3) float64; ``states`` T
    words; ``heard`` (T,) the row of ``frames`` that was decided on, -1 where the session only waited or had
    ended. ``frames`` (H, 78) and ``embeddings`` (H, E) float32, E = 0 for a player
    without. ``fits``: at the
    rows of T that were asked for, (C,) float32.
    """

    time_s: NDArray[np.float64]
    x_px: NDArray[np.float64]
    value: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    confidence: NDArray[np.float64]
    states: tuple[str, ...]
    heard: NDArray[np.int64]
    frames: FloatArray
    embeddings: FloatArray
    fits: dict[int, FloatArray | None]

    def row_at(self, at_s: float) -> int:
        """The first row of T at or after ``at_s`` seconds.

        Raises:
            BadMoment: the recording is shorter, or the player heard nothing there.
        """
        row = int(np.searchsorted(self.time_s, at_s))
        if row >= len(self.time_s):
            end_s = float(self.time_s[-1]) if len(self.time_s) else 0.0
            raise BadMoment(f"there is no {at_s:g} s in the recording; it ends at {end_s:.1f} s")
        if self.heard[row] < 0:
            first, last = self.time_s[self.heard >= 0][[0, -1]] if (self.heard >= 0).any() else (0.0, 0.0)
            raise BadMoment(
                f"at {at_s:g} s nothing is followed ({self.states[row]}); choose {first:.1f} to {last:.1f} s"
            )
        return row

    def smoothed(self, values: NDArray[np.float64], seconds: float = 1.0) -> NDArray[np.float64]:
        """Centred means of ``values`` (T, ...) over so many seconds of what was heard; elsewhere NaN."""
        width = max(round(seconds * SPEC.fps) // 2 * 2 + 1, 1)
        here = self.heard >= 0
        smooth = np.full(values.shape, np.nan)
        if here.any():
            known = values[here].reshape(here.sum(), -1)
            sums = np.cumsum(np.concatenate([np.zeros((1, known.shape[1])), known]), axis=0)
            places = np.arange(len(known))
            first, last = np.maximum(places - width // 2, 0), np.minimum(places + width // 2 + 1, len(known))
            means = (sums[last] - sums[first]) / (last - first)[:, None]
            smooth[here] = means.reshape(-1, *values.shape[1:])
        return smooth

    def table(self) -> str:
        """A row a frame, in the order of :data:`COLUMNS`, as tab-separated text."""
        rows = ["\t".join(COLUMNS)]
        for row, state in enumerate(self.states):
            figures = (self.value[row], *self.probabilities[row], self.confidence[row])
            words = (f"{self.time_s[row]:.6f}", f"{self.x_px[row]:.3f}", *(f"{f:.5f}" for f in figures))
            rows.append("\t".join((*words, state)))
        return "\n".join(rows) + "\n"


class Recording:
    """Grows by a moment at a time, each decided by ``recorder``, until it is finished.

    ``at_s`` are the seconds whose fits are kept: all of them would be large.
    """

    def __init__(self, recorder: Recorder, at_s: Sequence[float] = ()) -> None:
        self._recorder = recorder
        self._rows: list[tuple[float, ...]] = []
        self._states: list[str] = []
        self._heard: list[int] = []
        self._fits: dict[int, FloatArray | None] = {}
        self._waited, self._before = sorted(at_s), 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, moment: Moment) -> None:
        """The moment that the recorder has just decided, or one that it was not asked about."""
        count = len(self._recorder.frames)
        self._heard.append(count - 1 if count > self._before else -1)
        self._before = count
        figures = (moment.time_s, moment.x_px, moment.value, moment.confidence, *moment.probabilities)
        while self._waited and moment.time_s >= self._waited[0]:
            self._fits[len(self)] = moment.fit
            del self._waited[0]
        self._rows.append(figures)
        self._states.append(moment.state)

    def finish(self) -> Record:
        """What was recorded."""
        recorder = self._recorder
        columns = np.array(self._rows, np.float64).reshape(-1, 7).T
        kept = recorder.embeddings
        embeddings = np.stack(kept) if kept else np.zeros((len(recorder.frames), 0), np.float32)
        return Record(
            time_s=columns[0], x_px=columns[1], value=columns[2], confidence=columns[3],
            probabilities=columns[4:].T, states=tuple(self._states),
            heard=np.array(self._heard, np.int64),
            frames=np.array(recorder.frames, np.float32).reshape(-1, SPEC.bands),
            embeddings=embeddings, fits=self._fits,
        )  # fmt: skip


def record(
    moments: Iterable[Moment],
    recorder: Recorder,
    at_s: Sequence[float] = (),
    progress: Callable[[int], None] | None = None,
) -> Record:
    """Drive a session to its end; ``moments`` come one a frame, decided by ``recorder``.

    ``at_s`` as :class:`Recording` takes them. ``progress`` is told the number of frames done, about once a
    second of music.
    """
    recording = Recording(recorder, at_s)
    for row, moment in enumerate(moments):
        recording.add(moment)
        if progress is not None and row % SPEC.fps == 0:
            progress(row)
    return recording.finish()
