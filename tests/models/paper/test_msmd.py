"""MSMD from its LilyPond sources: built once, in its published split; what cannot be built says why."""

from __future__ import annotations

import numpy as np
import pytest

from models.game import MSMD
from models.msmd import NoSources
from models.paper import msmd, rounds
from pieces.lilypond import NoLilyPond


def test_a_build_goes_on_where_it_stopped_and_is_read_by_its_split(tmp_path, lay_out, study, lilypond):
    source = lay_out(
        tmp_path / "from", study=("valid", study), thief=("train", '#(system "true")'), gone=("test", study)
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
    with pytest.raises(NoSources, match=r"pieces\.json"):
        next(msmd.build("msmd", tmp_path, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_lilypond_nothing_is_begun(tmp_path, lay_out, study, no_lilypond):
    source = lay_out(tmp_path / "from", study=("train", study))
    with pytest.raises(NoLilyPond):
        next(msmd.build("msmd", source, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_splits_that_are_none_are_named(tmp_path):
    (tmp_path / rounds.SPLITS_NAME).write_text("[]")
    with pytest.raises(rounds.NoRounds, match=r"splits\.json"):
        rounds.load_split(tmp_path, "train", ("written",))
