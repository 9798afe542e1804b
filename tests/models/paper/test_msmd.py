"""MSMD from its LilyPond sources: built once, in its published split; what cannot be built says why."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.game import MSMD
from models.paper import msmd, rounds
from pieces.lilypond import NoLilyPond, find_lilypond

STUDY = r"""\version "2.24.0"
\score { \new PianoStaff << \new Staff { \tempo 4 = 90 \repeat unfold 2 { c'8 d' e' f' g' a' b' c'' } }
  \new Staff { \clef bass c1 g, } >> \layout { } }
"""


def lay_out(folder, **pieces):
    """Sources with their split, as MSMD's are laid out."""
    listing = {}
    for name, (split, text) in pieces.items():
        path = folder / "ly" / name / f"{name}.ly"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        listing[name] = {"file": f"{name}/{name}.ly", "split": split}
    (folder / "pieces.json").write_text(json.dumps(listing))
    return folder


def test_a_build_goes_on_where_it_stopped_and_is_read_by_its_split(tmp_path):
    try:
        find_lilypond()
    except NoLilyPond as error:
        pytest.skip(str(error))
    source = lay_out(
        tmp_path / "from", study=("valid", STUDY), thief=("train", '#(system "true")'), gone=("test", STUDY)
    )
    (source / "ly/gone/gone.ly").unlink()
    out = tmp_path / "out"
    told = list(msmd.build("msmd", source, out, workers=1))
    assert [done for done, _, _ in told] == [1, 2, 3] and sum(bool(reason) for *_, reason in told) == 2
    listed = dict(line.split("\t") for line in (out / "skipped.txt").read_text().splitlines())
    assert "reaches out (system)" in listed["thief"] and "no LilyPond source" in listed["gone"]
    assert list(msmd.build("msmd", source, out, workers=1)) == []  # nothing is left to do
    (played,) = rounds.load_split(out, "valid", ("written",))
    assert len(played.truth.onset_frames) == 16
    gaps = np.diff(played.truth.onset_frames[[0, 8, 15]])  # eighths at 90 a minute: 1/3 s, 20 frames a second
    assert np.allclose(gaps, [8 * 20 / 3, 7 * 20 / 3], atol=1.5)
    assert played.strip.shape[0] == 200 and played.strip.shape[1] > 2 * MSMD.window_columns_px
    with pytest.raises(rounds.NoRounds, match="or msmd"):
        rounds.load_split(out, "train", ("written",))


@pytest.mark.parametrize("listing", [
    None, "", "[1]", "{}", '{"a": {"file": "a.ly"}}', '{"a": {"file": "a.ly", "split": "most"}}',
    '{"../a": {"file": "a.ly", "split": "train"}}', '{"a": {"file": "../../a.ly", "split": "train"}}',
])  # fmt: skip
def test_another_layout_is_named(listing, tmp_path):
    if listing is not None:
        (tmp_path / "pieces.json").write_text(listing)
    with pytest.raises(msmd.NoSources, match=r"pieces\.json"):
        next(msmd.build("msmd", tmp_path, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_lilypond_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr("pieces.lilypond.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    source = lay_out(tmp_path / "from", study=("train", STUDY))
    with pytest.raises(NoLilyPond):
        next(msmd.build("msmd", source, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_what_the_program_brings_along_is_only_tested_on(tmp_path):
    folder = lay_out(tmp_path, minuet=("train", STUDY), musette=("test", STUDY), other=("train", STUDY))
    listing = {
        "minuet": {"file": "BachJS/BWVAnh115/anna-magdalena-05/anna-magdalena-05.ly", "split": "train"},
        "musette": {"file": "BachJS/BWVAnh126/anna-magdalena-22/anna-magdalena-22.ly", "split": "test"},
        "other": {"file": "other/other.ly", "split": "train"},
    }
    (folder / "pieces.json").write_text(json.dumps(listing))
    assert [source.name for source in msmd.read_sources(folder)] == ["musette", "other"]


def test_splits_that_are_none_are_named(tmp_path):
    (tmp_path / rounds.SPLITS_NAME).write_text("[]")
    with pytest.raises(rounds.NoRounds, match=r"splits\.json"):
        rounds.load_split(tmp_path, "train", ("written",))
