"""One line of music on a grid of sixteenths, as symbols: "Representation" of the paper.

Lines are kept multi-hold, uint8: a symbol for the onset of each pitch, one for holding it, one for a rest.
Single-hold, with one symbol for holding whatever sounds, is made from it and turned back into it. All
functions work along the last axis, which is time; nothing here looks at later steps than the one it makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pieces.errors import RipienoError

Tokens = NDArray[np.uint8]
LOWEST, HIGHEST = 36, 81
"""MIDI pitches of the chorales."""
PITCHES = HIGHEST - LOWEST + 1
MIDDLE = PITCHES // 2
"""The pitch, from the lowest, in whose place a rest stands where networks are given intervals."""
OCTAVE = 12
STEPS_PER_BEAT = 4
BEATS = 4
"""Different entries of the subdivision list 1 2 3 4 1 2 3 4 ..., counted from 0 here."""


class OutOfRange(RipienoError):
    """A pitch that no symbol stands for."""

    exit_code = 2


@dataclass(frozen=True)
class Encoding:
    """The symbols of a line: onsets from 0, then holds, then the rest.

    `unseen` stands, in what a network is given, for steps that it must not see or that do not exist.
    """

    name: str
    holds: int

    @property
    def pitched(self) -> int:
        """So many symbols, the first ones, name a pitch: a semitone higher is one more."""
        return PITCHES * (1 + (self.holds == PITCHES))

    @property
    def rest(self) -> int:
        """The symbol of silence."""
        return PITCHES + self.holds

    @property
    def symbols(self) -> int:
        """How many there are to choose from."""
        return self.rest + 1

    @property
    def unseen(self) -> int:
        """One more, for inputs only."""
        return self.symbols


MULTI_HOLD = Encoding("multi-hold", PITCHES)
SINGLE_HOLD = Encoding("single-hold", 1)
HOLD = PITCHES
"""Multi-hold: added to an onset it holds the same pitch. Single-hold: the one symbol that holds."""


def sounding(tokens: ArrayLike) -> NDArray[np.int64]:
    """MIDI pitches of multi-hold symbols, same shape; 0 is silence."""
    tokens = np.asarray(tokens, np.int64)
    return np.where(tokens == MULTI_HOLD.rest, 0, LOWEST + tokens % PITCHES)


def begins(tokens: ArrayLike) -> NDArray[np.bool_]:
    """Where notes begin in multi-hold lines: at onsets, and at holds of what did not sound before."""
    tokens, pitches = np.asarray(tokens), sounding(tokens)
    before = np.zeros_like(pitches)
    before[..., 1:] = pitches[..., :-1]
    begun: NDArray[np.bool_] = (pitches > 0) & ((tokens < HOLD) | (pitches != before))
    return begun


def held(tokens: ArrayLike) -> Tokens:
    """For each multi-hold symbol the one that holds it: what the next step is if nothing happens."""
    tokens = np.asarray(tokens, np.uint8)
    return np.where(tokens < HOLD, tokens + HOLD, tokens).astype(np.uint8)


def to_single_hold(tokens: ArrayLike) -> Tokens:
    """Multi-hold lines (..., T) as single-hold ones."""
    tokens = np.asarray(tokens, np.uint8)
    holding = np.where(tokens == MULTI_HOLD.rest, SINGLE_HOLD.rest, SINGLE_HOLD.holds + PITCHES - 1)
    return np.where(begins(tokens), tokens % PITCHES, holding).astype(np.uint8)


def from_single_hold(tokens: ArrayLike) -> Tokens:
    """Single-hold lines (..., T) as multi-hold ones; a hold of nothing is a rest."""
    tokens = np.asarray(tokens, np.uint8)
    steps = np.arange(tokens.shape[-1])
    last = np.maximum.accumulate(np.where(tokens != HOLD, steps, -1), axis=-1)
    origin = np.take_along_axis(tokens, np.maximum(last, 0), -1)
    silent = (origin >= HOLD) | (last < 0)
    sound = np.where(last == steps, origin, origin + HOLD)
    return np.where(silent, MULTI_HOLD.rest, sound).astype(np.uint8)


def transposed(tokens: ArrayLike, semitones: int) -> Tokens:
    """Multi-hold lines, higher by `semitones`.

    Raises:
        OutOfRange: a pitch would leave 36 to 81.
    """
    tokens = np.asarray(tokens, np.int64)
    silent = tokens == MULTI_HOLD.rest
    low, high = room(tokens)
    if not low <= semitones <= high:
        raise OutOfRange(f"{semitones:+d} semitones lead out of MIDI {LOWEST} to {HIGHEST}; take fewer.")
    return np.where(silent, tokens, tokens + semitones).astype(np.uint8)


def room(tokens: ArrayLike) -> tuple[int, int]:
    """How far down (<= 0) and up (>= 0) multi-hold lines can go, in semitones; (0, 0) for silence."""
    pitches = sounding(tokens)
    pitches = pitches[pitches > 0]
    if not len(pitches):
        return 0, 0
    return LOWEST - int(pitches.min()), HIGHEST - int(pitches.max())


def line(notes: Iterable[tuple[int, int, int]], steps: int) -> Tokens:
    """Notes (first step, steps, MIDI pitch), in the order they begin, as one multi-hold line (steps,).

    A note ends at the latest where the next begins; of notes that begin together the first counts.

    Raises:
        OutOfRange: a pitch below 36 or above 81.
    """
    tokens = np.full(steps, MULTI_HOLD.rest, np.uint8)
    begun = -1
    for start, length, pitch in notes:
        if not LOWEST <= pitch <= HIGHEST:
            raise OutOfRange(f"MIDI pitch {pitch} lies outside {LOWEST} to {HIGHEST}; transpose the line.")
        if start == begun or length < 1:
            continue
        begun = start
        tokens[start:] = MULTI_HOLD.rest
        tokens[start : start + length] = pitch - LOWEST + HOLD
        tokens[start : start + 1] = pitch - LOWEST
    return tokens


def notes(tokens: Tokens) -> list[tuple[int, int, int]]:
    """Inverse of :func:`line`: (first step, steps, MIDI pitch) of a multi-hold line (T,)."""
    pitches, starts = sounding(tokens), np.flatnonzero(begins(tokens))
    stops = np.flatnonzero(begins(tokens) | (pitches == 0))
    ends = np.append(stops, len(tokens))[np.searchsorted(stops, starts, "right")]
    return [(int(a), int(b - a), int(pitches[a])) for a, b in zip(starts, ends, strict=True)]
