"""The paper's agents: trained, interrupted, taken up again, and playing what they were shown in training."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from models import checkpoint
from models.batched import BatchedFollowing, WindowObserver
from models.features import SPEC
from models.game import NOTTINGHAM, Round, Truth
from models.journal import OtherRun
from models.networks import nottingham_network, use_bfloat16
from models.paper import rounds
from models.paper.budget import Budget
from models.paper.localiser import Localiser, localiser_game
from models.paper.player import AgentPlayer, LocaliserPlayer, load_agent
from models.paper.rounds import Tune, save
from models.paper.train import TrainingProblem, read_config, train
from models.paper.validation import Examination, validate
from models.players import load_player
from models.processes import TooFewGPUs, gpu_here

CPU = torch.device("cpu")


@pytest.fixture
def data(made_up_round, tmp_path):
    """Two tunes to train on and one to validate with."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("tune-0", "tune-1", "tune-2", "tune-8", "tune-24", "tune-50"):
        each = made_up_round(len(name) + int(name[5:]))
        save(Tune(name, {"written": each, "played": each}), folder / f"{name}.npz")
    return folder


@pytest.fixture
def split(monkeypatch):
    """Every third tune validates."""
    monkeypatch.setattr(
        "models.paper.rounds.split_of", lambda name: "valid" if int(name[5:]) % 3 == 0 else "train"
    )


def configuration(tmp_path, data, **fields):
    path = tmp_path / "config.json"
    base = {"data": str(data), "out": str(tmp_path / "run"), "epoch_steps": 60, "actors": 4, "device": "cpu"}
    path.write_text(json.dumps({**base, **fields}))
    return path


QUICK = {"ppo": {"total_steps": 120}, "reinforce": {"total_steps": 60, "longest_episode": 20},
         "a2c": {"total_steps": 120}, "mm-loc": {"total_steps": 60, "batch_size": 30}}  # fmt: skip


@pytest.mark.parametrize("method", QUICK)
def test_a_run_leaves_an_agent_that_plays(method, data, split, tmp_path, made_up_round):
    train(configuration(tmp_path, data, method=method, name="mine", learning=QUICK[method]))
    path = tmp_path / "run" / "mine.safetensors"
    player = load_agent(path)
    assert type(load_player(str(path))) is type(player)
    assert isinstance(player, LocaliserPlayer if method == "mm-loc" else AgentPlayer)
    assert path.with_suffix(".md").read_text().startswith("# mine")
    rows = [json.loads(line) for line in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    assert rows and all(0 <= row["r_on"] <= 1 for row in rows)


def test_a_run_goes_on_as_if_never_interrupted(data, split, tmp_path):
    whole = configuration(tmp_path, data, learning={"total_steps": 240}, out=str(tmp_path / "whole"))
    train(whole)
    train(configuration(tmp_path, data, learning={"total_steps": 120}))
    longer = configuration(tmp_path, data, learning={"total_steps": 240})
    with pytest.raises(TrainingProblem, match="--resume"):
        train(longer)
    train(longer, resume=True)
    (one, _), (two, _) = (
        checkpoint.load(tmp_path / folder / "state.safetensors", None) for folder in ("whole", "run")
    )
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_of_another_method_does_not_go_on(data, split, tmp_path):
    train(configuration(tmp_path, data, method="mm-loc", learning=QUICK["mm-loc"]))
    with pytest.raises(OtherRun, match="another configuration"):
        train(configuration(tmp_path, data, method="ppo", learning=QUICK["ppo"]), resume=True)


def test_a_run_that_does_not_say_what_made_it_goes_on_if_the_gpu_has_room(data, split, tmp_path, monkeypatch):
    train(configuration(tmp_path, data, method="mm-loc", learning=QUICK["mm-loc"]))
    state = tmp_path / "run" / "state.safetensors"
    tensors, counters = checkpoint.load(state, None)
    del counters["made_by"]
    checkpoint.save(state, tensors, counters)
    longer = configuration(tmp_path, data, method="mm-loc", learning={**QUICK["mm-loc"], "total_steps": 90})
    train(longer, resume=True)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("models.paper.train.Course.restore", full)
    with pytest.raises(TrainingProblem, match="fewer actors"):
        train(longer, resume=True)


REINFORCE = {"method": "reinforce", "learning": {"longest_episode": 20}}
IMITATION = {"minutes": 0.05, "imitation": {"passages": 2, "windows": 3}}


@pytest.mark.parametrize(("fields", "steps"), [(REINFORCE, (400, 800)), (IMITATION, (10**12,))])
def test_processes_validate_and_end_together(fields, steps, data, tmp_path):
    """Their episodes and clocks differ; weights are the same, also where one has lost what it saved."""
    (data / "splits.json").write_text(json.dumps({"tune-0": "train", "tune-1": "valid", "tune-2": "train"}))
    run, root = tmp_path / "run", Path(__file__).parents[3]
    for total, resume in zip(steps, ([], ["--resume"]), strict=False):
        learning = {"total_steps": total, **fields.get("learning", {})}
        config = configuration(tmp_path, data, actors=2, **{**fields, "learning": learning})
        subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
             "models.training", "follower-paper", "--config", str(config), *resume],
            check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
            capture_output=True,
        )  # fmt: skip
        (one, first), (two, second) = (
            checkpoint.load(folder / "state.safetensors", None) for folder in (run, run / "process-1")
        )
        shared = [name for name in one if ".network." in name or name.startswith("best.")]
        assert shared and all(torch.equal(one[name], two[name]) for name in shared)
        assert not torch.equal(one["learner.random"], two["learner.random"])
        assert first["learner"]["steps"] == second["learner"]["steps"]
        assert first["course"]["epoch"] == second["course"]["epoch"]
        assert first["course"]["best"] == second["course"]["best"]
        (run / "process-1" / "state.safetensors").unlink()


