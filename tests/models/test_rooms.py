"""Simulated rooms: labels stay where they are, the sound dies away, the same seed is the same room."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import rooms
from models.features import SPEC
from models.rooms import NoRooms, Room, draw_room, in_room, response, seeded_response

CHAMBER = Room((6.0, 5.0, 3.0), 0.4, (1.5, 2.0, 1.0), (4.0, 3.5, 1.2))


@pytest.fixture(scope="module")
def chamber():
    return response(CHAMBER)


def test_the_direct_sound_stands_at_sample_0(chamber):
    assert abs(chamber[0]) > 0.5 * np.abs(chamber).max()      # not what rings before it, nor silence
    assert np.square(chamber).sum() == pytest.approx(1.0, rel=1e-5)
    again = response(CHAMBER)
    assert chamber.dtype == np.float32 and np.array_equal(chamber, again)


def test_sound_dies_away_in_the_time_of_the_room(chamber):
    left = np.cumsum(np.square(chamber.astype(float))[::-1])[::-1]
    fall_db = 10 * np.log10(left / left[0])
    at = [int(share * CHAMBER.reverberation_s * SPEC.sample_rate) for share in (0.1, 0.3, 0.5, 0.8)]
    assert np.all(np.diff(fall_db[at]) < -4)
    # Schroeder's curve between -5 and -25 dB gives the reverberation time.
    slope_s = 3 * (np.argmax(fall_db < -25) - np.argmax(fall_db < -5)) / SPEC.sample_rate
    assert 0.5 * CHAMBER.reverberation_s < slope_s < 1.5 * CHAMBER.reverberation_s


def test_an_impulse_keeps_its_sample_and_what_rings_on_is_cut(chamber):
    audio = np.zeros(9000, np.float32)
    audio[4000] = 0.5
    heard = in_room(audio, chamber)
    assert heard.shape == audio.shape and heard.dtype == np.float32
    assert np.abs(heard[:4000]).max() < 1e-6
    assert heard[4000] == pytest.approx(0.5 * chamber[0], abs=1e-6)
    assert np.abs(heard[4100:]).max() > 0.001
    assert len(in_room(np.zeros(0, np.float32), chamber)) == 0


@given(st.integers(0, 2**32))
def test_every_room_holds_its_piano_and_its_microphone(seed):
    room = draw_room(seed)
    assert room == draw_room(seed)
    for place in (room.source_m, room.microphone_m):
        assert all(0.5 <= x_m <= side_m - 0.5 for x_m, side_m in zip(place, room.size_m, strict=True))
    assert 1.0 <= np.linalg.norm(np.subtract(room.source_m, room.microphone_m)) <= 5.0


@given(st.integers(0, 400), st.integers(0, 10_000))
@settings(max_examples=30)
def test_nothing_is_heard_before_it_is_played(start, seed):
    noise = np.random.default_rng(seed).standard_normal(500).astype(np.float32)
    noise[:start] = 0.0
    ringing = np.exp(-np.arange(300) / 50).astype(np.float32)
    heard = in_room(noise, ringing)
    assert np.abs(heard[:start]).max(initial=0.0) < 1e-4
    assert heard[start] == pytest.approx(noise[start], abs=1e-4)


def test_another_seed_is_another_room(monkeypatch):
    monkeypatch.setattr(rooms, "MOST_REFLECTIONS", 4)
    first, again, other = (seeded_response(seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first[:500], other[:500])


def test_without_the_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(NoRooms, match=r"pip install -e \"\.\[train\]\" -c constraints\.txt"):
        response(CHAMBER)
