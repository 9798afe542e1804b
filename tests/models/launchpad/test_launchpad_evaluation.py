from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from models import checkpoint
from models.launchpad import evaluation, study
from models.launchpad.corpus import composed_corpus
from models.launchpad.evaluation import evaluate_launchpad
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.networks import linear_q
from models.launchpad.starts import uniform
from models.launchpad.stored import STORED, beside, players, stored_runs
from models.launchpad.study import Study, entropy_bits, reachable_cells
from pieces.errors import RipienoError

STUDY = Study(composed_corpus(1, 400), songs=3, bars=20)


def test_standing_still_has_no_entropy_and_does_not_change() -> None:
    row = STUDY.row("still", "sparse", STUDY.play(lambda s: np.full(len(s), 312), "sparse"))
    assert row.entropy_bits == 0.0 and row.changing == 0.0
    assert row.margin == pytest.approx(row.late_reward - STUDY.silence)


def test_entropy_of_bars() -> None:
    bars = np.array([[0], [1], [2], [3]], np.uint64)
    assert entropy_bits(bars) == 2.0 and entropy_bits(bars[:1].repeat(4, 0)) == 0.0


def test_no_player_leaves_the_reachable_notes() -> None:
    rng = np.random.default_rng(0)
    states = uniform(4, rng)
    fewest, most = reachable_cells(states, 30)
    greedy = states
    for t in range(30):
        after = LAUNCHPAD.press(greedy.repeat(312, 0).reshape(4, 312, 24, 2), np.tile(np.arange(312), (4, 1)))
        cells = np.bitwise_count(LAUNCHPAD.packed(after)).sum(-1)
        greedy = after[np.arange(4), cells.argmin(1)]
        assert (cells.min(1) == fewest[t]).all() and (cells.max(1) <= most[t]).all()


@pytest.mark.parametrize("start", ["uniform", "sparse"])
def test_no_player_exceeds_the_bound(start: str) -> None:
    played = STUDY.play(lambda s: np.random.default_rng(1).integers(0, 313, len(s)), start)
    assert played.rewards.mean() <= STUDY.bound(start)[0]


def test_recovery_counts_bars_until_the_reward_is_back() -> None:
    states = STUDY.begin("corpus")
    still = STUDY.recovery("still", lambda s: np.full(len(s), 312), states)
    assert 0.0 <= still.share < 1.0 and still.p90 == 60


@pytest.fixture
def short_songs(monkeypatch) -> None:
    monkeypatch.setattr(evaluation, "SONG_BARS", 12)
    monkeypatch.setattr(study, "RECOVERY_BARS", 5)


def linear_agent(path: Path) -> Path:
    checkpoint.save(path, {n: v.half() for n, v in linear_q().state_dict().items()}, {"kind": "linear"})
    return path


def test_the_command_writes_its_figures(tmp_path, short_songs) -> None:
    path = linear_agent(tmp_path / "some.safetensors")
    out = tmp_path / "figures.json"
    quiet = Console(quiet=True)
    evaluate_launchpad(out, agents=[str(path)], songs=1, console=quiet)
    document = json.loads(out.read_text())
    assert {row["player"] for row in document["rows"]} == {"random buttons", "some"}
    assert document["oracle"] > document["best_static"]["reward"] > document["silence"]
    assert len(document["recovery"]) == 1
    with pytest.raises(RipienoError, match="cannot be written"):
        evaluate_launchpad(tmp_path / "no" / "x.json", agents=[str(path)], songs=1, console=quiet)


def test_a_network_that_is_gone_keeps_its_stored_row(tmp_path, short_songs, monkeypatch) -> None:
    out, agents = tmp_path / "figures.json", [linear_agent(tmp_path / f"{name}.safetensors") for name in "ab"]
    monkeypatch.setattr(evaluation, "stored_runs", partial(stored_runs, path=out))
    documents = []
    for agent in agents:
        console = Console(record=True, width=200)
        documents.append(evaluate_launchpad(out, agents=[str(agent)], songs=1, console=console))
        said, written = console.export_text(), out.with_suffix(".md").read_text()
    assert documents[1]["stored"] == json.loads(out.read_text())["stored"]
    (run,) = documents[1]["stored"]
    assert run["rows"] == [row for row in documents[0]["rows"] if row["player"] == "a"]
    assert run["recovery"] == documents[0]["recovery"]
    for text in (said, written):
        assert "a (1)" in text and "(1) stored: 4,096 bars" in text and documents[0]["command"] in text
    other = evaluate_launchpad(agents=[str(agents[1])], songs=2, console=Console(quiet=True))
    assert other["stored"] == []


def test_every_recipe_has_a_row_or_is_told_how_to_get_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    console, deep = Console(record=True, width=200), {"rows": [{"player": "launchpad-paper-deep"}]}
    assert evaluation.usual_agents(tmp_path, [deep], console) == ["launchpad-pop909"]
    said = console.export_text()
    assert "No row of launchpad-paper-linear" in said and "No row of launchpad-paper-deep:" not in said


def test_the_papers_networks_have_stored_rows() -> None:
    conditions = json.loads(STORED.read_text())
    runs = stored_runs(conditions)
    assert {"launchpad-paper-linear", "launchpad-paper-deep", "launchpad-paper-afterstates"} <= players(runs)
    starts = [(row["player"], row["start"]) for run in beside(runs, set()) for row in run["rows"]]
    assert len(starts) == len(set(starts))
    more = {**conditions["corpus"], "bars": round(1.01 * conditions["corpus"]["bars"])}
    assert stored_runs({**conditions, "corpus": more}) == stored_runs({**conditions, "seed": 1}) == []


def test_stored_figures_that_are_damaged_are_named(tmp_path) -> None:
    assert stored_runs({}, tmp_path / "none.json") == []
    (tmp_path / "stored.json").write_text("{}")
    with pytest.raises(RipienoError, match="no stored figures"):
        stored_runs({}, tmp_path / "stored.json")


def test_a_missing_agent_is_named() -> None:
    with pytest.raises(RipienoError, match="no checkpoint"):
        evaluate_launchpad(agents=["none such"], songs=1, console=Console(quiet=True))
