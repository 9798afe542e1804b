"""The chorales as training and evaluation read them: one small file of lines, a split, duets.

`data build chorales` writes the file (:mod:`models.duet.data`); this reads it, without music21.

The split: the paper's 327 training and 37 held-out chorales are not published, and there are only these 364
(its 460 test duets come from 37 more). Ours puts the names in the order of the SHA-256 of "ripieno duet " +
name and holds out the first 37 of those that have no twin: no other chorale with the same four lines in any
key (the collection holds some chorales twice, and a twin in training would give the answer away). HELD_OUT is
the result, for ever. Nothing is chosen by its figures: of what remains VALIDATION, the next 20 by the same
rule, is not learned from either, and settings are chosen on it. These 57 come with the program (NOT_LEARNED),
to be measured by and to be heard in the listening test.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.duet.encoding import BEATS, MULTI_HOLD, Tokens, room, transposed
from pieces.errors import RipienoError
from pieces.files import replace_file, saving

FILE_NAME = "chorales.npz"
NOT_LEARNED = Path(__file__).with_name("not-learned.npz")
"""HELD_OUT, then VALIDATION; `python -m models.duet.data` writes it."""
FORMAT = "ripieno chorales 1"
VOICES = ("soprano", "alto", "tenor", "bass")
HELD_OUT_COUNT = 37
HELD_OUT = frozenset({
    "bwv144.6", "bwv155.5", "bwv183.5", "bwv184.5", "bwv190.7", "bwv2.6", "bwv24.6", "bwv244.37",
    "bwv245.14", "bwv248.5", "bwv248.64-s", "bwv259", "bwv280", "bwv292", "bwv313", "bwv338", "bwv339",
    "bwv347", "bwv349", "bwv351", "bwv377", "bwv382", "bwv385", "bwv387", "bwv403", "bwv414", "bwv424",
    "bwv426", "bwv432", "bwv436", "bwv45.7", "bwv46.6", "bwv5.7", "bwv86.6", "bwv87.7", "bwv89.6",
    "bwv90.5",
})  # fmt: skip
"""Names of the chorales that no training sees."""


VALIDATION = frozenset({
    "bwv174.5", "bwv248.12-2", "bwv248.35-3", "bwv255", "bwv269", "bwv297", "bwv298", "bwv306", "bwv307",
    "bwv308", "bwv323", "bwv388", "bwv412", "bwv413", "bwv421", "bwv43.11", "bwv48.7", "bwv62.6", "bwv78.7",
    "bwv80.8",
})  # fmt: skip
"""Names of the chorales by which settings are chosen."""


class BadChorales(RipienoError):
    """Chorales that cannot be read or built."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Chorale:
    """Four lines.

    Attributes:
        tokens: (4, T) uint8, multi-hold, in the order of VOICES.
        position: (T,) uint8, sixteenths since the notated bar began.
        bar_steps: sixteenths in a bar: 16 in 4/4.
    """

    name: str
    tokens: Tokens
    position: NDArray[np.uint8]
    bar_steps: int

    @property
    def phase(self) -> int:
        """Entry of the subdivision list, from 0, at the first step."""
        return int(self.position[0]) % BEATS

    def transposed(self, semitones: int) -> Chorale:
        """In another key; raises OutOfRange."""
        return Chorale(self.name, transposed(self.tokens, semitones), self.position, self.bar_steps)

    def transpositions(self) -> range:
        """The transpositions that stay within the range of all chorales."""
        low, high = room(self.tokens)
        return range(low, high + 1)


@dataclass(frozen=True, eq=False)
class Duet:
    """Two voices of a chorale: what is given and what is to be answered, (T,) uint8 multi-hold each."""

    name: str
    voices: tuple[str, str]
    human: Tokens
    machine: Tokens
    phase: int


def duets(chorale: Chorale) -> Iterator[Duet]:
    """All twelve ordered pairs of voices."""
    for human, machine in permutations(range(len(VOICES)), 2):
        voices = VOICES[human], VOICES[machine]
        yield Duet(chorale.name, voices, chorale.tokens[human], chorale.tokens[machine], chorale.phase)


def all_duets(chorales: Iterable[Chorale]) -> list[Duet]:
    """Those of every chorale."""
    return [duet for chorale in chorales for duet in duets(chorale)]


def choose_held_out(chorales: Sequence[Chorale], count: int = HELD_OUT_COUNT) -> list[str]:
    """How HELD_OUT was found; see the head of this module."""
    prints = [fingerprint(chorale) for chorale in chorales]
    alone = [c.name for c, print_ in zip(chorales, prints, strict=True) if prints.count(print_) == 1]
    return sorted(alone, key=lambda name: hashlib.sha256(f"ripieno duet {name}".encode()).hexdigest())[:count]


def fingerprint(chorale: Chorale) -> bytes:
    """The same for twins: chorales with equal lines in any key."""
    low, _ = room(chorale.tokens)
    return transposed(chorale.tokens, low).tobytes()


@dataclass(frozen=True, eq=False)
class Split:
    """The chorales to learn from, to choose settings by, and to be tested on in the end."""

    training: list[Chorale]
    validation: list[Chorale]
    held_out: list[Chorale]


def split(chorales: Iterable[Chorale]) -> Split:
    """By name."""
    found = Split([], [], [])
    for chorale in chorales:
        later = found.validation if chorale.name in VALIDATION else found.training
        (found.held_out if chorale.name in HELD_OUT else later).append(chorale)
    return found


def save(chorales: Sequence[Chorale], path: Path) -> None:
    """Pack them into one file, in one stroke; raises BadChorales where that fails."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        format=np.array(FORMAT),
        names=np.array([chorale.name for chorale in chorales]),
        lengths=np.array([chorale.tokens.shape[1] for chorale in chorales], np.int32),
        bar_steps=np.array([chorale.bar_steps for chorale in chorales], np.uint8),
        tokens=np.concatenate([chorale.tokens for chorale in chorales], 1),
        position=np.concatenate([chorale.position for chorale in chorales]),
    )
    with saving(path, BadChorales):
        replace_file(path, content.getvalue())


def load(path: Path) -> list[Chorale]:
    """The chorales in a file, or in the folder that holds it.

    Raises:
        BadChorales: missing, damaged or something else.
    """
    path = path / FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise BadChorales(
            f"there are no chorales at {path}; make them: launch.py data build chorales --out DIR"
        )
    try:
        return list(_unpacked(load_arrays(path)))
    except (OSError, ValueError, KeyError) as error:
        raise BadChorales(f"{path} holds no chorales ({error}); build them again.") from error


def _unpacked(stored: dict[str, NDArray[Any]]) -> Iterator[Chorale]:
    tokens, lengths = stored["tokens"], stored["lengths"]
    if str(stored["format"]) != FORMAT or tokens.dtype != np.uint8 or len(tokens) != len(VOICES):
        raise ValueError("another format")
    if tokens.shape[1] != lengths.sum() or tokens.max(initial=0) > MULTI_HOLD.rest:
        raise ValueError("symbols that do not fit")
    ends = lengths.cumsum()
    for name, start, end, bar in zip(stored["names"], ends - lengths, ends, stored["bar_steps"], strict=True):
        yield Chorale(str(name), tokens[:, start:end], stored["position"][start:end], int(bar))
