"""Players of one performance share an ear, and that changes nothing."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.features import SPEC
from models.follower.belief import BeliefConfig
from models.follower.ear import Ear, RememberingEar, after_a_run_in, read_strip, shorten_blanks
from models.follower.finder import Finder
from models.follower.network import Reader
from models.follower.player import FollowerPlayer, load_follower
from models.follower.policy import Policy
from pieces.opening import open_piece


@pytest.fixture(scope="module")
def piece():
    return open_piece("good-king-wenceslas")


def make_ear() -> Ear:
    torch.manual_seed(3)
    return Ear(Reader(), BeliefConfig())


def run(player: FollowerPlayer, piece, frames) -> list[float]:
    player.open(piece)
    player.reset(float(piece.onset_x_px[0]))
    return [player.step(frame).x_px for frame in frames]


def test_shared_hearing_equals_hearing_alone(piece):
    frames = np.random.default_rng(0).random((25, 78), np.float32)
    other = frames.copy()
    other[10:] += 0.5
    torch.manual_seed(4)
    policy = Policy()
    shared = RememberingEar(make_ear())
    for seed, sound in ((0, frames), (1, frames), (2, other), (3, frames)):
        alone = run(FollowerPlayer(make_ear(), policy, seed), piece, sound)
        assert run(FollowerPlayer(shared, policy, seed), piece, sound) == alone


def test_the_seed_decides_the_actions(piece):
    frames = np.random.default_rng(0).random((40, 78), np.float32)
    policy = Policy()
    runs = [run(FollowerPlayer(make_ear(), policy, seed), piece, frames) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_decision_moves_by_the_rules_of_the_game(piece):
    player = FollowerPlayer(make_ear(), Policy())
    player.open(piece)
    player.reset(600.0, 3.0)
    decision = player.step(np.zeros(78, np.float32))
    assert decision.action in (-1.0, 0.0, 1.0)
    assert decision.speed_px_per_frame == 3.0 + decision.action
    assert decision.x_px == 600.0 + decision.speed_px_per_frame
    assert sum(decision.probabilities) == pytest.approx(1.0)
    assert 0.0 <= decision.confidence <= 1.0 + 1e-6
    assert decision.fit is not None
    assert decision.fit.max() == pytest.approx(1.0)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, {"weight": torch.zeros(2)}, {"network": {}}, SPEC)
    with pytest.raises(checkpoint.CheckpointError, match="train it again"):
        load_follower(path)


def test_resting_or_not_hears_the_same(piece):
    """Who rests prepares the next frame; who is hurried does that when it comes."""
    frames = np.random.default_rng(5).random((40, SPEC.bands), np.float32)
    rested, hurried = make_ear(), make_ear()
    for ear in (rested, hurried):
        ear.open(piece)
        ear.reset(float(piece.onset_x_px[2]))
    for frame in frames:
        one, other = rested.hear(frame), hurried.hear(frame)
        assert np.array_equal(one.summary, other.summary)
        assert np.array_equal(one.columns, other.columns)
        rested.rest()


def test_who_looks_for_the_music_reads_the_beginning_as_what_comes_after_the_same():
    torch.manual_seed(3)
    reader = Reader().eval()
    rng = np.random.default_rng(0)
    margin, music = np.zeros((80, 20), np.uint8), rng.integers(0, 255, (80, 400), np.uint8)
    strip = np.hstack([margin, music])
    read = read_strip(reader, None, strip, (10, 209))
    keys, bias = after_a_run_in(reader, read, strip, (10, 209))
    with torch.inference_mode():
        twice = torch.from_numpy(np.hstack([music, music])).float() / 255.0
        again_keys, again_bias, _ = reader.read(reader.score(twice[None]))
    assert keys[10:] == pytest.approx(again_keys[0, 200:].numpy(), abs=1e-5)
    assert bias[10:] == pytest.approx(again_bias[0, 200:].numpy(), abs=1e-5)
    assert np.abs(bias[10:20] - read.bias[10:20]).max() > 1e-3
    assert np.array_equal(keys[:10], read.keys[:10]) and np.array_equal(bias[:10], read.bias[:10])


def test_the_run_in_is_for_who_looks_for_the_music_alone(piece, monkeypatch):
    looked_at = []
    monkeypatch.setattr(Finder, "hear", lambda self, fit, *others: looked_at.append(fit))
    monkeypatch.setattr(
        "models.follower.ear.after_a_run_in",
        lambda reader, read, *others: (np.zeros_like(read.keys), np.ones_like(read.bias)),
    )
    torch.manual_seed(3)
    looking, following = Ear(Reader(), BeliefConfig(), scouting=True), make_ear()
    frame = np.random.default_rng(0).random(78, np.float32)
    for ear in (looking, following):
        ear.open(piece)
    assert np.array_equal(looking.hear(frame).columns, following.hear(frame).columns)
    looking.rest()
    assert len(looked_at) == 1 and (looked_at[0] == 1.0).all()


def test_only_wide_stretches_without_a_notehead_are_shortened():
    log_quarters = np.full(300, np.log(0.1), np.float32)
    written = np.zeros(300, np.float32)
    written[[20, 60, 160, 180]] = 0.9  # blanks of 39, 99 and 19 columns, and 20 before the margin
    shortened = np.exp(shorten_blanks(log_quarters, written, (10, 200)))
    assert shortened[:172] == pytest.approx(np.where(np.arange(172) < 73, 0.1, shortened[:172]), rel=1e-5)
    assert shortened[80:160].max() < 0.02
    assert shortened[160:] == pytest.approx(0.1, rel=1e-5)
    assert log_quarters == pytest.approx(np.log(0.1))
