"""The front end equals madmom's frames and is the same whatever the block size."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import SPEC, FeatureSpec, FrameBuilder, filterbank, frame_end_sample, frames

GOLDEN = Path(__file__).resolve().parents[3] / "shared/golden/log_spectrogram_madmom_0_16_1.npz"


def reference_frames(samples_int16: np.ndarray) -> np.ndarray:
    """Slow and written apart from the product: a plain DFT sum by a matrix, filters by their definition."""
    size, rate = 2048, 22050
    n = np.arange(size)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / (size - 1))
    dft = np.exp(-2j * np.pi * np.outer(np.arange(size // 2), n) / size)
    filters = reference_filters()
    count = int(np.ceil(len(samples_int16) / 1102.5))
    padded = np.concatenate((np.zeros(1024), samples_int16 / 32767.0, np.zeros(4096)))
    rows = []
    for i in range(count):
        begin = int(np.floor(i * rate / 20))   # 1024 before the frame's place, after 1024 of padding
        rows.append(np.log10(1 + np.abs(dft @ (padded[begin:begin + size] * hann)) @ filters))
    return np.array(rows)


def reference_filters() -> np.ndarray:
    """Triangles between the bins nearest to the notes of the tempered scale from 60 to 6000 Hz."""
    notes_hz = [440 * 2 ** (k / 12) for k in range(-60, 60) if 60 <= 440 * 2 ** (k / 12) <= 6000]
    bins = [int(np.argmin(np.abs(np.arange(1024) * 22050 / 2048 - hz))) for hz in notes_hz]
    filters = np.zeros((1024, len(bins) - 2))
    for k, (a, b, c) in enumerate(zip(bins, bins[1:], bins[2:], strict=False)):
        if c - a < 2:
            filters[a, k] = 1
        for j in range(a, c) if c - a >= 2 else ():
            filters[j, k] = (j - a) / (b - a) if j < b else (c - j) / (c - b)
    return filters / filters.sum(axis=0)


def music(samples: int, seed: int = 0) -> np.ndarray:
    """Decaying tones and noise as int16."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / 22050
    tones = sum(np.sin(2 * np.pi * hz * t) * np.exp(-3 * (t % (0.2 + hz / 3000))) for hz in (82.4, 440, 1318))
    return (6000 * tones + rng.normal(0, 200, samples)).astype(np.int16)


def test_equals_the_slow_reference():
    audio = music(30000)
    assert np.abs(frames(audio / 32768) - reference_frames(audio)).max() < 1e-4


def test_golden_frames_and_filterbank():
    if not GOLDEN.exists():      # the reference test above holds the same facts where the file is not
        return
    golden = np.load(GOLDEN)
    audio = golden["audio"].astype(np.float32) / 32768
    assert np.abs(filterbank() - golden["filterbank"]).max() < 1e-6
    assert np.abs(frames(audio) - golden["frames"]).max() < 1e-4


def test_filterbank_shape_and_area():
    bank = filterbank()
    assert bank.shape == (1024, SPEC.bands) == (1024, 78) and bank.dtype == np.float32
    assert np.allclose(bank.sum(axis=0), 1) and np.abs(bank - reference_filters()).max() < 1e-6


def test_all_at_once_is_run_again_is_frame_by_frame():
    audio = (music(44100) / 32768).astype(np.float32)
    whole = frames(audio)
    assert len(whole) == 40
    assert np.array_equal(whole, frames(audio))
    builder = FrameBuilder()
    rows, heard = [], 0
    while heard < len(audio):
        until = frame_end_sample(builder.next_frame) + 1
        rows.append(builder.push(audio[heard:until]))
        heard = until
        assert len(rows[-1]) == (1 if until <= len(audio) else 0)
    rows.append(builder.finish())
    assert np.array_equal(np.concatenate(rows), whole)
    builder.reset()
    assert np.array_equal(np.concatenate((builder.push(audio), builder.finish())), whole)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=30), st.integers(1, 20000))
def test_random_blocks_change_nothing(sizes, length):
    audio = (music(length, seed=length) / 32768).astype(np.float32)
    builder = FrameBuilder()
    cuts = np.clip(np.cumsum([0, *sizes]), 0, length)
    parts = [builder.push(block) for block in np.split(audio, cuts)] + [builder.finish()]
    assert np.array_equal(np.concatenate(parts), frames(audio))


def test_a_frame_comes_exactly_with_its_last_sample():
    builder = FrameBuilder()
    for i in range(5):
        missing = frame_end_sample(i) - (0 if i == 0 else frame_end_sample(i - 1) + 1)
        assert len(builder.push(np.zeros(missing))) == 0
        assert len(builder.push(np.zeros(1))) == 1


def test_frames_do_not_drift_from_the_clock():
    assert SPEC.hop_samples == 1102.5
    assert [SPEC.frame_sample(i) for i in (0, 1, 2, 3, 1200)] == [0, 1102, 2205, 3307, 60 * 22050]


def test_broken_samples_are_silence_and_do_not_spread():
    audio = np.zeros(22050, np.float32)
    audio[5000], audio[6000] = np.nan, np.inf
    assert np.array_equal(frames(audio), np.zeros((20, 78), np.float32))


def test_no_sound_no_frames():
    assert frames(np.zeros(0)).shape == (0, 78)
    assert FrameBuilder().push(np.zeros(10)).shape == (0, 78)


def test_another_specification_has_another_fingerprint():
    assert FeatureSpec(fps=25).fingerprint != SPEC.fingerprint == FeatureSpec().fingerprint
