"""Free time: the tempo that a player's onsets imply. Pure; one thread at a time.

Each onset is placed on the sixteenth that the time since the last one comes nearest to, plain note values
before dotted ones; what is left over is the player's deviation. Period and phase follow it separately, as in
Large and Kolen's oscillators ("Resonance and the perception of musical meter", 1994) in their simplest form.
A sudden change of more than about a quarter is heard as other note values: nobody can tell the two apart.
"""

from __future__ import annotations

import math

PLAIN, DOTTED = (1, 2, 4, 8, 16), (3, 6, 12)
"""Note values in sixteenths."""
DOTTED_COST = 0.2
"""In the logarithm of time: a dotted value is believed where it fits that much better."""
CHORD_STEPS = 0.4
"""What comes sooner belongs to the onset before."""
PAUSE_STEPS = 20.0
"""After a longer one the player is met anew, wherever that is."""
BELIEVED = math.log(1.3)
PERIOD_GAIN, PHASE_GAIN = 0.3, 0.3
NARROWEST, WIDEST = 0.5, 2.0
"""Of the tempo that was set."""
LARGEST_CHANGE = 1.15
"""From one onset to the next."""
STEPS_A_BEAT = 4


class TempoFollower:
    """Begins at `bpm`, the tempo that was set, and stays within half and twice of it."""

    def __init__(self, bpm: float) -> None:
        self.set_bpm = bpm
        self.bpm = bpm
        self._played_bpm = bpm
        self._last: tuple[float, float] | None = None

    def onset(self, time_s: float, position: float) -> float:
        """A note began, at `position` sixteenths of the timeline; the tempo to play at from now on."""
        if self._last is None:
            self._last = time_s, float(round(position))
            return self._played_bpm
        before_s, score = self._last
        step_s = 60.0 / (self.bpm * STEPS_A_BEAT)
        gap = (time_s - before_s) / step_s
        if gap < CHORD_STEPS:
            return self._played_bpm
        value = nearest_value(gap)
        off = math.log(gap / value)
        if gap > PAUSE_STEPS or abs(off) > BELIEVED:
            self._last = time_s, float(round(position))
            return self._played_bpm
        return self._follow(time_s, position, score + value, off)

    def _follow(self, time_s: float, position: float, expected: float, off: float) -> float:
        late_steps = position - expected
        if abs(late_steps) > STEPS_A_BEAT / 2:  # the notes were read wrongly: meet the player where he is
            expected, late_steps = float(round(position)), 0.0
        self._last = time_s, expected
        self.bpm = self._within(self.bpm * math.exp(-PERIOD_GAIN * off))
        bend = 1.0 - PHASE_GAIN * late_steps / STEPS_A_BEAT
        wanted = self._within(self.bpm * bend)
        slowest, fastest = self._played_bpm / LARGEST_CHANGE, self._played_bpm * LARGEST_CHANGE
        self._played_bpm = min(max(wanted, slowest), fastest)
        return self._played_bpm

    def _within(self, bpm: float) -> float:
        return min(max(bpm, NARROWEST * self.set_bpm), WIDEST * self.set_bpm)


def nearest_value(gap: float) -> int:
    """The note value, in sixteenths, that a time between two onsets (in sixteenths) is taken for."""
    costs = {value: abs(math.log(gap / value)) for value in PLAIN}
    costs |= {value: abs(math.log(gap / value)) + DOTTED_COST for value in DOTTED}
    return min(costs, key=lambda value: (costs[value], value))
