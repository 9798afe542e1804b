from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import models.duet.train
from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.causal import CausalNetwork, CausalWidths
from models.duet.chorales import BadChorales, Chorale, save
from models.duet.networks import KINDS, DuetNetwork, Widths
from models.duet.reward import load_network
from models.duet.train import TrainingProblem, is_the_papers, read_config, train
from models.duet.training import LearningConfig, Likelihood, Progress, predicted
from models.duet.windows import Library

SIZES = {"embedding": 6, "recurrent": 5, "beat": 4, "hidden": 16}
ROOT = Path(models.duet.train.__file__).parents[2]
RECIPES = ROOT / "models" / "duet" / "recipes"
QUICK = {"updates": 3, "batch": 8, "report_every": 2}


def learner(kind: str, chorales: list[Chorale], **changes) -> Likelihood:
    torch.manual_seed(0)
    config = LearningConfig(**{"updates": 6, "batch": 8, **changes})
    return Likelihood(DuetNetwork(kind, Widths(**SIZES)), Library(chorales, KINDS[kind]), config)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns(kind: str, chorales: list[Chorale]) -> None:
    reports: list[Progress] = []
    learning = learner(kind, chorales, updates=60, batch=32, report_every=20, learning_rate=(0.02, 0.01))
    learning.train(reports.append)
    assert [report.updates for report in reports] == [20, 40, 60]
    assert reports[-1].loss < 0.9 * reports[0].loss


def dropping(chorales: list[Chorale], **changes) -> Likelihood:
    torch.manual_seed(0)
    network = CausalNetwork(CausalWidths(embedding=6, interval=3, beat=3, recurrent=7, hidden=16))
    library = Library(chorales, network.kind)
    config = LearningConfig(**{"updates": 6, "batch": 8, "dropout": 0.5, **changes})
    return Likelihood(network, library, config, Library(chorales[:1], network.kind))


def test_what_is_dropped_while_it_learns_is_there_when_it_is_asked(chorales: list[Chorale]) -> None:
    reports: list[Progress] = []
    learning = dropping(chorales, report_every=1, learning_rate=(0.0, 0.0))
    learning.train(reports.append)
    assert len({report.validation for report in reports}) == 1 and reports[0].validation > 0
    batch = Library(chorales, learning.network.kind).draw(np.random.default_rng(0), 4)
    asked = [predicted(learning.network, batch)[0] for _ in range(2)]
    assert torch.equal(*asked)
    assert not torch.equal(asked[0], predicted(learning.network.train(), batch)[0])


@pytest.mark.parametrize(("kind", "optimiser"), [("a", "adam"), ("a", "sgd"), ("causal", "adam")])
def test_interrupted_or_not_the_weights_are_the_same(
    kind: str, optimiser: str, chorales: list[Chorale]
) -> None:
    def begun() -> Likelihood:
        if kind == "causal":
            return dropping(chorales, optimiser=optimiser, report_every=3)
        return learner(kind, chorales, optimiser=optimiser, report_every=3)

    whole = begun()
    whole.train(lambda progress: None)
    first = begun()

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.train(stop)
    saved = first.saved()
    second = begun()
    torch.manual_seed(9)
    second.restore(*saved)
    second.train(lambda progress: None)
    assert second.updates == 6
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


