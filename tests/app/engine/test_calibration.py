"""Latency is what it is: clicks through a delay, noise, taps."""
from __future__ import annotations

import numpy as np
import pytest

from app.engine.calibration import Calibration, NotHeard, estimate_latency, tap_latency
from app.engine.metronome import ClickVoice

RATE = 44_100


def clicks(delays_s, noise, seed=0):
    """A recording of clicks at 0.5 s steps, each delayed, with noise; and when they were sent."""
    sent = [round((0.5 + 0.5 * i) * RATE) for i in range(len(delays_s))]
    sound = np.random.default_rng(seed).normal(0, noise, (sent[-1] + RATE, 2)).astype(np.float32)
    for sample, delay_s in zip(sent, delays_s, strict=True):
        if delay_s is not None:
            voice = ClickVoice(RATE)
            voice.click(0)
            voice.add_to(sound[sample + round(delay_s * RATE):])
    return sound[:, 0] * 0.3, sent


@pytest.mark.parametrize("delay_s", [0.0, 0.0116, 0.2])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_finds_the_delay_to_the_millisecond(delay_s, noise):
    sound, sent = clicks([delay_s] * 12, noise)
    latency = estimate_latency(sound, sent, RATE)
    assert latency.median_s == pytest.approx(delay_s, abs=0.001)
    assert latency.count == 12 and latency.spread_s < 0.001


def test_median_and_spread_of_delays_that_differ():
    delays_s = [0.05, 0.051, 0.049, 0.05, 0.052, 0.048, 0.05, 0.3, None, None]
    sound, sent = clicks(delays_s, 0.001)
    latency = estimate_latency(sound, sent, RATE)
    assert latency.count == 8 and latency.median_s == pytest.approx(0.05, abs=0.001)
    assert 0.0002 < latency.spread_s < 0.003


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_silence_and_noise_are_not_clicks(noise):
    sound, sent = clicks([None] * 12, noise)
    with pytest.raises(NotHeard, match="tap along"):
        estimate_latency(sound, sent, RATE)


def test_taps():
    click_s = [0.5 * i for i in range(12)]
    early_s = (0, 0.01, -0.01, 0, 0, 0, 0.01, -0.01, 0, 0)
    taps = [click + 0.03 + early for click, early in zip(click_s[1:11], early_s, strict=True)]
    latency = tap_latency(taps, click_s)
    assert latency.median_s == pytest.approx(0.03) and latency.count == 10
    with pytest.raises(NotHeard, match="8"):
        tap_latency([0.1, 0.2], click_s)


def test_through_the_engine_with_a_cable_from_output_to_input(hand_cranked, engine):
    calibration = Calibration(engine, clicks=8)
    delay = np.zeros(1024, np.float32)     # the cable holds four blocks
    result = None
    while result is None:
        played = hand_cranked.crank(delay[:256].copy())
        delay = np.concatenate((delay[256:], played[:, 0]))
        result = calibration.poll()
    assert result.median_s == pytest.approx(1024 / RATE, abs=0.001)
    assert engine.input_latency_s == result.median_s


def test_a_device_of_another_rate_ends_the_measurement_and_gives_the_source_back(hand_cranked, engine):
    engine.set_source("synth")
    calibration = Calibration(engine)
    engine.use_stream(hand_cranked.at_rate(48_000))
    with pytest.raises(NotHeard, match="Measure again"):
        calibration.poll()
    assert engine.source == "synth"
