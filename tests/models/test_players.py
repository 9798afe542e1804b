"""Players that need no training: each moves as the game says."""
from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from models.features import SPEC
from models.game import Truth
from models.players import HumanPlayer, OptimalPlayer, SteadyPlayer, UnknownPlayer, load_player
from pieces.errors import RipienoError
from pieces.piece import Piece

SILENCE = np.zeros(SPEC.bands, np.float32)


class TwoNotes(Piece):
    """A piece at 60 quarters a minute, 100 px a quarter."""

    def __init__(self):
        object.__setattr__(self, "tempo_bpm", 60.0)

    def quarters_at_x(self, x_px):
        return (x_px - 512) / 100

    def x_at_quarters(self, quarters):
        return 512 + 100 * quarters


def test_optimal_player_stays_on_the_truth():
    truth = Truth.from_onsets([0.5, 1.0, 2.0], [512.0, 540.0, 600.0])
    player = OptimalPlayer(truth)
    player.reset(512.0)
    for frame in range(truth.first_frame, truth.last_frame):
        decision = player.step(SILENCE)
        assert decision.x_px == pytest.approx(truth.x_at_frame(frame + 1))
    player.reset(540.0)
    assert player.step(SILENCE).x_px == pytest.approx(truth.x_at_frame(21))
    player.reset(512.0, frame=0)
    assert player.step(SILENCE).x_px == 512.0


def test_human_keys_change_the_speed():
    player = HumanPlayer()
    player.reset(100.0, 1.0)
    player.set_key(1)
    first, second = player.step(SILENCE), player.step(SILENCE)
    player.set_key(0)
    third = player.step(SILENCE)
    assert [d.x_px for d in (first, second, third)] == [102.0, 105.0, 108.0]
    assert first.probabilities == (0.0, 0.0, 1.0) and third.probabilities == (0.0, 1.0, 0.0)


def test_steady_player_reads_at_the_nominal_tempo():
    player = SteadyPlayer()
    player.open(TwoNotes())
    player.reset(612.0)
    for _ in range(20):
        decision = player.step(SILENCE)
    assert decision.x_px == pytest.approx(712.0) and decision.speed_px_per_frame == pytest.approx(5.0)


def test_load_player_by_name():
    assert isinstance(load_player("human"), HumanPlayer)
    with pytest.raises(UnknownPlayer, match="follower, human, midi-odtw, omr-odtw, steady"):
        load_player("nobody")
    assert issubclass(UnknownPlayer, RipienoError)


def test_players_are_named_without_loading_torch():
    """The window opens while torch loads behind it."""
    code = "import sys, models.players; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
