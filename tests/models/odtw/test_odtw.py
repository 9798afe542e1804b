"""Warping equal to the plain recursion, and followers made of it."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.evaluation import follow
from models.features import frames
from models.follower.generator import generate_score
from models.game import Truth
from models.measures import judge, measure
from models.odtw.player import OdtwPlayer, midi_odtw, omr_odtw
from models.odtw.score import Mistakes, corrupted, read_notes, recognised, true_notes
from models.odtw.warping import OnlineWarp
from models.performance import HUMAN, STRICT, perform
from models.sound import render_performance
from pieces.engraving import EngravingOptions, engrave
from pieces.errors import Unusable
from pieces.strip import build_piece


@pytest.fixture(scope="module")
def piece():
    return build_piece(engrave(generate_score(7, 1), EngravingOptions()), "study")


def plain(reference, live):
    """The whole symmetric recursion, pair by pair; the place after every live row."""
    costs = np.full((len(live), len(reference)), np.inf)
    places = []
    for i, row in enumerate(live):
        for j, other in enumerate(reference):
            d = np.linalg.norm(row - other)
            before = [2 * d] if i == j == 0 else []
            before += [costs[i - 1, j] + d] if i else []
            before += [costs[i, j - 1] + d] if j else []
            before += [costs[i - 1, j - 1] + 2 * d] if i and j else []
            costs[i, j] = min(before)
        places.append(int(np.argmin(costs[i] / (i + np.arange(len(reference)) + 2))))
    return places


def test_warping_is_the_plain_recursion():
    rng = np.random.default_rng(0)
    reference = rng.random((30, 4))
    live = reference[np.sort(rng.integers(0, 30, 40))] + 0.05 * rng.random((40, 4))
    warp = OnlineWarp(reference, reach=100)
    assert [warp.step(row) for row in live] == plain(reference, live)


def test_a_window_is_enough_where_the_music_stays_near():
    reference = np.random.default_rng(1).random((300, 8))
    whole, windowed = OnlineWarp(reference, 1000), OnlineWarp(reference, 20)
    live = np.repeat(reference, 2, axis=0)[:400]
    assert [windowed.step(row) for row in live] == [whole.step(row) for row in live]
    assert abs(windowed.place - 199) <= 1


def test_begins_where_it_is_put():
    reference = np.random.default_rng(2).random((100, 8))
    warp = OnlineWarp(reference)
    warp.step(reference[0])
    warp.reset(60)
    assert [warp.step(row) for row in reference[60:70]] == list(range(60, 70))


def played(piece, player, performance):
    truth = Truth.from_performance(piece, performance)
    player.open(piece)
    cursor = follow(player, frames(render_performance(performance)), truth)
    return measure([judge(truth, cursor, piece.tolerance_px)])


def test_midi_odtw_is_the_upper_bound(piece):
    found = played(piece, midi_odtw(), perform(piece, 0, STRICT))
    assert found.r_on == found.r_tue == 1.0 and found.within[0.1] > 0.95


def test_it_follows_another_tempo_and_a_person(piece):
    found = played(piece, midi_odtw(), perform(piece, 3, HUMAN, tempo_factor=0.8))
    assert found.within[0.5] > 0.9


def test_the_stand_in_makes_its_mistakes_and_the_same_again(piece):
    written = true_notes(piece)
    one, again, other = (corrupted(written, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.rows, again.rows) and not np.array_equal(one.rows, other.rows)
    assert len(one.rows) < len(written.rows) and one.length == written.length
    assert np.array_equal(corrupted(written, 1, Mistakes(0, 0, 0)).rows, written.rows)
    assert played(piece, omr_odtw(), perform(piece, 0, STRICT)).within[1.0] > 0.5


def test_reads_what_a_recogniser_wrote(piece, tmp_path):
    perform(piece, 0, STRICT).save_midi(tmp_path / "study.mid")
    found = recognised(piece, tmp_path)
    assert len(found.rows) == len(true_notes(piece).rows)
    assert np.array_equal(read_notes(tmp_path / "study.mid", piece).rows, found.rows)
    by_file = played(piece, OdtwPlayer(lambda piece: recognised(piece, tmp_path / "study.mid")),
                     perform(piece, 0, STRICT))  # fmt: skip
    assert by_file.within[1.0] > 0.9
    for path, name in (("/music/study.abc", "study"), ("/music/book.abc#7", "book-7")):
        perform(piece, 0, STRICT).save_midi(tmp_path / f"{name}.mid")
        assert np.array_equal(recognised(replace(piece, name=path), tmp_path).rows, found.rows)
    mistaken = recognised(replace(piece, name="/music/study.abc"), None)
    assert np.array_equal(mistaken.rows, recognised(piece, None).rows)
    with pytest.raises(Unusable, match=r"study\.musicxml"):
        recognised(piece, tmp_path.parent)
    (tmp_path / "study.mid").write_bytes(b"no MIDI")
    with pytest.raises(Unusable, match=r"study\.mid"):
        recognised(piece, tmp_path)
