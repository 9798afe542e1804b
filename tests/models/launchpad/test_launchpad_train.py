from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.journal import OtherRun
from models.launchpad.agent import load_agent
from models.launchpad.evaluation import RECIPES
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.networks import KINDS
from models.launchpad.planning import OtherPlan
from models.launchpad.train import TrainingProblem, read_config, train

QUICK = {"updates": 3, "songs": 2, "warm_up": 4, "replay": 64, "batch": 4, "report_every": 1}


def configuration(folder: Path, **fields: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"out": str(folder / "run"), "learning": QUICK, **fields}))
    return path


@pytest.mark.parametrize("kind", ["linear", "deep", "motifs", "afterstates"])
def test_a_run_leaves_an_agent_and_its_card(tmp_path, kind: str) -> None:
    train(configuration(tmp_path, kind=kind, name="mine", motifs=3, candidates=40))
    agent = load_agent(tmp_path / "run" / "mine.safetensors")
    assert agent.metadata["kind"] == kind and agent.metadata["updates"] == 3
    assert 0 <= agent.choose(LAUNCHPAD.empty()).action < 313
    assert (tmp_path / "run" / "mine.md").read_text().startswith("# mine")


EVOLVING = {"method": "evolution", "reward": "expected", "motifs": 3, "candidates": 40}
FEW = {"updates": 2, "pairs": 2, "songs": 3, "bars": 10, "validation_songs": 3, "report_every": 1}


def test_an_evolved_plan_is_an_agent_and_goes_on(tmp_path) -> None:
    config = configuration(tmp_path, **EVOLVING, starts=["uniform", "sparse", "corpus"], learning=FEW)
    train(config)
    agent = load_agent(tmp_path / "run" / "launchpad.safetensors")
    assert agent.metadata["kind"] == "motifs" and agent.metadata["updates"] == 2
    assert 0 <= agent.choose(LAUNCHPAD.empty()).action < 313
    assert "2 generations of 4 networks" in (tmp_path / "run" / "launchpad.md").read_text()
    train(configuration(tmp_path, **EVOLVING, learning={**FEW, "updates": 3}), resume=True)
    assert load_agent(tmp_path / "run" / "launchpad.safetensors").metadata["updates"] == 3
    with pytest.raises(OtherRun, match="another configuration"):
        train(configuration(tmp_path, **{**EVOLVING, "motifs": 2}, learning=FEW), resume=True)


def test_a_run_goes_on_only_when_told_to(tmp_path) -> None:
    config = configuration(tmp_path, kind="linear")
    train(config)
    with pytest.raises(TrainingProblem, match="--resume"):
        train(config)
    longer = configuration(tmp_path, kind="linear", learning={**QUICK, "updates": 5})
    train(longer, resume=True)
    assert load_agent(tmp_path / "run" / "launchpad.safetensors").metadata["updates"] == 5


def test_a_run_of_another_configuration_does_not_go_on(tmp_path) -> None:
    train(configuration(tmp_path, kind="linear"))
    for other in ({"kind": "deep"}, {"motifs": 3, "candidates": 40}, {**EVOLVING, "learning": FEW}):
        with pytest.raises(OtherRun, match="another configuration"):
            train(configuration(tmp_path, **other), resume=True)


def test_a_run_without_updates_is_what_it_begins_with(tmp_path) -> None:
    train(configuration(tmp_path, kind="linear", learning={**QUICK, "updates": 0}))
    assert load_agent(tmp_path / "run" / "launchpad.safetensors").metadata["updates"] == 0


def test_a_plan_serves_only_the_configuration_that_it_was_made_with(tmp_path) -> None:
    planned = {"motifs": 3, "candidates": 40}
    train(configuration(tmp_path, **planned))
    (tmp_path / "run" / "state.safetensors").unlink()
    for name, value in (("shape", {"floor": 3}), ("seed", 1), ("candidates", 50)):
        with pytest.raises(OtherPlan, match=name):
            train(configuration(tmp_path, **{**planned, name: value}))


@pytest.mark.parametrize("text", ["", "[]", '{"kinds": 1}', '{"kind": "other"}', '{"learning": {"x": 1}}',
                                  '{"starts": ["nowhere"]}', '{"method": "prayer"}',
                                  '{"method": "evolution"}', '{"learning": {"epsilon": 0.1}}',
                                  '{"learning": {"batch": "32"}}', '{"starts": "uniform"}',
                                  '{"shape": {"x": 1}}', '{"shape": {"floor": -1}}', '{"starts": []}',
                                  '{"seed": -1}', '{"motifs": 0}', '{"learning": {"songs": 0}}',
                                  '{"learning": {"discount": NaN}}', '{"learning": {"epsilon": [-1, 0]}}',
                                  '{"method": "evolution", "reward": "expected", "learning": {"bars": 4}}',
                                  ])  # fmt: skip
def test_what_is_no_configuration_is_named(tmp_path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(TrainingProblem, match="configuration"):
        read_config(path)


def test_recipes_are_configurations() -> None:
    recipes = [read_config(path) for path in sorted(RECIPES.glob("*.json"))]
    assert {recipe.kind for recipe in recipes} == set(KINDS)
    assert len({recipe.out for recipe in recipes}) == len(recipes)
