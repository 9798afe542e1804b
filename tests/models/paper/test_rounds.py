"""Tunes become rounds of the game, whole or not at all."""
from __future__ import annotations

import numpy as np
import pytest

from models.features import SPEC
from models.follower.data import split_of
from models.follower.generator import generate_score
from models.game import Truth
from models.paper import rounds
from models.performance import STRICT, perform
from pieces import library
from pieces.engraving import EngravingOptions, engrave
from pieces.errors import RipienoError
from pieces.strip import build_piece


@pytest.fixture(scope="module")
def piece():
    return build_piece(engrave(generate_score(7, 1), EngravingOptions()), "study")


def test_a_tune_is_kept_as_it_was_made(piece, tmp_path):
    tune = rounds.make_tune(piece, 3)
    rounds.save(tune, tmp_path / "study.npz")
    again = rounds.load(tmp_path / "study.npz")
    assert list(again.rounds) == list(tune.rounds) == ["written", "played"]
    for style, made in tune.rounds.items():
        assert (again.rounds[style].strip == piece.strip).all()
        assert np.allclose(again.rounds[style].frames, made.frames, atol=2e-3)
        assert (again.rounds[style].truth.onset_frames == made.truth.onset_frames).all()
        assert len(made.frames) > made.truth.last_frame and made.frames.shape[1] == SPEC.bands
    written = Truth.from_performance(piece, perform(piece, 3, STRICT))
    assert (tune.rounds["written"].truth.onset_frames == written.onset_frames).all()
    assert (tune.rounds["played"].truth.last_frame != written.last_frame)


def test_folders_give_their_split(piece, tmp_path):
    entry = next(entry for entry in library.list_pieces() if "jigs.abc" in str(entry.excluded_from_training))
    names = [f"study-{i}" for i in range(12)]
    names += [name.split("/")[-1].replace(".abc#", "-") for name in entry.excluded_from_training]
    tune = rounds.make_tune(piece, 3)
    for name in names:
        rounds.save(tune, tmp_path / f"{name}.npz")
    expected = sum(split_of(name) == "train" for name in names[:12])      # not the library's own
    assert len(rounds.load_split(tmp_path, "train", ("written",))) == expected
    assert len(rounds.load_split(tmp_path, "train", ("written", "played"), limit=2)) == 4


def test_what_is_no_data_is_named(tmp_path):
    with pytest.raises(rounds.NoRounds, match="data build nottingham-game"):
        rounds.load_split(tmp_path, "train", ("written",))
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(rounds.NoRounds, match="torn"):
        rounds.load(tmp_path / "torn.npz")
    with pytest.raises(RipienoError, match="--from"):
        next(rounds.build("nottingham-game", None, tmp_path))
