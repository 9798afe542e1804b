"""Finding the place again: a musician jumps, starts again, or stops and goes on elsewhere.

Beside the belief that answers at once there are wider ones, which cost more and may take longer: they hear
after the answer is out, and move the first one when they know better. One instance belongs to one thread.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.follower.belief import Belief, BeliefConfig
from models.follower.rhythm import Notes

FloatArray = NDArray[np.float32]

SILENCE, SILENCE_SHARE = 0.02, 0.05
"""A frame is silent when its mean lies below the first, or below this share of how loud the music was."""
SILENT_FRAMES = 20
"""A silence of so many frames may be a break in the music. With 8 detached notes and notes that die away were
taken for breaks: 3 to 12 of the 26 bundled pieces were lost by it."""
LOUDNESS_KEPT = 0.995


class Finder:
    """Scouts all the time, and searches after silences.

    Args:
        log_quarters: (C,) as of the belief.
        music: (first, last) columns that hold music.
        config: the belief's assumptions.
        first_px: where the first note stands.
        reach_px: places closer than this are one.
        notes: as of the belief.
    """

    def __init__(
        self,
        log_quarters: FloatArray,
        music: tuple[int, int],
        config: BeliefConfig,
        first_px: float,
        reach_px: float,
        notes: Notes | None = None,
    ) -> None:
        self._log_quarters, self._music, self._notes = log_quarters, music, notes
        self._first_px, self._reach_px = first_px, reach_px
        self._scout = Scout(log_quarters, music, config, notes)
        self._search: Search | None = None
        self.reset(first_px)

    def reset(self, x_px: float) -> None:
        """The music is at ``x_px``."""
        self._scout.reset(x_px)
        self._search = None
        self._loudness, self._silent_frames, self._broke_off = 0.0, 0, False
        self._stopped: FloatArray | None = None

    def listen(self, frame: FloatArray) -> bool:
        """Notice silences; ``frame`` (78,) is about to be heard. True where it ends one.

        What was heard before it says nothing of what comes then: the ear had better forget it.
        """
        loudness = float(frame.mean())
        self._loudness = max(loudness, LOUDNESS_KEPT * self._loudness)
        if loudness < max(SILENCE, SILENCE_SHARE * self._loudness):
            self._silent_frames += 1
            return False
        ended = self._silent_frames >= SILENT_FRAMES
        self._broke_off |= ended
        self._silent_frames = 0
        return ended

    def hear(self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None) -> None:
        """Hear what ``belief`` just heard, (C,) and (88,), and move it if it is surely wrong."""
        if self._silent_frames == 1:
            self._stopped = belief.density
        if self._broke_off and self._stopped is not None:
            self._search = Search(
                belief,
                self._stopped,
                self._log_quarters,
                self._music,
                self._first_px,
                self._reach_px,
                self._notes,
            )
        self._broke_off = False
        if self._search is None:
            self._scout.hear(fit, belief, struck)
        elif not self._search.hear(fit, belief, struck):
            self._search = None
            self._scout.reset(float(belief.summary()[0]))


class Scout:
    """A second, coarser belief that may be anywhere, and leads the first one back after a jump.

    It costs more and errs more; only when it has explained the sound of the last seconds far better is it
    believed. ``lead`` is that advantage in nats, of which a hundredth is forgotten a frame.
    """

    ANYWHERE, TEMPI, TEMPO_CHANGE = 3e-5, 6, 0.15
    FORGET, ENOUGH = 0.99, 12.0
    FIRST_FRAMES = 60  # at the start many places fit the little that was heard

    def __init__(
        self,
        log_quarters: FloatArray,
        music: tuple[int, int],
        config: BeliefConfig,
        notes: Notes | None = None,
    ) -> None:
        loose = replace(
            config,
            anywhere=self.ANYWHERE,
            tempi=self.TEMPI,
            tempo_change=self.TEMPO_CHANGE,
            start_boost=0.0,
        )
        self._belief = Belief(log_quarters, music, loose, notes)
        self._frames, self.lead = 0, 0.0

    def reset(self, x_px: float) -> None:
        """The music is at ``x_px``."""
        self._belief.reset(x_px)
        self._frames, self.lead = 0, 0.0

    def hear(self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None) -> None:
        """Hear what ``belief`` just heard, and move it if it is surely wrong."""
        x_px = float(self._belief.update(fit, struck)[0])
        self._frames += 1
        if self._frames <= self.FIRST_FRAMES:
            return
        self.lead = self.FORGET * self.lead + self._belief.log_evidence - belief.log_evidence
        if self.lead > self.ENOUGH:
            belief.reset(x_px)
            self._frames, self.lead = 0, 0.0


class Search:
    """After a silence: did the music go on, begin anew, or jump? A third belief, that takes none for granted.

    It knows the tempo that was played, weighs the sound more boldly than the others for the first second, and
    moves the belief as soon as another place is ``ODDS`` times as likely as where that one is.
    """

    STOPPED, COUNTED, BEGINS_ANEW = 0.55, 0.15, 0.1
    """Shares of the belief at first: where the music fell silent, where it would be had it gone on (a written
    rest), at the beginning; the rest may be anywhere."""
    TEMPI, TEMPO_CHANGE, TEMPO_SPREAD = 12, 0.05, 0.12
    ODDS, HASTE_FRAMES, HASTE_NATS = 20.0, 20, 4.0
    FRAMES = 160

    def __init__(
        self,
        belief: Belief,
        stopped: FloatArray,
        log_quarters: FloatArray,
        music: tuple[int, int],
        first_px: float,
        reach_px: float,
        notes: Notes | None = None,
    ) -> None:
        config = replace(
            belief.config, anywhere=Scout.ANYWHERE, tempi=self.TEMPI, tempo_change=self.TEMPO_CHANGE
        )
        self._belief = wide = Belief(log_quarters, music, config, notes)
        tempo, spread = belief.tempo
        anywhere = 1.0 - self.STOPPED - self.COUNTED - self.BEGINS_ANEW
        places = self.STOPPED * stopped + self.COUNTED * belief.density
        places += self.BEGINS_ANEW * wide.near(first_px) + anywhere * wide.uniform
        wide.start(places, (tempo, max(spread, self.TEMPO_SPREAD)))
        self._reach_px = reach_px
        self._frames = 0

    def hear(self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None) -> bool:
        """Hear what ``belief`` just heard, and move it if it is wrong; False once the search is over."""
        x_px, here_px = float(self._belief.update(fit, struck)[0]), float(belief.summary()[0])
        self._frames += 1
        if abs(x_px - here_px) > self._reach_px and self._lead(x_px, here_px) > 0.0:
            belief.reset(x_px, self._belief.tempo)
        return self._frames < self.FRAMES

    def _lead(self, x_px: float, here_px: float) -> float:
        """By how many nats ``x_px`` is more likely than it needs to be; at first that takes more."""
        there, here = (self._belief.mass_within(place, self._reach_px) for place in (x_px, here_px))
        haste = self.HASTE_NATS * max(1.0 - self._frames / self.HASTE_FRAMES, 0.0)
        return float(np.log((there + 1e-12) / (here + 1e-12)) - np.log(self.ODDS) - haste)
