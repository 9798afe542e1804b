"""Runs of Inside: live ones grow with snapshots, lose none, and answer which moment is near."""

from dataclasses import replace

import numpy as np
import pytest

from app.engine.snapshot import SPECTROGRAM_FRAMES, Snapshot
from app.sessions.inside.run import LiveRun, keeping
from models.features import SPEC

RATE = 44_100
FRAME = RATE / SPEC.fps
FRAMES = np.random.default_rng(0).random((200, SPEC.bands)).astype(np.float32)


def snapshot(frame: int, **fields) -> Snapshot:
    """The engine's picture after ``frame``, its newest frames behind it."""
    past = FRAMES[max(frame + 1 - SPECTROGRAM_FRAMES, 0) : frame + 1]
    spectrogram = np.zeros((SPECTROGRAM_FRAMES, SPEC.bands), np.float32)
    spectrogram[len(spectrogram) - len(past) :] = past
    fit = np.zeros(50, np.float32)
    fit[frame % 50] = 1.0
    given = {"state": "following", "x_px": 600.0 + frame, "value": float(frame), "fit": fit, **fields}
    return Snapshot(sample=round((frame + 1) * FRAME) + 12345, spectrogram=spectrogram, **given)


def test_a_live_run_holds_every_frame_once_also_when_the_window_missed_some():
    live = LiveRun(RATE)
    for frame in (50, 51, 51, 52, 56, 57):  # one twice, three missed
        live.push(snapshot(frame))
    run = live.run()
    assert np.array_equal(run.record.frames, FRAMES[50:58])
    assert run.record.heard.tolist() == list(range(8))
    assert np.allclose(np.diff(run.record.time_s), 1 / SPEC.fps, atol=1e-3)
    assert run.record.x_px[-1] == 657.0 and run.record.states == ("following",) * 8
    assert np.array_equal(run.frames_until(2), FRAMES[50:53])
    fit = run.fits[7]
    assert fit is not None and fit.heaviest == 57 % 50


@pytest.mark.parametrize("state", ["idle", "waiting", "paused", "finished"])
def test_what_was_not_followed_is_left_out(state):
    live = LiveRun(RATE)
    assert live.push(snapshot(50))
    assert not live.push(snapshot(51, state=state))
    assert len(live) == 1


def test_the_nearest_moment_is_one_at_which_something_was_heard():
    live = LiveRun(RATE)
    for frame in range(50, 90):
        live.push(snapshot(frame))
    run = live.run()
    heard = run.record.heard.copy()
    heard[:10] = -1
    run = replace(run, record=replace(run.record, heard=heard))
    assert run.row_near(0.0) == 10
    assert run.row_near(run.record.time_s[25]) == 25
    assert run.row_near(1000.0) == 39
    heard[:] = -1
    assert replace(run, record=replace(run.record, heard=heard)).row_near(1.0) is None


def test_keeping_passes_moments_on_and_packs_their_fits():
    fits: list = []
    moments = [snapshot(60), snapshot(61, fit=None)]
    assert list(keeping(moments, fits)) == moments
    assert fits[0].heaviest == 10 and fits[1] is None
