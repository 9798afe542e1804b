"""Any rate, any block size, the same frames."""
from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.frontend import FrontEnd, Resampler
from models.features import frames


def music(rate: int, duration_s: float, seed: int = 0) -> np.ndarray:
    """Decaying tones below 6 kHz and a little noise, (n,) float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate * duration_s)) / rate
    notes_hz = (110, 523, 1760, 3520)
    tones = sum(np.sin(2 * np.pi * hz * t) * np.exp(-4 * (t % (0.21 + hz / 9000))) for hz in notes_hz)
    return (0.1 * tones + rng.normal(0, 0.002, len(t))).astype(np.float32)


def heard(rate: int, sound: np.ndarray, blocks: list[int]) -> tuple[np.ndarray, list[int]]:
    """Frames and their end samples for blocks of these sizes, over and over."""
    front_end, found, begin, turn = FrontEnd(rate), [], 0, 0
    while begin < len(sound):
        size = blocks[turn % len(blocks)]
        found += front_end.push(sound[begin:begin + size])
        begin, turn = begin + size, turn + 1
    found += front_end.finish()
    return np.array([h.frame for h in found]), [h.end_sample for h in found]


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_frames_equal_those_of_the_best_resampler(rate):
    sound = music(rate, 3.0)
    found, _ = heard(rate, sound, [256])
    reference = sound if rate == 22_050 else soxr.resample(sound, rate, 22_050, quality="VHQ")
    expected = frames(reference)
    assert abs(len(found) - len(expected)) <= 1
    count = min(len(found), len(expected)) - 2   # the very edge differs by the length of the filters
    assert np.abs(found[2:count] - expected[2:count]).max() < 2e-4


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000]),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=6),
)
def test_block_sizes_change_nothing_to_the_last_bit(rate, blocks):
    sound = music(rate, 0.7)
    whole, whole_ends = heard(rate, sound, [len(sound)])
    parts, ends = heard(rate, sound, blocks)
    assert np.array_equal(whole, parts) and whole_ends == ends


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_a_frame_comes_with_its_newest_sample_and_never_sooner(rate):
    front_end = FrontEnd(rate)
    sound = music(rate, 1.0)
    position = 0
    for _ in range(10):
        end = front_end.next_end_sample
        assert front_end.push(sound[position:end - 1]) == []
        (frame,) = front_end.push(sound[end - 1:end])
        assert frame.end_sample == end
        position = end


def test_the_resampler_looks_less_than_a_millisecond_ahead():
    for rate in (44_100, 48_000, 96_000, 192_000):
        resampler = Resampler(rate)
        ahead = resampler.input_needed(22_050) - rate
        assert 0 < ahead < rate / 1000


def test_nothing_folds_back_into_the_bands():
    rate = 44_100
    t = np.arange(rate) / rate
    for hz in (16_100, 18_000, 21_000):   # would fold to 5950, 4050, 1050 Hz
        resampler = Resampler(rate)
        out = resampler.push(np.sin(2 * np.pi * hz * t).astype(np.float32))
        assert np.abs(out[100:]).max() < 2e-4


def test_reset_forgets():
    front_end = FrontEnd(48_000)
    sound = music(48_000, 0.5)
    first = [h.frame for h in front_end.push(sound)]
    front_end.reset()
    assert np.array_equal(first, [h.frame for h in front_end.push(sound)])


def test_broken_samples_count_as_silence():
    sound = music(44_100, 0.5)
    repaired = sound.copy()
    for place, broken in ((5000, np.nan), (6000, -np.inf), (7000, 3e38), (8000, 40.0)):
        sound[place], repaired[place] = broken, 0.0
    assert np.array_equal(heard(44_100, sound, [256])[0], heard(44_100, repaired, [256])[0])


def test_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="Hz"):
        Resampler(0)