def test_a_gpu_without_memory_is_said_in_one_line(data, split, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("models.paper.train.make_course", full)
    with pytest.raises(TrainingProblem, match="fewer actors"):
        train(configuration(tmp_path, data))


def test_every_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert gpu_here() == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert gpu_here() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(TooFewGPUs, match="2 GPUs"):
        gpu_here()


@pytest.mark.parametrize("fields", [{"game": "chess"}, {"method": "sarsa"}, {"styles": ["sung"]}, {"x": 1},
                                    {"learning": {"x": 1}}, {"start": {"x": 1}}, {"styles": "written"},
                                    {"learning": {"batch_size": 1.5}}, {"minutes": "2"}, {"minutes": 0},
                                    {"actors": 0}, {"epoch_steps": 0}, {"learning": {"horizon": 0}},
                                    {"imitation": {"games": -1}}])  # fmt: skip
def test_what_is_no_configuration_is_named(fields, data, tmp_path):
    with pytest.raises(TrainingProblem, match="configuration"):
        read_config(configuration(tmp_path, data, **fields))


def test_recipes_are_configurations():
    paths = sorted((Path(rounds.__file__).parent / "recipes").glob("*.json"))
    recipes = [read_config(path) for path in paths]
    assert {recipe.method for recipe in recipes} == {"reinforce", "a2c", "ppo", "mm-loc"}
    assert len({recipe.out for recipe in recipes}) == len(recipes)     # one does not go on with another's run


def test_the_player_sees_what_training_showed(made_up_round):
    """The same actions in the batched game: there the network answers alike, step by step."""
    each = made_up_round(4)
    env = BatchedFollowing([each.truth], WindowObserver([each], NOTTINGHAM), 1, 1e9)
    seen = env.reset(torch.tensor([0]))
    player = AgentPlayer(nottingham_network(), NOTTINGHAM, seed=3)
    piece: Any = SimpleNamespace(strip=each.strip)
    player.open(piece)
    player.reset(each.truth.x_at_frame(each.truth.first_frame))
    for frame in each.frames[: each.truth.first_frame]:
        player._hear(frame)
    for frame in range(each.truth.first_frame, each.truth.last_frame - 4):
        decision = player.step(each.frames[frame])
        with torch.inference_mode():
            expected = player._network(seen)[0].double().softmax(-1)[0].tolist()
        assert decision.probabilities == pytest.approx(expected, abs=1e-5)
        seen = env.step(torch.tensor([int(decision.action) + 1])).observation
        assert decision.x_px == env.state.x_px.item()


class Knows(torch.nn.Module):
    """Always takes the same action."""

    def __init__(self, action):
        super().__init__()
        self.logits = torch.full((3,), -50.0)
        self.logits[action] = 50.0

    def forward(self, observation):
        return self.logits.expand(len(observation["score"]), 3), torch.zeros(len(observation["score"]))


def test_validation_counts_what_was_tracked():
    """Standing still on music at 4 px a frame: b = 50 px is left after frame 12."""
    strip = np.zeros((200, 1400), np.uint8)
    truth = Truth(np.array([0, 5, 10, 15, 20]), np.array([512.0, 532.0, 552.0, 572.0, 592.0]))
    still = Round(strip, np.zeros((30, SPEC.bands), np.float32), truth)
    short = Round(strip, still.frames, Truth(truth.onset_frames[:3], truth.onset_x_px[:3]))
    found = validate(Knows(1), [still, short], NOTTINGHAM, CPU)
    assert (found.r_on, found.r_tue) == (6 / 8, 1 / 2)


def test_validation_of_the_beginning_only():
    """What comes after `longest_frames` neither counts as tracked nor as missed."""
    strip = np.zeros((200, 1400), np.uint8)
    truth = Truth(np.array([0, 5, 10, 15, 20]), np.array([512.0, 532.0, 552.0, 572.0, 592.0]))
    still = Round(strip, np.zeros((30, SPEC.bands), np.float32), truth)
    examine = Examination([still], NOTTINGHAM, CPU, longest_frames=11)
    assert examine(Knows(1)) == examine(Knows(1))
    assert (examine(Knows(1)).r_on, examine(Knows(1)).r_tue) == (1.0, 1.0)
    assert Examination([still], NOTTINGHAM, CPU, longest_frames=15)(Knows(1)).r_on == 3 / 4


def test_a_budget_is_spent():
    now_s = 100.0
    budget = Budget(2.0, lambda: now_s)
    assert (budget.left, budget.may_validate) == (1.0, True)
    now_s += 30.0
    budget.validated(29.0)              # it took a second: nineteen more must pass
    assert budget.left == 0.75
    assert not budget.may_validate
    now_s += 19.0
    assert budget.may_validate
    now_s += 500.0
    assert budget.left == 0.0
    budget.go_on_from(60.0)
    assert budget.left == 0.5
    assert Budget(None, lambda: now_s).left == 1.0


@pytest.mark.parametrize("imitation", [None, {"total_steps": 10**9, "passages": 2, "windows": 3}])
def test_a_run_ends_with_its_minutes(imitation, data, split, tmp_path, monkeypatch):
    """Nothing else would end these; the clock runs on by a second whenever it is asked."""
    seconds = iter(range(10**6))
    monkeypatch.setattr("models.paper.train.Budget", lambda minutes: Budget(minutes, lambda: next(seconds)))
    train(configuration(tmp_path, data, minutes=2, name="mine", imitation=imitation, validation_trials=2))
    rows = [json.loads(line) for line in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    rates = [row["learning_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0.0
    learned = checkpoint.load(tmp_path / "run" / "state.safetensors", None)[1]["learner"]
    assert learned["steps"] > 0
    assert learned["learning_rate"] == 0.0
    assert ("lesson" in learned) == (imitation is not None)
    assert (tmp_path / "run" / "mine.safetensors").exists()


def test_bfloat16_changes_little(made_up_round):
    each = made_up_round(4)
    seen = WindowObserver([each], NOTTINGHAM)(BatchedFollowing([each.truth], lambda s: s.x_px, 3, 50.0).state)
    network = nottingham_network()
    with torch.no_grad():
        logits, values = network(seen)
        use_bfloat16(network)
        again, others = network(seen)
    assert again.dtype == others.dtype == torch.float32
    assert not torch.equal(values, others)
    assert torch.allclose(values, others, atol=0.05 * float(values.abs().max()) + 0.01)
    assert torch.allclose(logits, again, atol=0.01)


def test_buckets_and_back():
    """A place becomes weights of buckets, and those the same place."""
    localiser = Localiser(localiser_game(NOTTINGHAM))
    offsets = torch.tensor([-60.0, -3.2, 0.0, 41.0])
    targets = localiser.targets(offsets)
    assert targets.sum(1).tolist() == pytest.approx([1.0] * 4)
    again = localiser.offsets(targets.clamp_min(1e-9).log())
    assert again.tolist() == pytest.approx(offsets.tolist(), abs=1e-3)
