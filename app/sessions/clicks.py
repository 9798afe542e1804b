"""The metronome of a piece that is followed: a count-in, a steady beat, or the beats of what is played.

Every method runs in the engine thread. Beats are those of the piece's bars: accents fall where these begin.
"""

from __future__ import annotations

from itertools import chain, takewhile

import numpy as np

from app.engine.engine import Engine
from app.engine.timeline import TempoChange, Timeline
from app.sessions.music import Music
from pieces.meter import beat_at, beats_from, count_in
from pieces.piece import Piece

LEAD_S = 0.1


class Clicks:
    """`on`: whether it clicks while the piece is followed; the count-in is heard in any case."""

    def __init__(self, engine: Engine, piece: Piece) -> None:
        self._engine = engine
        self._piece = piece
        self.on = False

    def switch(self, on: bool) -> bool:
        """`on`, from the end of a count-in that goes on; whether one does."""
        metronome = self._engine.metronome
        self.on = metronome.runs_on = on
        return metronome.counts_in

    def count_in(self, bars: int, x_px: float, bpm: float) -> float:
        """Click so many bars, and what has passed of the one in which the music at `x_px` begins.

        Returns how many seconds later somebody who comes in a little early may be heard.
        """
        begin, written = float(self._piece.quarters_at_x(x_px)), self._piece.bars
        before = count_in(written, begin, bpm, bars)
        lead_s = LEAD_S + (begin - before[0].quarters) * 60.0 / bpm
        beats = chain(before, beats_from(written, begin, bpm))
        self._engine.metronome.start(self._steady(begin, lead_s, bpm), beats, begin, self.on)
        return lead_s - 0.5 * (begin - before[-1].quarters) * 60.0 / bpm

    def follow(self, x_px: float, bpm: float, music: Music | None) -> None:
        """Click the beats of `music`, without it steadily from the one at `x_px`; nothing where it is off."""
        self.stop()
        if not self.on:
            return
        if music is None:
            self._steadily(x_px, bpm)
        else:
            self._along(music, bpm)

    def set_tempo(self, bpm: float, music: Music | None) -> None:
        """Another tempo, of the steady beat or of `music`, from the next beat on."""
        if music is None:
            self._engine.metronome.set_tempo(bpm, self._engine.mixer.soon)
        elif self.on:
            self._along(music, bpm)

    def stop(self) -> None:
        """Silence."""
        self._engine.metronome.stop()

    def _steadily(self, x_px: float, bpm: float) -> None:
        written = self._piece.bars
        begin = beat_at(written, float(self._piece.quarters_at_x(x_px)), bpm)
        self._engine.metronome.start(self._steady(begin, LEAD_S, bpm), beats_from(written, begin, bpm))

    def _steady(self, begin: float, lead_s: float, bpm: float) -> Timeline:
        """One tempo; so soon comes what stands at `begin`, in quarters."""
        rate = self._engine.rate
        return Timeline(rate, (TempoChange(begin, self._engine.sample + lead_s * rate, bpm),))

    def _along(self, music: Music, bpm: float) -> None:
        """Every beat of the performance from here on; none where nobody knows where it is in the score."""
        quarters, samples = music.quarters()
        soon_sample = self._engine.mixer.soon
        if len(quarters) > 1 and samples[-1] >= soon_sample:
            rate = self._engine.rate
            tempi = rate * 60.0 / np.diff(samples)
            changes = zip(quarters[:-1].tolist(), samples[:-1].tolist(), tempi.tolist(), strict=True)
            timeline = Timeline(rate, tuple(TempoChange(*change) for change in changes))
            begin = max(timeline.beat_at_sample(soon_sample), float(quarters[0]))
            beats = beats_from(self._piece.bars, begin, bpm)
            last = float(quarters[-1])
            self._engine.metronome.start(timeline, takewhile(lambda beat: beat.quarters <= last, beats))
