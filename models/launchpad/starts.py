"""Where songs begin: states for a batch of songs, by name.

How far a start is from music decides how a song can go, at one button a bar: `uniform` is drawn from all
states, has about 84 patterns on and 768 notes, and takes some 80 bars to clear; `sparse` is what a person
leaves after a few presses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.launchpad.corpus import Corpus
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.oracle import project

Start = Callable[[int, np.random.Generator], States]
"""(count, generator) -> (count, keys, 2)."""
SPARSE_PRESSES = 16
TRIADS = np.array([(0, 4, 7), (0, 3, 7)])
QUARTERS = 3
"""The pattern that beats every 16 steps."""


def empty(count: int, rng: np.random.Generator) -> States:
    """Nothing on: the blank grid."""
    return LAUNCHPAD.empty(count)


def triad(count: int, rng: np.random.Generator) -> States:
    """A major or minor triad on any root, in quarters on the beat."""
    states = LAUNCHPAD.empty(count)
    chords = TRIADS[rng.integers(0, len(TRIADS), count)]
    keys = rng.integers(0, LAUNCHPAD.keys - TRIADS.max(), count)[:, None] + chords
    on_the_beat = LAUNCHPAD.steps - int(LAUNCHPAD.basis[QUARTERS].argmax())
    states[np.arange(count)[:, None], keys] = 1 << QUARTERS, on_the_beat
    return states


def uniform(count: int, rng: np.random.Generator) -> States:
    """Uniform over all states: half of all patterns on."""
    return LAUNCHPAD.random(rng, count)


def sparse(count: int, rng: np.random.Generator) -> States:
    """`SPARSE_PRESSES` buttons at random on a blank grid: about 8 patterns on."""
    return pressed_at_random(LAUNCHPAD.empty(count), SPARSE_PRESSES, rng)


def corpus_like(corpus: Corpus) -> Start:
    """The reachable states nearest to bars of the corpus."""
    return lambda count, rng: project(corpus.sample(rng, count))


def near(states: States) -> Start:
    """Around grids that are worth going to, (n, keys, 2): up to `SPARSE_PRESSES` buttons away from one."""

    def draw(count: int, rng: np.random.Generator) -> States:
        drawn = states[rng.integers(0, len(states), count)]
        presses = rng.integers(0, SPARSE_PRESSES + 1, count)
        for done in range(SPARSE_PRESSES):
            drawn = np.where((presses > done)[:, None, None], pressed_at_random(drawn, 1, rng), drawn)
        return drawn

    return draw


def mixed(*starts: Start) -> Start:
    """Each song begins in one of some ways, drawn by equal chance."""

    def draw(count: int, rng: np.random.Generator) -> States:
        which = rng.integers(0, len(starts), count)
        drawn = np.stack([start(count, rng) for start in starts])
        return drawn[which, np.arange(count)]

    return draw


def pressed_at_random(states: States, presses: int, rng: np.random.Generator) -> States:
    """(..., keys, 2) the states after as many buttons drawn uniformly."""
    for _ in range(presses):
        states = LAUNCHPAD.press(states, rng.integers(0, LAUNCHPAD.nothing, states.shape[:-2]))
    return states


STATE_STARTS: dict[str, Start] = {"empty": empty, "triad": triad, "uniform": uniform, "sparse": sparse}
STARTS = (*STATE_STARTS, "corpus")


def named_start(name: str, corpus: Corpus) -> Start:
    """One of :data:`STARTS`."""
    return corpus_like(corpus) if name == "corpus" else STATE_STARTS[name]
