from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import Progress

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.agent import DuetAgent, Policy
from models.duet.chorales import HELD_OUT, VALIDATION, BadChorales, all_duets, save
from models.duet.encoding import line
from models.duet.evaluation import Study, adaptation, evaluate_duet, tables
from models.duet.figures import _lines
from models.duet.networks import DuetNetwork, Widths
from tests.models.duet.made_up import make_chorale

QUIET = Console(quiet=True, width=160)
SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=16)
NAMES = sorted(HELD_OUT)[:2]
CHOOSING = sorted(VALIDATION)[0]


def network() -> DuetNetwork:
    torch.manual_seed(5)
    return DuetNetwork("a", SMALL).eval()


def trained(folder: Path) -> str:
    path = folder / "mine.safetensors"
    checkpoint.save(path, network().state_dict(), {"network": network().arguments()})
    return str(path)


def built(folder: Path) -> Path:
    save(
        [make_chorale(n, 11, name) for n, name in enumerate([*NAMES, CHOOSING, "seen in training"])],
        folder / "chorales.npz",
    )
    return folder


def test_agents_are_measured_beside_the_data(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    document = evaluate_duet(out, built(tmp_path), [trained(tmp_path)], console=QUIET)
    assert [row["player"] for row in document["rows"]] == ["data", "mine"]
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert document["duets"] == 24  # of the two that are held out
    data, mine = document["rows"]
    assert data["classes"] == data["lengths"] == 0.0 and mine["classes"] > 0 and mine["decision_ms"] > 0
    assert json.loads(out.read_text())["rows"][0]["decision_ms"] is None
    again = evaluate_duet(None, tmp_path, [trained(tmp_path)], console=QUIET)["rows"][1]
    untimed = [{k: v for k, v in row.items() if "_ms" not in k} for row in (again, mine)]
    assert str(untimed[0]) == str(untimed[1])


def test_all_that_is_shipped_is_measured_on_what_is_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    monkeypatch.setattr("models.duet.evaluation.NOT_LEARNED", built(tmp_path))
    for name in ("duet", "duet-mle", "duet-reward-a1"):
        checkpoint.save(
            checkpoint.shipped(name), network().state_dict(), {"network": network().arguments()}
        )
    document = evaluate_duet(console=QUIET)
    assert [row["player"] for row in document["rows"]] == ["data", "duet", "duet-mle"]


def test_settings_are_chosen_on_other_chorales(tmp_path: Path) -> None:
    document = evaluate_duet(None, built(tmp_path), [trained(tmp_path)], validation=True, console=QUIET)
    assert document["duets"] == 12  # of the one that is for validation
    expected = Study(all_duets([make_chorale(2, 11)])).data_row()
    assert document["rows"][0]["pitch_count"] == expected.pitch_count


def test_the_given_bars_are_not_measured() -> None:
    duets = all_duets([make_chorale(0, 11)])
    for duet in duets:
        duet.machine[:32] = line([(step, 1, 40 + step) for step in range(32)], 32)
    row, plain = Study(duets).data_row(), Study(all_duets([make_chorale(0, 11)])).data_row()
    assert (row.pitch_count, row.entropy_bits, row.lengths) == (plain.pitch_count, plain.entropy_bits, 0.0)


def test_the_tables_show_differences_from_the_data() -> None:
    study = Study(all_duets([make_chorale(0, 20)])[:2])
    agent = DuetAgent("x", Policy({name: value.numpy() for name, value in network().state_dict().items()}))
    data, row = study.data_row(), study.row("x", network(), agent, Progress(console=QUIET))
    paper, players, drifting = tables([data, row], 12)
    cells = list(paper.columns[1].cells)
    assert cells == [f"{data.pitch_count:.2f}", f"{row.pitch_count - data.pitch_count:+.2f}"]
    assert list(players.columns[0].cells) == ["data; accuracy of copying", "x"]
    assert list(drifting.columns[1].cells) == ["PC/bar", "PI", "IOI"] * 2
    change, low, high = row.drifts["PI"].change
    assert list(drifting.columns[5].cells)[4] == f"{change:+.2f} ({low:+.2f} to {high:+.2f})"


def test_duets_go_round_to_measure_drift() -> None:
    whole, short = make_chorale(0, 30), make_chorale(0, 11)
    data = Study(all_duets([whole])).data_row()
    assert data.drifts["PI"].curve == pytest.approx(data.curves["PI"])  # long enough to the last window
    again = Study(all_duets([short])).data_row()
    assert np.isnan(again.curves["PI"][8]) and not np.isnan(again.drifts["PI"].curve).any()
    assert again.drifts["PI"].curve[:6] == pytest.approx(again.curves["PI"][:6])
    assert again.drifts["PI"].curve[11:17] == pytest.approx(again.drifts["PI"].curve[:6])  # eleven bars later


def test_adaptation_is_counted_from_the_change() -> None:
    human = line([(0, 96, 60), (96, 64, 65)], 160)
    stubborn, quick = line([(0, 160, 60)], 160), line([(0, 104, 60), (104, 56, 65)], 160)
    assert adaptation([(human, stubborn)]) == 17  # a fourth to the end: never
    assert adaptation([(human, quick)]) == 4  # two beats late, and two beats to be sure
    assert adaptation([]) == 0


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        evaluate_duet(None, built(tmp_path), ["nobody"], console=QUIET)
    save([make_chorale(0, 11)], tmp_path / "chorales.npz")
    with pytest.raises(BadChorales, match="held-out"):
        evaluate_duet(None, tmp_path, [trained(tmp_path)], console=QUIET)


def test_no_two_players_are_drawn_alike() -> None:
    axes: Any = Figure().subplots()
    _lines(axes, [[0.0, 1.0]] * 15, [SimpleNamespace(player=str(n)) for n in range(15)])
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 15
