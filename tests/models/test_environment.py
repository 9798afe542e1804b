"""The game played by hand, and the batched twin equal to it step by step."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from models.batched import BatchedFollowing, FollowState, Start, WindowObserver
from models.environment import FollowingEnv
from models.features import SPEC
from models.game import MSMD, NOTTINGHAM, Round, Truth
from models.networks import paper_input
from models.throughput import figures
from models.vectorised import map_observation

SLOWER, KEEP, FASTER = 0, 1, 2


def hand_made_round() -> Round:
    """Two notes 10 frames and 20 px apart; a line of ink at each; frame i of the sound is all i."""
    strip = np.zeros((200, 1100), np.uint8)
    strip[:, [512, 532]] = 255
    frames = np.arange(20, dtype=np.float32)[:, None] * np.ones(SPEC.bands, np.float32)
    return Round(strip, frames, Truth.from_onsets([0.25, 0.75], [512.0, 532.0]))


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("spec", [NOTTINGHAM, MSMD])
@pytest.mark.parametrize("continuous", [False, True])
def test_gymnasium_checker(made_up_round, spec, continuous):
    check_env(FollowingEnv([made_up_round(1), made_up_round(2)], spec, continuous), skip_render_check=True)


def test_an_episode_by_hand():
    env = FollowingEnv([hand_made_round()], NOTTINGHAM)
    seen, info = env.reset(seed=0)
    assert (info["frame"], info["x_px"], info["error_px"]) == (5, 512.0, 0.0)
    assert np.argwhere(seen["score"][0, 0]).flatten().tolist() == [75, 95] and not seen["score"][1].any()
    assert seen["audio"][0, 0, -6:].tolist() == [0, 1, 2, 3, 4, 5] and seen["audio"][1, 0, -1] == 1
    # truth moves 2 px a frame: 514, 516, 518 ...; speed 1, 2, 2, 1: cursor 513, 515, 517, 518
    expected = [(FASTER, 513, -1), (FASTER, 515, -1), (KEEP, 517, -1), (SLOWER, 518, -2)]
    for action, x_px, error_px in expected:
        seen, reward, over, cut, info = env.step(action)
        assert (info["x_px"], info["error_px"], over, cut) == (x_px, error_px, False, False)
        assert reward == pytest.approx(1 - abs(error_px) / 50)
    assert np.argwhere(seen["score"][0, 0]).flatten().tolist() == [69, 89]
    assert np.argwhere(seen["score"][1, 0] < 0).flatten().tolist() == [70, 90]      # where the lines were
    assert seen["audio"][0, 0, -1] == 9
    for _ in range(5):
        assert not env.step(KEEP)[2]
    _, reward, over, _, info = env.step(KEEP)                                       # frame 15: last onset
    assert over and not info["lost"] and info["x_px"] == 524 and reward == pytest.approx(1 - 8 / 50)


def test_losing_the_target_ends_the_episode():
    env = FollowingEnv([hand_made_round()], NOTTINGHAM, continuous=True)
    env.reset()
    assert env.step(np.array([52.0]))[2] is False                # 564 against 514: exactly b away
    env.reset()
    _, reward, over, _, info = env.step(np.array([52.5]))
    assert over and info["lost"] and reward == 0.0


def test_optimal_actions_earn_everything(made_up_round):
    env = FollowingEnv([made_up_round(5)], MSMD, continuous=True)
    _, info = env.reset()
    truth, over = made_up_round(5).truth, False
    while not over:
        action = truth.x_at_frame(info["frame"] + 1) - info["x_px"] - env.speed_px
        _, reward, over, _, info = env.step(np.array([action]))
        assert reward == pytest.approx(1.0)
    assert info["frame"] == truth.last_frame


@pytest.mark.parametrize("spec", [NOTTINGHAM, MSMD])
def test_batched_is_the_single_environment(made_up_round, spec):
    rounds = [made_up_round(seed) for seed in range(5)]
    rounds.append(Round(rounds[0].strip, made_up_round(9).frames, rounds[0].truth))    # shares a strip
    envs = [FollowingEnv([r], spec) for r in rounds]
    batch = BatchedFollowing(
        [r.truth for r in rounds], WindowObserver(rounds, spec), len(rounds), spec.tolerance_px
    )
    seen, running = batch.reset(torch.arange(len(rounds))), np.ones(len(rounds), bool)
    single = [env.reset()[0] for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(400):
        score, audio = paper_input(seen)
        for i in np.nonzero(running)[0]:
            assert np.allclose(score[i], single[i]["score"], atol=1e-6)
            assert np.allclose(audio[i], single[i]["audio"], atol=1e-6)
        actions = rng.integers(0, 3, len(rounds))
        step = batch.step(torch.from_numpy(actions))
        seen = step.observation
        for i in np.nonzero(running)[0]:
            single[i], reward, over, _, info = envs[i].step(actions[i])
            assert float(step.reward[i]) == pytest.approx(reward)
            assert bool(step.terminated[i]) == over
            assert float(batch.error_px[i]) == pytest.approx(info["error_px"])
            running[i] = not over
    assert not running.any()


def states(env: BatchedFollowing, steps: int) -> list[FollowState]:
    """The states of a run with actions drawn by another seed."""
    generator = torch.Generator().manual_seed(1)
    env.reset()
    seen = []
    for _ in range(steps):
        env.step(torch.randint(0, 3, (env.count,), generator=generator))
        seen.append(env.state)
    return seen


def make_light(made_up_round, start: Start, seed: int = 0) -> BatchedFollowing:
    """A game whose observation the caller makes up: one number, and neither strips nor frames."""
    truths = [made_up_round(i).truth for i in range(4)]
    return BatchedFollowing(truths, lambda state: state.x_px.float()[:, None], 64, [50.0, 170.0, 50.0, 60.0],
                            start, seed=seed)


def test_games_begin_anew_and_follow_their_seed(made_up_round):
    start = Start(anywhere=0.5, offset_px=10.0, speed_jitter_px=2.0)
    one, two, other = (states(make_light(made_up_round, start, seed), 60) for seed in (3, 3, 4))
    assert all(torch.equal(a.x_px, b.x_px) for a, b in zip(one, two, strict=True))
    assert all(torch.equal(a.frame, b.frame) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0].x_px, other[0].x_px)
    last = torch.tensor([made_up_round(i).truth.last_frame for i in range(4)])
    assert all((state.frame < last[state.round]).all() for state in one)
    assert len({int(r) for state in one for r in state.round}) == 4


def test_starts_are_spread_as_asked(made_up_round):
    env = make_light(made_up_round, Start(anywhere=1.0, offset_px=10.0))
    env.reset()
    truths = [made_up_round(i).truth for i in range(4)]
    away = [float(x) - truths[r].x_at_frame(int(f)) for r, f, x in
            zip(env.state.round, env.state.frame, env.state.x_px, strict=True)]
    assert 5 < max(map(abs, away)) <= 10
    assert any(int(f) > truths[r].first_frame for r, f in zip(env.state.round, env.state.frame, strict=True))


def test_figures_for_the_bench():
    found = figures(seconds=0.02)
    assert sorted(found) == ["msmd batched", "msmd single", "nottingham batched", "nottingham single"]
    assert min(found.values()) > 0


def test_cut_episodes_are_truncated_and_show_their_last_observation(made_up_round):
    env = make_light(made_up_round, Start(limit_frames=3))
    first = map_observation(torch.clone, env.reset())
    steps = [env.step(torch.ones(64, dtype=torch.int64)) for _ in range(3)]
    assert steps[1].final_observation is None and not steps[1].truncated.any()
    final = steps[2].final_observation
    assert isinstance(final, torch.Tensor) and isinstance(first, torch.Tensor)
    assert steps[2].truncated.all() and torch.equal(final, first)
