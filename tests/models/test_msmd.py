"""Which of MSMD's sources there are to build of a folder."""
from __future__ import annotations

import json

from models import msmd


def test_what_the_program_brings_along_is_only_tested_on(tmp_path):
    listing = {
        "minuet": {"file": "BachJS/BWVAnh115/anna-magdalena-05/anna-magdalena-05.ly", "split": "train"},
        "musette": {"file": "BachJS/BWVAnh126/anna-magdalena-22/anna-magdalena-22.ly", "split": "test"},
        "other": {"file": "other/other.ly", "split": "train"},
    }
    (tmp_path / "pieces.json").write_text(json.dumps(listing))
    assert [source.name for source in msmd.read_sources(tmp_path)] == ["musette", "other"]
