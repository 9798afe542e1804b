"""One-line tunes read note by note, and what the belief makes of the keys that are struck."""

import dataclasses

import numpy as np
import pytest
import torch

from models import checkpoint
from models.features import SPEC
from models.follower.belief import Belief, BeliefConfig
from models.follower.data import build_one, halve
from models.follower.ear import ByNote, Ear, read_strip
from models.follower.generator import generate_score
from models.follower.network import COLUMN_PX, Reader
from models.follower.player import Tunes, load_follower
from models.follower.policy import Policy
from models.follower.reading import (
    CROP_COLUMNS,
    UNKNOWN,
    DeviceLessons,
    ReadingConfig,
    make_lesson,
    nearest_length,
    train_rhythm,
)
from models.follower.rhythm import LENGTHS, Notes, Rhythm, keys_at, read_notes, spread_evenly
from models.follower.train import pack
from pieces.opening import open_piece

COLUMNS = 200
MUSIC = (10, 190)


def notes_at(columns: list[int], quarters: list[float], keys: list[int]) -> Notes:
    x_px = (np.array(columns) + 0.5) * COLUMN_PX
    return Notes(x_px, np.array(quarters), np.eye(88, dtype=np.float32)[keys])


class Scribe(Rhythm):
    """Reads what it is told: notes at columns, all of one length."""

    def __init__(self, columns: list[int], length: float) -> None:
        super().__init__()
        self.columns, self.chosen = columns, LENGTHS.index(length)

    def forward(self, strip):
        struck = torch.full((1, strip.shape[2] // 2), -9.0)
        for column in self.columns:
            struck[0, column - 1 : column + 2] = torch.tensor([0.5, 4.0, 0.5])
        lengths = torch.zeros(1, strip.shape[2] // 2, len(LENGTHS))
        lengths[..., self.chosen] = 5.0
        return struck, lengths


def read(columns: list[int], written: np.ndarray | None = None) -> Notes | None:
    strip, nothing = np.zeros((80, 2 * COLUMNS), np.uint8), np.zeros((COLUMNS, 88), np.float32)
    return read_notes(Scribe(columns, 0.5), strip, nothing if written is None else written, MUSIC)


def test_notes_are_the_peaks_between_the_margins():
    written = np.zeros((COLUMNS, 88), np.float32)
    written[21, [40, 44]] = 0.6, 0.3
    inside = list(range(20, 180, 10))
    found = read([4, *inside, 195], written)
    assert found is not None
    assert found.x_px == pytest.approx((np.array(inside) + 0.5) * COLUMN_PX)
    assert (found.quarters == 0.5).all()
    assert found.keys[0, 40] == pytest.approx(2 / 3) and found.keys[0, 44] == pytest.approx(1 / 3)


def test_hardly_a_note_is_none():
    assert read([]) is None
    assert read([20, 40, 60]) is None
    strip = np.zeros((80, 2 * COLUMNS), np.uint8)
    torch.manual_seed(1)
    reader = Reader().eval()
    plain, blank = read_strip(reader, None, strip, MUSIC), read_strip(reader, Scribe([], 1), strip, MUSIC)
    assert blank.notes is None
    assert np.array_equal(plain.log_quarters, blank.log_quarters)


def test_lengths_are_shared_out_evenly_from_note_to_note():
    rng = np.random.default_rng(1)
    log_quarters = rng.normal(-2.5, 0.5, COLUMNS).astype(np.float32)
    notes = notes_at([20, 32, 70, 90], [1.0, 0.5, 3.0, 1.0], [40, 41, 42, 43])
    spread = spread_evenly(log_quarters, notes)
    # A column in which a note stands is shared by two notes.
    assert np.exp(spread[33:70]) == pytest.approx(0.5 / 38, rel=1e-4)
    assert np.exp(spread[21:90]).sum() == pytest.approx(4.5 - 0.5 / 12 - 3.0 / 40 - 0.0, abs=0.1)
    assert np.array_equal(spread[:20], log_quarters[:20])
    assert np.array_equal(spread[91:], log_quarters[91:])


def test_a_length_is_the_nearest_by_ratio():
    assert np.array(LENGTHS)[nearest_length(np.array([0.5, 0.34, 1.45, 100.0, 0.0]))] == pytest.approx(
        [0.5, 1 / 3, 1.5, 12, 1 / 8]
    )


def test_a_lesson_says_where_notes_begin_and_how_long_they_last():
    item = build_one(generate_score(7), 7, renderings=0)
    lesson = make_lesson(item)
    columns = (item.onset_x_px / COLUMN_PX).astype(int)
    assert (lesson.struck[columns] == 1.0).all()
    assert (lesson.struck == 1.0).sum() == len(set(columns.tolist()))
    wanted = nearest_length(np.diff(item.onset_quarters))
    assert np.array_equal(lesson.length[columns[:-1]], wanted)
    assert (lesson.length[: columns[0] - 1] == UNKNOWN).all()


def test_reading_is_learned():
    lesson = make_lesson(build_one(generate_score(7), 7, renderings=0))
    said: list[str] = []
    train_rhythm([lesson], ReadingConfig(steps=100, log_every=20), said.append)
    early, late = (float(line.split("struck ")[1].split()[0]) for line in (said[0], said[-1]))
    assert late < 0.8 * early


def places_of(struck_at: list[int], frames: int, weight: float, misread: int = 0) -> list[float]:
    """px a belief is at that hears nothing but keys being struck: note n stands at 82 + 40 n px.

    It begins with the belief in half a second from note to note. The keys struck are ``misread`` semitones
    above those that were read.
    """
    columns = list(range(20, 180, 10))
    notes = notes_at(columns, [1.0] * len(columns), [42 + i for i in range(len(columns))])
    config = BeliefConfig(strike_weight=weight, start_tempo=2.0)
    belief = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC, config, notes)
    belief.reset(82.0)
    places = []
    for frame in range(frames):
        struck = np.zeros(88, np.float32)
        for note, at in enumerate(struck_at):
            if frame - at in (1, 2):
                struck[42 + note + misread] = 1.0
        places.append(float(belief.update(np.zeros(COLUMNS, np.float32), struck)[0]))
    return places


def test_the_belief_waits_for_a_note_that_is_late():
    """The fifth note, at 242 px, comes two seconds late: only that its key is struck says when."""
    struck_at = [0, 10, 20, 30, 80]
    waiting, blind = places_of(struck_at, 85, 1.0), places_of(struck_at, 85, 0.0)
    assert max(waiting[45:78]) < 275 and 230 < waiting[84] < 285
    assert max(blind[45:78]) > 300


@pytest.mark.parametrize("misread", [0, 25])
def test_strikes_give_the_tempo_even_of_keys_that_were_misread(misread):
    """Notes come every twelve frames instead of ten."""
    true_px = 82 + 40 * 95 / 12
    followed, blind = (places_of(list(range(0, 100, 12)), 96, weight, misread)[-1] for weight in (0.5, 0.0))
    assert abs(followed - true_px) < 15
    assert abs(blind - true_px) > 20


def test_without_strikes_notes_change_only_the_lengths():
    log_quarters = np.full(COLUMNS, np.log(0.1), np.float32)
    notes = notes_at(list(range(20, 180, 10)), [1.0] * 16, list(range(40, 56)))
    plain, noted = Belief(log_quarters, MUSIC), Belief(log_quarters, MUSIC, notes=notes)
    rng = np.random.default_rng(0)
    for belief in (plain, noted):
        belief.reset(100.0)
    for logits in rng.normal(size=(30, COLUMNS)).astype(np.float32):
        assert np.array_equal(plain.update(logits, np.zeros(88, np.float32)), noted.update(logits))


def test_keys_come_from_the_column_and_its_neighbours():
    written = np.zeros((5, 88), np.float32)
    written[1, 3], written[3, 4] = 0.5, 0.5
    shares = keys_at(written, np.array([0, 2]))
    assert shares[0, 3] == 1.0
    assert shares[1, [3, 4]] == pytest.approx([0.5, 0.5])


def test_hedged_it_says_the_mean_place_of_where_the_music_may_be():
    """One quarter is a few columns on one side of column 100 and forty columns on the other."""
    log_quarters = np.full(COLUMNS, np.log(0.25), np.float32)
    log_quarters[100:140] = np.log(0.025)
    said = []
    for hedged in (False, True):
        belief = Belief(log_quarters, MUSIC, BeliefConfig(hedged=hedged, start_spread_px=30.0))
        belief.reset(108 * COLUMN_PX)
        said.append(belief.summary()[0])
        likely = belief.columns / belief.columns.sum()
    mean_px = float(likely @ (np.arange(COLUMNS) + 0.5)) * COLUMN_PX
    assert said[1] == pytest.approx(mean_px, abs=0.5)
    assert abs(said[0] - mean_px) > 5


@pytest.fixture(scope="module")
def shipped():
    return load_follower(checkpoint.shipped("follower"))


@pytest.mark.parametrize("name", ["planxty-irwin", "ye-banks-and-braes"])
def test_the_shipped_follower_reads_a_tune_it_never_saw(shipped, name):
    piece = open_piece(name)
    music = int(piece.segments[0].strip_x0_px / COLUMN_PX), int(piece.segments[-1].strip_x1_px / COLUMN_PX)
    ear = shipped.ear._by_note
    notes = read_strip(ear.reader, ear.rhythm, halve(piece.strip), music).notes
    assert notes is not None
    away_px = np.abs(piece.onset_x_px[:, None] - notes.x_px)
    assert (away_px.min(1) < 6).mean() > 0.98 and (away_px.min(0) < 6).mean() > 0.98
    nearest = away_px[:-1].argmin(1)
    right = np.abs(np.log(notes.quarters[nearest] / np.diff(piece.onset_quarters))) < 0.1
    assert right.mean() > 0.95


def test_only_pieces_of_one_staff_are_read_note_by_note(shipped):
    tune = open_piece("good-king-wenceslas")
    shipped.open(tune)
    assert shipped.ear._belief._strikes is not None
    shipped.open(dataclasses.replace(tune, staves=2))
    assert shipped.ear._belief._strikes is None


def test_one_line_tunes_may_have_encoders_of_their_own(tmp_path):
    """Those of two staves do not hear them, and the other way round; as trained, packed and loaded."""
    torch.manual_seed(6)
    usual, own = Reader(), Reader()
    tunes = Tunes(ByNote(own, Rhythm(), BeliefConfig(hedged=True)), Policy())
    config = usual.config.to_dict()
    belief = dataclasses.asdict(BeliefConfig())
    metadata = {"network": config, "tune_network": config, "belief": belief, "tune_belief": belief}
    path = tmp_path / "two.safetensors"
    checkpoint.save(path, pack(usual, Policy(), tunes), metadata, SPEC)
    ear = load_follower(path).ear
    assert isinstance(ear, Ear)
    tune = open_piece("good-king-wenceslas")
    for staves, expected in ((1, own), (2, usual), (1, own)):
        ear.open(dataclasses.replace(tune, staves=staves))
        assert torch.equal(ear.reader.struck.weight, expected.struck.weight.half().float())
        sound = ear._sound.hear(np.ones(SPEC.bands, np.float32))
        assert ear._sound.ask(sound).copy() == pytest.approx(_query(ear.reader), abs=1e-4)


@torch.inference_mode()
def _query(reader: Reader) -> np.ndarray:
    """What a reader asks after one frame of ones."""
    heard = torch.cat([torch.zeros(reader.sound.history, SPEC.bands), torch.ones(1, SPEC.bands)])
    return reader.ask(reader.sound(heard[None])[0])[0, -1].numpy()


def test_a_checkpoint_from_before_tunes_were_read_still_plays(shipped, tmp_path):
    """Without the reading it follows a tune column by column; two staves as the shipped one does."""
    tensors, metadata = checkpoint.load(checkpoint.shipped("follower"), SPEC)
    parts = ("reader.", "policy.", "noteheads.")
    kept = {name: value for name, value in tensors.items() if name.startswith(parts)}
    fields = {"strike_weight", "strike_false", "key_doubt", "hedged"}
    metadata = {name: value for name, value in metadata.items() if name != "tune_belief"}
    metadata["belief"] = {name: value for name, value in metadata["belief"].items() if name not in fields}
    path = tmp_path / "old.safetensors"
    checkpoint.save(path, kept, metadata, SPEC)
    old = load_follower(path)
    tune = open_piece("good-king-wenceslas")
    two_staves = dataclasses.replace(tune, staves=2)
    frames = np.random.default_rng(2).random((30, SPEC.bands), np.float32)
    cursors = []
    for player in (old, shipped):
        player.open(two_staves)
        cursors.append([player.step(frame).x_px for frame in frames])
    assert cursors[0] == cursors[1]
    old.open(tune)
    assert not old.ear.by_note
    assert np.isfinite(old.step(frames[0]).x_px)


def test_crops_of_lessons_on_a_device_hold_what_stands_there():
    items = [build_one(generate_score(seed, staves), seed, 0) for seed, staves in ((7, 1), (8, 2))]
    lessons = [make_lesson(item) for item in items]
    strip, struck, length = DeviceLessons(lessons, 1, torch.device("cpu")).batch(12)
    assert strip.shape == (12, 80, 2 * CROP_COLUMNS)
    for row in range(12):
        wanted = struck[row].numpy()
        begins = [
            begin for lesson in lessons for begin in range(max(len(lesson.struck) - CROP_COLUMNS, 0) + 1)
            if np.array_equal(padded(lesson.struck[begin:], 0.0), wanted)
            and np.array_equal(padded(lesson.length[begin:], UNKNOWN), length[row].numpy())
        ]  # fmt: skip
        assert len(begins) == 1
    ink = strip.mean(dim=(1,)).reshape(12, CROP_COLUMNS, 2).mean(2)
    heads, none = ink[struck == 1.0].mean(), ink[struck == 0.0].mean()
    assert heads > 1.1 * none


def padded(values: np.ndarray, fill: float) -> np.ndarray:
    """A crop of them."""
    return np.append(values[:CROP_COLUMNS], np.full(max(CROP_COLUMNS - len(values), 0), fill, values.dtype))
