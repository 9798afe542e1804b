"""Evaluation: games played by the rules, rows and intervals pooled right, pieces tied to people's takes."""
from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from models import evaluation, held_out, msmd, rooms
from models.evaluation import (
    Contestant,
    EarlierEvaluation,
    EvaluationItem,
    Recipe,
    evaluate,
    follow,
)
from models.features import SPEC
from models.follower.generator import generate_score
from models.game import Truth
from models.measures import judge, measure
from models.performance import LEAD_IN_S, STRICT, perform
from models.players import OptimalPlayer, SteadyPlayer
from models.results import Evaluation, bootstrap, tables, tabulate
from pieces.engraving import EngravingOptions, engrave
from pieces.errors import RipienoError, Unusable
from pieces.strip import build_piece


@pytest.fixture(scope="module")
def piece():
    return build_piece(engrave(generate_score(7, 1), EngravingOptions()), "study")


@pytest.fixture
def item(piece):
    performance = perform(piece, 0, STRICT)
    silence = np.zeros(int(performance.end_s * SPEC.sample_rate), np.float32)
    return EvaluationItem("study at tempo", piece, performance, silence, "made up")


class Listener(SteadyPlayer):
    """Notes what it hears."""

    def reset(self, x_px, speed_px_per_frame=0.0):
        super().reset(x_px, speed_px_per_frame)
        self.heard = []

    def step(self, frame):
        self.heard.append(frame)
        return super().step(frame)


def test_a_game_begins_at_the_first_onset_and_ends_at_the_last(piece, item):
    truth = Truth.from_performance(piece, item.performance)
    heard = np.arange(truth.last_frame - 3, dtype=np.float32)[:, None] * np.ones(SPEC.bands, np.float32)
    player = Listener()
    player.open(piece)
    cursor = follow(player, heard, truth)
    assert len(cursor) == truth.last_frame - truth.first_frame + 1
    assert cursor[0] == piece.onset_x_px[0]
    assert player.heard[0][0] == truth.first_frame and len(player.heard) == len(cursor) - 1
    assert player.heard[-1][0] == 0                                   # silence after the sound has ended


def test_players_who_know_and_players_who_read_on(item):
    contestants = [
        Contestant("optimal", lambda truth, trial: OptimalPlayer(truth)),
        Contestant("steady", lambda truth, trial: SteadyPlayer(), trials=2),
    ]
    outcomes = list(evaluate(contestants, [item, replace(item, name="again")]))
    assert [(o.item, o.player, o.measures.tracks) for o in outcomes] == [
        ("study at tempo", "optimal", 1), ("study at tempo", "steady", 2),
        ("again", "optimal", 1), ("again", "steady", 2),
    ]
    optimal, steady = tabulate(outcomes)
    assert (optimal.pieces, optimal.measures.tracks, steady.measures.tracks) == (1, 2, 4)
    assert optimal.measures.r_on == optimal.measures.r_tue == 1.0
    assert optimal.measures.within[0.05] == 1.0
    assert optimal.kind == "one-line tunes" and optimal.collection == "made up"
    assert steady.measures.r_on > 0.9          # the strict performance keeps the nominal tempo


def test_intervals_are_over_pieces():
    truth = Truth.from_onsets([0.0, 1.0, 2.0], [0.0, 20.0, 40.0])
    good, bad = judge(truth, truth.x_px, 50.0), judge(truth, truth.x_px + 60.0, 50.0)
    assert bootstrap([measure([good]), measure([good])])["r_on"] == (1.0, 1.0)
    assert bootstrap([measure([good]), measure([bad])])["r_on"] == (0.0, 1.0)
    low, high = bootstrap([measure([good, bad])] * 5)["r_tue"]        # pieces agree, trials differ
    assert low == high == 0.5
    found = bootstrap([measure([good]), measure([judge(truth, truth.x_px + 16.0, 50.0)])])
    assert found["within 0.5 s"] == (0.0, 1.0)               # 16 px are 0.8 s here
    assert found["within 1 s"] == (1.0, 1.0)
    assert found["error_mean_px"] == (0.0, 16.0)
    assert found["error_mean_cm"] == pytest.approx((0.0, 0.5644448))


