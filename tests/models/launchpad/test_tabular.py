from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console

from models.launchpad import tabular_study
from models.launchpad.tabular import Learner, Session, Setting, Toy, exact_values, glie, mcmc
from pieces.errors import RipienoError


def test_the_toy_is_the_papers() -> None:
    toy = Toy()
    assert toy.after.shape == (32, 6) and (toy.after[:, 5] == np.arange(32)).all()
    assert toy.rewards[0] == -3.0 and toy.rewards.max() == 0.0
    assert toy.rewards[0b101 * 4] == 0.0      # every second step and the single hit: 1 0 1 1


def test_one_update_is_the_papers_rule() -> None:
    learner = Learner(Toy(), Setting())
    learner.table[4] = 2.0
    assert learner.learn(0, 0) == 4 and learner.table[0, 0] == 0.5 * (-3.0 + 0.999 * 2.0)


def test_glie_finds_the_bar_and_comes_back_to_it() -> None:
    for seed in range(5):
        session = glie(seed, Setting(rewards_left=False))
        assert session.learned_after() <= 300 and max(session.recovery_steps()) < 100
        assert (session.rewards[-300:] == 0.0).all()


def test_the_papers_rule_learns_within_its_300_iterations_only_where_rest_comes_first() -> None:
    exact, resting_first = exact_values(Toy(), Setting()), Setting(rests_first=True)
    literal, resting = ([glie(seed, each) for seed in range(6)] for each in (Setting(), resting_first))
    assert np.median([session.learned_after() for session in literal]) > 300
    assert all(session.untried(exact) == 0 for session in literal)      # as Figure 9 has it
    assert all(session.learned_after() <= 300 and session.untried(exact) > 20 for session in resting)


@pytest.mark.parametrize("setting", [Setting(), Setting(rewards_left=False)])
def test_exact_values_are_what_the_rule_leaves_as_they_are(setting: Setting) -> None:
    learner = Learner(Toy(), setting)
    exact = learner.table[:] = exact_values(learner.toy, setting)
    for state, action in np.ndindex(exact.shape):
        learner.learn(state, action)
    assert np.allclose(learner.table, exact) and exact.max() == 0.0 and exact.min() < -3.0


def test_recovery_counts_from_each_replacement() -> None:
    rewards = np.array([-1.0, 0.0, 0.0, -2.0, -1.0, 0.0, -1.0, -1.0, -1.0])
    assert Session(rewards, np.zeros((1, 1)), 3).recovery_steps() == [2, -1]
    assert Session(rewards, np.zeros((1, 1)), 3).settled_after() == 1


def test_learned_is_the_first_long_stay_at_the_ceiling() -> None:
    rewards = np.zeros(500)
    rewards[:30] = rewards[70] = rewards[200] = -1.0     # 40 iterations at the best are not enough
    session = Session(rewards, np.zeros((1, 1)), 500)
    assert session.learned_after() == 71 and session.settled_after() == 201
    assert Session(np.full(500, -1.0), np.zeros((1, 1)), 500).learned_after() == 500


def test_mcmc_learns_at_the_papers_beta_and_not_far_from_it() -> None:
    good, cold, hot = (np.mean([mcmc(beta, seed) for seed in range(4)]) for beta in (0.25, 10.0, 0.01))
    assert good > -0.3 and cold < -1.5 and hot < -1.5


def test_the_command_draws_three_figures(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tabular_study, "SESSIONS", 3)
    monkeypatch.setattr(tabular_study, "beta_study", lambda seed: [tabular_study.BetaRow(0.2, -0.1, 0.01)])
    out = tmp_path / "figures.json"
    tabular_study.evaluate_launchpad_tabular(out, console=Console(quiet=True))
    document = json.loads(out.read_text())
    assert document["mcmc"]["best_beta"] == pytest.approx(0.2)
    assert "misses the paper's 300" in tabular_study.said_of_glie(document["glie"])
    pictures = sorted(tmp_path.glob("launchpad-figure-*.png"))
    assert len(pictures) == 3 and all(path.read_bytes()[:4] == b"\x89PNG" for path in pictures)


def test_a_place_that_cannot_be_written_is_named(tmp_path) -> None:
    with pytest.raises(RipienoError, match="cannot be written"):
        tabular_study.draw({"left": glie(0)}, [tabular_study.BetaRow(0.2, -0.1, 0.01)], tmp_path / "none")
