"""Events happen at their sample: in the queue, in the mixer's output, and in a WAV of the real synth."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from app.engine.metronome import CLICK_LEVEL
from app.engine.mixer import Mixer
from app.engine.scheduler import NOW, Event, Scheduler
from app.engine.voice import SilentInstrument
from models.sound import NoSynth, Synth

RATE = 44_100


@given(
    st.lists(st.integers(-5, 900), max_size=40), st.lists(st.integers(1, 200), min_size=1, max_size=30)
)
def test_every_event_comes_once_in_order_at_its_sample(samples, blocks):
    scheduler = Scheduler()
    for number, sample in enumerate(samples):
        scheduler.submit(Event(sample, "note_on", data1=number))
    seen, start = [], 0
    for block in blocks:
        for offset, event in scheduler.due(start, block):
            assert 0 <= offset < block and start + offset == max(event.sample, start)
            seen.append(event)
        start += block
    expected = sorted((e for e in map_events(samples) if e.sample < start), key=lambda e: e.sample)
    assert seen == expected and len(scheduler.take_all()) == len(samples) - len(seen)


def map_events(samples: list[int]) -> list[Event]:
    return [Event(sample, "note_on", data1=number) for number, sample in enumerate(samples)]


def test_forget_drops_one_source_from_a_sample_on():
    scheduler = Scheduler()
    for sample in (10, 20, 30):
        scheduler.submit(Event(sample, "note_on", source="demo"))
        scheduler.submit(Event(sample, "note_on", source="midi"))
    scheduler.forget("demo", 20)
    left = [(event.sample, event.source) for _, event in scheduler.due(0, 100)]
    assert left == [(10, "demo"), (10, "midi"), (20, "midi"), (30, "midi")]


@pytest.mark.parametrize("block", [1, 37, 256, 1024, 20_000])
def test_the_mixer_splits_blocks_at_events(block, impulses):
    mixer = Mixer(RATE, impulses)
    moments = [0, 1, 255, 256, 257, 1000, 4095, 9999]
    for moment in moments:
        mixer.submit(Event(moment, "note_on", 60, 64))
    output = render(mixer, 10_000, block)
    assert list(np.flatnonzero(output[:, 0])) == moments
    assert [event.sample for event in mixer.applied] == moments


def test_clicks_fall_on_the_sample_and_are_not_heard_by_the_follower(impulses):
    mixer = Mixer(RATE, impulses)
    mixer.source = "synth"
    mixer.submit(Event(1000, "click", 1))
    output = render(mixer, 4096, 256)
    sounding = np.flatnonzero(np.abs(output[:, 0]) > 0.01 * CLICK_LEVEL)
    assert 1000 <= sounding[0] <= 1002
    heard = np.zeros(4096, np.float32)
    mixer.ring.copy_into(heard, 0)
    assert not heard.any()


def test_events_for_now_come_with_the_next_block(impulses):
    mixer = Mixer(RATE, impulses)
    render(mixer, 512, 256)
    mixer.submit(Event(NOW, "note_on", 60, 127))
    assert render(mixer, 256, 256)[0, 0] > 0


def test_the_real_synth_strikes_where_the_wav_says(tmp_path):
    """FluidSynth works in steps of 64 samples, so a note begins at most 64 samples after its event."""
    try:
        synth = Synth(RATE)
    except NoSynth as error:
        pytest.skip(str(error))
    mixer = Mixer(RATE, synth)
    moments = [5_000, 20_011, 40_500]
    for moment in moments:
        mixer.submit(Event(moment, "note_on", 84, 120))
        mixer.submit(Event(moment + 8_000, "note_off", 84))
        mixer.submit(Event(moment + 8_000, "all_off"))
    path = tmp_path / "played.wav"
    wavfile.write(path, RATE, render(mixer, 60_000, 256))
    _, sound = wavfile.read(path)
    level = np.abs(sound).max(axis=1)
    for moment in moments:
        before, after = level[moment - 200:moment], level[moment:moment + 1500]
        begin = int(np.flatnonzero(after > before.max() + 1e-3)[0])
        assert begin <= 64 + 200   # the step, and the sample's own attack
    synth.close()


def test_an_exception_in_the_synth_stays_in_the_callback():
    class Broken(SilentInstrument):
        def render(self, samples: int) -> np.ndarray:
            raise RuntimeError("broken")

    mixer = Mixer(RATE, Broken())
    output = render(mixer, 512, 256)
    assert not output.any() and isinstance(mixer.player.error, RuntimeError) and mixer.clock.sample == 512


def render(mixer: Mixer, samples: int, block: int) -> np.ndarray:
    """`samples` of output in blocks."""
    output = np.zeros((samples, 2), np.float32)
    for begin in range(0, samples, block):
        mixer.process(None, output[begin:begin + block], 0)
    return output