def test_json_and_tables(item, tmp_path):
    outcomes = list(evaluate([Contestant("steady", lambda truth, trial: SteadyPlayer())], [item]))
    lost = replace(outcomes[0], player="lost", measures=measure([judge_lost(item)]))
    result = Evaluation({"seed": 0}, tabulate([*outcomes, lost]), [*outcomes, lost])
    result.save(tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["rows"][0]["measures"]["r_on"] == result.rows[0].measures.r_on
    assert document["rows"][1]["measures"]["error_mean_px"] is None
    assert document["rows"][0]["intervals"]["within 0.5 s"] == list(result.rows[0].intervals["within 0.5 s"])
    assert document["rows"][0]["measures"]["within"].keys() == {"0.05 s", "0.1 s", "0.5 s", "1 s", "5 s"}
    assert {i["name"] for i in document["items"]} == {"study at tempo"}
    again = Evaluation.load(tmp_path / "out.json")
    assert again.to_json() == result.to_json() and again.to_markdown() == result.to_markdown()
    written = (tmp_path / "out.md").read_text().splitlines()
    head, _, steady, lost_row = (line for line in written if line.startswith("|"))
    assert head.count("|") == steady.count("|") == lost_row.count("|")
    assert f"{result.rows[0].measures.r_on:.3f}" in steady and "nan" in lost_row
    assert steady.count(" to ") == 9                         # all but those of the old convention
    shown = io.StringIO()
    console = Console(file=shown, width=140)
    console.print(*tables(result.rows))
    assert "old R_on" in shown.getvalue() and "0.5 s" in shown.getvalue()
    with pytest.raises(RipienoError, match="cannot be written"):
        result.save(tmp_path / "no" / "folder.json")


def judge_lost(item):
    truth = Truth.from_performance(item.piece, item.performance)
    return judge(truth, truth.x_px[truth.first_frame:] + 1000.0, 50.0)


def test_evaluate_follower_from_end_to_end(monkeypatch, tmp_path):
    asked = []

    def load(name, seed, trials):
        asked.append((name, seed, trials))
        return [SteadyPlayer() for _ in range(trials)]

    monkeypatch.setattr(evaluation, "load_trials", load)
    monkeypatch.setattr(held_out, "default", lambda generated, playing: [
        held_out._recipe("made up", "generated", lambda: held_out._generated(0), 1.0),
        Recipe("broken", broken),
    ])
    shown = io.StringIO()
    console = Console(file=shown, width=140)
    result = evaluation.evaluate_follower(
        tmp_path / "out.json", agents=("other", "hindsight", "omr-odtw"), trials=2, seed=5, console=console
    )
    names = [row.player for row in result.rows]
    assert names == ["optimal", "steady", "other", "hindsight", "omr-odtw (corrupted score)"]
    assert result.rows[0].measures.r_on == 1.0 and result.rows[2].measures.tracks == 2
    assert result.rows[3].measures.r_on == 1.0 and result.rows[3].measures.tracks == 1
    assert result.skipped == {"broken": "too hard to read"}
    assert asked == [("other", 5, 2), ("omr-odtw", 5, 2)]
    assert json.loads((tmp_path / "out.json").read_text())["settings"]["trials"] == 2
    assert "R_tue" in shown.getvalue()


def test_players_of_the_same_name_keep_their_own_rows(monkeypatch, tmp_path, item):
    """A checkpoint called as the follower or a baseline is goes by its path; the same agent twice is once."""
    monkeypatch.setattr(evaluation, "load_trials", lambda name, seed, trials: [SteadyPlayer()])
    monkeypatch.setattr(held_out, "default", lambda generated, playing: [Recipe("a", lambda: item)])
    agents = ("follower", "runs/follower.safetensors", "x/steady.safetensors", "steady", "follower",
              "omr-odtw:a", "omr-odtw:b")  # fmt: skip
    result = evaluation.evaluate_follower(
        tmp_path / "out.json", agents=agents, console=Console(file=io.StringIO())
    )
    expected = ["optimal", "steady", "follower", "runs/follower.safetensors", "x/steady.safetensors",
                "omr-odtw:a", "omr-odtw:b"]  # fmt: skip
    assert [row.player for row in result.rows] == expected
    assert [outcome.player for outcome in result.outcomes] == expected


def test_a_player_opens_a_piece_once_for_all_its_performances(item):
    opened = []

    class Opening(SteadyPlayer):
        def open(self, piece):
            opened.append(piece)
            super().open(piece)

    players = [Opening(), Opening()]
    contestant = Contestant("two", lambda truth, trial: players[trial], trials=2)
    other = replace(item, piece=replace(item.piece, name="other"))
    list(evaluate([contestant], [item, replace(item, name="again"), other]))
    assert [piece.name for piece in opened] == ["study", "study", "other", "other"]


def test_what_one_player_cannot_open_is_left_out_for_all_and_listed(item):
    class Choosy(SteadyPlayer):
        def open(self, piece):
            if piece.name == "other":
                raise Unusable("nobody has read it")
            super().open(piece)

    contestants = [Contestant("steady", lambda *_: SteadyPlayer()), Contestant("choosy", lambda *_: Choosy())]
    other = replace(item, name="second", piece=replace(item.piece, name="other"))
    skipped: dict[str, str] = {}
    outcomes = list(evaluate(contestants, [other, item], skipped))
    assert [outcome.player for outcome in outcomes] == ["steady", "choosy"]
    assert skipped == {"second": "nobody has read it"}


def build_nothing(tried):
    tried.append("three")
    broken()


def broken():
    raise Unusable("too hard to read")


def test_what_is_reached_is_kept_and_a_count_is_drawn(monkeypatch, tmp_path, item):
    recipes = [Recipe(name, partial(replace, item, name=name)) for name in "abcdef"]
    monkeypatch.setattr(evaluation, "load_trials", lambda name, seed, trials: [SteadyPlayer()])
    drawn = [recipe.name for recipe in held_out.drawn(recipes, 4, seed=3)]
    assert drawn[:2] == [recipe.name for recipe in held_out.drawn(recipes, 2, seed=3)]
    assert drawn != [recipe.name for recipe in held_out.drawn(recipes, 4, seed=4)]
    assert held_out.drawn(recipes, 0, seed=3) == recipes

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(held_out, "default", lambda generated, playing: recipes)
    monkeypatch.setattr(held_out, "drawn", lambda recipes, count, seed: [
        *recipes[:2], Recipe("then", interrupt),
    ])
    with pytest.raises(KeyboardInterrupt):
        evaluation.evaluate_follower(tmp_path / "out.json", console=Console(file=io.StringIO()))
    kept = json.loads((tmp_path / "out.json").read_text())
    assert {item["name"] for item in kept["items"]} == {"a", "b"}
    assert kept["rows"][0]["measures"]["tracks"] == 2


def test_an_evaluation_goes_on_where_it_was_interrupted(monkeypatch, tmp_path, item):
    tried, out = [], tmp_path / "out.json"

    def build(name):
        tried.append(name)
        if name == "c" and tried.count("c") == 1:
            raise Unusable("too hard to read")
        return replace(item, name=name)

    recipes = [Recipe(name, partial(build, name)) for name in "abcd"]
    monkeypatch.setattr(evaluation, "load_trials", lambda name, seed, trials: [SteadyPlayer()])
    monkeypatch.setattr(held_out, "default", lambda generated, playing: recipes)
    monkeypatch.setattr(held_out, "drawn", lambda recipes, count, seed: recipes[: count or len(recipes)])

    def run(**options):
        return evaluation.evaluate_follower(out, console=Console(file=io.StringIO()), **options)

    run(count=3, resume=True)                                         # there is nothing to go on with
    assert tried == ["a", "b", "c"] and list(json.loads(out.read_text())["skipped"]) == ["c"]
    result = run(resume=True)
    assert tried == ["a", "b", "c", "c", "d"] and result.skipped == {}
    whole = json.loads(out.read_text())
    assert whole["rows"][0]["measures"]["tracks"] == 4 and whole["settings"]["count"] == 0
    with pytest.raises(EarlierEvaluation, match="--resume"):
        run()
    assert tried[5:] == [] and json.loads(out.read_text()) == whole
    with pytest.raises(RipienoError, match=r"other settings \(seed\)"):
        run(seed=1, resume=True)
    out.write_text("{}")
    with pytest.raises(RipienoError, match="no evaluation"):
        run(resume=True)
    reader, writer = os.pipe()
    out = Path(f"/dev/fd/{writer}")
    run(count=2)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert {found["name"] for found in json.load(pipe)["items"]} == {"a", "b"}, "the whole, once"
    with pytest.raises(RipienoError, match="--json"):
        evaluation.evaluate_follower(None, resume=True, console=Console(file=io.StringIO()))


def test_a_performance_in_a_room_is_the_same_but_for_its_sound(item, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_REFLECTIONS", 3)
    built = []

    def build(name):
        built.append(name)
        audio = np.random.default_rng(0).standard_normal(len(item.audio)).astype(np.float32)
        return replace(item, name=name, audio=audio)

    recipes = [Recipe(name, partial(build, name)) for name in ("one", "two")]
    in_rooms = held_out.each_in_a_room(recipes, seed=0)
    dry, wet, _, other = (recipe.build() for recipe in in_rooms)
    assert built == ["one", "two"]
    assert [recipe.name for recipe in in_rooms[:2]] == [dry.name, wet.name] == ["one", "one in a room"]
    assert (dry.collection, wet.collection) == ("made up", "made up in a room")
    assert wet.piece is dry.piece and wet.performance is dry.performance
    assert wet.audio.shape == dry.audio.shape and not np.allclose(wet.audio, dry.audio, atol=0.1)
    refused = Recipe("three", partial(build_nothing, built))
    for recipe in held_out.each_in_a_room([refused], seed=0):
        with pytest.raises(Unusable):
            recipe.build()
    assert built == ["one", "two", "three"]
    again, another = (held_out.each_in_a_room(recipes[:1], seed)[1].build() for seed in (0, 1))
    assert np.array_equal(again.audio, wet.audio)
    assert not np.array_equal(another.audio, wet.audio) and not np.array_equal(other.audio, wet.audio)


def test_people_are_heard_through_the_sound_set_kept_for_this(piece, tmp_path, monkeypatch):
    take = tmp_path / "human" / "Study__Player01"
    take.mkdir(parents=True)
    perform(piece, 0, STRICT).save_midi(take / "performance.mid")
    alignment(take, [(note.note_id, 1, note.pitch, 1.0 + i) for i, note in enumerate(piece.notes)])
    monkeypatch.setattr(held_out, "read_score", lambda path: None)
    monkeypatch.setattr(held_out, "_engraved", lambda score: piece)
    kept, heard_through = tmp_path / "MuseScore_General.sf3", []
    monkeypatch.setattr(held_out, "find_unheard_sound_set", lambda: kept)

    def render(performance, sample_rate, sound_set):
        heard_through.append(sound_set)
        return np.zeros(10, np.float32)

    monkeypatch.setattr(held_out, "render_performance", render)
    item = held_out.from_folder(tmp_path)[0].build()
    assert heard_through == [kept] and item.collection == "human" and item.piece.name == "Study"


def test_folders_without_music_are_refused(tmp_path):
    with pytest.raises(RipienoError, match="nottingham"):
        held_out.from_folder(tmp_path)


def test_msmd_gives_its_test_pieces_as_written(piece, tmp_path, monkeypatch):
    splits = {"b": "test", "a": "train", "c": "test"}
    listing = {name: {"file": f"{name}.ly", "split": split} for name, split in splits.items()}
    (tmp_path / "pieces.json").write_text(json.dumps(listing))
    monkeypatch.setattr(held_out, "find_lilypond", lambda: None)
    opened = []

    def open_source(path, name):
        opened.append(path)
        return piece

    monkeypatch.setattr(held_out, "open_source", open_source)
    recipes = held_out.from_folder(tmp_path)
    assert [recipe.name for recipe in recipes] == ["b", "c"]
    item = recipes[0].build()
    assert opened == [tmp_path / "ly/b.ly"] and item.collection == "msmd"
    gaps = np.diff(item.performance.anchors_s) / np.diff(item.performance.anchors_quarters)
    assert np.allclose(gaps, 60 / piece.tempo_bpm, atol=1e-6)


def test_of_msmd_the_pieces_that_were_recorded_are_a_collection_of_their_own(piece, tmp_path, monkeypatch):
    listing = {name: {"file": f"{name}.ly", "split": "test" if name != "a" else "train"} for name in "abc"}
    (tmp_path / "pieces.json").write_text(json.dumps(listing))
    monkeypatch.setattr(held_out, "find_lilypond", lambda: None)
    monkeypatch.setattr(held_out, "open_source", lambda path, name: piece)
    monkeypatch.setattr(evaluation, "load_trials", lambda name, seed, trials: [SteadyPlayer()])
    with pytest.raises(msmd.NoSources, match=r"rp_split\.yaml"):
        held_out.recorded_pieces(tmp_path)
    for content in ("test:\n", "test:\n- a\n", "test:\n- nobody\n"):
        (tmp_path / "rp_split.yaml").write_text(content)
        with pytest.raises(msmd.NoSources, match=r"rp_split\.yaml"):
            held_out.recorded_pieces(tmp_path)
    (tmp_path / "rp_split.yaml").write_text("test:\n- c\n")
    console = Console(file=io.StringIO())
    recorded = evaluation.evaluate_follower(None, tmp_path, recorded=True, console=console)
    out = tmp_path / "out.json"
    usual = evaluation.evaluate_follower(out, tmp_path, console=console)
    with pytest.raises(RipienoError, match=r"other settings \(recorded\)"):
        evaluation.evaluate_follower(out, tmp_path, recorded=True, resume=True, console=console)
    recorded.save(out)
    with pytest.raises(RipienoError, match=r"other settings \(recorded\)"):
        evaluation.evaluate_follower(out, tmp_path, resume=True, console=console)
    assert {outcome.item for outcome in recorded.outcomes} == {"c"} and recorded.settings["recorded"]
    assert {row.collection for row in recorded.rows} == {"msmd, recorded pieces"}
    assert {outcome.item for outcome in usual.outcomes} == {"b", "c"} and "recorded" not in usual.settings
    assert {row.collection for row in usual.rows} == {"msmd"}


def test_scores_are_played_as_by_a_person_or_as_written(piece, tmp_path, monkeypatch):
    (tmp_path / "nottingham").mkdir()
    monkeypatch.setattr("models.follower.data.recipes", lambda *_: [("a", None), ("b", None)])
    monkeypatch.setattr("models.follower.data.split_of", lambda title: "test")
    monkeypatch.setattr(held_out, "_read_and_engrave", lambda read: piece)

    def ends_s(recipes):
        return [recipe.build().performance.anchors_s[-1] - LEAD_IN_S for recipe in recipes]

    written_s = (piece.onset_quarters[-1] - piece.onset_quarters[0]) * 60 / piece.tempo_bpm
    assert ends_s(held_out.from_folder(tmp_path, held_out.AS_WRITTEN)) == pytest.approx([written_s] * 2)
    slower_s, other_s = ends_s(held_out.from_folder(tmp_path))
    assert slower_s > 1.2 * written_s and 0.8 * written_s < other_s < 1.2 * written_s


def alignment(tmp_path, rows):
    lines = ["note_id\tpass\tpitch\tonset_s", *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "alignment.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "alignment.tsv"


def test_alignment_gives_anchors(piece, tmp_path):
    a, b, c = piece.notes[:3]
    path = alignment(tmp_path, [
        (a.note_id, 1, a.pitch, 0.5), (a.note_id, 1, a.pitch, 0.4), (b.note_id, 1, b.pitch, 0.3),
        (c.note_id, 1, c.pitch, 1.0), ("unknown", 1, 60, 2.0), (c.note_id, 9, c.pitch, 3.0),
    ])
    quarters, seconds = held_out.aligned_onsets(piece, path)
    # a's first sound counts; b was played before a and is left out
    assert quarters.tolist() == pytest.approx([a.quarters, c.quarters]) and seconds.tolist() == [0.4, 1.0]


@pytest.mark.parametrize("text", [
    "note\tonset\na\t1.0\n", "note_id\tpass\tpitch\tonset_s\na\tfirst\t60\t1.0\n", "\xff\x00",
    "note_id\tpass\tpitch\tonset_s\na\t1\n", "note_id\tpass\tpitch\tonset_s\na\t0\t60\t1.0\n",
])  # fmt: skip
def test_an_alignment_of_another_layout_is_unusable(piece, tmp_path, text):
    (tmp_path / "alignment.tsv").write_text(text, encoding="latin-1")
    with pytest.raises(Unusable, match=r"alignment\.tsv is not|of 0 aligned"):
        held_out.aligned_onsets(piece, tmp_path / "alignment.tsv")


def test_a_performance_that_is_missing_is_unusable(piece, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "read_score", lambda path: None)
    monkeypatch.setattr(held_out, "_engraved", lambda score: piece)
    alignment(tmp_path, [])
    with pytest.raises(Unusable, match=r"performance\.mid"):
        held_out._human(tmp_path)


def test_alignment_of_another_piece_is_unusable(piece, tmp_path):
    path = alignment(tmp_path, [("x1", 1, 60, 0.5), ("x2", 1, 60, 1.0)])
    with pytest.raises(Unusable, match="0 of 2"):
        held_out.aligned_onsets(piece, path)
