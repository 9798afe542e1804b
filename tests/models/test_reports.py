"""What an evaluation leaves behind: JSON that any program reads, and words where it cannot be written."""

import json

import numpy as np
import pytest

from models.reports import as_json, is_stream, save_report
from pieces.errors import RipienoError


def test_numbers_that_are_none_become_null():
    found = {"rows": [{"error": float("nan"), "within": (1.0, float("inf"))}], "worst": np.float64("nan")}
    written = json.loads(as_json(found))
    assert written == {"rows": [{"error": None, "within": [1.0, None]}], "worst": None}


def test_markdown_lies_beside_it_where_there_is_any(tmp_path):
    save_report(tmp_path / "a.json", "{}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    save_report(tmp_path / "a.json", "{}\n", "# Ä\n")
    assert (tmp_path / "a.md").read_bytes() == "# Ä\n".encode()


def test_beside_what_is_no_file_lies_nothing(tmp_path):
    (tmp_path / "out").symlink_to("/dev/null")
    save_report(tmp_path / "out", "{}\n", "# Words\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (tmp_path / "out").is_symlink()
    assert is_stream(tmp_path / "out") and not is_stream(tmp_path) and not is_stream(tmp_path / "new.json")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(RipienoError, match=r"no/a\.json cannot be written"):
        save_report(tmp_path / "no" / "a.json", "{}\n")
