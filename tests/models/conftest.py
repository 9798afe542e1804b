"""Shared by the tests of models: rounds made up from nothing, and sources laid out as MSMD's."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.features import SPEC
from models.game import Round, Truth
from pieces.lilypond import NoLilyPond, find_lilypond

MakeRound = Callable[..., Round]
LayOut = Callable[..., Path]

STUDY = r"""\version "2.24.0"
\score { \new PianoStaff << \new Staff { \tempo 4 = 90 \repeat unfold 2 { c'8 d' e' f' g' a' b' c'' } }
  \new Staff { \clef bass c1 g, } >> \layout { } }
"""


@pytest.fixture
def made_up_round() -> MakeRound:
    """The function that makes rounds."""
    return make_up


def make_up(seed: int, onsets: int = 12) -> Round:
    """A random strip, noise for sound, a truth of a few seconds with uneven tempo; same seed, same round."""
    rng = np.random.default_rng(seed)
    onset_s = 0.4 + np.cumsum(rng.uniform(0.1, 0.5, onsets))
    onset_x_px = 512 + np.cumsum(rng.uniform(5.0, 40.0, onsets))
    width_px = int(onset_x_px[-1]) + 512 + int(rng.integers(0, 3))
    strip = (rng.random((200, width_px)) < 0.2).astype(np.uint8) * 255
    truth = Truth.from_onsets(onset_s, onset_x_px)
    frames = rng.random((truth.last_frame - 2 + int(rng.integers(0, 6)), SPEC.bands)).astype(np.float32)
    return Round(strip, frames, truth)


@pytest.fixture
def study() -> str:
    """A LilyPond source of two measures on two staves: sixteen eighths over whole notes, at 90 a minute."""
    return STUDY


@pytest.fixture
def lay_out() -> LayOut:
    """The function that lays sources out as MSMD's are: (folder, NAME=(split, text)...)."""
    return lay_out_sources


def lay_out_sources(folder: Path, **pieces: tuple[str, str]) -> Path:
    listing = {}
    for name, (split, text) in pieces.items():
        path = folder / "ly" / name / f"{name}.ly"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        listing[name] = {"file": f"{name}/{name}.ly", "split": split}
    (folder / "pieces.json").write_text(json.dumps(listing))
    return folder


@pytest.fixture
def lilypond() -> None:
    """The test needs a real one."""
    try:
        find_lilypond()
    except NoLilyPond as error:
        pytest.skip(str(error))


@pytest.fixture
def no_lilypond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without one."""
    monkeypatch.setattr("pieces.lilypond.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
