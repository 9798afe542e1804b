"""A corpus: the bars that the launchpad's rewards compare with, one uint64 a key, bit s for step s.

Read from what `data build launchpad` wrote, or composed on the spot (:func:`composed_corpus`), the default
everywhere. Immutable: any thread may read it.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.launchpad.composing import compose_bars
from models.launchpad.instrument import LAUNCHPAD
from pieces.errors import RipienoError
from pieces.files import replace_file

Bars = NDArray[np.uint64]
Roll = Literal["onset", "sustained"]
"""Whether a cell is on where a note begins, or as long as it sounds."""
FORMAT = "ripieno-launchpad-corpus-1"
FILE_NAME = "corpus.npz"
"""In the folder of a built corpus."""
COMPOSED_BARS = 4096


class BadCorpus(RipienoError):
    """A corpus that cannot be read, or that has no bar."""

    exit_code = 2


def densities(bars: Bars) -> NDArray[np.int64]:
    """How many cells are on in each bar, (..., keys) -> (...)."""
    return np.bitwise_count(bars).sum(-1, dtype=np.int64)


@dataclass(frozen=True)
class Corpus:
    """`bars` (M, keys) uint64, the lowest key first, bit s for step s.

    Raises:
        BadCorpus: there is no bar.
    """

    bars: Bars
    name: str
    roll: Roll = "onset"

    def __post_init__(self) -> None:
        if not len(self.bars):
            raise BadCorpus(f"{self.name} has no bar: build it from more music (data build launchpad).")

    def __len__(self) -> int:
        return len(self.bars)

    @cached_property
    def densities(self) -> NDArray[np.int64]:
        """(M,) cells that are on in each bar."""
        return densities(self.bars)

    @cached_property
    def checksum(self) -> int:
        """Of the bars: the same for the same bars only."""
        return zlib.crc32(self.bars.tobytes())

    def sample(self, rng: np.random.Generator, count: int) -> Bars:
        """(count, keys) bars drawn with replacement; `count` may be larger than M."""
        return self.bars[rng.integers(0, len(self.bars), count)]

    def save(self, path: Path) -> None:
        """Write it in one stroke.

        Raises:
            OSError: the folder does not exist or cannot be written.
        """
        file = io.BytesIO()
        np.savez_compressed(file, format=FORMAT, name=self.name, roll=self.roll, bars=self.bars)
        replace_file(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> Corpus:
        """Read what :meth:`save` wrote, or the folder that `data build launchpad` filled.

        Raises:
            BadCorpus: no such file, not a corpus, of another instrument, or without a bar.
        """
        path = path / FILE_NAME if path.is_dir() else path
        try:
            return _checked(load_arrays(path))
        except (OSError, ValueError, KeyError) as error:
            raise BadCorpus(f"{path} is no corpus of launchpad bars ({error}).") from error


def _checked(stored: dict[str, NDArray[Any]]) -> Corpus:
    roll, bars = str(stored["roll"]), stored["bars"]
    if str(stored["format"]) != FORMAT or roll not in get_args(Roll):
        raise ValueError("another format")
    if bars.dtype != np.uint64 or bars.ndim != 2 or bars.shape[1] != LAUNCHPAD.keys:
        raise ValueError(f"its bars do not have {LAUNCHPAD.keys} keys")
    return Corpus(bars, str(stored["name"]), cast(Roll, roll))


def composed_corpus(seed: int = 0, bars: int = COMPOSED_BARS) -> Corpus:
    """The corpus that ships: onset bars composed by rule in every key; same arguments, same bars."""
    return Corpus(compose_bars(seed, bars), f"composed-{seed}", "onset")
