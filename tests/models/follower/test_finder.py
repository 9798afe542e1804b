"""Finding again: jumps with a scout, breaks with a search, and a belief that is right is left alone."""

import numpy as np
import pytest

from models.features import SPEC
from models.follower.belief import Belief
from models.follower.finder import (
    AFTER_BREAK,
    BREAK_FRAMES,
    PAUSE_FRAMES,
    Doubt,
    Finder,
    Scout,
    Search,
    Silence,
)
from tests.models.follower.test_belief import COLUMNS, MUSIC, START_PX, evidence

LOG_QUARTERS = np.full(COLUMNS, np.log(0.1), np.float32)
REACH_PX = 50.0
SOUND, SILENCE = np.full(SPEC.bands, 0.5, np.float32), np.zeros(SPEC.bands, np.float32)


@pytest.fixture
def belief():
    return Belief(LOG_QUARTERS, MUSIC)


@pytest.fixture
def finder():
    return Finder(Belief(LOG_QUARTERS, MUSIC), START_PX, REACH_PX)


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
    scout = Scout(Belief(LOG_QUARTERS, MUSIC))
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
    scout = Scout(Belief(LOG_QUARTERS, MUSIC))
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
    pause(finder, belief, BREAK_FRAMES)
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
    told = [finder.listen(frame) for frame in [SOUND] * 5 + [SILENCE] * BREAK_FRAMES + [SOUND] * 5]
    assert told == [Silence.NONE] * (5 + BREAK_FRAMES) + [Silence.BREAK] + [Silence.NONE] * 4


def test_a_search_takes_the_tempo_along(belief):
    belief.reset(START_PX, (4.0, 0.05))
    search = Search(belief, belief.density, START_PX, REACH_PX, AFTER_BREAK)
    moves = START_PX + 2000 + 8.0 * np.arange(40)
    for x_px in moves:
        belief.update(evidence(x_px))
        assert search.hear(evidence(x_px), belief)[1]
    assert abs(float(belief.summary()[0]) - moves[-1]) < REACH_PX
    assert belief.tempo[0] == pytest.approx(4.0, rel=0.15)


def test_a_search_ends(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(40))
    pause(finder, belief, BREAK_FRAMES)
    place = float(belief.summary()[0])
    play(finder, belief, place + 5.0 * np.arange(5))
    assert isinstance(finder._beside, Search)
    play(finder, belief, place + 25 + 5.0 * np.arange(AFTER_BREAK.frames))
    assert finder._beside is None


@pytest.mark.parametrize(("levels", "broke_off"), [
    ([0.5] * 20 + [0.0] * BREAK_FRAMES + [0.5], True),
    ([0.5] * 20 + [0.0] * (BREAK_FRAMES - 1) + [0.5], False),
    ([0.5] * 20 + [0.022] * BREAK_FRAMES + [0.5], True),  # a room is never quite silent
    ([0.5] * 20 + [0.06] * BREAK_FRAMES + [0.5], False),  # soft music is no silence
    (([0.5] * 3 + [0.0] * 12) * 5, False),  # nor are slow, detached notes
    ([0.0] * 40, False),  # silence alone breaks nothing off before it ends
])  # fmt: skip
def test_a_break_is_a_silence_against_the_music_before(finder, levels, broke_off):
    for level in levels:
        finder.listen(np.full(SPEC.bands, level, np.float32))
    assert (finder._ended is Silence.BREAK) == broke_off


def test_reset_ends_a_search_and_forgets_a_silence(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(40))
    pause(finder, belief, 2 * BREAK_FRAMES)
    finder.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(3))
    assert finder._beside is None


def distinct(x_px):
    """Music that is like no other place."""
    return LOG_QUARTERS + 2.0 * (evidence(x_px) - LOG_QUARTERS)


