"""The metronome of a piece that is followed: a count-in, a steady beat, or the beats of what is played.

Every method runs in the engine thread. A beat is a quarter of the score, so accents fall where bars begin.
"""

from __future__ import annotations

import math

import numpy as np

from app.engine.engine import Engine
from app.engine.timeline import TempoChange, Timeline
from app.sessions.music import Music
from pieces.piece import Piece

LEAD_S = 0.1
EARLY_BEATS = 0.5
"""So much before the count-in is over, somebody who comes in early may be heard."""


class Clicks:
    """`on`: whether it clicks while the piece is followed; the count-in is heard in any case."""

    def __init__(self, engine: Engine, piece: Piece) -> None:
        self._engine = engine
        self._piece = piece
        self.on = False

    def count_in(self, bars: int, bpm: float) -> float:
        """Click so many bars, and on where it is on; seconds until nothing but the next beat is to come."""
        rate = self._engine.rate
        timeline = Timeline.steady(rate, bpm)
        beats = bars * timeline.meter.beats
        lead_s = LEAD_S + beats * 60.0 / bpm
        start_sample = self._engine.sample + round(lead_s * rate)
        timeline = Timeline.steady(rate, bpm, start_sample=start_sample)
        self._engine.metronome.start(timeline, -beats, None if self.on else -1)
        return lead_s - EARLY_BEATS * 60.0 / bpm

    def follow(self, x_px: float, bpm: float, music: Music | None) -> None:
        """Click the beats of `music`, without it steadily from the one at `x_px`; nothing where it is off."""
        self.stop()
        if not self.on:
            return
        if music is None:
            self._steadily(x_px, bpm)
        else:
            self._along(music)

    def set_tempo(self, bpm: float, music: Music | None) -> None:
        """Another tempo, of the steady beat or of `music`, from the next beat on."""
        if music is None:
            self._engine.metronome.set_tempo(bpm, self._engine.mixer.soon)
        elif self.on:
            self._along(music)

    def stop(self) -> None:
        """Silence."""
        self._engine.metronome.stop()

    def _steadily(self, x_px: float, bpm: float) -> None:
        rate = self._engine.rate
        beat = math.floor(float(self._piece.quarters_at_x(x_px)) + 1e-6)
        sample = self._engine.sample + LEAD_S * rate
        self._engine.metronome.start(Timeline(rate, (TempoChange(beat, sample, bpm),)), beat)

    def _along(self, music: Music) -> None:
        """Every beat of the performance from here on; none where nobody knows where it is in the score."""
        beats, samples = music.beats()
        ahead = samples >= self._engine.mixer.soon
        if len(beats) > 1 and ahead.any():
            rate = self._engine.rate
            tempi = rate * 60.0 / np.diff(samples)
            changes = zip(beats[:-1].tolist(), samples[:-1].tolist(), tempi.tolist(), strict=True)
            timeline = Timeline(rate, tuple(TempoChange(*change) for change in changes))
            self._engine.metronome.start(timeline, int(beats[ahead][0]), int(beats[-1]))
