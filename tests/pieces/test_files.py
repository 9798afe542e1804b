"""A file is either the old one or the new one, whatever happens while it is written."""

import os

import pytest

from pieces.files import replace_file


def test_it_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    replace_file(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_it(tmp_path):
    path = tmp_path / "a.json"
    replace_file(path, b"x")
    assert path.stat().st_mode & 0o444 == 0o444
