from __future__ import annotations

import numpy as np

from models.launchpad.corpus import composed_corpus, densities
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.oracle import project
from models.launchpad.starts import (
    SPARSE_PRESSES,
    STARTS,
    empty,
    mixed,
    named_start,
    near,
    triad,
    uniform,
)

CORPUS = composed_corpus(0, 200)


def test_every_start_is_a_batch_of_states_that_its_seed_gives_again() -> None:
    for name in STARTS:
        start = named_start(name, CORPUS)
        states = start(5, np.random.default_rng(1))
        assert states.shape == (5, 24, 2) and states.dtype == np.uint8
        assert (states == start(5, np.random.default_rng(1))).all()


def test_their_densities_are_what_the_names_say() -> None:
    rng = np.random.default_rng(0)
    means = {name: densities(LAUNCHPAD.packed(named_start(name, CORPUS)(200, rng))).mean() for name in STARTS}
    assert means["empty"] == 0 and means["triad"] == 12
    assert 700 < means["uniform"] < 830 and 40 < means["sparse"] < 110
    assert abs(means["corpus"] - CORPUS.densities.mean()) < 4


def test_a_triad_beats_the_quarters_of_three_keys() -> None:
    for bar in LAUNCHPAD.packed(triad(20, np.random.default_rng(2))):
        keys = np.flatnonzero(bar)
        assert (bar[keys] == 0x0001000100010001).all()
        assert np.diff(keys).tolist() in ([4, 3], [3, 4])


def test_corpus_starts_are_projected_bars() -> None:
    projected = {state.tobytes() for state in project(CORPUS.bars)}
    states = named_start("corpus", CORPUS)(20, np.random.default_rng(3))
    assert all(state.tobytes() in projected for state in states)


def test_mixed_starts_hold_some_of_each() -> None:
    states = mixed(empty, uniform)(100, np.random.default_rng(4))
    blank = int((~states.any((1, 2))).sum())
    assert 30 < blank < 70


def test_starts_near_grids_are_a_few_presses_away() -> None:
    grid = uniform(1, np.random.default_rng(5))
    states = near(grid)(200, np.random.default_rng(6))
    changed = (states != grid).sum((1, 2))
    assert changed.max() <= SPARSE_PRESSES and (changed == 0).any() and (changed > 8).any()