def configuration(folder: Path, chorales: list[Chorale], **fields: object) -> Path:
    save(chorales, folder / "chorales.npz")
    path = folder / "config.json"
    path.write_text(json.dumps({
        "corpus": str(folder), "out": str(folder / "run"), "widths": SIZES, "learning": QUICK, **fields
    }))  # fmt: skip
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_a_network_and_its_card(tmp_path: Path, kind: str, chorales: list[Chorale]) -> None:
    train(configuration(tmp_path, chorales, kind=kind, name="mine"))
    network = load_network(tmp_path / "run" / "mine.safetensors", [kind])
    assert network.widths == Widths(**SIZES)
    card = (tmp_path / "run" / "mine.md").read_text()
    assert card.startswith("# mine") and f'"kind": "{kind}"' in card and "held out" in card
    rows = [json.loads(row) for row in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    assert [row["updates"] for row in rows] == [2, 3]


@pytest.mark.parametrize("method", ["ensemble", "rules"])
def test_an_agent_learns_from_reward_after_the_networks(
    tmp_path: Path, method: str, chorales: list[Chorale], capsys: pytest.CaptureFixture[str]
) -> None:
    train(configuration(tmp_path, chorales, name="a"))
    a = str(tmp_path / "run" / "a.safetensors")
    train(configuration(
        tmp_path, chorales, name="agent", method=method, start=a, models=[a], out=str(tmp_path / "agent"),
        learning={"duets": 4, "batch": 2, "steps": 36},
    ))  # fmt: skip
    before, after = load_network(a), load_network(tmp_path / "agent" / "agent.safetensors", ["a"])
    assert not torch.equal(before.mix.weight, after.mix.weight)
    _, metadata = checkpoint.load(tmp_path / "agent" / "agent.safetensors", None)
    assert metadata["config"]["method"] == method
    assert ("RL-Duet's are" in capsys.readouterr().err) == (method == "ensemble")


def test_the_papers_ensemble_is_known() -> None:
    networks = {kind: DuetNetwork(kind, Widths(**SIZES)) for kind in KINDS}
    causal = CausalNetwork(CausalWidths(embedding=6, interval=3, beat=3, recurrent=7, hidden=16))
    six: list[DuetNetwork | CausalNetwork] = [*(networks[kind] for kind in "caad"), causal, networks["b"]]
    assert is_the_papers(six)
    assert not is_the_papers(six[:5]) and not is_the_papers([*six[:5], causal])


def test_an_ear_is_refused_by_a_network_that_has_none(tmp_path: Path, chorales: list[Chorale]) -> None:
    widths = {"embedding": 6, "beat": 3, "recurrent": 7, "hidden": 16}
    train(configuration(tmp_path, chorales, name="ear", kind="causal", widths=widths))
    train(configuration(tmp_path, chorales, name="a", out=str(tmp_path / "a")))
    with pytest.raises(TrainingProblem, match="has no ear"):
        train(configuration(
            tmp_path, chorales, method="partner", start=str(tmp_path / "a" / "a.safetensors"),
            out=str(tmp_path / "partner"), learning={"duets": 2, "batch": 2, "steps": 36},
            ear=str(tmp_path / "run" / "ear.safetensors"), anticipation=2.0,
        ))  # fmt: skip
    assert not (tmp_path / "partner").exists()


def test_a_partner_is_trained_and_calibrated(tmp_path: Path, chorales: list[Chorale]) -> None:
    train(configuration(
        tmp_path, chorales, name="first", kind="causal",
        widths={"embedding": 6, "beat": 3, "recurrent": 7, "hidden": 16},
    ))  # fmt: skip
    first = str(tmp_path / "run" / "first.safetensors")
    train(configuration(
        tmp_path, chorales, name="partner", method="partner", start=first, out=str(tmp_path / "partner"),
        learning={"duets": 4, "batch": 2, "steps": 36}, calibrated_on=2, reward={"decay": 0.5},
        ear=first, anticipation=2.0,
    ))  # fmt: skip
    before, after = (
        load_network(first),
        load_network(tmp_path / "partner" / "partner.safetensors", ["causal"]),
    )
    assert isinstance(before, CausalNetwork) and isinstance(after, CausalNetwork)
    assert isinstance(after.ear, CausalNetwork)
    assert not torch.equal(before.mix.weight, after.mix.weight)
    assert torch.equal(before.mix.weight, after.ear.mix.weight) and after.anticipation == 2.0
    _, metadata = checkpoint.load(tmp_path / "partner" / "partner.safetensors", None)
    names = {"hold", "again", "wide", *(f"class {n}" for n in range(12))}
    assert set(metadata["shifts"]) == names and any(metadata["shifts"].values())


def test_a_run_goes_on_only_when_told_to(tmp_path: Path, chorales: list[Chorale]) -> None:
    config = configuration(tmp_path, chorales)
    train(config)
    with pytest.raises(TrainingProblem, match="--resume"):
        train(config)
    train(configuration(tmp_path, chorales, learning={**QUICK, "updates": 5}), resume=True)
    _, counters = checkpoint.load(tmp_path / "run" / "state.safetensors", None)
    assert counters["updates"] == 5


@pytest.mark.parametrize("text", [
    "", "[]", '{"kinds": 1}', '{"kind": "e"}', '{"method": "luck"}', '{"learning": {"x": 1}}',
    '{"widths": {"x": 1}}', '{"method": "ensemble"}',
    '{"method": "partner", "start": "a", "reward": {"x": 1}}', '{"learning": {"optimiser": "none"}}',
    '{"learning": {"learning_rate": 0.01}}', '{"learning": {"batch": "32"}}', '{"widths": {"hidden": "9"}}',
    '{"method": "ensemble", "start": "a", "models": "a"}', '{"ear": "a"}', '{"anticipation": 1}',
    '{"method": "rules", "start": "a", "models": ["a"], "learning": {"learning_rate": [0.01, 0.01]}}',
    '{"method": "partner", "start": "a", "learning": {"temperature": 0.5}}',
    '{"method": "partner", "start": "a", "learning": {"distil": 0.5}}',
    '{"method": "partner", "start": "a", "reward": {"style": {"x": 1}}}',
])  # fmt: skip
def test_what_is_no_configuration_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(TrainingProblem, match="configuration"):
        read_config(path)


def test_recipes_are_configurations_that_make_all_that_they_name() -> None:
    recipes = [read_config(path) for path in sorted(RECIPES.glob("*.json"))]
    made = {f"{recipe.out}/{recipe.name}.safetensors" for recipe in recipes}
    named = {n for r in recipes for n in (r.start, r.teacher, r.ear, *r.models) if n}
    assert len(made) == len(recipes) and not [n for n in named - made if not (ROOT / n).is_file()]


def test_what_is_missing_is_named(tmp_path: Path, chorales: list[Chorale]) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        train(
            configuration(
                tmp_path, chorales, method="ensemble", start="nowhere", models=["nowhere"], learning={}
            )
        )
    with pytest.raises(BadChorales):
        train(configuration(tmp_path, chorales, corpus=str(tmp_path / "none")))
