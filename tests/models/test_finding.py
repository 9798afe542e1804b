"""Finding again: breaks lie where they should, sound is cut where it should, found is who stays."""
from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from models import finding
from models.evaluation import EvaluationItem, Recipe
from models.features import SPEC, frames
from models.finding import Break, Finding, FindingEvaluation, draw_break, evaluate_follower_finding
from models.game import Truth
from models.performance import STRICT, perform
from models.players import Decision, SteadyPlayer
from pieces.opening import open_piece

FPS = SPEC.fps


@pytest.fixture(scope="module")
def item() -> EvaluationItem:
    piece = open_piece("irish-washerwoman")
    performance = perform(piece, 0, STRICT)
    noise = np.random.default_rng(0).normal(0.0, 0.1, int(performance.end_s * SPEC.sample_rate))
    return EvaluationItem("jig", piece, performance, noise.astype(np.float32), "made up")


@pytest.fixture(scope="module")
def truth(item) -> Truth:
    return Truth.from_performance(item.piece, item.performance)


class Returning:
    """Knows where the music is, but in the frames `absent` after the break it stands elsewhere."""

    def __init__(self, truth: Truth, where: Break, absent: list[int]) -> None:
        self.truth, self.where, self.absent = truth, where, absent
        self.goes_on = where.leave - where.begin + round(finding.GAP_S[where.kind] * FPS)
        self.rests = 0

    def open(self, piece) -> None: ...

    def reset(self, x_px, speed_px_per_frame=0.0) -> None:
        self.index = -1
        assert x_px == self.truth.x_at_frame(self.where.begin)

    def step(self, frame) -> Decision:
        self.index += 1
        after = self.index - self.goes_on
        there = self.truth.x_at_frame(self.where.arrive + after) + 40.0  # b is 50
        return Decision(0.0, -1000.0 if after in self.absent else there, 0.0)

    def rest(self) -> None:
        self.rests += 1


@pytest.mark.parametrize("kind", finding.KINDS)
def test_breaks_leave_enough_before_and_after_and_lead_away(item, truth, kind):
    rng = np.random.default_rng(1)
    breaks = [draw_break(kind, item.piece, truth, rng) for _ in range(200)]
    drawn = [where for where in breaks if where is not None]
    assert len(drawn) > 150
    for where in drawn:
        assert where.leave - where.begin >= finding.SHORTEST_AFTER_S * FPS
        assert where.leave - where.begin <= finding.BEFORE_S * FPS
        assert truth.last_frame - where.arrive >= finding.SHORTEST_AFTER_S * FPS
        away_px = abs(truth.x_px[where.arrive] - truth.x_px[where.leave])
        assert away_px == 0 if kind == "pause" else away_px > finding.FAR * item.piece.tolerance_px
        assert kind != "restart" or where.arrive == truth.first_frame
    assert kind == "restart" or len({where.leave for where in drawn}) > 20


def test_a_piece_of_a_few_seconds_has_no_breaks(item):
    short = Truth.from_onsets([0.5, 4.0, 9.0], [600.0, 700.0, 800.0])
    rng = np.random.default_rng(0)
    assert all(draw_break(kind, item.piece, short, rng) is None for kind in finding.KINDS)


def test_a_repeated_passage_is_the_same_place_and_its_neighbour_is_not(item):
    piece = item.piece
    first, second = (
        next(s for s in piece.segments if s.strip_x0_px > 0),
        next(s for s in reversed(piece.segments) if (s.page, s.system) == (piece.segments[0].page, 0)),
    )
    assert second.strip_x0_px > first.strip_x1_px  # written once, played twice
    inside = 0.5 * (second.page_x0_px + second.page_x1_px)
    again = second.strip_x0_px + (inside - second.page_x0_px) * second.scale
    before = first.strip_x0_px + (inside - first.page_x0_px) * first.scale
    assert finding._same_place(piece, before, again)
    assert not finding._same_place(piece, before, again + 1.5 * piece.tolerance_px)


