"""The packed form: what it rounds off and leaves out, what damage it notices, that one can train on it."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from models.features import SPEC
from models.follower.batches import load_items
from models.follower.data import Item, Rendering, load_item, save_item, split_of
from models.packing import (
    SHADE,
    STEP,
    BadPack,
    pack,
    pieces_to_pack,
    quantised,
    read_pieces,
    read_splits,
    restored,
)
from models.paper import rounds
from models.paper.rounds import NoRounds, Tune, load_split, splits_in
from models.training import main

ENOUGH = ("torch", "numpy", "safetensors", "platformdirs")
"""What README says is needed, with what these need themselves."""


def made_up_item(name: str, seed: int) -> Item:
    """A strip with a notehead every 40 px, and noise for its sound."""
    rng = np.random.default_rng(seed)
    x_px = np.array([520.0 + 40 * i for i in range(24)])
    onset_s = np.array([0.5 + 0.25 * i for i in range(24)])
    sounded = np.abs(rng.normal(0.4, 0.3, (140, SPEC.bands))).astype(np.float16)
    played = np.column_stack((onset_s, np.full(24, 0.2), rng.integers(60, 72, 24), np.full(24, 70)))
    ink = (rng.random((80, 1240)) < 0.1) * rng.integers(0, 256, (80, 1240))
    rendering = Rendering(sounded, onset_s, played.astype(np.float32))
    return Item(
        name, ink.astype(np.uint8), x_px.astype(np.float32), rng.integers(60, 72, 24), x_px,
        0.5 * np.arange(24, dtype=np.float64), np.array([500.0]), 50.0, (rendering,),
    )  # fmt: skip


def names_of(split: str):
    """Names that fall into a split."""
    return (name for name in (f"tune-{i}" for i in count()) if split_of(name) == split)


@pytest.fixture
def folder(tmp_path):
    """Three pieces to train on, two to validate with, one to test on."""
    made = tmp_path / "items"
    made.mkdir()
    for split, wanted in (("train", 3), ("valid", 2), ("test", 1)):
        for seed, name in enumerate(islice(names_of(split), wanted)):
            save_item(made_up_item(name, seed), made / f"{name}.npz")
    return made


def packed(folder, out, **limit):
    *_, last = pack(pieces_to_pack([folder], splits_in, frozenset()), out, **limit)
    return last


def test_a_piece_comes_back_to_within_half_a_step(folder, tmp_path):
    done = packed(folder, tmp_path / "all.pack")
    assert (done.pieces, done.left_out) == (5, 0)
    assert done.size_bytes == (tmp_path / "all.pack").stat().st_size
    for split, wanted in (("train", 3), ("valid", 2), ("test", 0)):
        items = load_items([tmp_path / "all.pack"], split)
        assert [item.name for item in items] == sorted(islice(names_of(split), wanted))
        for item in items:
            before = load_item(folder / f"{item.name}.npz")
            (heard,), (first,) = item.renderings, before.renderings
            assert heard.frames.shape == first.frames.shape and heard.frames.dtype == np.float16
            error = np.abs(heard.frames.astype(float) - first.frames.astype(float))
            assert 0 < error.max() <= STEP / 2 + 0.001                    # float16 rounds once more
            assert np.abs(item.strip.astype(int) - before.strip).max() <= SHADE // 2
            assert item.strip.dtype == np.uint8 and item.strip.max() == 255
            assert np.array_equal(heard.played, first.played) and np.array_equal(heard.onset_s, first.onset_s)
            assert np.array_equal(item.onset_x_px, before.onset_x_px)
            assert item.tolerance_px == before.tolerance_px


@given(
    arrays_of.arrays(np.float16, (5, SPEC.bands), elements=st.floats(0, 5, width=16)),
    arrays_of.arrays(np.uint8, (8, 6)),
)
@settings(max_examples=40)
def test_what_was_rounded_once_is_not_rounded_again(sounded, strip):
    once = restored(quantised({"frames0": sounded, "strip": strip}))
    again = restored(quantised(once))
    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert np.abs(once["frames0"].astype(float) - sounded.astype(float)).max() <= STEP / 2 + 0.002


def test_the_same_pieces_make_the_same_file_and_a_limit_holds(folder, tmp_path):
    whole = packed(folder, tmp_path / "one.pack")
    packed(folder, tmp_path / "two.pack")
    assert (tmp_path / "one.pack").read_bytes() == (tmp_path / "two.pack").read_bytes()
    limit = whole.size_bytes * 2 // 3
    some = packed(folder, tmp_path / "some.pack", limit_bytes=limit)
    assert 0 < some.pieces < whole.pieces and some.pieces + some.left_out == whole.pieces
    assert (tmp_path / "some.pack").stat().st_size <= limit
    with pytest.raises(BadPack, match="--limit-mb"):
        packed(folder, tmp_path / "none.pack", limit_bytes=1200)
    assert not (tmp_path / "none.pack").exists()


def test_what_must_not_be_trained_on_is_not_in_it(folder, tmp_path):
    first, second, third = islice(names_of("train"), 3)
    pieces = pieces_to_pack([folder], splits_in, frozenset([second]))
    assert {name for name, split, _ in pieces if split == "train"} == {first, third}
    with pytest.raises(BadPack, match="same name"):
        pieces_to_pack([folder, folder], splits_in, frozenset())
    with pytest.raises(BadPack, match="data build"):
        pieces_to_pack([tmp_path], splits_in, frozenset())


def test_damage_is_one_clear_line(folder, tmp_path):
    path = tmp_path / "all.pack"
    packed(folder, path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = {
        "cut off": whole[:middle], "empty": b"", "no pack": b"hello" * 40,
        "bits": whole[:middle] + bytes(64) + whole[middle + 64 :],
    }  # fmt: skip
    for what, content in broken.items():
        path.write_bytes(content)
        with pytest.raises(BadPack, match="damaged, or no packed") as raised:
            load_items([path], "train")
            load_items([path], "valid")
        assert "\n" not in str(raised.value), what
    (folder / f"{next(names_of('train'))}.npz").write_bytes(whole[:100])
    with pytest.raises(BadPack, match="remove it and build"):
        packed(folder, tmp_path / "other.pack")
    assert not (tmp_path / "other.pack").exists()


def test_frames_of_another_kind_are_refused(folder, tmp_path, monkeypatch):
    packed(folder, tmp_path / "all.pack")
    monkeypatch.setattr("models.packing.VERSION", 2)
    with pytest.raises(BadPack, match="another version"):
        read_splits(tmp_path / "all.pack")


def test_tunes_of_the_paper_s_game_keep_their_published_split(made_up_round, tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    published = {"one": "train", "two": "valid", "three": "test"}
    for seed, name in enumerate(published):
        each = made_up_round(seed)
        rounds.save(Tune(name, {"written": each, "played": each}), folder / f"{name}.npz")
    (folder / rounds.SPLITS_NAME).write_text(json.dumps(published))
    path = tmp_path / "tunes.pack"
    packed(folder, path)
    (before,), (after,) = (load_split(place, "train", ("written",)) for place in (folder, path))
    assert np.abs(after.frames - before.frames).max() <= STEP / 2 + 0.001
    assert after.frames.dtype == np.float32 and np.array_equal(after.truth.x_px, before.truth.x_px)
    assert np.array_equal(after.strip, before.strip)                      # black and white stays so
    with pytest.raises(NoRounds):
        load_split(path, "test", ("written",))
    with pytest.raises(BadPack, match="another data set"):
        load_items([path], split_of("one"))
    with pytest.raises(BadPack, match="damaged"):
        list(read_pieces(path, ["four"]))


def plain(distribution: str) -> str:
    """A distribution's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


