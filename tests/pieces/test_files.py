"""A file is either the old one or the new one, whatever happens while it is written."""

import os
import re
from datetime import datetime
from pathlib import Path

import pytest

from pieces.errors import BadScore, RipienoError
from pieces.files import MAX_JSON_BYTES, read_json, replace_file, replacing, saving, set_aside

ROOT = Path(__file__).resolve().parents[2]
IN_PLACE = re.compile(r"\.write_text\(|\.write_bytes\(|os\.replace\(|savefig\(path|save\(path, format")
HAND_OVER = {"pieces/files.py", "pieces/engraving.py", "pieces/lilypond.py"}
"""Where the stroke is done, and what writes for a process of its own into a temporary folder."""


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


def test_what_is_set_aside_keeps_its_content_and_its_ending(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"{")
    aside = set_aside(path, datetime(2026, 1, 2, 3, 4, 5))
    assert aside == tmp_path / "a.damaged-20260102-030405.json"
    assert aside.read_bytes() == b"{" and not path.exists()


def test_others_may_read_it(tmp_path):
    path = tmp_path / "a.json"
    replace_file(path, b"x")
    assert path.stat().st_mode & 0o444 == 0o444


def test_who_gives_up_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.tsv") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("problem", [RipienoError, BadScore])
def test_a_place_that_cannot_be_written_is_told_of(tmp_path, problem):
    path = tmp_path / "no" / "a.json"
    with pytest.raises(problem) as told, saving(path, problem):
        replace_file(path, b"x")
    assert str(told.value) == f"{path} cannot be written (No such file or directory). Choose another place."
    with pytest.raises(problem, match=r"\(out of paper\)"), saving(path, problem):
        raise OSError("out of paper")


def test_nothing_else_writes_a_file_in_place():
    files = [path for layer in ("app", "models", "pieces") for path in (ROOT / layer).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if IN_PLACE.search(path.read_text("utf-8"))}
    assert found == HAND_OVER


def test_json_is_read_or_refused_as_a_value(tmp_path):
    path = tmp_path / "a.json"
    for content in (b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            read_json(path)
    with path.open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(ValueError, match="too large"):
        read_json(path)
    path.write_bytes('{"a": "ä"}'.encode())
    assert read_json(path) == {"a": "ä"}


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_one_and_leads_to_the_new_file(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"