def some_break(kind, item, truth, seed) -> Break:
    where = draw_break(kind, item.piece, truth, np.random.default_rng(seed))
    assert where is not None
    return where


@pytest.mark.parametrize("kind", finding.KINDS)
def test_sound_is_that_before_silence_and_that_after(item, truth, kind):
    where = some_break(kind, item, truth, 3)
    heard, goes_on = finding.broken_sound(item.audio, where, truth.last_frame)
    whole = frames(item.audio)
    edge = 3  # frames that reach over a cut
    assert goes_on == where.leave - where.begin + finding.GAP_S[kind] * FPS
    before = heard[edge:where.leave - where.begin - edge]
    assert np.abs(before - whole[where.begin + edge:where.leave - edge]).max() < 0.25  # half a sample apart
    assert heard[where.leave - where.begin + edge:goes_on - edge].max() == 0.0
    after = heard[goes_on + edge:]
    expected = whole[where.arrive + edge:where.arrive + edge + len(after) - edge]
    assert np.abs(after[:len(expected)] - expected).max() < 0.25
    assert len(after) > (finding.SHORTEST_AFTER_S - 1) * FPS


@pytest.mark.parametrize(("absent", "seconds"), [
    ([], 0.0),
    (list(range(30)), 1.5),
    ([*range(10), 15], 0.8),  # back for a moment does not count
    (list(range(0, 1000, 19)), math.inf),
])  # fmt: skip
def test_found_is_who_stays(item, truth, absent, seconds):
    where = some_break("jump", item, truth, 4)
    player = Returning(truth, where, absent)
    assert finding.found_after_s(player, item, truth, where) == seconds
    assert player.rests == player.index + 1  # scouting happens while it rests


def test_rows_count_and_files_hold_what_was_never_found(tmp_path):
    where = Break("jump", 0, 100, 300)
    seconds = [0.5, 2.0, 4.0, math.inf]
    findings = [Finding("agent", "a", "made up", "tunes", where, s) for s in seconds]
    result = FindingEvaluation({"seed": 0}, findings, {"b": "no notes"})
    (row,) = result.rows
    assert row.within == {1.0: 0.25, 3.0: 0.5, 6.0: 0.75}
    assert (row.breaks, row.ever, row.median_s) == (4, 0.75, 3.0)
    result.save(tmp_path / "found.json")
    document = json.loads((tmp_path / "found.json").read_text())
    assert [b["seconds"] for b in document["breaks"]] == [0.5, 2.0, 4.0, None]
    assert document["skipped"] == {"b": "no notes"}
    line = (tmp_path / "found.md").read_text().splitlines()[-1]
    assert line == "| made up, tunes | agent | jump | 4 | 0.250 | 0.500 | 0.750 | 0.750 | 3.00 |"


def test_who_reads_on_passes_pauses_badly_and_the_command_says_so(item, monkeypatch, tmp_path):
    monkeypatch.setattr("models.held_out.default", lambda generated: [Recipe("jig", lambda: item)])
    out, path = io.StringIO(), tmp_path / "found.json"
    console = Console(file=out, width=200)
    result = evaluate_follower_finding(path, agents=["steady"], trials=4, console=console)
    assert {row.kind for row in result.rows} == set(finding.KINDS)
    assert all(row.within[3.0] < 1.0 for row in result.rows if row.kind != "restart")
    assert path.exists() and "Found again" in out.getvalue()
    again = evaluate_follower_finding(agents=["steady", "steady"], trials=4, console=console)
    assert again.findings == result.findings


def test_agents_of_the_same_name_are_told_apart(item, monkeypatch):
    monkeypatch.setattr("models.held_out.default", lambda generated: [Recipe("jig", lambda: item)])
    monkeypatch.setattr(finding, "load_player", lambda name, seed, relocate: SteadyPlayer())
    agents = ["follower", "runs/follower.safetensors"]
    result = evaluate_follower_finding(agents=agents, trials=1, console=Console(file=io.StringIO()))
    assert list(dict.fromkeys(row.player for row in result.rows)) == agents
