from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.launchpad.corpus import Corpus, composed_corpus
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.reward import NearestBar, Shape, Shaped, squared_distances


def unpacked(bars):
    return (bars[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.int64)


def brute_force(bars, others):
    """The paper's formula, written out: squared differences, cell by cell."""
    return ((unpacked(others)[:, None] - unpacked(bars)[None]) ** 2).sum((-1, -2))


@given(st.integers(0, 2**32))
def test_distances_against_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = LAUNCHPAD.packed(LAUNCHPAD.random(rng, 3))
    others = np.concatenate([composed_corpus(seed % 7, 4).bars, LAUNCHPAD.packed(LAUNCHPAD.random(rng, 2))])
    assert (squared_distances(bars, others) == brute_force(bars, others)).all()


def test_the_papers_reward_against_brute_force() -> None:
    corpus = composed_corpus(1, 50)
    bars = LAUNCHPAD.packed(LAUNCHPAD.random(np.random.default_rng(0), 8))
    assert (NearestBar(corpus, 0)(bars) == -brute_force(bars, corpus.bars).min(0)).all()


def test_a_bar_of_the_corpus_earns_nothing_less() -> None:
    corpus = composed_corpus(2, 20)
    assert (NearestBar(corpus, 0)(corpus.bars) == 0).all()


def test_silence_earns_minus_the_lightest_bar() -> None:
    corpus = composed_corpus(3, 100)
    silence = LAUNCHPAD.packed(LAUNCHPAD.empty(1))
    assert NearestBar(corpus, 0)(silence)[0] == -corpus.densities.min()


def test_bars_are_sampled_anew_and_the_same_seed_samples_the_same() -> None:
    corpus, bar = composed_corpus(4, 500), composed_corpus(5, 1).bars
    one, other = NearestBar(corpus, 5, seed=1), NearestBar(corpus, 5, seed=1)
    first = [float(one(bar)[0]) for _ in range(20)]
    assert first == [float(other(bar)[0]) for _ in range(20)] and len(set(first)) > 1


def test_shaped_silence_is_worse_than_any_bar_of_the_corpus() -> None:
    corpus = composed_corpus(6, 200)
    reward = Shaped(corpus, 0)
    silence = LAUNCHPAD.packed(LAUNCHPAD.empty(1))
    assert reward(silence)[0] < reward(corpus.bars).min()


def test_out_of_silence_every_first_note_gains() -> None:
    """Even one that no bar of the corpus has, at any strength of the shape."""
    corpus = composed_corpus(6, 200)
    single = LAUNCHPAD.press(LAUNCHPAD.empty(24), LAUNCHPAD.toggle(0, 6) + 13 * np.arange(24))
    bars = LAUNCHPAD.packed(np.concatenate([LAUNCHPAD.empty(1), single]))
    for power in (0.0, 0.5, 1.0):
        reward = Shaped(corpus, 0, shape=Shape(density_power=power))(bars)
        assert (reward[1:] > reward[0]).all()


def test_distances_to_rich_bars_weigh_less() -> None:
    light, rich = np.zeros((2, 24), np.uint64)
    light[:2], rich[:8] = 0b111, 0b111
    corpus = Corpus(np.stack([light, rich]), "two")  # 6 and 24 cells, 15 on average
    one_missing = np.stack([light, rich])
    one_missing[:, 0] = 0b11
    reward = NearestBar(corpus, 0, density_power=0.5)(one_missing)
    assert reward == pytest.approx([-np.sqrt(15 / 6), -np.sqrt(15 / 24)])


def test_threads_and_blocks_change_nothing() -> None:
    corpus = composed_corpus(8, 300)
    bars = LAUNCHPAD.packed(LAUNCHPAD.random(np.random.default_rng(1), 700))
    alone, shared = NearestBar(corpus, 50, seed=2)(bars), NearestBar(corpus, 50, seed=2, threads=2)(bars)
    assert (alone == shared).all()
    sample = corpus.sample(np.random.default_rng(2), 50)
    assert (alone == -squared_distances(bars, sample).min(0)).all()


def test_a_repeated_bar_costs() -> None:
    corpus = composed_corpus(7, 10)
    reward = Shaped(corpus, 0)
    fresh = reward(corpus.bars[:1], corpus.bars[None, 1:4])
    stale = reward(corpus.bars[:1], corpus.bars[None, :3])
    assert fresh - stale == pytest.approx(reward.shape.repeat_cost)


def test_a_full_grid_is_counted_without_overflow() -> None:
    full = np.full((1, 24), 2**64 - 1, np.uint64)
    assert NearestBar(Corpus(full, "full"), 0)(LAUNCHPAD.packed(LAUNCHPAD.empty(1)))[0] == -1536


def test_a_silent_bar_in_a_corpus_does_no_harm() -> None:
    bars = np.zeros((2, 24), np.uint64)
    bars[1, :3] = 0b11
    reward = Shaped(Corpus(bars, "with silence"), 0)(bars)
    assert np.isfinite(reward).all() and reward[1] == 0 > reward[0]
