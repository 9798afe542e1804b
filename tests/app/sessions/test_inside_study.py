"""The work of Inside: files followed in portions, reasons, pictures, and a child that speaks cleanly."""

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.child import Child
from app.sessions.inside.paper import paper_colours
from app.sessions.inside.requests import (
    Begin,
    Draw,
    Drawn,
    Embed,
    Explain,
    Explained,
    GoOn,
    MakeMap,
    Open,
    Problem,
)
from app.sessions.inside.run import Run
from app.sessions.inside.study import Study
from models.features import SPEC
from models.players import load_player, rest
from pieces.opening import open_piece


@pytest.fixture(scope="module")
def piece():
    return open_piece("good-king-wenceslas")


def opened(piece, follower="follower"):
    study = Study()
    assert study.answer(Open(piece, follower, 0, paper_colours())) is None
    return study


def follow(study, begin=None, portion=70):
    total = study.answer(begin or Begin())
    assert isinstance(total, int), total
    done = 0
    while not isinstance(reply := study.answer(GoOn(portion)), Run):
        done += portion
        assert reply == done <= total
    return reply


@pytest.fixture(scope="module")
def study(piece):
    return opened(piece)


@pytest.fixture(scope="module")
def run(study):
    return follow(study)


def test_a_run_is_what_the_follower_decides_by_itself(piece, run):
    record = run.record
    heard = np.flatnonzero(record.heard >= 0)
    assert len(run.fits) == len(record.time_s) and len(heard) > 10 * SPEC.fps
    assert record.embeddings.shape == (len(heard), 128)
    player = load_player("follower", 0, relocate=True)
    player.open(piece)
    player.reset(float(piece.onset_x_px[0]))
    for row in heard[:60]:
        decision = player.step(record.frames[record.heard[row]])
        rest(player)
        assert record.x_px[row] == pytest.approx(decision.x_px)
        assert decision.fit is not None and run.fits[row].heaviest == decision.fit.argmax()


def test_embeddings_of_what_was_heard_live_are_those_of_the_same_frames(study, run):
    start_px = float(run.record.x_px[0])
    found = study.answer(Embed(run.record.frames[:50], start_px))
    assert np.allclose(found, run.record.embeddings[:50], atol=1e-5)


def test_reasons_add_up_to_the_fit_and_pictures_of_them_are_drawn(study, run):
    row = run.row_near(run.end_s / 2)
    fit = run.fits[row]
    explained = study.answer(Explain(row, run.frames_until(row), fit.heaviest, (8,)))
    assert isinstance(explained, Explained) and explained.reasons is not None
    assert explained.reasons.column == fit.heaviest and explained.reasons.frames.shape == (40, SPEC.bands)
    drawn = study.answer(Draw(run, row))
    assert isinstance(drawn, Drawn) and drawn.left_out == ()
    at = f"at {round(run.record.time_s[row], 1):g} s"
    assert list(drawn.pictures) == ["timeline", "map", f"fit {at}", f"gradients {at}"]
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.pictures.values())
    other = study.answer(Draw(run, row + 1))
    assert list(other.pictures) == ["timeline", "map"]  # of that moment nothing was asked


def test_without_scikit_learn_and_captum_the_other_pictures_are_drawn(study, run, monkeypatch):
    for package in ("sklearn.manifold", "captum.attr"):
        monkeypatch.setitem(sys.modules, package, None)
    row = run.row_near(run.end_s / 3)
    explained = study.answer(Explain(row, run.frames_until(row), run.fits[row].heaviest, (8,)))
    assert explained.reasons is None and "captum" in explained.problem
    drawn = study.answer(Draw(run, row))
    assert [name.split()[0] for name in drawn.pictures] == ["timeline", "fit"]
    assert drawn.left_out == ("map", "gradients")


def test_too_short_a_run_has_no_map_and_says_so(study, run):
    short = replace(run.record, heard=run.record.heard[:30], embeddings=run.record.embeddings[:20])
    reply = study.answer(MakeMap(short))
    assert isinstance(reply, Problem) and "3 s" in reply.words


def test_a_player_that_only_reads_on_is_recorded_and_cannot_be_explained(piece):
    study = opened(piece, "steady")
    run = follow(study, portion=500)
    assert set(run.fits) == {None} and run.record.embeddings.shape[1] == 0
    assert "no states" in study.answer(MakeMap(run.record)).words
    reply = study.answer(Explain(20, run.frames_until(20), 5))
    assert reply == Explained(20, None, "Only Ripieno's own follower says why")


@pytest.mark.parametrize("begin", [Begin(audio=Path("missing.wav")), Begin(midi=Path("missing.mid"))])
def test_files_that_cannot_be_read_are_problems(study, begin):
    reply = study.answer(begin)
    assert isinstance(reply, Problem) and "missing" in reply.words


def test_the_child_says_nothing_but_answers(piece):
    child = Child("app.sessions.inside.child")
    try:
        request = Open(replace(piece, svg_pages=()), "nobody", 0, paper_colours())
        reply = pickle.loads(child.ask(pickle.dumps(request, protocol=5)))
        assert isinstance(reply, Problem) and "nobody" in reply.words
    finally:
        child.close()
