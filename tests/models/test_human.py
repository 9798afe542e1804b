"""People's performances built once: the same to evaluate on, and nothing to train on."""
from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from rich.console import Console

from app import cli
from models import evaluation, held_out, human, training
from models.evaluation import Recipe
from models.evaluation_only import MARK_NAME, EvaluationOnly, Mark, mark, read_mark
from models.follower.batches import load_items
from models.follower.data import split_of
from models.follower.generator import generate_score
from models.packing import BadPack
from models.performance import perform
from models.players import SteadyPlayer
from models.stored_items import load, save
from pieces.engraving import engrave
from pieces.errors import RipienoError, Unusable
from pieces.strip import build_piece

NAMES = ("Duo__B", "Solo__A")


def lay_out(folder, name, score, seed):
    """A take as `human` has them: a score, a performance, and which note of it sounds when."""
    take = folder / name
    take.mkdir(parents=True)
    (take / "score.musicxml").write_text(score.text)
    piece = build_piece(engrave(score), name)
    played = perform(piece, seed)
    played.save_midi(take / "performance.mid")
    rows = ["note_id\tpass\tpitch\tonset_s"]
    rows += [f"{n.note_id}\t1\t{n.pitch}\t{float(played.time_at(n.quarters)):.4f}" for n in piece.notes]
    (take / "alignment.tsv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two takes, and one whose alignment is of another layout."""
    folder = tmp_path_factory.mktemp("from") / "human"
    for seed, name in enumerate(NAMES, start=1):
        lay_out(folder, name, generate_score(seed, 3 - seed, bars=6), seed)
    shutil.copytree(folder / NAMES[0], folder / "Odd__C")
    (folder / "Odd__C" / "alignment.tsv").write_text("note\tonset\n")
    return folder


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    """What was built of it."""
    out = tmp_path_factory.mktemp("out") / "human"
    told = list(human.build("human", source, out, workers=2))
    assert [done for done, _, _ in told] == [1, 2, 3] and len([reason for *_, reason in told if reason]) == 1
    return out


@pytest.fixture(scope="module")
def fresh(source):
    """What the source gives."""
    return {recipe.name: recipe.build() for recipe in held_out.from_folder(source) if recipe.name in NAMES}


def test_what_is_built_is_what_its_source_gives(source, made, fresh):
    files = {"Duo__B.npz", "Solo__A.npz", MARK_NAME, "skipped.txt"}
    assert {path.name for path in made.iterdir()} == files
    for folder in (made, made.parent):                     # the folder itself, or the one that it is in
        again = held_out.from_folder(folder)
        assert [recipe.name for recipe in again] == [recipe.name for recipe in held_out.from_folder(source)]
    for name, item in fresh.items():
        kept = load(made / f"{name}.npz")
        assert np.array_equal(item.audio, kept.audio) and item.audio.dtype == kept.audio.dtype
        assert (item.name, item.collection, item.kind) == (kept.name, kept.collection, kept.kind)
        assert item.performance.notes == kept.performance.notes
        assert item.performance.pedal == kept.performance.pedal
        assert np.array_equal(item.performance.anchors_s, kept.performance.anchors_s)
        assert np.array_equal(item.performance.anchors_quarters, kept.performance.anchors_quarters)
        assert (item.piece.name, item.piece.notes) == (kept.piece.name, kept.piece.notes)
        assert np.array_equal(item.piece.strip, kept.piece.strip)


def test_an_evaluation_of_either_finds_the_same(made, fresh, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "load_trials", lambda name, seed, trials: [SteadyPlayer()])
    monkeypatch.setattr(held_out, "find_unheard_sound_set", lambda: tmp_path / "Another.sf3")
    found = evaluation.evaluate_follower(tmp_path / "made.json", made, console=quiet())
    sounds = found.settings["unheard_sound_set"]
    assert sounds == read_mark(made).unheard_sound_set != "Another.sf3"
    assert found.skipped.keys() == {"Odd__C"}
    assert "left out" in found.skipped["Odd__C"] and "0 aligned" in found.skipped["Odd__C"]
    recipes = [Recipe(name, partial(fresh.get, name)) for name in fresh]
    monkeypatch.setattr(held_out, "takes_in", lambda folder: recipes)
    (tmp_path / "human").mkdir()
    anew = evaluation.evaluate_follower(tmp_path / "anew.json", tmp_path / "human", console=quiet())
    assert found.rows == anew.rows and found.settings == anew.settings | {"unheard_sound_set": sounds}


def quiet():
    return Console(file=io.StringIO())


def test_a_build_goes_on_with_what_there_is_and_evaluation_says_what_is_missing(source, made, tmp_path):
    out = tmp_path / "human"
    shutil.copytree(made, out)
    (out / "Solo__A.npz").unlink()                                        # as an interrupted build leaves it
    recipes = {recipe.name: recipe for recipe in held_out.from_folder(out)}
    assert list(recipes) == [recipe.name for recipe in held_out.takes_in(source)]
    with pytest.raises(Unusable, match=r"not in .* yet"):
        recipes["Solo__A"].build()
    before = (out / "Duo__B.npz").stat().st_mtime_ns
    assert list(human.build("human", source, out, workers=1)) == [(3, 3, "")]
    assert (out / "Duo__B.npz").stat().st_mtime_ns == before and recipes["Solo__A"].build().name == "Solo__A"
    assert list(human.build("human", source, out, workers=1)) == []


def test_a_count_is_what_an_evaluation_of_so_many_draws(source, tmp_path, monkeypatch):
    monkeypatch.setattr(human, "build_files", lambda wanted, *_: [(1, len(wanted), "")])
    out = tmp_path / "human"
    for count in (1, 2, 1, 0):
        list(human.build("human", source, out, count))
        built = read_mark(out).pieces
        drawn = {recipe.name for recipe in held_out.drawn(held_out.from_folder(source), count, seed=0)}
        assert drawn <= set(built) and built == tuple(sorted(built))
    assert len(built) == 3


def test_a_damaged_file_costs_its_piece_and_a_damaged_mark_is_said(made, tmp_path):
    out = tmp_path / "human"
    shutil.copytree(made, out)
    whole = (out / "Duo__B.npz").read_bytes()
    for content in (b"", b"no zip", whole[: len(whole) // 2]):
        (out / "Duo__B.npz").write_bytes(content)
        with pytest.raises(Unusable, match="damaged"):
            held_out.from_folder(out)[0].build()
    np.savez(out / "Duo__B.npz", audio=np.zeros(3))
    with pytest.raises(Unusable, match="damaged"):
        held_out.from_folder(out)[0].build()
    for content in ("", "[]", '{"version": 0}', '{"version": 1, "pieces": 3}'):
        (out / MARK_NAME).write_text(content)
        with pytest.raises(EvaluationOnly, match="damaged"):
            held_out.from_folder(out)
        with pytest.raises(EvaluationOnly, match="evaluation only"):
            load_items([out], "train")


def test_it_goes_nowhere_else(source, made, tmp_path, monkeypatch):
    with pytest.raises(RipienoError, match="nothing to read"):
        next(human.build("human", tmp_path, tmp_path / "out"))
    other = tmp_path / "lieder"
    other.mkdir()
    (other / "song.npz").write_bytes(b"")
    with pytest.raises(EvaluationOnly, match="other data"):
        next(human.build("human", source, other))
    assert [path.name for path in other.iterdir()] == ["song.npz"]
    monkeypatch.setattr(human, "find_unheard_sound_set", lambda: tmp_path / "Another.sf3")
    with pytest.raises(EvaluationOnly, match="name another folder"):
        next(human.build("human", source, made))
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationOnly, match="cannot be written"):
        mark(tmp_path / "file" / "human", Mark("human", (), 22_050, None))


@pytest.fixture
def tempting(made, tmp_path):
    """The built set, its pieces named so that they would be trained on, and validated with."""
    out = tmp_path / "human"
    shutil.copytree(made, out)
    names = (f"piece-{index}" for index in range(200))
    wanted = {split: next(name for name in names if split_of(name) == split) for split in ("train", "valid")}
    for split, name in wanted.items():
        shutil.copy(made / "Solo__A.npz", out / f"{name}.npz")
        assert split_of(name) == split
    return out


@pytest.mark.parametrize("agent", ["follower", "follower-paper"])
def test_nothing_trains_on_it(agent, tempting, tmp_path, capsys):
    config, run = tmp_path / "config.json", tmp_path / "run"
    data = str(tempting) if agent == "follower-paper" else [str(tempting)]
    config.write_text(json.dumps({"data": data, "out": str(run)}))
    for command in (training.main, cli.main):
        line = [agent, "--config", str(config)]
        assert command(line if command is training.main else ["train", *line]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "evaluation only" in said and str(tempting) in said.replace("\n", "")
    assert not list(run.rglob("*.safetensors")) if run.exists() else True


def test_nothing_to_train_on_is_built_into_it(tempting, capsys):
    before = set(tempting.iterdir())
    assert cli.main(["data", "build", "generated", "--out", str(tempting), "--count", "1"]) == 2
    assert "evaluation only" in capsys.readouterr().err and set(tempting.iterdir()) == before


def test_nothing_is_packed_of_it(tempting, tmp_path, capsys):
    assert cli.main(["data", "pack", str(tempting), "--out", str(tmp_path / "all.pack")]) == 2
    assert "evaluation only" in capsys.readouterr().err and not (tmp_path / "all.pack").exists()


def test_without_its_mark_it_is_no_training_data_either(tempting):
    os.remove(tempting / MARK_NAME)
    with pytest.raises(BadPack, match="no piece of the follower"):
        load_items([tempting], "train")


def test_items_come_back_whatever_they_hold(made, tmp_path):
    item = load(made / "Duo__B.npz")
    performance = perform(item.piece, 3)
    assert {note.quarters for note in performance.notes} > {item.piece.onset_quarters[0]}
    save(replace(item, performance=performance), tmp_path / "item.npz")
    again = load(tmp_path / "item.npz").performance
    assert again.notes == performance.notes and again.pedal == performance.pedal
    save(replace(item, performance=replace(performance, pedal=())), tmp_path / "item.npz")
    assert load(tmp_path / "item.npz").performance.pedal == ()
