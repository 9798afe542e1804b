"""Imitation before reward: a teacher worth following, and a learner that learns and can be interrupted."""
from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from models import checkpoint
from models.batched import BatchedFollowing, FollowState, Truths
from models.features import SPEC
from models.game import NOTTINGHAM, Round, Truth
from models.journal import Journal
from models.networks import Conv, PaperNetwork, Table
from models.paper import teacher
from models.paper.imitation import MATCH_WIDTH, Imitation, ImitationConfig, Matching, joined, paired
from models.paper.rounds import Tune, save
from models.paper.train import TrainingProblem, read_config, train
from models.paper.validation import validate

CPU = torch.device("cpu")
SMALL = Table(
    NOTTINGHAM, audio=(Conv(5, 4, 8),), score=(Conv(5, (4, 3), 8),), branch_dense=0, joint_dense=32,
    head_dense=32, head_dropout=False,
)  # fmt: skip
"""A network that learns a round or two by heart within seconds."""


def leaping():
    """A truth that crosses 130 px in eight frames, from 3 px a frame: too fast for who begins there."""
    x_px = np.cumsum([500.0, *[3.0] * 60, *[130 / 8] * 8, *[3.0] * 60], dtype=np.float64)
    return Truth(np.arange(len(x_px)), x_px)


def followed(truth, choose):
    """Errors (px) of a player until it loses the target or is through."""
    env = BatchedFollowing([truth], lambda state: state.x_px, 1, NOTTINGHAM.tolerance_px)
    env.reset()
    errors = []
    for _ in range(truth.last_frame - truth.first_frame):
        over = env.step(choose(env)).terminated
        errors.append(abs(float(env.error_px)))
        if over:
            break
    return errors


def test_the_teacher_begins_a_leap_early_enough():
    truth = leaping()
    truths = Truths([truth], NOTTINGHAM.tolerance_px, CPU)
    at_once = torch.tensor([1])
    errors = followed(truth, lambda env: teacher.returns(truths, env.state, 0.9).argmax(1))
    rounded = followed(truth, lambda env: teacher.rounded(truths, env.state, at_once).long() + 1)
    assert len(errors) == truth.last_frame and max(errors) < 35
    assert np.mean(errors) < np.mean(rounded)


def test_looking_ahead_earns_at_least_what_it_expects():
    """It may look again at every frame, so the game pays the best simple player's return or a little more."""
    truth = Truth(np.arange(60), np.linspace(500.0, 736.0, 60))
    truths = Truths([truth], NOTTINGHAM.tolerance_px, CPU)
    env = BatchedFollowing([truth], lambda state: state.x_px, 1, NOTTINGHAM.tolerance_px)
    env.reset()
    foretold = float(teacher.returns(truths, env.state, 0.9).max())
    paid = 0.0
    for frame in range(teacher.HORIZON_FRAMES):
        paid += 0.9**frame * float(env.step(teacher.returns(truths, env.state, 0.9).argmax(1)).reward)
    assert foretold - 1e-6 <= paid <= foretold + 0.2


def test_a_game_that_is_over_or_lost_earns_nothing_more():
    truths = Truths([Truth(np.arange(10), np.linspace(500.0, 536.0, 10))], NOTTINGHAM.tolerance_px, CPU)
    place = torch.tensor([536.0, 536.0, 900.0], dtype=torch.float64)
    state = FollowState(torch.zeros(3, dtype=torch.int64), torch.tensor([9, 8, 5]), place, place,
                        torch.zeros(3, dtype=torch.float64))  # fmt: skip
    over, last, lost = teacher.returns(truths, state, 0.9)
    assert over.tolist() == [0, 0, 0] and lost.tolist() == [0, 0, 0]
    assert last.tolist() == pytest.approx([1 - 1 / 50, 1, 1 - 1 / 50])


def rising():
    """A round whose ink rises along the strip, and whose sound, band by band, as the music goes on."""
    rng = np.random.default_rng(3)
    onset_frames = np.cumsum(rng.choice([4, 8, 12], 16))
    truth = Truth(onset_frames, 512 + np.cumsum(rng.integers(15, 30, 16)).astype(np.float64))
    place = np.interp(np.arange(int(truth.onset_x_px[-1]) + 512), truth.onset_x_px[[0, -1]], [0.0, 1.0])
    strip = np.where(np.arange(200)[:, None] - 80 < 40 * place, 255, 0).astype(np.uint8)
    height = np.interp(truth.x_px, truth.onset_x_px[[0, -1]], [0.0, float(SPEC.bands)])
    return Round(strip, (np.arange(SPEC.bands) < height[:, None]).astype(np.float32), truth)


