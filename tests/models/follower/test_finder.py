"""Finding again: jumps with a scout, breaks with a search, and a belief that is right is left alone."""

import numpy as np
import pytest

from models.features import SPEC
from models.follower.belief import Belief, BeliefConfig
from models.follower.finder import SILENT_FRAMES, Finder, Scout, Search
from tests.models.follower.test_belief import COLUMNS, MUSIC, START_PX, evidence

LOG_QUARTERS = np.full(COLUMNS, np.log(0.1), np.float32)
REACH_PX = 50.0
SOUND, SILENCE = np.full(SPEC.bands, 0.5, np.float32), np.zeros(SPEC.bands, np.float32)


@pytest.fixture
def belief():
    return Belief(LOG_QUARTERS, MUSIC)


@pytest.fixture
def finder():
    return Finder(LOG_QUARTERS, MUSIC, BeliefConfig(), START_PX, REACH_PX)


def play(finder, belief, path_px):
    """Where the belief is after every frame of music along the path."""
    places = []
    for x_px in path_px:
        finder.listen(SOUND)
        belief.update(evidence(x_px))
        finder.hear(evidence(x_px), belief)
        places.append(float(belief.summary()[0]))
    return np.array(places)


def pause(finder, belief, frames):
    """Silence says nothing of the place."""
    for _ in range(frames):
        finder.listen(SILENCE)
        belief.update(LOG_QUARTERS)
        finder.hear(LOG_QUARTERS, belief)


def test_a_jump_is_found_with_a_scout_and_only_with_one(belief):
    path = np.concatenate([START_PX + 5.0 * np.arange(80), START_PX + 2000 + 5.0 * np.arange(140)])
    scout = Scout(LOG_QUARTERS, MUSIC, BeliefConfig())
    alone = Belief(LOG_QUARTERS, MUSIC)
    for one in (belief, scout, alone):
        one.reset(START_PX)
    for x_px in path:
        belief.update(evidence(x_px))
        scout.hear(evidence(x_px), belief)
        alone.update(evidence(x_px))
    assert abs(belief.summary()[0] - path[-1]) < 40
    assert abs(alone.summary()[0] - path[-1]) > 500


def test_a_scout_leaves_a_belief_alone_that_is_right(belief):
    scout = Scout(LOG_QUARTERS, MUSIC, BeliefConfig())
    path = START_PX + 5.0 * np.arange(200)
    leads = []
    for x_px in path:
        belief.update(evidence(x_px))
        scout.hear(evidence(x_px), belief)
        leads.append(scout.lead)
    assert max(leads) < Scout.ENOUGH / 2
    assert abs(belief.summary()[0] - path[-1]) < 12


@pytest.mark.parametrize("onto_px", [START_PX + 2000, START_PX, START_PX + 3000])
def test_after_a_silence_a_jump_is_found_within_two_seconds(finder, belief, onto_px):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(80))
    pause(finder, belief, SILENT_FRAMES)
    path = onto_px + 5.0 * np.arange(60)
    assert np.abs(play(finder, belief, path) - path)[40:].max() < REACH_PX


def test_without_a_silence_the_same_jump_takes_longer(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(80))
    path = START_PX + 2000 + 5.0 * np.arange(60)
    assert np.abs(play(finder, belief, path) - path)[40] > 500


@pytest.mark.parametrize("counted", [False, True])
def test_who_goes_on_after_a_silence_is_followed_from_where_it_stopped_or_after_a_rest(
    finder, belief, counted
):
    belief.reset(START_PX)
    path = START_PX + 5.0 * np.arange(80)
    play(finder, belief, path)
    pause(finder, belief, 60)
    goes_on_px = float(belief.summary()[0]) if counted else path[-1]
    assert counted or float(belief.summary()[0]) > path[-1] + 200  # it counts on by itself
    path = goes_on_px + 5.0 * np.arange(200)
    assert np.abs(play(finder, belief, path) - path)[30:].max() < REACH_PX


def test_the_end_of_a_silence_is_told_once(finder):
    told = [finder.listen(frame) for frame in [SOUND] * 5 + [SILENCE] * SILENT_FRAMES + [SOUND] * 5]
    assert told == [False] * (5 + SILENT_FRAMES) + [True] + [False] * 4


def test_a_search_takes_the_tempo_along(belief):
    belief.reset(START_PX, (4.0, 0.05))
    search = Search(belief, belief.density, LOG_QUARTERS, MUSIC, START_PX, REACH_PX)
    moves = START_PX + 2000 + 8.0 * np.arange(40)
    for x_px in moves:
        belief.update(evidence(x_px))
        assert search.hear(evidence(x_px), belief)
    assert abs(float(belief.summary()[0]) - moves[-1]) < REACH_PX
    assert belief.tempo[0] == pytest.approx(4.0, rel=0.15)


def test_a_search_ends(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(40))
    pause(finder, belief, SILENT_FRAMES)
    place = float(belief.summary()[0])
    play(finder, belief, place + 5.0 * np.arange(5))
    assert finder._search is not None
    play(finder, belief, place + 25 + 5.0 * np.arange(Search.FRAMES))
    assert finder._search is None


@pytest.mark.parametrize(("levels", "broke_off"), [
    ([0.5] * 20 + [0.0] * SILENT_FRAMES + [0.5], True),
    ([0.5] * 20 + [0.0] * (SILENT_FRAMES - 1) + [0.5], False),
    ([0.5] * 20 + [0.022] * SILENT_FRAMES + [0.5], True),  # a room is never quite silent
    ([0.5] * 20 + [0.06] * SILENT_FRAMES + [0.5], False),  # soft music is no silence
    (([0.5] * 3 + [0.0] * 12) * 5, False),  # nor are slow, detached notes
    ([0.0] * 40, False),  # silence alone breaks nothing off before it ends
])  # fmt: skip
def test_a_break_is_a_silence_against_the_music_before(finder, levels, broke_off):
    for level in levels:
        finder.listen(np.full(SPEC.bands, level, np.float32))
    assert finder._broke_off == broke_off


def test_reset_ends_a_search_and_forgets_a_silence(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(40))
    pause(finder, belief, 2 * SILENT_FRAMES)
    finder.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(3))
    assert finder._search is None
