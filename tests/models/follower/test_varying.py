"""What crops are varied in: alike one by one and at once, by nothing where nothing is drawn, labels kept."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from models.follower import batches, device_crops
from models.follower.batches import Crops, Spot
from models.follower.data import Rendering, make_item
from models.follower.device_crops import DeviceCrops
from models.follower.generator import generate_score
from models.follower.varying import ON_GPU, ON_PROCESSOR, Variety, detuned, in_room, leaning_px, skewed
from pieces.engraving import engrave_here
from pieces.strip import build_piece

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def piece():
    return build_piece(engrave_here(generate_score(4, 2)), "study")


@pytest.fixture(scope="module")
def item(piece):
    """With a rendering of noise, an onset every quarter of a second."""
    onset_s = np.array([0.5 + 0.25 * index for index in range(len(piece.onset_quarters))])
    noise = np.random.default_rng(0).random((round(20 * onset_s[-1]) + 30, 78)).astype(np.float16)
    played = np.column_stack((onset_s, np.full((len(onset_s), 3), (0.2, 60, 70)))).astype(np.float32)
    return make_item(piece, (Rendering(noise, onset_s, played),))


SPOTS = [Spot(0, 0, frame, column) for frame, column in ((0, 100), (60, 140), (150, 300), (20, 128))]


def cut(kind, item, variety, seed=0):
    """The same crops, of the processor or of the device, with or without a variety."""
    augment, variety = variety is not None, variety or Variety()
    if kind == "device":
        return DeviceCrops([item], seed, CPU, augment, variety).cut(SPOTS)
    crops = Crops([item], seed, augment, variety)
    rows = [crops._crop(spot) for spot in SPOTS]
    return batches.Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*rows, strict=True)))


VARIETIES = [Variety(in_rooms=1.0), Variety(detuned_semitones=0.5), Variety(skew_degrees=1.0), ON_GPU]


@pytest.mark.parametrize("kind", ["processor", "device"])
@pytest.mark.parametrize("variety", VARIETIES)
def test_what_is_true_stays_where_it_was(kind, variety, item):
    plain, varied = cut(kind, item, None), cut(kind, item, variety)
    for name in ("column", "written", "struck", "sounding", "log_quarters"):
        assert torch.equal(torch.nan_to_num(getattr(plain, name)), torch.nan_to_num(getattr(varied, name)))
    assert torch.isfinite(varied.frames).all() and varied.frames.shape == plain.frames.shape
    assert varied.strip.shape == plain.strip.shape and varied.strip.dtype == plain.strip.dtype
    assert float(varied.strip.min()) >= 0 and float(varied.strip.max()) <= 1


def test_one_by_one_and_all_at_once_are_varied_alike(item):
    random = torch.Generator().manual_seed(1)
    strip, frames = cut("device", item, None).strip, cut("device", item, None).frames
    down_px = 4 * torch.rand((4, strip.shape[2]), generator=random) - 2
    semitones, away_s, level = (torch.rand((4, 1), generator=random) + 0.2 for _ in range(3))
    at_once = (
        skewed(strip, down_px), detuned(frames, semitones[..., None] - 0.7), in_room(frames, away_s, level)
    )
    for i in range(4):
        one = slice(i, i + 1)
        each = (
            skewed(strip[one], down_px[one]), detuned(frames[one], semitones[one][..., None] - 0.7),
            in_room(frames[one], away_s[one], level[one]),
        )  # fmt: skip
        for whole, part in zip(at_once, each, strict=True):
            assert torch.allclose(whole[one], part, atol=1e-5)


def test_nothing_drawn_changes_nothing(item):
    plain = cut("device", item, None)
    nothing = torch.zeros(4, 1)
    assert torch.equal(detuned(plain.frames, nothing[..., None]), plain.frames)
    assert torch.allclose(in_room(plain.frames, nothing + 1, nothing), plain.frames, atol=1e-5)
    assert torch.equal(skewed(plain.strip, torch.zeros(4, plain.strip.shape[2])), plain.strip)
    assert Variety() == ON_PROCESSOR and Variety(in_rooms=0.4, detuned_semitones=0.3) == ON_GPU


def test_a_semitone_is_a_band():
    frames = torch.zeros(1, 3, 78)
    frames[:, 1, 40] = 1.0
    for semitones, expected in ((0.25, {40: 0.75, 41: 0.25}), (-1.0, {39: 1.0})):
        heard = detuned(frames, torch.full((1, 1, 1), semitones))[0, 1]
        assert {int(band): float(heard[band]) for band in heard.nonzero()} == pytest.approx(expected)


def test_a_page_that_leans_moves_ink_up_and_down_alone():
    strip = torch.zeros(1, 80, 6)
    strip[0, 40] = 1.0
    down_px = torch.tensor([[0.0, 1.0, -2.0, 0.25, 60.0, -60.0]])
    rows = skewed(strip, down_px)[0]
    for column, expected in enumerate(({40: 1}, {41: 1}, {38: 1}, {40: 0.75, 41: 0.25}, {}, {})):
        seen = rows[:, column]
        assert {int(row): float(seen[row]) for row in seen.nonzero()} == pytest.approx(expected)


def test_every_system_leans_about_its_middle(item, piece):
    away = leaning_px(item)
    for segment in piece.segments:
        first, last = (int(x / 2) for x in (segment.strip_x0_px + 2, segment.strip_x1_px - 2))
        assert away[first] == pytest.approx(-away[last], abs=2.5)
        assert np.allclose(np.diff(away[first : last + 1]), 1.0)
    assert np.abs(away).max() <= 835 / 4 + 1 and len(away) == item.strip.shape[1]


@pytest.mark.parametrize("degrees", [1.0, -1.0])
def test_labels_hit_the_noteheads_of_a_page_that_leans(degrees, item, piece):
    """Each head is looked for beside its label, where it went up or down with its system."""
    down_px = leaning_px(item) * np.float32(np.tan(np.radians(degrees)))
    plain = torch.from_numpy(item.strip.astype(np.float32) / 255.0)[None]
    leaning = skewed(plain, torch.from_numpy(down_px)[None])[0].numpy()
    places = [(round(x_px / 2), row) for x_px, row in heads(piece) if 16 <= row < 64]
    assert len(places) > 100 and np.abs(down_px).max() > 3

    def sideways_px(seen, column, row):
        head = plain[0, row - 4 : row + 5, column - 4 : column + 5].numpy()
        top = row + round(float(down_px[column])) - 4
        away = [
            min(np.square(seen[y : y + 9, left - 4 : left + 5] - head).sum() for y in (top - 1, top, top + 1))
            for left in range(column - 3, column + 4)
        ]
        return int(np.argmin(away)) - 3

    # Less than half a pixel of the halved strip, which is one of the full one.
    assert [sideways_px(leaning, *place) for place in places] == [0] * len(places)
    moved = [sideways_px(np.roll(leaning, 1, axis=1), *place) for place in places]
    assert moved == [1] * len(places), "it would have been noticed"


def heads(piece):
    """(x px of the full strip, row of the halved one) of every notehead."""
    for note in piece.notes:
        segment = piece.segment_at_x(note.x_px)
        middle_px = round(0.5 * (segment.page_y0_px + segment.page_y1_px))
        yield note.x_px, round((80 + (note.page_y_px - middle_px) * segment.scale) / 2)


@pytest.mark.parametrize("kind", ["processor", "device"])
def test_print_leans_on_both_paths_and_no_ink_goes_sideways(kind, item, monkeypatch):
    monkeypatch.setattr(batches, "vary_image", lambda image, rng: image)
    monkeypatch.setattr(device_crops, "vary_images", lambda strip, random: strip)
    plain, leaning = (cut(kind, item, variety).strip for variety in (Variety(), Variety(skew_degrees=1.0)))
    assert torch.equal(plain, cut(kind, item, None).strip)
    assert not torch.allclose(plain, leaning, atol=0.1)
    inner = slice(8, 72)                                      # what leaves the window above or below is gone
    lost = (plain.sum(1) - leaning.sum(1)).abs()
    kept = plain[:, inner].sum(1) == plain.sum(1)
    assert float(lost[kept].max()) < 1e-3 and float(kept.float().mean()) > 0.5


@pytest.mark.parametrize("kind", ["processor", "device"])
def test_as_many_are_varied_and_as_far_as_is_said(kind, item, monkeypatch):
    rooms: list[tuple[float, float]] = []
    tunings: list[float] = []

    def enter(magnitude, away_s, level):
        rooms.extend(zip(away_s.flatten().tolist(), level.flatten().tolist(), strict=True))
        return in_room(magnitude, away_s, level)

    def tune(frames, semitones):
        tunings.extend(semitones.flatten().tolist())
        return detuned(frames, semitones)

    for module in (batches, device_crops):
        monkeypatch.setattr(module, "in_room", enter)
        monkeypatch.setattr(module, "detuned", tune)
    for seed in range(40):
        cut(kind, item, ON_GPU, seed)
    heard = [(away_s, level) for away_s, level in rooms if level > 0]
    assert len(tunings) == 160 and 40 < len(heard) < 90                               # 0.4 of 160 are 64
    assert max(map(abs, tunings)) <= 0.3 and min(tunings) < -0.2 and max(tunings) > 0.2
    assert all(0.3 <= away_s <= 2.0 and 0.05 <= level <= 0.51 for away_s, level in heard)
    rooms.clear()
    tunings.clear()
    cut(kind, item, Variety(skew_degrees=1.0))
    assert not rooms and not tunings


@pytest.mark.parametrize("fields", [{"in_rooms": 1.5}, {"detuned_semitones": -0.1}, {"skew_degrees": 45}])
def test_what_cannot_be_is_said(fields):
    with pytest.raises(ValueError, match=f"{next(iter(fields))} is"):
        Variety(**fields)
