"""Samples and moments."""
from __future__ import annotations

import numpy as np

from app.engine.clock import SampleClock, now_s, sleep_until


def run_clock(clock: SampleClock, blocks: int, jitter_s: np.ndarray, block: int = 256) -> float:
    """Callbacks at their nominal moments plus jitter; the nominal moment of the last."""
    for i in range(blocks):
        clock.tick(block, 100.0 + i * block / clock.rate + jitter_s[i])
        clock.advance(block)
    return 100.0 + (blocks - 1) * block / clock.rate


def test_counts_samples():
    clock = SampleClock(44_100)
    run_clock(clock, 10, np.zeros(10))
    assert clock.sample == 2560 and clock.time_s == 2560 / 44_100


def test_a_stamp_falls_on_its_sample_although_the_callbacks_jitter():
    clock = SampleClock(44_100)
    jitter_s = np.abs(np.random.default_rng(0).normal(0, 0.002, 4000))
    last_s = run_clock(clock, 4000, jitter_s)
    expected = clock.sample - 256 + 0.003 * 44_100
    found = clock.sample_at(last_s + 0.003 + float(np.mean(jitter_s)))
    assert abs(found - expected) < 0.001 * 44_100
    assert abs(clock.moment_at(found) - (last_s + 0.003 + float(np.mean(jitter_s)))) < 1e-4


def test_locks_again_after_a_standstill():
    clock = SampleClock(44_100)
    run_clock(clock, 100, np.zeros(100))
    clock.tick(256, 500.0)
    assert clock.sample_at(500.0) == clock.sample


def test_before_the_first_callback_everything_is_now():
    clock = SampleClock(48_000)
    assert clock.sample_at(12.0) == 0 and abs(clock.moment_at(5) - now_s()) < 1.0


def test_sleeps_to_the_deadline_and_not_less():
    deadline_s = now_s() + 0.02
    late_s = sleep_until(deadline_s)
    assert late_s >= 0 and now_s() >= deadline_s
