"""Finding the place again: a musician jumps, starts again, or stops and goes on elsewhere.

Beside the belief that answers at once there are wider ones, which cost more and may take longer: they hear
after the answer is out, and move the first one when they know better. One instance belongs to one thread.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.follower.belief import Belief

FloatArray = NDArray[np.float32]

SILENCE, SILENCE_SHARE = 0.02, 0.05
"""A frame is silent when its mean lies below the first, or below this share of how loud the music was."""
BREAK_FRAMES, PAUSE_FRAMES = 20, 6
"""A silence of so many frames is taken for a break in the music, or may be one. With 8 for the first detached
notes and notes that die away were taken for breaks: 3 to 12 of the 26 bundled pieces were lost by it."""
LOUDNESS_KEPT = 0.995
USUAL_FRAMES, DOUBTFUL_FRAMES, LAST_DOUBT_FRAMES, WORSE_NATS = 100, 14, 60, 0.3
"""After a pause the belief is moved only once it explains so many frames so much worse than those before it,
and no later than so many after the pause. Bolder (0.2, or 100 frames), slow bundled pieces whose long notes
die away were lost at their end. With 20 frames and 0.4, and no search after the first move, 70 % of jumps and
restarts were found within 3 s in performances by people, instead of 85 %."""


class Silence(Enum):
    """What a silence was that has just ended: long enough to be a break, to be doubtful, or neither."""

    NONE, PAUSE, BREAK = range(3)


class Expectation(NamedTuple):
    """Of the music after a silence: the chances that it goes on where it fell silent, or where it would be
    had it gone on (a written rest), begins anew, is anywhere. ``nats``: so much likelier must a place be,
    within so many ``frames``.
    """

    stopped: float
    counted: float
    begins_anew: float
    anywhere: float
    nats: float
    frames: int


AFTER_BREAK, AFTER_PAUSE = (
    Expectation(0.55, 0.15, 0.1, 0.2, nats=3.0, frames=160),
    Expectation(0.45, 0.45, 0.05, 0.05, nats=6.0, frames=100),
)


class Silences:
    """Which silences end, and how long the one has lasted that goes on."""

    def __init__(self) -> None:
        self.frames = 0
        self._loudness = 0.0

    def hear(self, frame: FloatArray) -> Silence:
        """What has ended with ``frame`` (78,)."""
        loudness = float(np.add.reduce(frame)) / len(frame)  # `mean` takes its time, and somebody waits
        self._loudness = max(loudness, LOUDNESS_KEPT * self._loudness)
        if loudness < max(SILENCE, SILENCE_SHARE * self._loudness):
            self.frames += 1
            return Silence.NONE
        ended, self.frames = self.frames, 0
        if ended >= BREAK_FRAMES:
            return Silence.BREAK
        return Silence.PAUSE if ended >= PAUSE_FRAMES else Silence.NONE


class Usual:
    """How well the belief explains a frame while nothing is doubted: a running mean of its log evidence."""

    def __init__(self) -> None:
        self.nats, self._frames = 0.0, 0

    @property
    def known(self) -> bool:
        """Enough was heard to compare with."""
        return self._frames > 0.5 * USUAL_FRAMES

    def take(self, log_evidence: float) -> None:
        """Of one more frame."""
        self._frames = min(self._frames + 1, USUAL_FRAMES)
        self.nats += (log_evidence - self.nats) / self._frames


class Finder:
    """Scouts all the time but while it searches; what it has beside the scout is what a silence began:

    - nothing, until a pause or a break ends;
    - a :class:`Doubt` after a pause, until the belief was moved (then its search goes on), the doubt has had
      its time (then nothing), or a break ends;
    - a :class:`Search` after a break, until it has had its time.

    For every frame first :meth:`listen`, before the belief hears it; then, once the answer is out,
    :meth:`hear`, and where this leaves it :attr:`doubting`, :meth:`doubt`. Who is in a hurry leaves out the
    last two; what ended meanwhile begins with the next `hear`.

    Args:
        belief: about the same music; the wider ones are made after it.
        first_px: where the first note stands.
        reach_px: places closer than this are one.
    """

    def __init__(self, belief: Belief, first_px: float, reach_px: float) -> None:
        self._first_px, self._reach_px = first_px, reach_px
        self._scout = Scout(belief)
        self.reset(first_px)

    def reset(self, x_px: float) -> None:
        """The music is at ``x_px``."""
        self._scout.reset(x_px)
        self._beside: Search | Doubt | None = None
        self._silences, self._usual = Silences(), Usual()
        self._ended = Silence.NONE
        self._stopped: FloatArray | None = None

    @property
    def doubting(self) -> bool:
        """Since a pause another place is possible."""
        return isinstance(self._beside, Doubt)

    def listen(self, frame: FloatArray) -> Silence:
        """Notice silences; ``frame`` (78,) is about to be heard. Says which kind it ends, if it ends one."""
        ended = self._silences.hear(frame)
        if ended is Silence.PAUSE and self._beside is not None:
            return Silence.NONE
        if ended is not Silence.NONE:
            self._ended = ended
        return ended

    def hear(self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None) -> None:
        """Hear what ``belief`` just heard, (C,) and (88,), and move it if it is surely wrong."""
        if not self.doubting and not self._silences.frames and belief.settled:
            self._usual.take(belief.log_evidence)
        if self._silences.frames == 1:
            self._stopped = belief.density
        if self._ended is not Silence.NONE and self._stopped is not None:
            self._beside = self._begun(belief, self._stopped)
        self._ended = Silence.NONE
        if not isinstance(self._beside, Search):
            self._scout.hear(fit, belief, struck)
        elif not self._beside.hear(fit, belief, struck)[1]:
            self._beside = None
            self._scout.reset(float(belief.summary()[0]))

    def doubt(self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None) -> bool:
        """As :meth:`hear`, by an ear that knows nothing from before the pause. True if ``belief`` moved.

        Who has moved it goes on searching: after a second of music the likeliest place is often another one.
        """
        if not isinstance(self._beside, Doubt):
            raise ValueError("nothing is doubted")
        moved, goes_on = self._beside.hear(fit, belief, struck, self._usual)
        if moved:
            self._beside = self._beside.search
        elif not goes_on:
            self._beside = None
        return moved

    def _begun(self, belief: Belief, stopped: FloatArray) -> Search | Doubt:
        expected = AFTER_BREAK if self._ended is Silence.BREAK else AFTER_PAUSE
        search = Search(belief, stopped, self._first_px, self._reach_px, expected)
        return search if self._ended is Silence.BREAK else Doubt(search)


class Doubt:
    """After a pause: ``search`` moves the belief once this surely explains the sound worse than usual."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._frames, self._worse = 0, 0.0

    def hear(
        self, fit: FloatArray, belief: Belief, struck: FloatArray | None, usual: Usual
    ) -> tuple[bool, bool]:
        """Hear what ``belief`` just heard, and move it if it is surely wrong: (moved, goes on)."""
        self._frames += 1
        worse = usual.nats - belief.log_evidence
        self._worse += (worse - self._worse) / min(self._frames, DOUBTFUL_FRAMES)
        sure = usual.known and self._frames >= DOUBTFUL_FRAMES and self._worse > WORSE_NATS
        moved, goes_on = self.search.hear(fit, belief, struck, sure)
        return moved, goes_on and self._frames < LAST_DOUBT_FRAMES


