"""The encoders: causal, the same at once and frame by frame, and able to learn."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.checkpoint import CheckpointError
from models.features import SPEC
from models.follower.batches import Crops, load_items
from models.follower.data import build_one, load_item, save_item, split_of
from models.follower.generator import generate_score
from models.follower.network import Reader, SoundEncoder
from models.follower.supervised import SupervisedConfig, losses, train_reader
from models.follower.train import library_items
from models.packing import BadPack


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return Reader().eval()


@pytest.fixture(scope="module")
def items():
    return [build_one(generate_score(seed, 1 + seed % 2), seed, renderings=1) for seed in (3, 4)]


@torch.no_grad()
def test_sound_at_once_equals_frame_by_frame(reader):
    frames = torch.rand(1, SoundEncoder.history + 30, 78)
    whole, _ = reader.sound(frames)
    state, rows = None, []
    for index in range(30):
        row, state = reader.sound(frames[:, index : index + SoundEncoder.history + 1], state)
        rows.append(row)
    assert torch.allclose(torch.cat(rows, 1), whole, atol=1e-5)


@torch.no_grad()
def test_no_frame_hears_a_later_one(reader):
    frames = torch.rand(1, SoundEncoder.history + 20, 78)
    changed = frames.clone()
    changed[:, SoundEncoder.history + 12 :] += 1.0
    before, after = reader.sound(frames)[0], reader.sound(changed)[0]
    assert torch.equal(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


@torch.no_grad()
def test_columns_of_the_score_are_four_pixels(reader):
    assert reader.score(torch.rand(1, 80, 401)).shape[:2] == (1, 201)


def test_targets_lie_where_the_notes_are(items):
    item = items[1]
    crops = Crops([item], 0, augment=False)
    batch = crops.batch(2)
    assert batch.written.shape[2] == batch.struck.shape[2] == 88
    column = batch.column[torch.isfinite(batch.column)]
    assert len(column)
    assert column.min() >= 0
    row = int(torch.isfinite(batch.column[0]).nonzero()[0])
    struck = batch.struck[0, row : row + 60].nonzero()
    places = [(batch.column[0, row + frame], key) for frame, key in struck[:5].tolist()]
    known = [(int(place), key) for place, key in places if torch.isfinite(place)]
    assert known
    for place, key in known:
        assert batch.written[0, max(place - 40, 0) : place + 40, key].max() >= 0.5


def test_two_hundred_steps_would_be_wasted_if_the_first_thirty_taught_nothing(items, tmp_path):
    torch.manual_seed(1)
    reader = Reader()
    crops = Crops(items, 1, augment=False)
    fixed = crops.batch(2)
    optimiser = torch.optim.Adam(reader.parameters(), 3e-3)
    history = []
    for _ in range(30):
        values = losses(reader.train(), fixed)
        loss = values["written"] + values["struck"] + values["length"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.7 * history[0]


def test_training_goes_on_where_it_stopped(items, tmp_path):
    config = SupervisedConfig(minutes=0.02, batch_size=1)
    said: list[str] = []
    first = train_reader(Reader(), Crops(items, 1), Crops(items, 2), config, tmp_path, said.append)
    again = Reader()
    train_reader(again, Crops(items, 1), Crops(items, 2), config, tmp_path, said.append)
    for before, after in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(before, after)  # the minutes were used up: loaded, and nothing trained


def test_what_is_left_of_a_run_is_refused_or_kept_in_one_line(items, tmp_path):
    crops, config, state = Crops(items, 1), SupervisedConfig(minutes=0.0001), tmp_path / "reader.safetensors"
    state.write_bytes(b"cut off")
    with pytest.raises(CheckpointError, match="damaged"):
        train_reader(Reader(), crops, crops, config, tmp_path)
    checkpoint.save(state, {"x": torch.zeros(1)}, {}, SPEC)
    with pytest.raises(CheckpointError, match="no run"):
        train_reader(Reader(), crops, crops, config, tmp_path)
    with pytest.raises(CheckpointError, match="cannot be written"):
        train_reader(Reader(), crops, crops, config, state / "no-folder")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_or_foreign_piece_is_named(items, tmp_path, content):
    """Empty, something else, and an archive without arrays."""
    name = next(f"piece-{index}" for index in range(99) if split_of(f"piece-{index}") == "train")
    save_item(items[0], tmp_path / f"{name}.npz")
    assert len(load_items([tmp_path, tmp_path / "nowhere"], "train")) == 1
    (tmp_path / f"{name}.npz").write_bytes(content)
    with pytest.raises(BadPack, match=rf"{name}\.npz is damaged"):
        load_items([tmp_path], "train")


def test_an_interrupted_training_is_saved_as_it_is_left(items, tmp_path):
    class Interrupted(Crops):
        def batch(self, size):
            if len(drawn) == 2:
                raise KeyboardInterrupt
            drawn.append(super().batch(size))
            return drawn[-1]

    drawn = []
    config = SupervisedConfig(minutes=1.0, batch_size=1)
    reader = Reader()
    with pytest.raises(KeyboardInterrupt):
        train_reader(reader, Interrupted(items, 1), Crops(items, 2), config, tmp_path)
    saved, metadata = checkpoint.load(tmp_path / "reader.safetensors", SPEC)
    assert metadata["step"] == 2
    for name, value in reader.state_dict().items():
        assert torch.equal(saved[f"reader.{name}"], value)


def test_items_come_back_as_they_were_saved(items, tmp_path):
    save_item(items[0], tmp_path / "item.npz")
    loaded = load_item(tmp_path / "item.npz")
    assert loaded.name == items[0].name
    assert np.array_equal(loaded.strip, items[0].strip)
    assert np.array_equal(loaded.renderings[0].frames, items[0].renderings[0].frames)


def test_the_split_of_a_name_never_changes():
    assert [split_of(name) for name in ("a", "jigs-1", "piece-0")] == ["test", "train", "valid"]
    shares = [split_of(f"piece-{index}") for index in range(4000)]
    assert shares.count("test") / 4000 == pytest.approx(0.10, abs=0.02)
    assert shares.count("valid") / 4000 == pytest.approx(0.05, abs=0.02)


def test_the_librarys_own_tunes_are_held_out_under_the_names_that_items_bear():
    from models.follower.data import recipes
    from pieces.library import find

    assert {"reelsr-t-28", "waltzes-36", "jigs-141"} <= library_items()
    folder = find("irish-washerwoman").parent  # any folder of ABC books names its items alike
    names = {name for name, _ in recipes("nottingham", folder, 0)}
    assert all(name.rpartition("-")[2].isdigit() for name in names)
