"""The rules of the game and the measures, against numbers worked out by hand."""
from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.game import (
    CM_PER_PX,
    MSMD,
    NOTTINGHAM,
    Truth,
    audio_context,
    is_lost,
    move,
    reward,
    score_window,
    shrunk,
)
from models.measures import Track, judge, measure, pool


def truth(seconds=(0.5, 1.0, 2.0), x_px=(512.0, 532.0, 592.0)) -> Truth:
    return Truth.from_onsets(seconds, x_px)


def test_truth_is_floor_of_20_s_and_lines_between():
    t = truth((0.52, 1.049, 2.0))
    assert t.onset_frames.tolist() == [10, 20, 40] and (t.first_frame, t.last_frame) == (10, 40)
    assert [t.x_at_frame(f) for f in (0, 10, 15, 20, 21, 40, 99)] == [512, 512, 522, 532, 535, 592, 592]
    assert t.frame_at_x([512.0, 522.0, 562.0]).tolist() == [10, 15, 30]


def test_truth_survives_rounding_of_seconds():
    seconds = np.arange(1, 400) / 20
    assert Truth.from_onsets(seconds, np.arange(399.0)).onset_frames.tolist() == list(range(1, 400))


def test_time_goes_on_at_the_mean_pace_beyond_the_onsets():
    t = truth((0.0, 1.0, 2.0), (0.0, 10.0, 40.0))
    assert t.frame_at_x([-2.0, 42.0]).tolist() == [-2.0, 42.0]


def test_of_two_onsets_in_a_frame_the_later_one_stands():
    t = truth((0.0, 1.0, 1.02, 2.0), (0.0, 10.0, 14.0, 40.0))
    assert t.x_at_frame(20) == 14.0 and t.x_at_frame(10) == 7.0


@pytest.mark.parametrize("seconds, x_px", [((1, 0.5), (0, 1)), ((1,), (0,)), ((0, 0.01), (0, 1))])
def test_impossible_truths(seconds, x_px):
    with pytest.raises(ValueError):
        Truth.from_onsets(seconds, x_px)


def test_speed_first_then_position():
    assert move(100.0, 2.0, 1) == (103.0, 3.0)
    assert move(100.0, 2.0, -1) == (101.0, 1.0)


def test_reward_and_loss():
    assert [reward(e, 50.0) for e in (0, 25, -25, 50, 51)] == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert [is_lost(e, 50.0) for e in (50, -50, 50.5, -51)] == [False, False, True, True]


def test_windows_are_central_and_shrunk_by_means():
    strip = np.zeros((200, 1200), np.uint8)
    strip[100, 600] = 200
    small = score_window(strip, 600.2, NOTTINGHAM)
    assert small.shape == NOTTINGHAM.window_shape == (40, 150)
    assert small[20, 75] == 200 and small.sum() == 200
    half = score_window(strip, 600.2, MSMD)
    assert half.shape == MSMD.window_shape == (80, 256)
    assert half[40, 128] == 50 and half.sum() == 50
    assert score_window(strip, -50.0, MSMD).shape == (80, 256)
    assert shrunk(np.array([[1, 0], [0, 1]], np.uint8), 2).tolist() == [[1]]     # 0.5 is rounded up


def test_sound_is_silence_before_it_begins():
    frames = np.arange(1, 7, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    assert audio_context(frames, 1, 4)[:, 0].tolist() == [0, 0, 1, 2]
    assert audio_context(frames, 5, 4)[:, 0].tolist() == [3, 4, 5, 6]
    assert audio_context(frames, 7, 4)[:, 0].tolist() == [5, 6, 0, 0]
    assert audio_context(frames, -1, 2)[:, 0].tolist() == [0, 0]


def test_measures_of_a_player_who_loses_the_target():
    t = Truth.from_onsets([0.0, 1.0, 2.0, 4.5], [0.0, 20.0, 40.0, 90.0])       # 1 px a frame
    cursor = t.x_px.copy()
    cursor[20] += 4.0            # 4 px = 0.2 s ahead at the second onset
    cursor[25:60] -= 60.0        # lost at frame 25, found again at frame 60
    track = judge(t, cursor, 50.0)
    assert track.tracked.tolist() == [True, True, False, False]
    assert track.tracked_old.tolist() == [True, True, True, False]             # until frame 25 + 40
    assert track.error_px.tolist() == [0, 4, -60, 0]
    assert track.error_s.tolist() == pytest.approx([0, 0.2, -3.0, 0])
    row = measure([track])
    assert (row.r_tue, row.r_on, row.r_tue_old, row.r_on_old) == (0.0, 0.5, 0.0, 0.75)
    assert (row.error_mean_px, row.error_sd_px) == (2.0, 2.0)
    assert row.error_mean_cm == pytest.approx(2 * 0.0352778) and CM_PER_PX == 0.0352778
    assert row.within == {0.05: 0.5, 0.1: 0.5, 0.5: 0.75, 1.0: 0.75, 5.0: 1.0}


def test_measures_pool_onsets_not_pieces():
    t = Truth.from_onsets([0.0, 1.0, 2.0], [0.0, 20.0, 40.0])
    long = Truth.from_onsets(np.arange(10.0), np.arange(10.0) * 20)
    lost = judge(t, t.x_px + 60.0, 50.0)
    row = measure([lost, judge(long, long.x_px, 50.0)])
    assert (row.r_tue, row.tracks, row.onsets) == (0.5, 2, 13) and row.r_on == pytest.approx(10 / 13)


@given(
    st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1, max_size=4), st.integers(0, 99)
)
def test_parts_pooled_measure_like_the_whole(parts, seed):
    rng = np.random.default_rng(seed)

    def track(onsets):
        tracked = np.arange(onsets) < rng.integers(onsets + 1)
        return Track(rng.normal(0, 30, onsets), rng.normal(0, 1, onsets), tracked, tracked)

    tracks = [[track(onsets) for onsets in part] for part in parts]
    whole = asdict(measure([each for part in tracks for each in part]))
    pooled = asdict(pool([measure(part) for part in tracks]))
    assert pooled.pop("within") == pytest.approx(whole.pop("within"))
    assert pooled == pytest.approx(whole, nan_ok=True)


def test_a_run_that_stops_early_is_not_judged():
    with pytest.raises(ValueError):
        judge(truth(), np.zeros(5), 50.0)
