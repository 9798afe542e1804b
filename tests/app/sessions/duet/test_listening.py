"""The listening test: what is compared, in which order, and what the votes come to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from app.sessions.duet.listening import EXCERPT_BEATS, ListeningTest, Material, NothingToCompare
from app.sessions.duet.votes import PairResult, Vote, VoteFile, VoteNotSaved, tally

MELODIES = [Material("long", 64), Material("short", 9)]


@pytest.fixture
def file(tmp_path):
    return VoteFile(tmp_path / "votes.json")


def test_the_order_is_drawn_anew_and_no_side_is_favoured(file):
    test = ListeningTest(["duet", "duet-mle"], MELODIES, file, seed=3)
    sides = Counter(test.next().a for _ in range(400))
    assert set(sides) == {"duet", "duet-mle"}
    assert stats.binomtest(sides["duet"], 400).pvalue > 0.001


def test_excerpts_lie_within_the_melody_and_begin_with_a_bar(file):
    test = ListeningTest(["duet", "duet-mle"], MELODIES, file, seed=1)
    seen = [test.next() for _ in range(200)]
    for trial in seen:
        assert trial.from_beat % 4 == 0
        assert trial.from_beat + trial.beats <= {"long": 64, "short": 9}[trial.melody]
        assert trial.beats == min(EXCERPT_BEATS, {"long": 64, "short": 9}[trial.melody])
    assert len({trial.from_beat for trial in seen}) > 5


def test_excerpts_of_a_melody_in_three_are_whole_bars_of_three(file):
    test = ListeningTest(["duet", "duet-mle"], [Material("waltz", 60, 3)], file, seed=1)
    for _ in range(50):
        trial = test.next()
        assert trial.from_beat % 3 == 0 and trial.beats == 15 and trial.from_beat + trial.beats <= 60


def test_the_pair_with_the_fewest_votes_comes_next(file):
    test = ListeningTest(["x", "y", "z"], MELODIES, file, seed=0)
    for _ in range(30):
        test.next()
        test.answer("same")
    assert [result.undecided for result in test.results()] == [10, 10, 10]


def test_a_vote_goes_to_the_agent_behind_the_button(file):
    test = ListeningTest(["duet", "duet-mle"], MELODIES, file, seed=5)
    for _ in range(20):
        trial = test.next()
        vote = test.answer("a" if trial.a == "duet" else "b")
        assert vote.better == "duet"
        assert test.trial is None
    assert test.results() == [PairResult("duet", "duet-mle", 20, 0, 0)]


def test_one_agent_is_not_compared_with_itself(file):
    with pytest.raises(NothingToCompare, match="only duet is here"):
        ListeningTest(["duet", "duet"], MELODIES, file)
    with pytest.raises(NothingToCompare, match="there is none"):
        ListeningTest([], MELODIES, file)
    with pytest.raises(NothingToCompare, match="drop a MIDI file"):
        ListeningTest(["duet", "other"], [], file)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_statistics_are_those_of_the_textbook(one, other):
    result = PairResult("a", "b", one, other)
    if not result.decided:
        assert result.interval == (0.0, 1.0) and result.p_value == 1.0
        return
    expected = stats.binomtest(one, one + other)
    assert result.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    low, high = expected.proportion_ci(method="wilson")
    assert result.interval == pytest.approx((low, high), abs=1e-5)


def test_pairs_are_counted_whatever_the_order():
    votes = [Vote("m", "a", "b", "a", ""), Vote("m", "b", "a", "a", ""), Vote("m", "b", "a", "b", ""),
             Vote("m", "c", "a", "", "")]  # fmt: skip
    assert tally(votes) == [PairResult("a", "b", 2, 1, 0), PairResult("a", "c", 0, 0, 1)]


def test_votes_stay(file):
    votes = [Vote("m", "a", "b", "a", "2026-01-01"), Vote("m", "b", "a", "", "2026-01-02")]
    for vote in votes:
        file.add(vote)
    assert VoteFile(file.path).votes() == votes


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[1]", b"\xff\xfe", b'{"version": 2, "votes": []}', b'{"version": 1}', b"[" * 9999]
)
def test_a_damaged_file_is_set_aside_and_said(file, junk):
    file.path.write_bytes(junk)
    assert file.votes() == []
    assert "set aside" in file.notice
    file.add(Vote("m", "a", "b", "a", ""))
    assert len(file.votes()) == 1
    (aside,) = file.path.parent.glob("*.damaged-*.json")
    assert aside.read_bytes() == junk and aside.name in file.notice


@pytest.mark.parametrize("damaged, refusing", [(False, "read_bytes"), (True, "replace")])
def test_votes_that_cannot_be_read_for_now_or_not_be_set_aside_are_not_overwritten(
    file, monkeypatch, damaged, refusing
):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    vote = Vote("m", "a", "b", "a", "2026-01-01")
    file.add(vote)
    if damaged:
        file.path.write_bytes(b"{")
    before = file.path.read_bytes()
    with monkeypatch.context() as for_now:
        for_now.setattr(Path, refusing, refuse)
        assert file.votes() == [] and "Permission denied" in file.notice
        with pytest.raises(VoteNotSaved, match="Permission denied"):
            file.add(vote)
    assert [other.read_bytes() for other in file.path.parent.glob("*.json")] == [before]


@given(rows=st.lists(st.one_of(
    st.none(), st.integers(), st.text(), st.dictionaries(st.text(), st.integers()),
    st.fixed_dictionaries({name: st.sampled_from(["a", "b", "", "c"]) for name in Vote.__match_args__}),
)))  # fmt: skip
def test_strange_lines_are_passed_over_and_kept(tmp_path_factory, rows):
    file = VoteFile(tmp_path_factory.mktemp("votes") / "votes.json")
    file.path.write_text(json.dumps({"version": 1, "votes": rows}))
    before = file.votes()
    assert all(vote.a != vote.b and vote.better in (vote.a, vote.b, "") for vote in before)
    file.add(Vote("m", "a", "b", "b", ""))
    assert file.votes() == [*before, Vote("m", "a", "b", "b", "")]
    assert json.loads(file.path.read_text())["votes"][:-1] == rows


def test_a_file_that_cannot_be_written_is_said_in_words(tmp_path):
    with pytest.raises(VoteNotSaved, match="Check"):
        VoteFile(tmp_path / "no" / "votes.json").add(Vote("m", "a", "b", "a", ""))
