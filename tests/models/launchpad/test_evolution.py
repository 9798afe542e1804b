from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from models.launchpad.choir import Choir
from models.launchpad.corpus import Bars, composed_corpus, densities
from models.launchpad.evolution import EvolutionConfig, EvolutionLearner, Known, Progress, on_the_way
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.networks import MotifQ
from models.launchpad.planning import Expectation, Plan, make_plan
from models.launchpad.reward import Rewards, Shape
from models.launchpad.starts import sparse, uniform

CORPUS = composed_corpus(1, 300)
SHAPE = Shape(density_power=0.0)


@cache
def plan() -> Plan:
    *_, (_, found) = make_plan(CORPUS, SHAPE, motifs=4, candidates=60)
    return found


def learner(**changes: object) -> EvolutionLearner:
    values = {"updates": 6, "pairs": 6, "songs": 6, "bars": 30, "validation_songs": 12, "report_every": 1}
    config = EvolutionConfig(**{**values, **changes})  # type: ignore[arg-type]
    network = MotifQ.planned(plan())
    return EvolutionLearner(network, Expectation(CORPUS, SHAPE).reward, config, {"sparse": sparse})


def test_before_it_learns_it_is_the_plan() -> None:
    fresh, network = learner().network, MotifQ.planned(plan())
    for one, other in zip(fresh.parameters(), network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_songs_earn_more_by_what_it_learns() -> None:
    """The bar that the plan thinks least of is the only one that counts: it learns to go there."""
    wanted = LAUNCHPAD.packed(plan().states[-1])

    def reward(bars: Bars, heard: Bars | None = None) -> Rewards:
        return -densities(bars ^ wanted).astype(np.float32)

    config = EvolutionConfig(
        updates=10, pairs=12, songs=8, bars=40, variety=0.0, learning_rate=0.5, validation_songs=24,
        report_every=1,
    )  # fmt: skip
    reports: list[Progress] = []
    taught = EvolutionLearner(MotifQ.planned(plan()), reward, config, {"sparse": sparse})
    before = taught._best_fitness
    taught.train(reports.append)
    assert [report.updates for report in reports] == list(range(1, 11))
    assert reports[-1].best == max(report.validation for report in reports) > before + 1.0


def test_same_seed_same_network_and_a_resumed_run_is_the_whole_run() -> None:
    whole, stopped, resumed = learner(), learner(), learner()
    whole.train()
    stopped.train(until=3)
    resumed.restore(*stopped.saved())
    resumed.train()
    assert resumed.updates == 6 and torch.equal(whole._mean, resumed._mean)
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole._mean.abs().max() > 0.0


def test_variety_is_worth_something_of_itself() -> None:
    fond, plain = learner(variety=100.0), learner(variety=0.0)
    for one in (fond, plain):
        one.learn()
    assert not torch.equal(fond._mean, plain._mean)


def test_reports_may_stop_it() -> None:
    taught = learner()
    taught.train(lambda progress: progress.updates >= 2)
    assert taught.updates == 2


def test_a_bar_is_judged_once_and_never_below_the_floor() -> None:
    asked: list[int] = []

    def reward(bars: Bars, heard: Bars | None = None) -> Rewards:
        asked.append(len(bars))
        return -densities(bars).astype(np.float32)

    known, grids = Known(reward, -10.0), LAUNCHPAD.empty(4)
    grids[1, 0], grids[2, 3], grids[3] = (1 << 2, 0), (1 << 1, 0), (127, 0)     # 8, 16 and 24 x 64 notes
    bars = LAUNCHPAD.packed(grids)
    assert known(bars[[0, 1, 1, 2, 3]]).tolist() == pytest.approx([0.0, -8.0, -8.0, -10.0, -10.0])
    assert known(bars).tolist() == pytest.approx([0.0, -8.0, -10.0, -10.0])
    assert asked == [3]


def test_songs_are_joined_where_the_plan_has_cleared_the_grid() -> None:
    choir = Choir(MotifQ.planned(plan()))
    begun = uniform(8, np.random.default_rng(0))
    joined = on_the_way(choir, uniform)(8, np.random.default_rng(0))
    notes = [densities(LAUNCHPAD.packed(states)).mean() for states in (joined, begun)]
    assert notes[0] < notes[1] / 10
