"""Building training data: a share of it sounds in rooms, and what is true of it stays true."""

import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from models import rooms
from models.follower.data import USUAL, Conditions, build, build_one, split_of
from models.follower.generator import generate_score
from models.rooms import NoRooms


def test_in_a_room_only_the_sound_is_another(monkeypatch):
    monkeypatch.setattr(rooms, "MOST_REFLECTIONS", 3)
    score = generate_score(7, 1)
    dry, wet, again = (build_one(score, 5, 1, Conditions(rooms=share)) for share in (0.0, 1.0, 1.0))
    (played,), (heard,), (same,) = dry.renderings, wet.renderings, again.renderings
    assert np.array_equal(played.onset_s, heard.onset_s) and np.array_equal(played.played, heard.played)
    assert np.array_equal(dry.strip, wet.strip) and played.frames.shape == heard.frames.shape
    assert np.abs(played.frames.astype(float) - heard.frames).max() > 0.05
    assert np.array_equal(heard.frames, same.frames)
    first = int(heard.onset_s[0] * 20) - 1                     # a frame reaches 46 ms past its own place
    assert np.abs(heard.frames[:first]).max() < 0.01


def test_tempo_and_the_silence_before_it_move_what_is_heard_and_what_is_true_alike():
    score, varied = generate_score(7, 1), Conditions(tempo_log=math.log(2), silence_s=4.0)
    renderings = [build_one(score, seed, 1, varied).renderings[0] for seed in range(8)]
    silences_s = [rendering.onset_s[0] for rendering in renderings]
    assert min(silences_s) >= 0.5 and max(silences_s) <= 4.5 and max(silences_s) - min(silences_s) > 1.5
    lengths_s = [rendering.onset_s[-1] - rendering.onset_s[0] for rendering in renderings]
    assert 2.2 < max(lengths_s) / min(lengths_s) < 6.0           # 0.7 to 1.4 would be twice at most
    for rendering in renderings:
        frames, first = rendering.frames.astype(float), int(rendering.onset_s[0] * 20)
        assert np.abs(frames[: first - 1]).max() < 0.01 and frames[first : first + 3].max() > 0.05
        assert rendering.played[:, 0].min() == pytest.approx(rendering.onset_s[0], abs=0.1)
        assert rendering.played[:, 0].max() == pytest.approx(rendering.onset_s[-1], abs=0.1)
        rises = np.maximum(np.diff(frames, axis=0), 0).sum(1)    # the flux: where keys are struck, it is high
        struck = np.unique((rendering.onset_s * 20).astype(int))
        assert rises[struck - 1].mean() + rises[struck].mean() > 3 * rises.mean()


def test_who_takes_liberties_is_drawn_for_each_rendering():
    """None of the others changes: neither how a piece is engraved nor what is drawn before."""
    usual, free = (build_one(generate_score(7, 2), 5, 1, Conditions(liberties=s)) for s in (0.0, 1.0))
    assert np.array_equal(usual.strip, free.strip)
    paces = [np.diff(item.renderings[0].onset_s) / np.diff(item.onset_quarters) for item in (usual, free)]
    assert paces[1].std() > 1.5 * paces[0].std()


def test_as_it_was_by_default():
    """The data of the follower that ships can be made again, with the sound sets that it was made with."""
    (rendering,) = build_one(generate_score(7, 1), 5, 1).renderings
    assert rendering.onset_s[[0, -1]].tolist() == pytest.approx([0.5, 102.33736761341153], abs=1e-6)
    assert Conditions(rooms=0.0, tempo_log=0.35, silence_s=0.0, print_log=0.0, liberties=0.0) == USUAL


def test_without_the_library_the_build_does_not_begin(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(NoRooms):
        next(build("generated", None, tmp_path, count=1, conditions=Conditions(rooms=0.5)))
    assert not list(tmp_path.iterdir())


def test_the_published_split_of_nottingham_is_the_one_that_is_used():
    published = Path(__file__).parents[3] / "docs" / "results" / "nottingham-split.md"
    parts = re.split(r"^## (\w+): (\d+) tunes$", published.read_text(), flags=re.MULTILINE)[1:]
    tunes = {part: names.split() for part, names in zip(parts[::3], parts[2::3], strict=True)}
    assert {part: len(names) for part, names in tunes.items()} == {"test": 94, "valid": 68, "train": 872}
    assert all(split_of(name) == part for part, names in tunes.items() for name in names)
    assert len({name for names in tunes.values() for name in names}) == 94 + 68 + 872