INSTALLED = {plain(each.metadata["Name"]) for each in metadata.distributions()}


def with_their_needs(distributions: Sequence[str]) -> set[str]:
    """These and, of what is installed, all that they require."""
    found: set[str] = set()
    waiting = [plain(each) for each in distributions]
    while waiting:
        name = waiting.pop()
        if name not in found and name in INSTALLED:
            found.add(name)
            needs = metadata.requires(name) or []
            waiting += [plain(re.split(r"[^\w.-]", each)[0]) for each in needs if "extra ==" not in each]
    return found


def train_with_little(name: str, config: Path) -> subprocess.CompletedProcess[str]:
    """Train in a process that can import the standard library, the project and ENOUGH, and nothing else."""
    there = with_their_needs(ENOUGH)
    missing = sorted(
        module for module, owners in metadata.packages_distributions().items()
        if module not in ("models", "pieces") and not there & {plain(owner) for owner in owners}
    )
    assert {"rich", "verovio", "mido", "pygame", "scipy"} <= set(missing)
    code = (
        f"import sys\nsys.modules |= dict.fromkeys({missing})\n"
        f"from models.training import main\nsys.exit(main([{name!r}, '--config', {str(config)!r}]))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_follower_trains_where_little_is_installed(folder, tmp_path):
    packed(folder, tmp_path / "all.pack")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({
        "data": [str(tmp_path / "all.pack"), "nowhere"], "out": str(tmp_path / "run"), "minutes": 0.001,
        "policy_pieces": 2, "policy_steps": 1, "rhythm_steps": 1, "tune_steps": 1,
    }))  # fmt: skip
    done = train_with_little("follower", config)
    assert done.returncode == 0, done.stderr
    assert "without nowhere" in done.stderr
    assert (tmp_path / "run" / "follower.safetensors").exists()
    assert "all.pack (5 pieces)" in (tmp_path / "run" / "follower.md").read_text()


def test_the_paper_s_agents_train_there_too(made_up_round, tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for seed, name in enumerate((*islice(names_of("train"), 2), next(names_of("valid")))):
        each = made_up_round(seed)
        rounds.save(Tune(name, {"written": each, "played": each}), folder / f"{name}.npz")
    packed(folder, tmp_path / "tunes.pack")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({
        "data": str(tmp_path / "tunes.pack"), "out": str(tmp_path / "run"), "name": "mine", "epoch_steps": 60,
        "actors": 4, "device": "cpu", "learning": {"total_steps": 60},
    }))  # fmt: skip
    done = train_with_little("follower-paper", config)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "mine.safetensors").exists()


def test_training_by_name_says_in_one_line_what_it_lacks(tmp_path, capsys):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"data": [str(tmp_path / "none")], "out": str(tmp_path / "run")}))
    assert main(["follower", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "data build" in said


def test_what_the_system_refuses_is_said_in_one_line_too(monkeypatch, capsys):
    def full(config, resume):
        raise OSError(28, "No space left on device", "runs/progress.jsonl")

    monkeypatch.setattr("models.paper.train.train", full)
    assert main(["follower-paper"]) == 1
    assert capsys.readouterr().err == "[Errno 28] No space left on device: 'runs/progress.jsonl'\n"
