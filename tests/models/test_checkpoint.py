"""Checkpoints come back as they were, and anything else is refused with a message."""
from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from models import checkpoint
from models.checkpoint import CheckpointError, OtherFeatures
from models.features import SPEC, FeatureSpec
from pieces.errors import RipienoError


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "folder" / "agent.safetensors"
    weights = torch.arange(600.0).reshape(20, 30).T      # not contiguous on purpose
    checkpoint.save(path, {"weights": weights}, {"seed": 3, "figures": {"r_on": 0.9}}, SPEC)
    return path


def test_round_trip(saved):
    tensors, metadata = checkpoint.load(saved, SPEC)
    assert torch.equal(tensors["weights"], torch.arange(600.0).reshape(20, 30).T)
    assert metadata == {"seed": 3, "figures": {"r_on": 0.9}}


def test_agents_without_ears(tmp_path):
    checkpoint.save(tmp_path / "a", {"w": torch.ones(1)}, {})
    assert checkpoint.load(tmp_path / "a", None)[1] == {}
    with pytest.raises(OtherFeatures, match="hears no frames"):
        checkpoint.load(tmp_path / "a", SPEC)


def test_other_features_are_refused_by_name(saved):
    with pytest.raises(OtherFeatures, match="fps 20 instead of 25"):
        checkpoint.load(saved, FeatureSpec(fps=25))


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_truncated(saved, size):
    content = saved.read_bytes()
    saved.write_bytes(content[:size])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(saved, SPEC)


def test_missing_junk_foreign_and_future(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        checkpoint.load(tmp_path / "none", SPEC)
    (tmp_path / "junk").write_bytes(os.urandom(4000))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(tmp_path / "junk", SPEC)
    save_file({"w": torch.ones(1)}, tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="not written by Ripieno"):
        checkpoint.load(tmp_path / "foreign", SPEC)
    save_file({"w": torch.ones(1)}, tmp_path / "future", {"ripieno": '{"version": 99}'})
    with pytest.raises(CheckpointError, match="format 99"):
        checkpoint.load(tmp_path / "future", SPEC)
    assert issubclass(CheckpointError, RipienoError)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        checkpoint.save(saved, {"w": torch.zeros(2)}, {}, SPEC)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]