class Scout:
    """A second, coarser belief that may be anywhere, and leads the first one back after a jump.

    It costs more and errs more; only when it has explained the sound of the last seconds far better is it
    believed. ``lead`` is that advantage in nats, of which a hundredth is forgotten a frame.
    """

    ANYWHERE, TEMPI, TEMPO_CHANGE = 3e-5, 6, 0.15
    FORGET, ENOUGH = 0.99, 12.0
    FIRST_FRAMES = 60  # at the start many places fit the little that was heard

    def __init__(self, belief: Belief) -> None:
        loose = replace(
            belief.config,
            anywhere=self.ANYWHERE,
            tempi=self.TEMPI,
            tempo_change=self.TEMPO_CHANGE,
            start_boost=0.0,
        )
        self._belief = belief.another(loose)
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
    moves the belief as soon as another place is so much likelier than where that one is.
    """

    TEMPI, TEMPO_CHANGE, TEMPO_SPREAD = 12, 0.05, 0.12
    HASTE_FRAMES, HASTE_NATS = 20, 4.0

    def __init__(
        self,
        belief: Belief,
        stopped: FloatArray,
        first_px: float,
        reach_px: float,
        expected: Expectation,
    ) -> None:
        config = replace(
            belief.config, anywhere=Scout.ANYWHERE, tempi=self.TEMPI, tempo_change=self.TEMPO_CHANGE
        )
        self._belief = wide = belief.another(config)
        tempo, spread = belief.tempo
        places = expected.stopped * stopped + expected.counted * belief.density
        places += expected.begins_anew * wide.near(first_px) + expected.anywhere * wide.uniform
        wide.start(places, (tempo, max(spread, self.TEMPO_SPREAD)))
        self._reach_px = reach_px
        self._nats, self._last_frame, self._frames = expected.nats, expected.frames, 0

    def hear(
        self, fit: FloatArray, belief: Belief, struck: FloatArray | None = None, sure: bool = True
    ) -> tuple[bool, bool]:
        """Hear what ``belief`` just heard, and if ``sure`` move it if it is wrong: (moved, goes on)."""
        x_px, here_px = float(self._belief.update(fit, struck)[0]), float(belief.summary()[0])
        self._frames += 1
        moved = sure and abs(x_px - here_px) > self._reach_px and self._lead(x_px, here_px) > 0.0
        if moved:
            belief.reset(x_px, self._belief.tempo)
        return moved, self._frames < self._last_frame

    def _lead(self, x_px: float, here_px: float) -> float:
        """By how many nats ``x_px`` is more likely than it needs to be; at first that takes more."""
        there, here = (self._belief.mass_within(place, self._reach_px) for place in (x_px, here_px))
        haste = self.HASTE_NATS * max(1.0 - self._frames / self.HASTE_FRAMES, 0.0)
        return float(np.log((there + 1e-12) / (here + 1e-12)) - self._nats - haste)
