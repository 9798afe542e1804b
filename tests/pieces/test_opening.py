"""Opening pieces through the cache: fast the second time, never stale, never in the way."""

import shutil

import numpy as np
import pytest

from pieces import files, folders, opening
from pieces.errors import BadScore, UnknownPiece
from pieces.library import BUNDLED_FOLDER
from pieces.meter import TimeSignature
from pieces.opening import open_piece

TUNE = "X:1\nT:First\nM:2/4\nL:1/4\nK:C\nCD|EF|]\n"


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.abc"
    path.write_text(TUNE)
    return path


def test_the_second_opening_engraves_nothing_and_gives_the_same(tune, monkeypatch):
    first = open_piece(tune)
    monkeypatch.setattr(opening, "engrave", None)
    again = open_piece(tune)
    assert again.notes == first.notes
    assert again.segments == first.segments
    assert again.measure_starts == first.measure_starts
    assert again.bars == first.bars and [bar.signature for bar in first.bars] == [TimeSignature(2, 4)] * 2
    assert np.array_equal(again.strip, first.strip)
    assert all(np.array_equal(a, b) for a, b in zip(again.pages, first.pages, strict=True))


def test_a_changed_file_is_engraved_anew(tune):
    before = open_piece(tune)
    tune.write_text(TUNE.replace("CD", "GA"))
    assert [n.pitch for n in open_piece(tune).notes] != [n.pitch for n in before.notes]


def test_a_damaged_cache_entry_is_made_anew(tune):
    first = open_piece(tune)
    kept = list((folders.cache_folder() / "pieces").glob("*.npz"))
    assert kept
    for entry in kept:
        entry.write_bytes(entry.read_bytes()[:200])
    assert open_piece(tune).notes == first.notes


def test_a_full_disk_costs_only_the_cache(tune, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    tune.write_text(TUNE.replace("First", "Other"))
    monkeypatch.setattr(files.tempfile, "mkstemp", full)
    assert open_piece(tune).title == "Other"


def test_the_library_names_its_pieces():
    piece = open_piece("irish-washerwoman")
    assert piece.title
    assert piece.source
    assert piece.staves == 1


def test_a_bundled_file_may_be_opened_by_path(tmp_path):
    source = next(BUNDLED_FOLDER.glob("*.abc"))
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    assert open_piece(copy).notes


def test_unknown_names_and_files():
    with pytest.raises(UnknownPiece):
        open_piece("no-such-piece-at-all")
    with pytest.raises(BadScore):
        open_piece("/nowhere/score.musicxml")
