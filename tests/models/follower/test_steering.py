"""Steering by rule: it stays with the music that is believed in, and draws nothing."""

import numpy as np
import pytest

from models.features import SPEC
from models.follower.belief import HORIZONS, SUMMARY
from models.follower.steering import Steering
from models.players import load_player, load_trials
from pieces.opening import open_piece

TOLERANCE_PX = 50.0


def believed(course_px, frame):
    """The summary of who knows the course."""
    summary = np.zeros(SUMMARY, np.float32)
    summary[: len(HORIZONS)] = [course_px[frame + ahead] for ahead in HORIZONS]
    return summary


@pytest.mark.parametrize(("pace_px", "ahead_px"), [(4.0, 0.0), (6.3, 15.0), (0.0, -40.0)])
def test_it_catches_up_and_stays(pace_px, ahead_px):
    """With music at a steady pace, in front of the cursor or behind it; then the music stops."""
    frames = np.arange(200)
    course_px = 1000.0 + pace_px * np.minimum(frames, 120)
    x_px, speed_px, strayed_px, steer = 1000.0 - ahead_px, 0.0, [], Steering()
    for frame in range(170):
        chances, value = steer(believed(course_px, frame), x_px, speed_px, TOLERANCE_PX)
        assert sorted(chances) == [0.0, 0.0, 1.0]
        assert value <= 1.0
        speed_px += chances.index(1.0) - 1
        x_px += speed_px
        strayed_px.append(abs(x_px - course_px[frame + 1]))
    assert max(strayed_px) < TOLERANCE_PX
    assert max(strayed_px[30:110] + strayed_px[140:]) < 3.0


def test_it_is_the_shipped_follower_without_its_policy():
    (alone,) = load_trials("belief", 0, 10)  # it draws nothing, so one trial says all
    follower, same = load_player("follower"), load_player("belief", seed=5)
    piece, rng = open_piece("good-king-wenceslas"), np.random.default_rng(1)
    heard = rng.random((40, SPEC.bands)).astype(np.float32)
    for player in (alone, follower, same):
        player.open(piece)
    decisions = [[player.step(frame) for frame in heard] for player in (alone, follower, same)]
    for one, other, again in zip(*decisions, strict=True):
        assert np.array_equal(one.fit, other.fit)
        assert (one.x_px, one.action) == (again.x_px, again.action)
    assert decisions[0][-1].x_px != decisions[1][-1].x_px
