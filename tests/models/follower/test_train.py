"""What follows the encoders: reading notes, both policies, the checkpoint that ships, its card."""

import json
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.features import SPEC
from models.follower import noteheads_training, train
from models.follower.data import save_item
from models.follower.network import Reader
from models.follower.player import load_follower
from models.follower.train import TrainConfig, finish, read_config
from pieces.opening import open_piece
from tests.models.test_packing import made_up_item, names_of


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> TrainConfig:
    """A run on two pieces, one of them of one line, and as many to validate with."""
    folder = tmp_path_factory.mktemp("items")
    for split in ("train", "valid"):
        for name, tolerance_px in zip(islice(names_of(split), 2), (50.0, 170.0), strict=True):
            save_item(replace(made_up_item(name, 1), tolerance_px=tolerance_px), folder / f"{name}.npz")
    return TrainConfig(
        data=(str(folder),), out=str(tmp_path_factory.mktemp("run")), policy_pieces=4, policy_steps=2000,
        rhythm_steps=2, studies=0, tune_pieces=1, tune_studies=0, tune_steps=2000,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(settings):
    """The figures of the run, and its checkpoint."""
    torch.manual_seed(0)
    figures = finish(settings, Reader().eval())
    return figures, Path(settings.out) / "follower.safetensors"


def test_what_is_trained_can_follow(run):
    figures, path = run
    assert figures.keys() == {"one-line", "two-staff"}
    for row in figures.values():
        assert 0.0 <= row["R_tue"] <= row["R_on"] <= 1.0
    for name in ("good-king-wenceslas", "morning-prayer"):
        piece, player = open_piece(name), load_follower(path)
        player.open(piece)
        decision = player.step(np.zeros(SPEC.bands, np.float32))
        assert decision.x_px == float(piece.onset_x_px[0]) + decision.speed_px_per_frame
        assert sum(decision.probabilities) == pytest.approx(1.0, abs=1e-5)
        assert player.ear.by_note == (piece.staves == 1)


def test_the_card_holds_the_configuration(run, settings):
    card = run[1].with_suffix(".md").read_text()
    written = json.loads(card.partition("```json")[2].partition("```")[0])
    assert written == json.loads(json.dumps(asdict(settings)))


def test_what_is_taken_from_a_checkpoint_stays_as_it_is(run, settings, tmp_path):
    again = replace(settings, start_from=str(run[1]), minutes=0, policy_steps=0, tunes_from=str(run[1]))
    out = tmp_path / "config.json"
    out.write_text(json.dumps(asdict(again) | {"out": str(tmp_path)}))
    train.train(out)
    (one, _), (two, _) = (checkpoint.load(path, SPEC) for path in (run[1], tmp_path / "follower.safetensors"))
    assert {name for name in two if not name.startswith("tune_reader.")} == one.keys()
    assert all(torch.equal(two[name], value) for name, value in one.items())


def test_recipes_are_configurations(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    recipes = sorted((Path(train.__file__).parent / "recipes").glob("*.json"))
    noteheads = [path for path in recipes if path.stem == "follower-noteheads"]
    recipes = [path for path in recipes if path not in noteheads]
    assert [Path(read_config(path).out).name for path in recipes] == [path.stem for path in recipes]
    (other,) = noteheads
    assert Path(noteheads_training.read_config(other).out).name == other.stem
