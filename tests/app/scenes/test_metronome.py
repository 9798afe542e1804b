"""The metronome of Follow, from the key to the click: along a demo and for a person, and never after them."""

import threading

import numpy as np
import pygame
import pytest

from app.engine.metronome import Pulse
from app.engine.runner import InlineRunner
from app.sessions.follow import FollowSession
from models.players import SteadyPlayer
from tests.app.sessions.test_follow_session import turn


@pytest.fixture
def one(engine, stage, piece):
    """A window on a real engine and session, the metronome on."""

    def make_session(piece, player, engine, seed):
        session = FollowSession(piece, engine=engine, runner=InlineRunner(SteadyPlayer()))
        assert session.wait_ready()
        return session

    one = stage(engine=engine, make_session=make_session)
    one.show(piece)
    one.key(pygame.K_m, text="m")
    assert one.settings.now.metronome
    return one


@pytest.fixture
def clicks_in(one, engine, hand_cranked, eventually):
    """What clicks in so many seconds, after the window has been asked for something."""

    def listen(seconds):
        asked = threading.Event()
        engine.call(asked.set)
        assert asked.wait(30.0)
        before = engine.metronome.pulse
        pulses: list[Pulse] = []
        for _ in range(round(20 * seconds)):
            turn(hand_cranked, engine, 0.05, eventually)
            one.frame()
            if engine.metronome.pulse not in (before, *pulses[-1:]):
                pulses.append(engine.metronome.pulse)
        return pulses

    return listen


def space(one):
    one.key(pygame.K_SPACE, text=" ")


def test_it_clicks_the_beats_of_the_demo_and_is_silent_with_it(one, engine, clicks_in):
    space(one)
    clicks = clicks_in(4.0)
    assert len(clicks) >= 4 and [click.beat.number for click in clicks[:4]] == [0, 1, 2, 3]
    _, samples = one.studio.session._music.quarters()
    assert np.abs(np.array([click.sample for click in clicks]) - samples[: len(clicks)]).max() <= 2
    space(one)
    assert clicks_in(2.0) == [] and one.studio.snapshot.state == "paused"
    space(one)
    again = clicks_in(2.0)
    assert again and again[0].beat.quarters >= len(clicks) - 1
    one.window.go("home")
    clicks_in(0.2)
    assert clicks_in(2.0) == []


def test_it_clicks_steadily_for_a_person_and_again_after_a_pause(one, engine, piece, clicks_in):
    one.settings.change(source="keyboard")
    space(one)
    clicks = clicks_in(3.0)
    assert [click.beat.number for click in clicks[:4]] == [0, 1, 2, 3]
    steps = np.diff([click.sample for click in clicks])
    assert np.abs(steps - engine.rate * 60 / piece.tempo_bpm).max() <= 1
    one.key(pygame.K_m, text="m")
    clicks_in(0.3)
    assert clicks_in(1.5) == []
    one.key(pygame.K_m, text="m")
    assert clicks_in(1.5)
    space(one)
    clicks_in(0.2)
    assert clicks_in(1.5) == []
    space(one)
    assert clicks_in(1.0)[0].beat.number == 0


def test_another_follower_and_a_game_of_play_leave_it_as_it_was(one, clicks_in):
    one.settings.change(source="keyboard")
    one.scene._use_follower("steady")
    space(one)
    assert clicks_in(1.0)
    one.window.go("play")
    space(one)
    clicks_in(0.3)
    assert clicks_in(1.5) == []
    one.window.go("follow")
    clicks_in(0.2)
    space(one)
    assert clicks_in(1.0)
