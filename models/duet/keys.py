"""The key that is heard: Krumhansl and Schmuckler's correlation of durations with key profiles.

C. L. Krumhansl, "Cognitive Foundations of Musical Pitch" (1990), chapter 4: how long each pitch class sounds
against the profile of each of the 24 keys (Krumhansl and Kessler, 1982). Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.duet.encoding import Tokens, sounding

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10, 11)
"""Of minor the leading note belongs to it too."""
LEAST_CLASSES, LEAST_STEPS = 3, 16
"""Pitch classes and sixteenths that must have been heard before a key is named."""
UNKNOWN = -1
"""Stands for the key where too little was heard."""
_FIFTHS = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
"""Signature of the major key on each pitch class; F sharp, not G flat."""
_NAMES = dict(enumerate(
    ("C♭", "G♭", "D♭", "A♭", "E♭", "B♭", "F", "C", "G", "D", "A", "E", "B", "F♯", "C♯", "G♯", "D♯", "A♯"), -7
))  # fmt: skip
"""Names along the circle of fifths, C at 0."""


@dataclass(frozen=True)
class Key:
    """tonic: pitch class, 0 is C."""

    tonic: int
    minor: bool = False

    @property
    def fifths(self) -> int:
        """Sharps of the signature, flats below zero."""
        return _FIFTHS[(self.tonic + 3) % 12 if self.minor else self.tonic]

    @property
    def name(self) -> str:
        """Such as "E♭ major"."""
        return f"{_NAMES[self.fifths + (3 if self.minor else 0)]} {'minor' if self.minor else 'major'}"


def scale_of(key: Key) -> NDArray[np.int64]:
    """Pitch classes that belong to a key."""
    return (np.array(MINOR_SCALE if key.minor else MAJOR_SCALE) + key.tonic) % 12


def _profiles() -> NDArray[np.float64]:
    rows = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    rows -= rows.mean(1, keepdims=True)
    normed: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed


_PROFILES = _profiles()


def heard_key(*lines: Tokens) -> Key | None:
    """The key of multi-hold lines (n,), or None where too little sounds to tell."""
    pitches = np.concatenate([sounding(line) for line in lines])
    best = int(_likeliest(np.bincount(pitches[pitches > 0] % 12, minlength=12)))
    return None if best == UNKNOWN else Key(best % 12, best >= 12)


def keys_heard(lines: Tokens, steps: int) -> NDArray[np.int64]:
    """(n, T) key of the `steps` before each step of multi-hold lines (n, T): tonic, 12 more for minor.

    UNKNOWN where too little sounds to tell.
    """
    pitches = sounding(lines)
    classes = ((pitches % 12)[..., None] == np.arange(12)) & (pitches > 0)[..., None]
    until = np.pad(classes.cumsum(1), ((0, 0), (steps + 1, 0), (0, 0)))[:, :-1]
    return _likeliest(until[:, steps:] - until[:, :-steps])


def _likeliest(weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """(...) from the steps (..., 12) for which each pitch class sounded."""
    found = ((weights - weights.mean(-1, keepdims=True)) @ _PROFILES.T).argmax(-1)
    enough = (np.count_nonzero(weights, -1) >= LEAST_CLASSES) & (weights.sum(-1) >= LEAST_STEPS)
    return np.where(enough, found, UNKNOWN)