def doubting(finder, belief, path_px, fresh_px=None, doubt=True):
    """As `play`; the ear that forgot hears other music than the one that did not, where that is given."""
    places = []
    for x_px, heard_px in zip(path_px, path_px if fresh_px is None else fresh_px, strict=True):
        finder.listen(SOUND)
        belief.update(distinct(x_px))
        finder.hear(distinct(x_px), belief)
        if finder.doubting and doubt:
            finder.doubt(distinct(heard_px), belief)
        places.append(float(belief.summary()[0]))
    return np.array(places)


@pytest.mark.parametrize("onto_px", [START_PX + 2000, START_PX])
def test_after_a_pause_a_jump_is_found_sooner_than_by_the_scout(belief, onto_px):
    path = onto_px + 5.0 * np.arange(120)
    found = []
    for doubt in (True, False):
        finder = Finder(Belief(LOG_QUARTERS, MUSIC), START_PX, REACH_PX)
        belief.reset(START_PX)
        doubting(finder, belief, START_PX + 5.0 * np.arange(180))
        pause(finder, belief, PAUSE_FRAMES)
        away_px = np.abs(doubting(finder, belief, path, doubt=doubt) - path)
        found.append(int(np.flatnonzero(away_px > REACH_PX)[-1]))
    assert found[0] < found[1]


def test_an_ear_that_forgot_is_not_believed_while_the_other_hears_as_well_as_before(finder, belief):
    belief.reset(START_PX)
    doubting(finder, belief, START_PX + 5.0 * np.arange(180))
    pause(finder, belief, PAUSE_FRAMES)
    place = float(belief.summary()[0])
    path = place + 5.0 * np.arange(100)
    away_px = np.abs(doubting(finder, belief, path, path + 1500) - path)
    assert away_px.max() < REACH_PX


def test_who_was_led_to_the_wrong_place_after_a_pause_is_led_on_from_there(finder, belief):
    belief.reset(START_PX)
    doubting(finder, belief, START_PX + 5.0 * np.arange(180))
    pause(finder, belief, PAUSE_FRAMES)
    led = doubting(finder, belief, START_PX + 2400 + 5.0 * np.arange(30))
    assert abs(led[-1] - (START_PX + 2400 + 5.0 * 29)) < REACH_PX and not finder.doubting
    path = START_PX + 400 + 5.0 * np.arange(30)
    assert np.abs(doubting(finder, belief, path) - path)[-1] < REACH_PX


def test_a_pause_too_short_to_be_one_raises_no_doubt_and_a_second_one_none_beside_the_first(finder, belief):
    belief.reset(START_PX)
    play(finder, belief, START_PX + 5.0 * np.arange(40))
    pause(finder, belief, PAUSE_FRAMES - 1)
    doubting(finder, belief, START_PX + 200 + 5.0 * np.arange(4))
    assert not finder.doubting
    told = []
    for _ in range(2):
        pause(finder, belief, PAUSE_FRAMES)
        told.append(finder.listen(SOUND))
        finder.hear(evidence(START_PX + 250), belief)
    assert finder.doubting and told == [Silence.PAUSE, Silence.NONE]


def test_what_silences_begin_runs_its_course(finder, belief):
    """A doubt that moves the belief becomes a search; a break puts a search in its place; each ends."""
    belief.reset(START_PX)
    doubting(finder, belief, START_PX + 5.0 * np.arange(180))
    begun: list[Doubt | Search | None] = []

    def follow(path_px):
        for x_px in path_px:
            doubting(finder, belief, [x_px])
            if not begun or begun[-1] is not finder._beside:
                begun.append(finder._beside)

    pause(finder, belief, PAUSE_FRAMES)
    follow(START_PX + 2400 + 5.0 * np.arange(30))
    doubt, search = begun
    assert isinstance(doubt, Doubt) and search is doubt.search
    pause(finder, belief, BREAK_FRAMES)
    follow(START_PX + 2550 + 5.0 * np.arange(AFTER_BREAK.frames))
    assert isinstance(begun[2], Search) and begun[2] is not search and begun[3:] == [None]
    with pytest.raises(ValueError, match="doubted"):
        finder.doubt(distinct(START_PX), belief)
