"""Liberties that pianists take beyond :class:`models.performance.Style`'s small deviations.

Sections at tempi of their own, long notes held or cut short, trills, turns and mordents that nobody wrote:
what performances of people have and a metronome with jitter has not. Pure functions of what is drawn; a rate
of zero draws nothing, so that whoever takes no liberties plays as before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LONG_QUARTERS = 1.0
"""From this distance to the next onset on, a note is one that may be held."""
ORNAMENTED_S = 0.25
"""Shorter notes are left as they are."""
_SECTION_QUARTERS = (8, 40)
_MOST_TEMPO_LOG = 1.1
"""A section is at most three times as fast, or slow, as is marked."""
_HELD_LOG = (-0.7, 1.25)
"""Logarithm of how much longer a held note is: half to three and a half times."""


def section_tempi(grid: FloatArray, spread: float, rng: np.random.Generator) -> FloatArray:
    """(N,) log tempo at each of the ``grid``'s quarters (N,), constant by sections; half are as marked."""
    log_tempo = np.zeros(len(grid))
    start = 0.0
    while spread > 0 and start <= grid[-1]:
        end = start + float(rng.integers(*_SECTION_QUARTERS))
        drawn = float(np.clip(spread * rng.standard_normal(), -_MOST_TEMPO_LOG, _MOST_TEMPO_LOG))
        if rng.random() < 0.5:
            log_tempo[(grid >= start) & (grid < end)] = drawn
        start = end
    return log_tempo


def hold_long_notes(
    quarters: FloatArray, times_s: FloatArray, rate: float, rng: np.random.Generator
) -> FloatArray:
    """(K,) times of the onsets at ``quarters`` (K,) when some of the long notes last as the player likes."""
    if rate <= 0:
        return times_s
    gaps_s = np.diff(times_s)
    held = (np.diff(quarters) >= LONG_QUARTERS) & (rng.random(len(gaps_s)) < rate)
    gaps_s = np.where(held, gaps_s * np.exp(rng.uniform(*_HELD_LOG, len(gaps_s))), gaps_s)
    return np.asarray(times_s[0] + np.concatenate([[0.0], np.cumsum(gaps_s)]))


def ornament(pitch: int, duration_s: float, rng: np.random.Generator) -> list[tuple[float, float, int]]:
    """(start s, duration s, pitch) of each key struck instead of one note: a trill, a turn or a mordent.

    Starts are from the note's own onset; the last one ends with the note.
    """
    each_s = 1.0 / rng.uniform(8.0, 15.0)
    upper, lower = pitch + int(rng.integers(1, 3)), pitch - int(rng.integers(1, 3))
    kind = rng.integers(4)
    if kind < 2:  # a trill, from the note or from above
        count = max(int(rng.uniform(0.4, 1.0) * duration_s / each_s) // 2 * 2, 2)
        pitches = [pitch, upper] * (count // 2) if kind == 0 else [upper, pitch] * (count // 2)
        pitches += [pitch] if kind == 0 else []
    elif kind == 2:
        pitches = [upper, pitch, lower, pitch]
    else:
        pitches = [pitch, int(rng.choice([upper, lower])), pitch]
    each_s = min(each_s, duration_s / len(pitches))
    starts_s = each_s * np.arange(len(pitches))
    lengths_s = [each_s] * (len(pitches) - 1) + [max(duration_s - float(starts_s[-1]), each_s)]
    return list(zip(starts_s.tolist(), lengths_s, pitches, strict=True))
