"""Plays a recording through the mixer. Where the synth is the source it is followed, as a demo is.

Every method runs in the engine thread.
"""

from __future__ import annotations

import numpy as np

from app.engine.engine import Engine
from app.engine.frontend import at_rate
from app.engine.mixer import FloatArray

LEAD_S = 0.4
"""Silence first: a long recording needs a while to get to the driver; a first note is told by its rise."""


class ClipPlayer:
    """`sound` is (n,) mono float32, `rate` its own. One at a time sounds, in all of the program."""

    def __init__(self, engine: Engine, sound: FloatArray, rate: int) -> None:
        self._engine = engine
        self._sound, self._rate = sound, rate
        self._anchor_s, self._anchor_sample, self._mixer = 0.0, 0, engine.mixer
        self.tempo = 1.0  # a recording keeps its own
        self.playing = False

    @property
    def length_s(self) -> float:
        """How long the recording is."""
        return len(self._sound) / self._rate

    def start(self, from_s: float = 0.0) -> None:
        """Play from a moment of the recording on, after `LEAD_S`."""
        self._mixer = mixer = self._engine.mixer
        rate = mixer.clock.rate
        self._anchor_s, self._anchor_sample = from_s, mixer.sample + round(LEAD_S * rate)
        self.playing = True
        rest = self._sound[round(from_s * self._rate) :]
        mixer.play_clip(at_rate(rest, self._rate, rate), self._anchor_sample)

    def stop(self) -> None:
        """Silence."""
        if self.playing:
            self.playing = False
            self._engine.mixer.play_clip(np.zeros(0, np.float32), 0)

    def jump(self, to_s: float) -> None:
        """Go on from another moment."""
        if self.playing:
            self.start(to_s)

    def set_tempo(self, tempo: float) -> None:
        """It stays as it is."""

    def position_s(self, sample: int) -> float:
        """Time of the recording that sounds at `sample`, at least 0."""
        if self._mixer is not self._engine.mixer:  # which went on with it, on a clock that began at 0
            self._anchor_s = self._passed_s(self._mixer.clock.sample)
            self._anchor_sample, self._mixer = 0, self._engine.mixer
        return max(self._passed_s(sample), 0.0)

    def _passed_s(self, sample: int) -> float:
        return self._anchor_s + (sample - self._anchor_sample) / self._mixer.clock.rate
