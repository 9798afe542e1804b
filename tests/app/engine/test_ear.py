"""Frames from the ring: prepared a block beforehand, and the same however late the engine comes."""
from __future__ import annotations

import numpy as np
import pytest

from app.engine.ear import Catch, Ear
from app.engine.frontend import FrontEnd
from app.engine.mixer import Mixer
from app.engine.voice import SilentInstrument

RATE, BLOCK_SAMPLES = 44_100, 256
SOUND = np.random.default_rng(2).normal(0.0, 0.1, 3 * RATE).astype(np.float32)


class Bench:
    """A mixer turned by hand, and whether it would have woken the engine thread."""

    def __init__(self) -> None:
        self.mixer = Mixer(RATE, SilentInstrument())
        self.mixer.wake.acquire()
        self.ear = Ear(self.mixer)

    def crank(self, block: np.ndarray) -> bool:
        self.mixer.process(block, np.zeros((len(block), 2), np.float32), 0)
        woken = self.mixer.wake.locked() is False
        if woken:
            self.mixer.wake.acquire()
        return woken


def blocks(samples: int) -> list[np.ndarray]:
    return [SOUND[begin:begin + samples] for begin in range(0, len(SOUND) - samples, samples)]


def test_the_engine_is_woken_twice_a_frame_and_the_first_time_leaves_less_than_a_block():
    bench, frames, wakes = Bench(), 0, 0
    left: list[int] = []
    for block in blocks(BLOCK_SAMPLES):
        if not bench.crank(block):
            continue
        wakes += 1
        missing = bench.mixer.wake_at - bench.ear._reader.position
        if bench.ear.next() is not None:
            frames, left = frames + 1, [*left, missing]
            assert bench.ear.next() is None
    assert frames == len(FrontEnd(RATE).push(SOUND[:len(blocks(BLOCK_SAMPLES)) * BLOCK_SAMPLES]))
    assert wakes == 2 * frames or wakes == 2 * frames + 1
    assert max(left[1:]) <= BLOCK_SAMPLES  # of the first one the block is not known yet


def test_a_source_that_is_chosen_is_given_its_five_seconds():
    """The synth may have been silent for minutes before somebody turns to the microphone."""
    bench, told = Bench(), []
    bench.mixer.source = "synth"
    for block in range(14 * RATE // 1024):
        if block == 7 * RATE // 1024:
            bench.mixer.source = "input"
        bench.crank(np.zeros(1024, np.float32))
        while (catch := bench.ear.next()) is not None:
            told.append(catch.gauges.no_signal)
    changes = np.flatnonzero(np.diff(told)) / len(told) * 14
    assert changes == pytest.approx([5, 7, 12], abs=0.2)


@pytest.mark.parametrize("samples", [64, 256, 1000, 4096])
def test_frames_and_the_moment_they_became_complete_do_not_depend_on_the_preparing(samples):
    punctual, late = Bench(), Bench()
    expected = [heard.frame for heard in FrontEnd(RATE).push(SOUND)]
    caught: list[Catch] = []
    waiting: list[Catch] = []
    for block in blocks(samples):
        punctual.crank(block)
        late.crank(block)
        while (catch := punctual.ear.next()) is not None:
            caught.append(catch)
        if late.mixer.ring.written >= late.mixer.wake_at:  # this one is never asked before
            waiting += filter(None, [late.ear.next()])
    while (catch := late.ear.next()) is not None:
        waiting.append(catch)
    assert len(caught) == len(waiting) > 50
    for index, (one, other) in enumerate(zip(caught, waiting, strict=True)):
        assert np.array_equal(one.heard.frame, expected[index])
        assert np.array_equal(other.heard.frame, expected[index])
        assert one.heard.end_sample == other.heard.end_sample
        assert one.gauges.level_db == pytest.approx(-20.0, abs=1.5)


def test_the_moment_is_that_of_the_last_sample_not_of_the_preparing():
    bench = Bench()
    caught = 0
    for block in blocks(BLOCK_SAMPLES)[:40]:
        bench.crank(block)
        reached_at_s = bench.mixer.written_s
        if (catch := bench.ear.next()) is not None:
            caught += 1
            assert catch.reached_s == reached_at_s
    assert caught > 1
