"""Integrated gradients of the shipped follower: they add up, and they explain what it really computed."""

from dataclasses import replace

import numpy as np
import pytest

from models.features import SPEC, frames
from models.follower.data import halve
from models.follower.player import FollowerPlayer
from models.inside.listening import Attributions, Moment, attribute, fit_of_sound, reader_of
from models.performance import perform
from models.players import load_player
from models.sound import render_performance
from pieces.opening import open_piece

COLUMNS = 330


@pytest.fixture(scope="module")
def heard():
    """The follower, what it believed after six seconds, and that moment; the strip ends soon after."""
    piece, player = open_piece("soldiers-joy"), load_player("follower")
    assert isinstance(player, FollowerPlayer)
    sound = render_performance(perform(piece, 0), SPEC.sample_rate)[: 6 * SPEC.sample_rate]
    made = frames(sound)
    player.open(piece)
    for frame in made:
        decision = player.step(frame)
        player.rest()
    assert decision.fit is not None
    strip = halve(piece.strip)[:, : 2 * COLUMNS].astype(np.float32) / 255.0
    silence = np.zeros((4, SPEC.bands), np.float32)
    moment = Moment(int(decision.fit.argmax()), strip, np.concatenate([silence, made]))
    return reader_of(player), moment


@pytest.fixture(scope="module")
def found(heard) -> Attributions:
    return attribute(*heard)


def test_attributions_add_up_to_the_difference_in_fit(found) -> None:
    total = float(found.strip_gradients.sum() + found.frames_gradients.sum())
    assert found.fit - found.baseline_fit > 5  # something is there to be explained
    assert total == pytest.approx(found.fit - found.baseline_fit, rel=0.05)


@pytest.mark.parametrize(("off", "rough"), [(0.04, False), (0.06, True)])
def test_a_sum_that_is_off_by_more_than_five_per_cent_is_rough(found, off, rough) -> None:
    total = float(found.strip_gradients.sum() + found.frames_gradients.sum())
    moved = replace(found, baseline_fit=0.0, fit=total / (1.0 + off))
    assert moved.error == pytest.approx(off, abs=1e-3) and moved.rough is rough


def test_it_explains_the_fit_that_the_network_gives(heard, found) -> None:
    reader, moment = heard
    assert found.fit == pytest.approx(float(fit_of_sound(reader, moment)[moment.column]), abs=1e-2)
    first, width = found.first_px, found.strip.shape[1]
    assert np.array_equal(found.strip, moment.strip[:, first : first + width])
    assert np.array_equal(found.frames, moment.frames[-40:])


def test_white_paper_and_silence_explain_nothing(found) -> None:
    assert np.all(found.strip_gradients[found.strip == 0] == 0)
    assert np.all(found.frames_gradients[found.frames == 0] == 0)
