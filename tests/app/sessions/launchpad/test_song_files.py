"""Songs as files: everything comes back, junk is refused whole, and what changes is kept."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.launchpad import Arrangement, Link, Song
from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.keeping import SongKeeper
from app.sessions.launchpad.parts import SongProblem
from app.sessions.launchpad.scales import SCALES
from app.sessions.launchpad.song_files import CHECKS, load, load_picture, save_song, text_of
from app.sessions.launchpad.starts import opening, save_grid
from models.launchpad.instrument import LAUNCHPAD, BadState

ROWS = st.integers(0, LAUNCHPAD.keys - 1)
CHANGES = st.one_of(
    st.tuples(st.just("press"), st.integers(0, LAUNCHPAD.actions - 1), st.sampled_from(["you", "agent"])),
    st.tuples(st.sampled_from(["lock", "mute", "solo"]), ROWS),
    st.tuples(st.just("set_tempo"), st.floats(10, 400)),
    st.tuples(st.just("set_swing"), st.floats(0.5, 0.75)),
    st.tuples(st.just("set_key"), st.integers(0, 11), st.sampled_from(sorted(SCALES))),
    st.tuples(st.just("set_scale_lock"), st.sampled_from(["off", "forbid", "map"])),
    st.tuples(st.just("set_instrument"), st.integers(0, 127), st.lists(ROWS, min_size=1)),
    st.tuples(st.just("set_drums"), st.sampled_from(["rock", "off"])),
    st.tuples(st.just("set_drum_level"), st.floats(0, 1)),
    st.tuples(st.just("set_accent"), st.integers(0, 15), st.integers(0, 200)),
    st.tuples(st.just("set_note_steps"), st.integers(1, 64)),
    st.tuples(st.just("set_click"), st.booleans()),
    st.tuples(st.just("set_pace"), st.integers(0, 8)),
    st.tuples(st.just("set_temperature"), st.floats(0, 9)),
    st.tuples(st.just("vote"), st.sampled_from([-1, 1])),
    st.tuples(st.just("keep_part"), st.text(max_size=9)),
    st.tuples(st.just("recall_part"), st.integers(0, 3)),
    st.tuples(st.just("forget_part"), st.integers(0, 3)),
    st.tuples(st.just("set_chain"), st.lists(st.builds(Link, st.integers(0, 3), st.integers(1, 64)))),
    st.tuples(st.just("play_chain"), st.booleans()),
    st.tuples(st.just("transpose"), st.integers(-12, 12)),
)  # fmt: skip


def changed(changes) -> Song:
    song = Song(*opening())
    for name, *arguments in changes:
        try:
            getattr(song, name)(*arguments)
        except SongProblem:
            continue
    return song


def full_song() -> Song:
    """One in which every field differs from its default."""
    song = changed([
        ("press", 5), ("press", 40, "agent"), ("mute", 3), ("solo", 4), ("set_instrument", 12, [7]),
        ("set_tempo", 97), ("set_swing", 0.6), ("set_drums", "rock"), ("set_drum_level", 0.5),
        ("set_accent", 3, 11), ("set_note_steps", 9), ("set_click", True), ("set_pace", 4), ("vote", 1),
        ("keep_part",), ("press", 300), ("keep_part", "end"), ("set_chain", [Link(0), Link(1, 2)]),
        ("play_chain", True),
    ])  # fmt: skip
    assert all(getattr(song.arrangement, field.name) != field.default for field in fields(Arrangement))
    return song


def everything(picture: Picture) -> object:
    """All that a picture holds, comparable."""
    arrangement = picture.arrangement
    votes = [(vote.state.tolist(), vote.weight) for vote in arrangement.votes]
    parts = [(part.name, everything(Picture(part.grid, part.owners, part.arrangement)))
             for part in arrangement.parts]  # fmt: skip
    bare = replace(arrangement, votes=(), parts=())
    return picture.grid.tolist(), picture.owners.tolist(), bare, votes, parts


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=25))
def test_every_song_survives_its_file(tmp_path_factory, changes) -> None:
    song, path = changed(changes), tmp_path_factory.mktemp("song") / "song.json"
    save_song(path, song.now)
    again = load(path)
    assert isinstance(again, Picture) and everything(again) == everything(song.now)


def test_no_field_is_forgotten() -> None:
    assert set(CHECKS) == {field.name for field in fields(Arrangement)}
    assert everything(full_song().now) != everything(Song(*opening()).now)


def test_a_grid_is_still_read_and_settings_that_are_missing_are_as_usual(tmp_path) -> None:
    grid = LAUNCHPAD.random(np.random.default_rng(1))
    save_grid(tmp_path / "grid.json", grid)
    alone = load(tmp_path / "grid.json")
    assert isinstance(alone, np.ndarray) and (alone == grid).all()
    assert load_picture(tmp_path / "grid.json").arrangement == Arrangement()
    song = full_song().now
    document = json.loads(text_of(song))
    document["arrangement"] = {"tempo_bpm": 90, "of a later version": []}
    (tmp_path / "old.json").write_text(json.dumps(document))
    old = load_picture(tmp_path / "old.json")
    assert old.arrangement == Arrangement(tempo_bpm=90.0) and (old.owners == song.owners).all()


def leaves(value, place=()):
    """(place, value) of everything in a document."""
    yield place, value
    if isinstance(value, (dict, list)):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(entry, (*place, key))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_song_with_junk_in_it_is_refused_or_a_song(tmp_path_factory, data) -> None:
    path, document = tmp_path_factory.mktemp("song") / "song.json", json.loads(text_of(full_song().now))
    places = [place for place, _ in leaves(document) if place]
    *way, last = data.draw(st.sampled_from(places))
    inside = document
    for key in way:
        inside = inside[key]
    inside[last] = data.draw(st.sampled_from([
        None, True, -1, 3.7, 10**400, float("nan"), float("inf"), "x", [], {}, [[]], [None] * 24, "ä" * 10**4,
    ]))  # fmt: skip
    path.write_text(json.dumps(document))
    try:
        song = load(path)
    except BadState as problem:
        assert "\n" not in str(problem) and path.name in str(problem)
    else:
        assert isinstance(song, Picture) and text_of(song)
        Song(song.grid, song.arrangement, song.owners).press(3)


def test_a_song_is_encoded_in_steps_between_which_music_goes_on(monkeypatch) -> None:
    """The encoder in C holds the interpreter until it is through."""
    made_in_c = []
    monkeypatch.setattr(json.encoder, "c_make_encoder", lambda *given: made_in_c.append(given))
    text = text_of(full_song().now)
    monkeypatch.undo()
    assert not made_in_c and text == json.dumps(json.loads(text), separators=(",", ":")) + "\n"


def test_opening_a_song_is_undone_as_one_step() -> None:
    song, other = Song(*opening()), full_song()
    before = everything(song.now)
    song.open(other.now, "mine")
    assert everything(song.now) == everything(other.now)
    assert song.undo() == "mine" and everything(song.now) == before


# --- kept ---------------------------------------------------------------------------------------


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def keeper(tmp_path, told) -> Iterator[SongKeeper]:
    made = SongKeeper(tmp_path / "song.json", told.append, period_s=0.01)
    yield made
    made.close()


def test_what_has_changed_is_kept_and_taken_up(tmp_path, told, keeper, eventually) -> None:
    path, song = tmp_path / "song.json", Song(*opening())
    assert keeper.take_up() is None
    keeper.keep(song)
    song.press(3)
    assert eventually(path.exists)
    song.press(17, "agent")
    assert eventually(lambda: path.read_text() == text_of(song.now))  # as a crash would leave it
    song.keep_part()
    keeper.close()
    again = SongKeeper(path, told.append)
    kept = again.take_up()
    assert kept is not None and everything(kept) == everything(song.now) and told == []
    again.close()


def test_a_song_that_nobody_touched_is_not_written(tmp_path, keeper) -> None:
    keeper.keep(Song())
    keeper.close()
    assert not (tmp_path / "song.json").exists()


def test_a_second_program_keeps_nothing_and_says_so(tmp_path, told, keeper) -> None:
    first, other = Song(), Song()
    keeper.keep(first)
    second = SongKeeper(tmp_path / "song.json", told.append)
    assert second.take_up() is None and "Another Ripieno" in told[0]
    second.keep(other)
    other.press(9)
    second.close()
    first.press(3)
    keeper.close()
    assert (tmp_path / "song.json").read_text() == text_of(first.now)


def test_a_folder_that_cannot_be_written_is_said_and_the_song_begins(tmp_path, told) -> None:
    keeper = SongKeeper(tmp_path / "nowhere" / "song.json", told.append)
    assert keeper.take_up() is None and "No such file" in told[0]
    keeper.keep(Song())
    keeper.close()


def test_a_full_disk_is_said_once_and_then_written(tmp_path, told, keeper, monkeypatch, eventually) -> None:
    looks = []

    def full(handle: int) -> None:
        looks.append(handle)
        raise OSError(28, "No space left on device")

    path, song = tmp_path / "song.json", Song()
    keeper.keep(song)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        song.press(3)
        assert eventually(lambda: len(looks) > 3)
    assert eventually(path.exists)
    keeper.close()
    assert len(told) == 1 and "No space left" in told[0] and "\n" not in told[0]
    assert path.read_text() == text_of(song.now)


@pytest.mark.parametrize("junk", [b"", b"{}", b"[" * 10**5, b"\xff\xfe"])
def test_a_damaged_song_is_set_aside_and_told(tmp_path: Path, told, keeper, junk: bytes) -> None:
    (tmp_path / "song.json").write_bytes(junk)
    assert keeper.take_up() is None
    (aside,) = tmp_path.glob("*.damaged-*.json")
    assert aside.read_bytes() == junk and aside.name in told[0]


@pytest.mark.parametrize("junk", [b"", None], ids=["cannot be set aside", "cannot be read"])
def test_a_song_that_is_out_of_reach_is_left_alone(tmp_path, told, keeper, monkeypatch, junk) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    path, song = tmp_path / "song.json", Song()
    before = text_of(full_song().now).encode() if junk is None else junk
    path.write_bytes(before)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes" if junk is None else "replace", refuse)
        assert keeper.take_up() is None
    keeper.keep(song)
    song.press(3)
    keeper.close()
    assert len(told) == 1 and "cannot be kept" in told[0] and "Permission denied" in told[0]
    assert path.read_bytes() == before and not list(tmp_path.glob("*.damaged-*"))
