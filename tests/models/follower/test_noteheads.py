"""Reading noteheads at full size: as the encoders did at first, better once taught; on any width of strip."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch

from models import checkpoint
from models.features import SPEC
from models.follower import noteheads_training, prints
from models.follower.data import halve, split_of
from models.follower.generator import generate_score
from models.follower.network import Reader
from models.follower.noteheads import FINE_ROWS, NoteheadConfig, NoteheadReader, read_noteheads
from models.follower.noteheads_training import NoteheadTrainingProblem, PrintCrops, measure
from models.follower.player import load_follower
from models.follower.prints import Print, load_print, load_prints, save_print
from models.packing import BadPack
from pieces.errors import RipienoError
from pieces.opening import open_piece


@pytest.fixture
def encoders() -> Reader:
    torch.manual_seed(3)
    reader = Reader().eval()
    torch.nn.init.normal_(reader.written.weight, std=1.5)  # what is not taught says much the same everywhere
    return reader


@pytest.mark.parametrize("width", [800, 803, 806, 809])
def test_it_begins_as_the_encoders_read(encoders, width):
    """Halving is in its first convolution; what is new counts for nothing until it is taught."""
    for name, parameter in encoders.score.convolutions.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)  # paper is nothing then, as what lies beyond the edge
    reader = NoteheadReader().eval()
    reader.begin_from(encoders.score, encoders.written)
    strip = (np.random.default_rng(1).integers(0, 64, (200, width)) * 4).astype(np.uint8)
    strip[:, -20:] = 0  # as every strip ends
    strip[:40] = strip[-40:] = 0  # near the edge of what the encoders see, and beyond it
    seen = read_noteheads(reader, strip)
    with torch.inference_mode():
        half = torch.from_numpy(halve(strip)).float().div(255)[None]
        expected = torch.sigmoid(encoders.written(encoders.score(half)))[0].numpy()
    assert seen.shape == expected.shape
    assert np.allclose(seen, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.4


@torch.inference_mode()
def test_a_line_remembers_what_was_altered():
    """Ink to the left of what a column sees tells on it, through nothing but the rows' own memory."""
    torch.manual_seed(5)
    reader = NoteheadReader().eval()
    for parameter in reader.memory.parameters():
        parameter.zero_()
    plain = torch.zeros(1, FINE_ROWS, 400)
    marked = plain.clone()
    marked[0, 60:70, 20:30] = 1.0
    later = slice(14, 20)
    assert torch.equal(reader(plain)[0, later], reader(marked)[0, later])
    torch.nn.init.normal_(reader.altered.weight, std=0.2)
    assert (reader(plain) - reader(marked))[0, later].abs().max() > 1e-4


def lesson(seed: int, systems: int = 2) -> Print:
    """Two pitches, each a blob at its height, at random places."""
    rng = np.random.default_rng(seed)
    width = systems * 1300
    strip = np.zeros((FINE_ROWS, width), np.uint8)
    x_px = np.sort(rng.choice(np.arange(40, width - 40, 16), 60, replace=False)).astype(np.float32)
    pitch = rng.choice([60, 67], 60)
    for x, key in zip(x_px.astype(int), pitch, strict=True):
        row = 116 if key == 60 else 86
        strip[row : row + 8, x - 4 : x + 4] = 255
    return Print(strip, x_px, pitch, 1300.0 * np.arange(float(systems), dtype=np.float64))


def test_crops_begin_with_a_system_and_say_what_stands_there():
    crops = PrintCrops([lesson(0)], 1, augment=False)
    strip, target = crops.batch(6)
    assert strip.shape == (6, FINE_ROWS, 1280) and target.shape == (6, 320, 88)
    for image, heads in zip(strip.numpy(), target.numpy(), strict=True):
        columns, keys = np.nonzero(heads == 1.0)
        assert len(columns) > 10 and set(keys.tolist()) <= {39, 46}
        for column, key in zip(columns, keys, strict=True):
            row = 120 if key == 39 else 90
            assert image[row, 4 * column : 4 * column + 4].max() > 0.9


def train(tmp_path, **changes):
    folder = tmp_path / "prints"
    if not folder.exists():
        folder.mkdir()
        made = 0
        for seed in range(200):
            name = f"blobs-{seed}"
            if split_of(name) == "valid" or (split_of(name) == "train" and made < 6):
                made += split_of(name) == "train"
                save_print(lesson(seed), folder / f"{name}.0.npz")
    start = tmp_path / "start.safetensors"
    if not start.exists():
        torch.manual_seed(0)
        tensors = {f"reader.{name}": value for name, value in Reader().state_dict().items()}
        checkpoint.save(start, tensors, {}, SPEC)
    given = {"data": [str(folder)], "start_from": str(start), "out": str(tmp_path / "run"), "minutes": 0.25,
             "batch_size": 2, "warmup_steps": 2, "learning_rate": 0.004, "mean_over_steps": 5.0}  # fmt: skip
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**given, **changes}))
    noteheads_training.train(config, resume=False)


def test_it_learns_to_read(tmp_path):
    train(tmp_path)
    tensors, metadata = checkpoint.load(tmp_path / "run" / noteheads_training.NAME, SPEC)
    figures = metadata["valid"]
    untaught = NoteheadReader()
    untaught.begin_from(Reader().score, Reader().written)
    prints_ = load_prints([tmp_path / "prints"], "valid")
    assert figures["loss"] < 0.5 * measure(untaught.eval(), prints_, crops=16)["loss"]
    assert {name.partition(".")[0] for name in tensors} == {"noteheads"}
    with pytest.raises(NoteheadTrainingProblem, match="--resume"):
        train(tmp_path)


