"""Windows of duets for the networks: the one place where steps are cut out of lines.

Serves training, reward and generation alike. numpy only. A step outside a line is `unseen`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.duet.chorales import VOICES, Chorale
from models.duet.encoding import BEATS, MULTI_HOLD, Encoding, Tokens, to_single_hold

BLOCK = 32
"""Steps; see :mod:`models.duet.causal`."""


def seen_steps(length: int) -> int:
    """How many of so many steps an agent looks at: the block that has begun and the one before it."""
    return length - max(length // BLOCK - 1, 0) * BLOCK


class Context(Protocol):
    """What of :class:`models.duet.networks.Kind` matters here."""

    @property
    def encoding(self) -> Encoding:
        """Of the lines."""

    @property
    def past(self) -> int:
        """Steps before t."""

    @property
    def centre(self) -> int:
        """Steps from t on that are predicted."""

    @property
    def width(self) -> int:
        """Steps of the window in all."""


def encoded(tokens: Tokens, encoding: Encoding) -> Tokens:
    """Multi-hold lines in the encoding that a network reads."""
    return tokens if encoding is MULTI_HOLD else to_single_hold(tokens)


def cut(lines: Tokens, steps: NDArray[np.int64], kind: Context) -> NDArray[np.int64]:
    """Windows (n, len(steps), width) around `steps`, which may lie before 0, of encoded lines (n, T)."""
    before, behind = kind.past + max(-int(steps.min(initial=0)), 0), kind.width - kind.past
    padded = np.pad(lines.astype(np.int64), ((0, 0), (before, behind)), constant_values=kind.encoding.unseen)
    return padded[:, steps[:, None] + before - kind.past + np.arange(kind.width)]


@dataclass(frozen=True)
class Stretch:
    """A context of `width` steps that are all given and all predicted, each from those before it."""

    width: int
    encoding: Encoding = MULTI_HOLD
    past: int = 0

    @property
    def centre(self) -> int:
        """All of them."""
        return self.width


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows (n, width) int64 of both parts, the beat (n,) of step t, and the truth (n, centre) int64.

    Where the truth lies outside the piece it is `unseen`.
    """

    human: NDArray[np.int64]
    machine: NDArray[np.int64]
    phase: NDArray[np.int64]
    targets: NDArray[np.int64]


class Library:
    """Chorales from which windows are drawn: every step of every pair of voices in every key.

    All lie end to end in one array, so that a batch is one indexing; between them stand more unseen steps
    than a window is wide.
    """

    def __init__(self, chorales: Sequence[Chorale], kind: Context) -> None:
        self._kind = kind
        gap = np.full((len(VOICES), kind.width + kind.centre), kind.encoding.unseen, np.uint8)
        pieces, steps, at = [gap], [], gap.shape[1]
        for chorale in chorales:
            length = chorale.tokens.shape[1]
            steps.append(at + np.arange(length))
            pieces += [encoded(chorale.tokens, kind.encoding), gap]
            at += length + gap.shape[1]
        self._lines = np.concatenate(pieces, 1)
        self.steps = np.concatenate(steps)
        lengths = [chorale.tokens.shape[1] for chorale in chorales]
        self._phases = np.concatenate(
            [(c.phase + np.arange(n)) % BEATS for c, n in zip(chorales, lengths, strict=True)]
        )
        keys = np.array([(c.transpositions().start, c.transpositions().stop) for c in chorales])
        self._keys = np.repeat(keys, lengths, axis=0)

    def draw(self, rng: np.random.Generator, count: int) -> Batch:
        """A batch, everything drawn at random."""
        which = rng.integers(0, len(self.steps), count)
        human = rng.integers(0, len(VOICES), count)
        machine = (human + rng.integers(1, len(VOICES), count)) % len(VOICES)
        keys = rng.integers(*self._keys[which].T)
        return self.batch(which, human, machine, keys)

    def batch(
        self, which: NDArray[np.int64], human: NDArray[np.int64], machine: NDArray[np.int64],
        keys: NDArray[np.int64],
    ) -> Batch:  # fmt: skip
        """Steps (indices into `steps`), voices and keys (semitones), (n,) each."""
        at, kind = self.steps[which][:, None], self._kind
        window = at - kind.past + np.arange(kind.width)
        targets = at + np.arange(kind.centre)
        given, own, wanted = (
            self._transposed(self._lines[voice[:, None], where], keys)
            for voice, where in ((human, window), (machine, window), (machine, targets))
        )
        return Batch(given, own, self._phases[which], wanted)

    def _transposed(self, tokens: Tokens, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        moved = np.where(tokens < self._kind.encoding.pitched, keys[:, None], 0)
        return tokens.astype(np.int64) + moved
