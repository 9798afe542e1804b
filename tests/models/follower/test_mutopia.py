"""MSMD's pieces as training items: never those it tests on, and as LilyPond engraved them."""
from __future__ import annotations

import sys

import numpy as np
import pytest

from models import rooms
from models.follower import mutopia
from models.follower.data import Conditions, halve, load_item, split_of
from models.msmd import NoSources
from models.paper.rounds import splits_in
from models.rooms import NoRooms
from pieces.lilypond import NoLilyPond, open_source

IN_ROOMS = Conditions(rooms=0.5)
THREE_STAVES = r"""\version "2.24.0"
\score { << \new Staff { \repeat unfold 4 { c'8 d' e' f' } } \new Staff { c'1 c' } \new Staff { c1 c } >>
  \layout { } }
"""
SHORT = r"""\version "2.24.0"
\score { \new Staff { c'4 d' e' f' } \layout { } }
"""


def test_items_are_made_of_all_but_what_msmd_tests_on(tmp_path, lay_out, study, lilypond, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_REFLECTIONS", 3)
    source = lay_out(
        tmp_path / "from", study=("train", study), other=("valid", study), kept=("test", study),
        trio=("train", THREE_STAVES), short=("valid", SHORT),
        **dict.fromkeys(mutopia.PLAYED_BY_PEOPLE, ("train", study)),
    )  # fmt: skip
    out = tmp_path / "out"
    told = list(mutopia.build("mutopia", source, out, workers=1, renderings=2, conditions=IN_ROOMS))
    assert [done for done, _, _ in told] == [1, 2, 3, 4] and {every for _, every, _ in told} == {4}
    assert sorted(path.name for path in out.iterdir()) == ["other.npz", "skipped.txt", "study.npz"]
    listed = dict(line.split("\t") for line in (out / "skipped.txt").read_text().splitlines())
    assert sorted(listed) == ["short", "trio"] and all("two staves" in reason for reason in listed.values())
    assert list(mutopia.build("mutopia", source, out, workers=1)) == []  # nothing is left to do
    assert splits_in(out) is split_of
    piece, item = open_source(source / "ly/study/study.ly", "study"), load_item(out / "study.npz")
    assert np.array_equal(item.strip, halve(piece.strip))
    assert item.note_pitch.tolist() == [note.pitch for note in piece.notes] and len(item.note_pitch) == 18
    assert [len(rendering.onset_s) for rendering in item.renderings] == [16, 16]
    assert len({len(rendering.frames) for rendering in item.renderings}) == 2  # each at its own tempo


def test_an_item_is_the_same_whatever_else_is_built(tmp_path, lay_out, study, lilypond):
    source = lay_out(tmp_path / "from", **{f"study-{i}": ("train", study) for i in range(3)})
    alone, all_of_them = tmp_path / "alone", tmp_path / "all"
    assert list(mutopia.build("mutopia", source, alone, renderings=1, count=1, workers=1)) == [(1, 1, "")]
    assert len(list(mutopia.build("mutopia", source, all_of_them, renderings=1, workers=1))) == 3
    (path,) = alone.glob("*.npz")
    one, same = load_item(path), load_item(all_of_them / path.name)
    assert np.array_equal(one.renderings[0].frames, same.renderings[0].frames)
    assert np.array_equal(one.renderings[0].onset_s, same.renderings[0].onset_s)


def test_without_lilypond_nothing_is_begun(tmp_path, lay_out, study, no_lilypond):
    source = lay_out(tmp_path / "from", study=("train", study))
    with pytest.raises(NoLilyPond):
        next(mutopia.build("mutopia", source, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_the_library_for_rooms_nothing_is_begun(tmp_path, lay_out, study, lilypond, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    source = lay_out(tmp_path / "from", study=("train", study))
    with pytest.raises(NoRooms):
        next(mutopia.build("mutopia", source, tmp_path / "out", conditions=IN_ROOMS))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("split", "says"), [(None, r"pieces\.json"), ("test", "test pieces only")])
def test_a_folder_of_nothing_to_train_on_is_named(split, says, tmp_path, lay_out, study):
    if split is not None:
        lay_out(tmp_path, study=(split, study))
    with pytest.raises(NoSources, match=says):
        next(mutopia.build("mutopia", tmp_path, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
