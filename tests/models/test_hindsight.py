"""No course of -1, 0, +1 stays with the music longer than the one that hindsight finds."""
from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.game import Truth, is_lost, move
from models.hindsight import longest_course


def frames_survived(truth, actions, tolerance_px):
    """How many frames the game goes on, by its rules."""
    x_px, speed_px = truth.x_at_frame(truth.first_frame), 0.0
    for frame, action in enumerate(actions, start=truth.first_frame + 1):
        x_px, speed_px = move(x_px, speed_px, action)
        if is_lost(x_px - truth.x_at_frame(frame), tolerance_px):
            return frame - truth.first_frame - 1
    return len(actions)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=7), st.sampled_from([2.25, 3.5, 6.25]))
def test_it_is_the_longest_of_all_courses(steps_px, tolerance_px):
    x_px = np.cumsum([0.0, *steps_px])
    truth = Truth(np.arange(len(x_px)), x_px)
    found = longest_course(truth, tolerance_px)
    courses = product((-1, 0, 1), repeat=len(steps_px))
    most = max(frames_survived(truth, course, tolerance_px) for course in courses)
    assert len(found) == most == frames_survived(truth, found, tolerance_px)
    assert set(found) <= {-1, 0, 1}


def test_it_ends_where_the_music_does_and_is_lost_where_all_are():
    calm = Truth.from_onsets([0.0, 1.0, 2.0], [0.0, 40.0, 80.0])
    course = longest_course(calm, 50.0)
    assert len(course) == 40 and np.cumsum(np.cumsum(course))[-1] == 80
    leap = Truth.from_onsets([0.0, 0.2, 5.0], [0.0, 61.0, 100.0])      # 10 px in four frames, at most
    assert len(longest_course(leap, 50.0)) == 3
