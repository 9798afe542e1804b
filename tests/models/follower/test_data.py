"""Building training data: a share of it sounds in rooms, and what is true of it stays true."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from models import rooms
from models.follower.data import build, build_one, split_of
from models.follower.generator import generate_score
from models.rooms import NoRooms


def test_in_a_room_only_the_sound_is_another(monkeypatch):
    monkeypatch.setattr(rooms, "MOST_REFLECTIONS", 3)
    score = generate_score(7, 1)
    dry, wet, again = (build_one(score, 5, 1, rooms=share) for share in (0.0, 1.0, 1.0))
    (played,), (heard,), (same,) = dry.renderings, wet.renderings, again.renderings
    assert np.array_equal(played.onset_s, heard.onset_s) and np.array_equal(played.played, heard.played)
    assert np.array_equal(dry.strip, wet.strip) and played.frames.shape == heard.frames.shape
    assert np.abs(played.frames.astype(float) - heard.frames).max() > 0.05
    assert np.array_equal(heard.frames, same.frames)
    first = int(heard.onset_s[0] * 20) - 1                     # a frame reaches 46 ms past its own place
    assert np.abs(heard.frames[:first]).max() < 0.01


def test_without_the_library_the_build_does_not_begin(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(NoRooms):
        next(build("generated", None, tmp_path, count=1, rooms=0.5))
    assert not list(tmp_path.iterdir())


def test_the_published_split_of_nottingham_is_the_one_that_is_used():
    published = Path(__file__).parents[3] / "docs" / "results" / "nottingham-split.md"
    parts = re.split(r"^## (\w+): (\d+) tunes$", published.read_text(), flags=re.MULTILINE)[1:]
    tunes = {part: names.split() for part, names in zip(parts[::3], parts[2::3], strict=True)}
    assert {part: len(names) for part, names in tunes.items()} == {"test": 94, "valid": 68, "train": 872}
    assert all(split_of(name) == part for part, names in tunes.items() for name in names)
    assert len({name for names in tunes.values() for name in names}) == 94 + 68 + 872
