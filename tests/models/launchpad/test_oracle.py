from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.launchpad.corpus import Corpus, composed_corpus
from models.launchpad.instrument import LAUNCHPAD, TOY
from models.launchpad.oracle import Oracle, project, projection_distances, shapes
from models.launchpad.reward import NearestBar


def test_every_state_is_its_own_projection() -> None:
    bars = LAUNCHPAD.packed(LAUNCHPAD.random(np.random.default_rng(0), 30))
    assert (LAUNCHPAD.packed(project(bars)) == bars).all() and not projection_distances(bars).any()


def test_shapes_are_all_different_bars_and_their_states_sound_like_them() -> None:
    bars, states = shapes()
    assert len(bars) == len(np.unique(bars)) == 2732
    assert (LAUNCHPAD.rows[states[:, 0], states[:, 1]] == bars).all()


@given(st.lists(st.integers(0, 15), min_size=1, max_size=6))
def test_the_small_instrument_against_trying_all_states(rows: list[int]) -> None:
    bars = np.array(rows, np.uint64)[:, None]
    nearest = [min((row ^ int(other)).bit_count() for other in TOY.rows.ravel()) for row in rows]
    assert projection_distances(bars, TOY).tolist() == nearest
    reached = TOY.packed(project(bars, TOY))
    assert np.bitwise_count(reached ^ bars)[:, 0].tolist() == nearest


def test_no_single_button_brings_a_projection_nearer() -> None:
    bars = composed_corpus(1, 5).bars
    for bar, state, distance in zip(bars, project(bars), projection_distances(bars), strict=True):
        around = LAUNCHPAD.press(np.repeat(state[None], LAUNCHPAD.actions, 0), np.arange(LAUNCHPAD.actions))
        others = np.bitwise_count(LAUNCHPAD.packed(around) ^ bar).sum(1)
        assert others.min() == others[LAUNCHPAD.nothing] == distance


def test_a_silent_key_is_projected_to_no_button() -> None:
    assert not project(np.zeros((1, 24), np.uint64)).any()


def test_no_agent_earns_more_than_the_oracle() -> None:
    corpus = composed_corpus(2, 60)
    oracle = Oracle(corpus)
    states = project(corpus.bars)
    best = NearestBar(corpus, 0)(LAUNCHPAD.packed(states)).max()
    assert best <= oracle.sampled(2000, np.random.default_rng(0))
    alone = [NearestBar(Corpus(bar[None], "one"), 0)(LAUNCHPAD.packed(state[None]))[0]
             for bar, state in zip(corpus.bars, states, strict=True)]  # fmt: skip
    assert np.mean(alone) == np.float32(-oracle.distances.mean())
