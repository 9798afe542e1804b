from __future__ import annotations

import warnings

import numpy as np
import torch
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from models.launchpad.batched import BatchedLaunchpad
from models.launchpad.corpus import composed_corpus
from models.launchpad.environment import LaunchpadEnv
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.reward import NearestBar, Shaped
from models.launchpad.starts import empty, triad

CORPUS = composed_corpus(0, 100)


def shown(observation: object) -> NDArray[np.float32]:
    assert isinstance(observation, torch.Tensor)
    return np.asarray(observation.numpy())


def test_gymnasium_finds_nothing_wrong() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(LaunchpadEnv(NearestBar(CORPUS, 0)), skip_render_check=True)


def test_a_song_by_hand() -> None:
    env = LaunchpadEnv(NearestBar(CORPUS, 0), start=empty, bars=3)
    observation, info = env.reset(seed=1)
    assert not observation.any() and info["notes"] == 0
    observation, reward, terminated, truncated, info = env.step(LAUNCHPAD.toggle(2, 6))
    assert np.flatnonzero(observation).tolist() == [2 * 13 + 6]
    pressed = LAUNCHPAD.press(LAUNCHPAD.empty(1), LAUNCHPAD.toggle(2, 6))
    assert reward == NearestBar(CORPUS, 0)(LAUNCHPAD.packed(pressed))[0]
    assert (info["notes"], info["bar"], terminated, truncated) == (1, 1, False, False)
    env.step(LAUNCHPAD.nothing)
    assert env.step(LAUNCHPAD.nothing)[2:4] == (False, True)


def test_a_song_can_begin_in_a_given_state() -> None:
    env = LaunchpadEnv(NearestBar(CORPUS, 0))
    given = LAUNCHPAD.random(np.random.default_rng(5))
    assert (env.reset(options={"state": given})[1]["state"] == given).all()


def test_standing_still_costs_until_it_is_forgotten() -> None:
    reward = Shaped(CORPUS, 0)
    env = LaunchpadEnv(reward, start=triad, memory=2)
    env.reset(seed=0)
    silent_key = 0 if not env.state[0].any() else 1
    free = reward(LAUNCHPAD.packed(env.state[None]))[0]
    fresh = env.step(LAUNCHPAD.toggle(silent_key, 6))[1]
    assert fresh == reward(LAUNCHPAD.packed(env.state[None]))[0]
    back = env.step(LAUNCHPAD.toggle(silent_key, 6))[1]
    still = env.step(LAUNCHPAD.nothing)[1]
    unheard_button = env.step(LAUNCHPAD.shift(silent_key, 0))[1]
    assert back == still == unheard_button == free - reward.shape.repeat_cost


def test_the_batch_is_its_songs_one_by_one() -> None:
    count, bars = 6, 4
    batch = BatchedLaunchpad(count, Shaped(CORPUS, 0), bars=bars, memory=3, seed=2)
    games = [LaunchpadEnv(Shaped(CORPUS, 0), bars=bars, memory=3) for _ in range(count)]
    for game, state in zip(games, batch.states, strict=True):
        game.reset(options={"state": state})
    rng = np.random.default_rng(3)
    for bar in range(bars):
        actions = rng.integers(0, LAUNCHPAD.actions, count)
        after = batch.step(torch.from_numpy(actions))
        seen = after.observation if after.final_observation is None else after.final_observation
        for index, game in enumerate(games):
            observation, reward, terminated, truncated, info = game.step(actions[index])
            assert (shown(seen)[index] == observation).all() and reward == after.reward[index]
            assert truncated == bool(after.truncated[index]) == (bar == bars - 1)
            assert not terminated and not after.terminated[index]
            assert (batch.played[index] == info["state"]).all()


def test_songs_begin_anew_after_their_last_bar() -> None:
    batch = BatchedLaunchpad(3, NearestBar(CORPUS, 0), start=empty, bars=2, seed=0)
    press = torch.full((3,), LAUNCHPAD.toggle(0, 0))
    assert shown(batch.step(press).observation).any()
    after = batch.step(torch.full((3,), LAUNCHPAD.nothing))
    assert after.truncated.all()
    assert not shown(after.observation).any() and shown(after.final_observation).any()
    assert not batch.states.any() and batch.played.any()


def test_spread_songs_end_at_different_times() -> None:
    batch = BatchedLaunchpad(50, NearestBar(CORPUS, 0), start=empty, bars=50, spread=True, seed=0)
    ended = [int(batch.step(torch.full((50,), LAUNCHPAD.nothing)).truncated.sum()) for _ in range(50)]
    assert max(ended) < 10 and sum(ended) == 50
