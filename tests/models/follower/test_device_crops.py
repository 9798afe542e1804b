"""Crops on the device: the same as those of the processor, varied without moving what is true."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from models.follower.batches import Crops, Spot
from models.follower.data import build_one
from models.follower.device_crops import DeviceCrops
from models.follower.generator import generate_score
from models.follower.network import Reader
from models.follower.supervised import SupervisedConfig, train_reader
from models.follower.train import TrainConfig, TrainingProblem, read_config, train_encoders
from models.follower.varying import ON_GPU, ON_PROCESSOR, Variety

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def items():
    return [build_one(generate_score(seed, 1 + seed % 2), seed, renderings=2) for seed in (3, 4)]


@pytest.fixture(scope="module")
def crops(items):
    return DeviceCrops(items, 0, CPU, augment=False)


def test_they_are_those_of_the_processor(items, crops):
    usual = Crops(items, 0, augment=False)
    for expected in (usual.batch(6), usual.batch(6)):
        batch = crops.batch(6)  # of the same seed
        for field in dataclasses.fields(batch):
            got, want = getattr(batch, field.name), getattr(expected, field.name)
            assert torch.allclose(got, want, atol=2e-3, equal_nan=True), field.name


def test_beyond_the_ends_are_white_silence_and_nothing_true(items, crops):
    last = len(items[0].renderings[0].frames) - 3
    columns = items[0].strip.shape[1] // 2
    batch = crops.cut([Spot(0, 0, last, columns - 10)])
    assert torch.all(batch.frames[0, 4 + 3 :] == 0)
    assert torch.all(batch.strip[0, :, 20:] == 0)
    assert torch.all(torch.isnan(batch.log_quarters[0, 10:]))
    assert torch.all(torch.isnan(batch.column[0, 3:]))
    before = crops.cut([Spot(1, 1, 0, 0)])
    assert torch.all(before.frames[0, :4] == 0)


def test_what_is_varied_is_heard_and_seen_not_what_is_true(items, crops):
    varied = DeviceCrops(items, 0, CPU)
    spots = [Spot(0, 0, 20, 30), Spot(1, 1, 40, 0)] * 8
    plain, batch = crops.cut(spots), varied.cut(spots)
    for name in ("column", "written", "struck", "sounding", "log_quarters"):
        assert torch.equal(torch.nan_to_num(getattr(plain, name)), torch.nan_to_num(getattr(batch, name)))
    assert not torch.allclose(plain.strip, batch.strip)
    assert not torch.allclose(batch.frames[0], batch.frames[2])  # each in its own way
    assert torch.all(torch.isfinite(batch.frames))
    assert float(batch.strip.min()) >= 0 and float(batch.strip.max()) <= 1
    mean = lambda frames: frames.mean(dim=(0, 2)) - frames.mean()  # noqa: E731
    assert np.corrcoef(mean(plain.frames), mean(batch.frames))[0, 1] > 0.6  # loud stays loud


def test_a_room_adds_what_went_before_and_nothing_that_is_to_come(crops):
    crops._random.manual_seed(3)
    click = torch.zeros(64, 60, 78)
    click[:, 20] = 1.0
    heard = crops._in_room(click)
    assert torch.all(heard[:, :20] == 0)
    assert torch.allclose(heard[:, 20], torch.ones(64, 78))
    in_room = heard[:, 21, 0] > 0
    assert 10 < int(in_room.sum()) < 45
    assert torch.all(heard[in_room, 21] > heard[in_room, 30])


def test_a_reader_learns_from_them(items, tmp_path):
    config = SupervisedConfig(minutes=0.03, batch_size=1, log_every=1)
    said: list[str] = []
    crops = DeviceCrops(items, 1, CPU)
    reader = train_reader(Reader(), crops, crops, config, tmp_path, said.append, CPU)
    assert "place" in said[-1]
    assert all(torch.isfinite(value).all() for value in reader.state_dict().values())


def test_a_gpu_without_memory_is_said_in_one_line(items, tmp_path, monkeypatch):
    monkeypatch.setattr("models.follower.train.load_items", lambda *_: list(items))

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("models.follower.train.train_reader", full)
    with pytest.raises(TrainingProblem, match="smaller batch_size"):
        train_encoders(TrainConfig(), tmp_path / "run")


@pytest.mark.parametrize("fields", [[], {"x": 1}, {"minutes": "60"}, {"belief": {"x": 1}},
                                    {"tune_belief": {"hedged": 1}}, {"data": "data/lieder"},
                                    {"variety": {"skew": 1}}, {"variety": {"in_rooms": 2}},
                                    {"batch_size": 0}, {"minutes": 0}, {"policy_steps": -1}])  # fmt: skip
def test_what_is_no_configuration_is_named(fields, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(TrainingProblem, match="configuration"):
        read_config(tmp_path / "config.json")


def test_crops_are_varied_as_is_usual_on_the_device_but_for_what_is_said(items, tmp_path, monkeypatch):
    asked = []

    def note(kind):
        def crops(items, seed, *others):
            asked.append((kind, *others[-2:]))

        return crops

    monkeypatch.setattr("models.follower.train.load_items", lambda *_: list(items))
    monkeypatch.setattr("models.follower.train.train_reader", lambda *_, **__: None)
    monkeypatch.setattr("models.follower.train.gpu_here", lambda: torch.device("cuda"))
    monkeypatch.setattr("models.follower.train.Crops", note("processor"))
    monkeypatch.setattr("models.follower.train.DeviceCrops", note("device"))
    for device in ("cpu", "cuda"):
        for variety in ({}, {"skew_degrees": 1, "in_rooms": 0.2}):
            train_encoders(TrainConfig(device=device, variety=variety), tmp_path)
    usual, askew, usual_on_a_gpu, askew_on_a_gpu = (varied for varied in asked if varied[1])
    assert usual == ("processor", True, ON_PROCESSOR) and usual_on_a_gpu == ("device", True, ON_GPU)
    assert askew == ("processor", True, Variety(in_rooms=0.2, skew_degrees=1))
    assert askew_on_a_gpu == ("device", True, Variety(0.2, 0.3, 1))
    assert [augment for _, augment, _ in asked] == [True, False] * 4


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"device": "cuda"}))
    with pytest.raises(TrainingProblem, match="no GPU"):
        read_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_text(json.dumps({"device": "abacus"}))
    with pytest.raises(TrainingProblem, match="unknown device"):
        read_config(tmp_path / "config.json")
