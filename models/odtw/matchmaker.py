"""Matchmaker (PyPI pymatchmaker 0.3, extra `peers`) as a player: the symbolic peer to be measured against.

Its online time warping after Arzt and Widmer and its chroma features, with its own settings; the score it
follows is the piece's true notes, played by the bundled sound set. It hears sound and not frames, so it plays
in `evaluate follower` alone. It is imported when it is asked for and never otherwise; runs in the process
that evaluates.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC, frame_end_sample
from models.odtw.score import audio_of, true_notes
from models.players import Decision
from pieces.errors import RipienoError
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

FRAME_RATE = 30
"""Matchmaker's own, and with it the hop; its windows are two hops long."""
HOP_SAMPLES = SPEC.sample_rate // FRAME_RATE


class NoPeer(RipienoError):
    """Matchmaker is not installed, or not usable with what is."""


@dataclass(frozen=True)
class Matchmaker:
    """What is used of it: the class of its chroma features, and that of its audio follower."""

    chroma: Any
    warping: Any


def find_matchmaker() -> Matchmaker:
    """Import it; raises NoPeer."""
    try:
        with _no_download():
            from matchmaker.dp import OnlineTimeWarpingArztFrame
            from matchmaker.features.audio import ChromagramProcessor
    except ImportError as error:
        raise NoPeer(
            "Matchmaker cannot be loaded here. It needs NumPy 1, so give it an environment of its own: "
            'python3 -m venv DIR, then DIR/bin/pip install -e ".[peers]" -c constraints-peers.txt.'
        ) from error
    return Matchmaker(ChromagramProcessor, OnlineTimeWarpingArztFrame)


@contextmanager
def _no_download() -> Iterator[None]:
    """Its partitura fetches a sound set at import where it finds FluidSynth: hide that."""
    missing = object()
    before = sys.modules.get("fluidsynth", missing)
    sys.modules["fluidsynth"] = None  # type: ignore[assignment]  # what import takes for "there is none"
    try:
        yield
    finally:
        del sys.modules["fluidsynth"]
        if before is not missing:
            sys.modules["fluidsynth"] = before  # type: ignore[assignment]


class MatchmakerPlayer:
    """Follows by Matchmaker: `open`, then `hear` and `reset` before every game."""

    def __init__(self) -> None:
        self._peer = find_matchmaker()
        self._audio: FloatArray = np.zeros(0, np.float32)
        self._first_frame = 0

    def open(self, piece: Piece) -> None:
        """Render the score from its first onset on; raises NoSynth where that cannot be done."""
        self._piece = piece
        self._quarters_per_s = piece.tempo_bpm / 60
        self._first_quarters = float(piece.onset_quarters[0])
        audio = audio_of(true_notes(piece), self._quarters_per_s)
        start = round(self._first_quarters / self._quarters_per_s * SPEC.sample_rate)
        self._reference = self._chroma()((audio[start:], 0.0))[0]

    def _chroma(self) -> Any:
        return self._peer.chroma(sample_rate=SPEC.sample_rate, hop_length=HOP_SAMPLES)

    def hear(self, audio: FloatArray, first_frame: int) -> None:
        """The sound (N,) that is to be followed from `first_frame` on; each step hears so far."""
        self._audio, self._first_frame = audio, first_frame

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at `x_px` before the first frame."""
        quarters = float(self._piece.quarters_at_x(x_px))
        place = round((quarters - self._first_quarters) / self._quarters_per_s * FRAME_RATE)
        place = min(max(place, 0), len(self._reference) - 1)
        # A place counts by the end of its window, two hops on: what is compared has been heard to there.
        ends_s = (np.arange(place, len(self._reference)) + 2) / FRAME_RATE
        self._warping = self._peer.warping(
            reference_features=self._reference[place:],
            score_positions=self._piece.onset_quarters,
            frame_rate=FRAME_RATE,
            ref_frame_to_beat=self._first_quarters + ends_s * self._quarters_per_s,
        )
        self._features = self._chroma()
        self._frame = self._first_frame
        self._window_sample = SPEC.frame_sample(self._first_frame)
        self._x_px, self._speed_px = float(x_px), float(speed_px_per_frame)

    def step(self, frame: FloatArray) -> Decision:
        """Hear on to the end of one frame, and stand where Matchmaker says; `frame` itself is not read."""
        quarters = None
        while self._window_sample + 2 * HOP_SAMPLES - 1 <= frame_end_sample(self._frame):
            quarters = self._warping(self._features((self._window(), 0.0))[0], 0.0)
            self._window_sample += HOP_SAMPLES
        self._frame += 1
        x_px = self._x_px if quarters is None else float(self._piece.x_at_quarters(quarters))
        speed_px = x_px - self._x_px
        action = speed_px - self._speed_px
        self._x_px, self._speed_px = x_px, speed_px
        return Decision(action, x_px, speed_px)

    def _window(self) -> FloatArray:
        """The next two hops of sound, (1470,); silence after its end."""
        window = np.zeros(2 * HOP_SAMPLES, np.float32)
        part = self._audio[self._window_sample : self._window_sample + 2 * HOP_SAMPLES]
        window[: len(part)] = part
        return window