def test_it_goes_on_from_a_reader_that_was_taught(tmp_path):
    train(tmp_path)
    taught = tmp_path / "run" / noteheads_training.NAME
    train(tmp_path, start_from=str(taught), out=str(tmp_path / "on"), minutes=0.001, learning_rate=1e-9)
    before, after = (
        checkpoint.load(tmp_path / run / noteheads_training.NAME, SPEC)[1]["valid"] for run in ("run", "on")
    )
    assert after["loss"] == pytest.approx(before["loss"], rel=0.02)


def test_a_reader_of_another_shape_is_refused(tmp_path):
    other = NoteheadReader(NoteheadConfig(width=32))
    tensors = {f"noteheads.{name}": value for name, value in other.state_dict().items()}
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, tensors, {"noteheads": NoteheadConfig().to_dict()}, SPEC)
    with pytest.raises(checkpoint.CheckpointError, match="another version"):
        train(tmp_path, start_from=str(path))


def test_songs_are_printed_harder_to_read_than_they_are(tmp_path):
    source = tmp_path / "songs"
    source.mkdir()
    for seed in range(3):
        score = generate_score(seed, 2, bars=16)
        with zipfile.ZipFile(source / f"song-{seed}.mxl", "w") as archive:
            archive.writestr("score.xml", score.text)
    plain, hard = tmp_path / "plain", tmp_path / "hard"
    assert len(list(prints.build("prints", source, plain, renderings=1, workers=1))) == 3
    list(prints.build("prints", source, hard, renderings=1, workers=1, rewritten=1.0))
    for path in plain.glob("*.npz"):
        as_it_is, rewritten = load_print(path), load_print(hard / path.name)
        assert rewritten.strip.shape[0] == FINE_ROWS
        assert np.ptp(rewritten.note_pitch) > np.ptp(as_it_is.note_pitch) + 6
        assert len(rewritten.note_pitch) >= len(as_it_is.note_pitch)


def test_what_lilypond_engraves_is_not_rewritten(tmp_path, lay_out, study):
    source = lay_out(tmp_path / "from", study=("train", study))
    with pytest.raises(RipienoError, match="MusicXML can"):
        list(prints.build("prints", source, tmp_path / "out", rewritten=0.5))


def test_what_cannot_be_learned_from_is_said(tmp_path):
    (tmp_path / "prints").mkdir()
    with pytest.raises(NoteheadTrainingProblem, match="data build prints"):
        train(tmp_path)
    with pytest.raises(NoteheadTrainingProblem, match="NoteheadTrainConfig"):
        train(tmp_path, batch_size=0)


def test_prints_are_of_one_split_each_with_what_is_written(tmp_path, lay_out, study, lilypond):
    source = lay_out(tmp_path / "from", study=("train", study), kept=("test", study))
    out = tmp_path / "out"
    told = list(prints.build("prints", source, out, renderings=2, workers=1))
    assert [done for done, _, _ in told] == [1, 2]
    assert sorted(path.name for path in out.glob("*.npz")) == ["study.0.npz", "study.1.npz"]
    both = load_prints([out], split_of("study"))
    assert len(both) == 2 and load_prints([out], split_of("study"), frozenset({"study"})) == []
    one, other = both
    assert one.note_pitch.tolist() == other.note_pitch.tolist() and one.strip.shape != other.strip.shape
    for made in both:  # where a notehead is said to stand there is ink
        ink = [made.strip[:, round(float(x))].max() for x in made.note_x_px]
        assert min(ink) > 100


def test_a_follower_reads_noteheads_at_full_size_where_it_can(tmp_path):
    """One from before that still plays, with the noteheads that its encoders read: others, here."""
    tensors, metadata = checkpoint.load(checkpoint.shipped("follower"), SPEC)
    piece = open_piece("gymnopedie-1")
    shipped = load_follower(checkpoint.shipped("follower"))
    older = {name: value for name, value in tensors.items() if not name.startswith("noteheads.")}
    path = tmp_path / "old.safetensors"
    checkpoint.save(path, older, {name: each for name, each in metadata.items() if name != "noteheads"}, SPEC)
    before = load_follower(path)
    frames = np.random.default_rng(2).random((40, SPEC.bands), np.float32)
    cursors = []
    for player in (shipped, before):
        player.open(piece)
        cursors.append([player.ear.hear(frame).summary[0] for frame in frames])
    assert np.isfinite(cursors).all() and not np.allclose(cursors[0], cursors[1])


def test_what_is_no_print_is_said(tmp_path):
    other = tmp_path / "other.0.npz"
    np.savez(other, strip=np.zeros((FINE_ROWS, 8), np.uint8), more=np.zeros(1))
    with pytest.raises(BadPack, match="no print"):
        load_print(other)
    np.savez(other, **{**vars(lesson(1)), "strip": np.zeros((160, 8), np.uint8)})  # as they once were
    with pytest.raises(BadPack, match="build the data again"):
        load_print(other)
    other.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(BadPack, match="damaged"):
        load_print(other)
