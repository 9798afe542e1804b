"""An input that is listened to before it is chosen: its level, and that it is let go of again."""

from __future__ import annotations

import numpy as np
import pytest

from app.devices.audio import NONE, AudioChoice, AudioSystem, DeviceError, DeviceInfo
from app.devices.null import NullBackend
from app.devices.probe import DEAF, InputProbe
from app.engine.meter import LevelMeter

RATE = 48_000
MICS = ("Mic (ALSA)", "Line (ALSA)")


class Input:
    """A stream that the test itself feeds."""

    player = None

    def __init__(self, backend, choice, callback) -> None:
        self.backend, self.choice, self.callback = backend, choice, callback
        self.rate = choice.rate

    def start(self) -> None:
        if self.choice.input in self.backend.dumb:
            raise DeviceError("It does not start.")

    def close(self) -> None:
        self.backend.open_streams.remove(self)


class Inputs:
    """A backend with two microphones."""

    name = "inputs"

    def __init__(self) -> None:
        self.open_streams: list[Input] = []
        self.opened: list[AudioChoice] = []
        self.dumb: set[str] = set()
        self.rescans = 0

    def devices(self):
        return [DeviceInfo(label.removesuffix(" (ALSA)"), "ALSA", 1, 0) for label in MICS]

    def defaults(self):
        return MICS[0], NONE

    def open(self, choice, callback):
        self.opened.append(choice)
        self.open_streams.append(Input(self, choice, callback))
        return self.open_streams[-1]

    def rescan(self) -> None:
        self.rescans += 1


@pytest.fixture
def inputs():
    return Inputs()


@pytest.fixture
def probe(inputs):
    made = InputProbe(lambda: AudioSystem([inputs], NullBackend()))
    yield made
    made.end()
    assert inputs.open_streams == []


def test_the_level_of_the_input_that_is_asked_for_is_heard(probe, inputs, eventually):
    for label in MICS:
        assert eventually(lambda label=label: isinstance(probe.listen(label, RATE), LevelMeter))
        (stream,) = inputs.open_streams  # the one before is let go of
        assert (stream.choice.input, stream.choice.output, stream.choice.rate) == (label, NONE, RATE)
        stream.callback(np.full(4800, 0.1, np.float32), np.zeros((4800, 2), np.float32), 0)
        assert probe.listen(label, RATE).level_db == pytest.approx(-20.0, abs=0.1)


def test_an_input_that_nobody_asks_for_any_more_is_let_go_of(probe, inputs, eventually):
    assert eventually(lambda: isinstance(probe.listen(MICS[0], RATE), LevelMeter))
    assert eventually(lambda: inputs.open_streams == [])


def test_ended_it_is_let_go_of_at_once(probe, inputs, eventually):
    assert eventually(lambda: isinstance(probe.listen(MICS[0], RATE), LevelMeter))
    probe.end()
    assert inputs.open_streams == []


@pytest.mark.parametrize("label", ["Gone (ALSA)", MICS[1]])
def test_an_input_that_cannot_be_heard_says_what_to_do(probe, inputs, eventually, label):
    inputs.dumb.add(label)
    assert eventually(lambda: probe.listen(label, RATE) == DEAF)
    assert inputs.rescans == 1 and inputs.open_streams == []
