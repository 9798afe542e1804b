"""`inside`: the table agrees with the trace of the same run, and the same seed gives the same files."""

import csv
from types import SimpleNamespace

import pytest
from PIL import Image

from app import cli
from app.commands.inside import _look_into
from models.inside.embedding_map import NoMap


def test_the_record_is_that_of_the_trace_and_repeats(tmp_path) -> None:
    piece = "soldiers-joy"
    assert cli.main(["follow", piece, "--headless", "--trace", str(tmp_path / "t.tsv")]) == 0
    for name in ("a", "b"):
        assert cli.main(["inside", piece, "--out", str(tmp_path / name), "--at", "20"]) == 0
    with (tmp_path / "t.tsv").open() as trace, (tmp_path / "a" / "record.tsv").open() as record:
        traced, recorded = (list(csv.DictReader(file, delimiter="\t")) for file in (trace, record))
    assert [(r["time_s"], r["x_px"]) for r in traced] == [(r["time_s"], r["x_px"]) for r in recorded]
    assert all(abs(sum(float(r[a]) for a in ("slower", "keep", "faster")) - 1) < 1e-4 for r in recorded)
    assert len({r["value"] for r in recorded}) > 10
    order = list(dict.fromkeys(r["state"] for r in recorded))
    assert order[-2:] == ["following", "finished"] and set(order) <= {"waiting", "following", "finished"}
    files = {"record.tsv", "timeline.png", "tsne.png", "fit-20.png", "gradients-20.png"}
    assert {file.name for file in (tmp_path / "a").iterdir()} == files
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert Image.open(tmp_path / "a" / "timeline.png").size == (1200, 800)


def test_what_cannot_be_looked_into_is_refused_before_anything_is_written(tmp_path, capsys) -> None:
    out = tmp_path / "out"
    for wrong, says in (
        (["--follower", "steady", "--at", "20"], "into the follower only"),
        (["--at", "999"], "no 999 s in the recording"),
    ):
        assert cli.main(["inside", "soldiers-joy", "--out", str(out), *wrong]) == 2
        assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_player_without_embeddings_has_no_map_and_that_is_said(tmp_path, capsys) -> None:
    assert cli.main(["inside", "soldiers-joy", "--out", str(tmp_path), "--follower", "steady"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"record.tsv", "timeline.png"}
    assert "No tsne.png: This follower shows no states to map." in capsys.readouterr().out


def test_without_scikit_learn_all_but_the_map_is_written(tmp_path, capsys, monkeypatch) -> None:
    def missing(*arguments) -> bytes:
        raise NoMap("The map needs scikit-learn: pip install it.")

    monkeypatch.setattr("app.commands.inside.embedding_map", missing)
    monkeypatch.setattr("app.commands.inside.why_no_map", lambda record: "")
    assert cli.main(["inside", "soldiers-joy", "--out", str(tmp_path), "--follower", "steady"]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"record.tsv", "timeline.png"}
    assert "No tsne.png: The map needs scikit-learn" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "said"), [(0.12, True), (0.04, False)])
def test_gradients_that_do_not_add_up_are_called_rough(capsys, monkeypatch, error, said) -> None:
    for name in ("moment_at", "fit_of_sound", "fit_map", "gradients_picture"):
        monkeypatch.setattr(f"app.commands.inside.{name}", lambda *arguments: b"")
    found = SimpleNamespace(error=error, rough=said)
    monkeypatch.setattr("app.commands.inside.attribute", lambda *arguments: found)
    files = _look_into(None, None, None, 20.0, 0, None)  # type: ignore[arg-type]
    assert set(files) == {"fit-20.png", "gradients-20.png"}
    rough = "gradients-20.png is rough: the sum of its gradients is off by 12 %."
    assert (rough in capsys.readouterr().out) == said