def test_a_small_game_is_learned():
    """Before, it is soon lost; afterwards it is followed."""
    torch.manual_seed(0)
    network, each = PaperNetwork(SMALL), rising()
    before = validate(network, [each], NOTTINGHAM, CPU)
    config = ImitationConfig(total_steps=8_000, learning_rate=3e-3)
    lesson, reports = Imitation(network, [each], NOTTINGHAM, config, CPU), []
    assert lesson.train(lambda update: reports.append(update)) is False
    after = validate(network, [each], NOTTINGHAM, CPU)
    assert before.r_on < 0.5 and after.r_on > 0.8
    assert np.mean([r.learned.policy_loss for r in reports[-20:]]) < 0.8 * reports[0].learned.policy_loss


def test_every_window_is_heard_at_every_moment_as_if_looked_at_anew(made_up_round):
    network = PaperNetwork(SMALL)
    config = ImitationConfig(games=3, passages=2, windows=4)
    lesson = Imitation(network, [made_up_round(1)], NOTTINGHAM, config, CPU)
    drawn, played = lesson._passages.draw(), lesson._games.state
    pairs = paired(drawn)
    assert {(x, int(f)) for x, f in zip(pairs.x_px.tolist()[:16], pairs.frame[:16], strict=True)} == {
        (x, int(f)) for x in drawn.x_px[0].tolist() for f in drawn.frame[0]
    }
    flat = FollowState(*(part.flatten() for part in vars(drawn).values()))
    with torch.no_grad():
        found = lesson._answers(*network.perceive(lesson._observe(joined(played, flat))))
        alone = network(lesson._observe(joined(played, pairs)))
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, alone, strict=True))


def test_matching_is_least_where_what_fits_is_alike():
    matching = Matching(MATCH_WIDTH, ImitationConfig())
    for part in (matching.heard, matching.seen):
        torch.nn.init.eye_(part.weight)
    places = torch.eye(6, MATCH_WIDTH)
    away_px = torch.where(torch.eye(6) > 0, 0.0, torch.inf)
    order = torch.tensor([1, 2, 3, 4, 5, 0])
    assert matching(places, places, away_px) < 0.1 < 5 < matching(places, places[order], away_px)


def configuration(folder, **fields):
    path = folder / "config.json"
    base = {"data": str(folder / "data"), "out": str(folder / "run"), "epoch_steps": 60, "actors": 4,
            "device": "cpu"}  # fmt: skip
    path.write_text(json.dumps({**base, **fields}))
    return path


@pytest.fixture
def data(made_up_round, tmp_path, monkeypatch):
    """A tune to train on and one to validate with."""
    (tmp_path / "data").mkdir()
    for number, name in enumerate(("train", "valid")):
        each = made_up_round(number)
        save(Tune(name, {"written": each, "played": each}), tmp_path / "data" / f"{name}.npz")
    monkeypatch.setattr("models.paper.rounds.split_of", lambda name: name)
    return tmp_path


@pytest.mark.parametrize("until", [60, 180])
def test_imitation_and_the_method_go_on_as_if_never_interrupted(data, until, monkeypatch):
    """Put aside within the lesson or after it: 120 examples, then 120 steps of PPO."""
    few = {"games": 8, "passages": 3, "windows": 4, "total_steps": 120}
    fields = {"imitation": few, "learning": {"total_steps": 120}}
    train(configuration(data, **fields, out=str(data / "whole")))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Journal, "__call__", lambda journal, row: interrupt() if row.steps >= until else None)
        train(configuration(data, **fields))
    train(configuration(data, **fields), resume=True)
    (one, figures), (two, _) = (
        checkpoint.load(data / folder / "state.safetensors", None) for folder in ("whole", "run")
    )
    assert figures["learner"]["steps"] == 120 and figures["learner"]["lesson"]["steps"] == 120
    assert all(torch.equal(one[name], two[name]) for name in one)


def interrupt():
    """As Ctrl C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("fields", [{"imitation": {"x": 1}}, {"imitation": {}, "method": "mm-loc"}])
def test_what_cannot_be_imitated_is_no_configuration(tmp_path, fields):
    with pytest.raises(TrainingProblem):
        read_config(configuration(tmp_path, **fields))


def test_the_defaults_are_a_configuration(tmp_path):
    read_config(configuration(tmp_path, imitation=dataclasses.asdict(ImitationConfig())))
