from __future__ import annotations

import numpy as np
import pytest

from models.launchpad.corpus import composed_corpus
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.planning import (
    Expectation,
    Expected,
    OtherPlan,
    Plan,
    climb,
    make_plan,
    presses_to_offset,
)
from models.launchpad.reward import Shape, Shaped
from models.launchpad.starts import sparse

CORPUS = composed_corpus(1, 300)


def test_the_expectation_is_the_mean_of_the_reward() -> None:
    bars = LAUNCHPAD.packed(LAUNCHPAD.press(LAUNCHPAD.empty(3), np.array([3, 42, 312])))
    bars = np.concatenate([bars, CORPUS.sample(np.random.default_rng(0), 3)])
    reward = Shaped(CORPUS, count=40, seed=1)
    drawn = np.mean([reward(bars) for _ in range(2000)], 0)
    assert np.allclose(Expectation(CORPUS, Shape(), 40)(bars), drawn, atol=0.15)


def test_the_expected_reward_of_a_part_is_that_of_the_corpus() -> None:
    corpus = composed_corpus(2, 3000)
    bars = LAUNCHPAD.packed(sparse(6, np.random.default_rng(0)))
    whole = Expectation(corpus, Shape())(bars)
    assert np.allclose(Expected(corpus, Shape(), of=3000)(bars), whole, atol=1e-5)
    part = Expected(corpus, Shape(), of=1500, seed=1)
    drawn = [part(bars, bars[:, None]) for _ in range(100)]
    assert np.std(drawn, 0).max() > 0.0
    assert np.allclose(np.mean(drawn, 0), whole, rtol=0.01)


def test_a_climb_never_loses() -> None:
    expectation = Expectation(CORPUS, Shape())
    start = LAUNCHPAD.packed(LAUNCHPAD.press(LAUNCHPAD.empty(), LAUNCHPAD.toggle(5, 3)))
    bar, reward = climb(start, expectation, CORPUS.bars)
    assert reward > float(expectation(start[None])[0]) + 1.0
    assert reward == pytest.approx(float(expectation(bar[None])[0]), abs=1e-6)


def test_a_plan_holds_no_bar_of_the_corpus_and_survives_the_file(tmp_path) -> None:
    *_, (_, plan) = make_plan(CORPUS, Shape(), motifs=5, candidates=100)
    known = {bar.tobytes() for bar in CORPUS.bars}
    assert len(plan.states) and not known & {bar.tobytes() for bar in LAUNCHPAD.packed(plan.states)}
    plan.save(tmp_path / "plan.npz", {"seed": 0})
    loaded = Plan.load(tmp_path / "plan.npz", {"seed": 0})
    assert (loaded.states == plan.states).all() and (loaded.slopes == plan.slopes).all()
    assert (plan.best(1).states == plan.states[:1]).all() and plan.rewards.argmax() == 0


def test_a_file_without_a_plan_is_named(tmp_path) -> None:
    (tmp_path / "plan.npz").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(OtherPlan, match="remove it"):
        Plan.load(tmp_path / "plan.npz", {})


def test_slopes_are_what_one_cell_changes() -> None:
    expectation, bar = Expectation(CORPUS, Shape()), CORPUS.bars[7]
    slopes, here = expectation.slopes(bar), float(expectation(bar[None])[0])
    for key, step in ((0, 0), (5, 17), (23, 63), (int(bar.argmax()), 0)):
        changed = bar.copy()
        changed[key] ^= np.uint64(1 << step)
        assert slopes[key, step] == pytest.approx(float(expectation(changed[None])[0]) - here, abs=1e-6)


def test_presses_to_an_offset_are_the_fewest() -> None:
    every_second = presses_to_offset(0b1, 1)      # sounds alike at every odd offset
    assert every_second[1] == 0 and every_second[0] == 1 and every_second[2] == 1
    once = presses_to_offset(1 << 6, 7)
    assert once[7] == 0 and once[0] == 3 and once[8] == 6
    assert (presses_to_offset(0, 9) == 0).all()
