"""Devices by name: choice, absence, a card that vanishes while playing, two clocks, SDL, the silent card."""
from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from app.devices.audio import (
    DEFAULT,
    NONE,
    AudioChoice,
    AudioSystem,
    DeviceError,
    DeviceInfo,
    Stream,
)
from app.devices.null import NullBackend
from app.devices.portaudio import PortAudioBackend, _troubles
from app.devices.sdl import SdlBackend
from app.devices.split import SplitStream
from app.engine.clock import sleep_s
from app.engine.engine import Engine
from app.engine.supervisor import StreamSupervisor
from app.engine.voice import SilentInstrument

PIANO = DeviceInfo("Piano", "USB", 1, 2, 48_000)
BOX = DeviceInfo("Box", "USB", 0, 2, 44_100)


class PluggableStream:
    player = None

    def __init__(self, choice: AudioChoice, rate: int) -> None:
        self.rate = rate
        self.input_label, self.output_label = choice.input, choice.output
        self.latency_s = 0.01
        self.alive = True
        self.closed = False

    def start(self) -> None:
        """Runs by itself."""

    def close(self) -> None:
        self.closed = True


class PluggableBackend:
    """A driver whose devices the test plugs and pulls."""

    name = "pluggable"

    def __init__(self, *plugged: DeviceInfo) -> None:
        self.plugged = list(plugged)
        self.streams: list[PluggableStream] = []
        self.refuses = False
        self.refuses_with: type[Exception] | None = None
        self.fails_to_list = False
        self.rescans = 0

    def devices(self) -> list[DeviceInfo]:
        return list(self.plugged)

    def defaults(self) -> tuple[str, str]:
        inputs = [device.label for device in self.plugged if device.inputs]
        outputs = [device.label for device in self.plugged if device.outputs]
        return (inputs or [NONE])[0], (outputs or [NONE])[0]

    def open(self, choice: AudioChoice, callback: object) -> PluggableStream:
        if self.refuses:
            raise DeviceError("busy")
        if self.refuses_with is not None:
            raise self.refuses_with
        rate = next(d.rate for d in self.plugged if d.label in (choice.input, choice.output))
        self.streams.append(PluggableStream(choice, rate))
        return self.streams[-1]

    def rescan(self) -> None:
        assert all(stream.closed for stream in self.streams), "a rescan would have stopped the sound"
        if self.fails_to_list:
            raise ZeroDivisionError
        self.rescans += 1


class Host:
    def __init__(self) -> None:
        self.sample = 0
        self.rate = 44_100
        self.told: list[str] = []
        self.tell = self.told.append

    def process(self, heard: object, output: object, troubles: int) -> None:
        self.sample += 1

    def use_stream(self, stream: Stream) -> None:
        self.rate = stream.rate


@pytest.fixture
def host():
    return Host()


def supervise(host, backend, choice):
    """A supervisor whose thread never wakes: the test checks by hand."""
    made = StreamSupervisor(AudioSystem([backend], NullBackend()), choice, host, watch_s=1e6)
    made.start()
    return made


def check(supervisor, host, times=1):
    for _ in range(times):
        host.sample += 1
        supervisor._check()


def test_a_remembered_device_is_opened_by_its_name(host):
    backend = PluggableBackend(BOX, PIANO)
    supervisor = supervise(host, backend, AudioChoice(PIANO.label, PIANO.label))
    assert supervisor.stream.input_label == "Piano (USB)" and host.rate == 48_000 and host.told == []
    supervisor.close()
    assert backend.streams[0].closed


def test_a_remembered_device_that_is_not_there_gives_the_default_and_says_so(host):
    supervisor = supervise(host, PluggableBackend(BOX), AudioChoice(PIANO.label, PIANO.label))
    assert supervisor.stream.output_label == BOX.label
    assert "Piano (USB)" in host.told[0] and "Rescan" in host.told[0]
    supervisor.close()


def test_a_driver_that_takes_its_time_is_not_waited_for(host, eventually):
    ready = threading.Event()

    class Slow(PluggableBackend):
        def open(self, choice, callback):
            ready.wait(20)
            return super().open(choice, callback)

    supervisor = StreamSupervisor(AudioSystem([Slow(BOX)], NullBackend()), AudioChoice(), host, watch_s=1e6)
    opened: list[str] = []
    supervisor.opened = lambda stream: opened.append(stream.output_label)
    supervisor.start(wait=False)
    assert supervisor.stream is None and not opened
    ready.set()
    assert eventually(lambda: opened == [BOX.label])
    supervisor.close()


def test_a_driver_that_fails_in_a_way_nobody_thought_of_leaves_silence_and_is_watched_on(host, eventually):
    backend = PluggableBackend(BOX)
    backend.refuses_with = ZeroDivisionError
    supervisor = StreamSupervisor(AudioSystem([backend], NullBackend()), AudioChoice(), host, watch_s=0.01)
    supervisor.start(wait=False)
    assert eventually(lambda: getattr(supervisor.stream, "output_label", "") == NONE)
    assert host.told == ["A sound device failed while it was opened; details are in the log."]
    backend.refuses_with = None
    backend.fails_to_list = True
    with pytest.raises(ZeroDivisionError):
        supervisor.rescan()  # its thread says so; the sound that it has stopped is replaced
    assert eventually(lambda: supervisor.stream is not None)
    backend.fails_to_list = False
    supervisor.choose(AudioChoice(NONE, BOX.label))
    assert getattr(supervisor.stream, "output_label", "") == BOX.label
    supervisor._lost = AudioChoice(NONE, BOX.label)
    supervisor._close_stream()
    backend.fails_to_list = True
    assert eventually(lambda: any("tried again" in told for told in host.told))
    backend.fails_to_list = False
    assert eventually(lambda: not supervisor.lost)
    supervisor.close()


def test_silence_that_fails_while_a_device_is_lost_is_tried_again_before_the_device_is_back(
    host, monkeypatch
):
    def fails(*_):
        raise ZeroDivisionError("a fault")

    backend = PluggableBackend(PIANO)
    supervisor = supervise(host, backend, AudioChoice(PIANO.label, PIANO.label))
    backend.plugged, backend.streams[0].alive = [], False
    with monkeypatch.context() as faulty:
        faulty.setattr(supervisor.system, "open_silent", fails)
        with pytest.raises(ZeroDivisionError):
            check(supervisor, host)
    assert supervisor.stream is None and supervisor.lost
    check(supervisor, host)
    assert supervisor.stream is not None and supervisor.stream.output_label == NONE and supervisor.lost
    backend.plugged = [PIANO]
    check(supervisor, host, 2)
    assert supervisor.stream is backend.streams[1] and not supervisor.lost
    supervisor.close()


def test_none_is_a_choice(host):
    supervisor = supervise(host, PluggableBackend(PIANO), AudioChoice(NONE, NONE))
    assert supervisor.stream.output_label == NONE and host.told == []
    supervisor.choose(AudioChoice(NONE, PIANO.label))
    assert (supervisor.stream.input_label, supervisor.stream.output_label) == (NONE, PIANO.label)
    supervisor.close()


def test_no_device_at_all_runs_silent(host, eventually):
    supervisor = supervise(host, PluggableBackend(), AudioChoice(DEFAULT, DEFAULT))
    assert supervisor.stream.output_label == NONE and "No sound card" in host.told[0]
    assert eventually(lambda: host.sample > 3)
    supervisor.close()


@pytest.mark.parametrize("how", ["driver says so", "stands still"])
def test_a_device_that_vanishes_is_replaced_by_silence_and_taken_back(host, how):
    backend = PluggableBackend(PIANO)
    supervisor = supervise(host, backend, AudioChoice(PIANO.label, PIANO.label))
    check(supervisor, host, 3)
    assert supervisor.stream is backend.streams[0]
    backend.plugged = []
    if how == "driver says so":
        backend.streams[0].alive = False
        check(supervisor, host)
    else:
        for _ in range(3):
            supervisor._check()
    assert supervisor.stream.output_label == NONE and supervisor.stream.rate == 48_000 and supervisor.lost
    assert "is gone" in host.told[-1] and "Piano" in host.told[-1]
    check(supervisor, host, 6)
    assert supervisor.lost and backend.rescans >= 2
    backend.plugged = [PIANO]
    backend.refuses = True     # there, but not yet ready
    check(supervisor, host, 2)
    assert supervisor.lost
    backend.refuses = False
    check(supervisor, host, 2)
    assert supervisor.stream.input_label == PIANO.label and not supervisor.lost and "is back" in host.told[-1]
    supervisor.close()


def test_the_engine_plays_on_while_its_card_is_pulled(eventually):
    """The real engine and its thread: the clock goes on, no note is lost to an exception."""
    backend = PluggableBackend(PIANO)
    engine = Engine(AudioSystem([backend], NullBackend()), AudioChoice(PIANO.label, PIANO.label),
                    lambda rate: (SilentInstrument(), None))
    engine.supervisor._watch_s = 0.05
    engine.start()
    backend.plugged = []
    backend.streams[0].alive = False
    assert eventually(lambda: engine.snapshot.sample > 10_000)
    assert engine.supervisor.lost and engine.rate == 48_000
    assert any("is gone" in message for message in engine.take_messages())
    engine.close()


def test_rescan_lists_what_is_new_and_goes_on(host):
    backend = PluggableBackend(BOX)
    supervisor = supervise(host, backend, AudioChoice(NONE, BOX.label))
    backend.plugged.append(PIANO)
    assert supervisor.rescan() == [BOX, PIANO]
    assert supervisor.stream.output_label == BOX.label and not supervisor.stream.closed
    supervisor.close()


def test_a_name_nobody_knows_is_an_error_that_says_what_to_do():
    system = AudioSystem([PluggableBackend(BOX)], NullBackend())
    with pytest.raises(DeviceError, match=r"Piano.*Rescan"):
        system.open(AudioChoice(PIANO.label, NONE), lambda *_: None)


@pytest.mark.parametrize(("flag", "lost"), [
    ("input_underflow", 1), ("input_overflow", 1), ("output_underflow", 1), ("output_overflow", 1),
    ("priming_output", 0),
])
def test_priming_is_no_dropout_and_everything_else_is(flag, lost):
    flags = dict.fromkeys(
        ("input_underflow", "input_overflow", "output_underflow", "output_overflow", "priming_output"), False
    )
    assert _troubles(SimpleNamespace(**flags | {flag: True})) == lost
    assert _troubles(None) == 0


def test_without_portaudio_the_backend_lists_nothing(monkeypatch):
    backend = PortAudioBackend()
    monkeypatch.setattr("builtins.__import__", _import_without_portaudio(__import__))
    assert backend.devices() == [] and backend.defaults() == (NONE, NONE)
    assert backend.problem is not None and "libportaudio2" in backend.problem
    backend.rescan()


def _import_without_portaudio(real):
    def replaced(name, *arguments, **options):
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *arguments, **options)

    return replaced


class TestSplit:
    """Input and output on two clocks."""

    @staticmethod
    def make(block=256):
        heard, troubles = [], []

        def callback(block, output, trouble):
            heard.append(block.copy())
            troubles.append(trouble)

        return SplitStream(44_100, block, callback), heard, troubles

    def test_what_is_heard_arrives_in_order(self):
        split, heard, troubles = self.make()
        stream = np.arange(1, 256 * 100 + 1, dtype=np.float32)
        for i in range(100):
            split.hear(stream[256 * i:256 * (i + 1)], None, 0)
            split.play(None, np.zeros((256, 2), np.float32), 0)
        everything = np.concatenate(heard)
        sounding = everything[everything > 0]
        assert np.array_equal(sounding, stream[:len(sounding)]) and len(sounding) > 256 * 95
        assert sum(troubles) == 0

    def test_a_side_that_refuses_leaves_the_other_one_closed(self):
        """Its device would be busy when the default is tried next."""
        split, _, _ = self.make()
        output = PluggableStream(AudioChoice(NONE, BOX.label), 44_100)

        def refuse(hear):
            raise DeviceError("busy")

        with pytest.raises(DeviceError, match="busy"):
            split.open_sides(lambda play: output, refuse)
        assert output.closed

    def test_a_faster_input_is_skipped_and_counted(self):
        split, _, troubles = self.make()
        for _ in range(400):
            split.hear(np.ones(270, np.float32), None, 0)
            split.play(None, np.zeros((256, 2), np.float32), 0)
        assert 0 < sum(troubles) < 10
        assert split._reader.available < 256 * 12

    def test_a_slower_input_leaves_gaps_that_are_counted(self):
        split, heard, troubles = self.make()
        for _ in range(400):
            split.hear(np.ones(240, np.float32), None, 0)
            split.play(None, np.zeros((256, 2), np.float32), 0)
        assert 0 < sum(troubles) < 40
        assert np.concatenate(heard).mean() > 0.8


@pytest.mark.parametrize("sides", ["both", "input", "output"])
def test_sdl_plays_and_records(eventually, sides):
    """SDL's dummy driver keeps time like a card."""
    backend = SdlBackend()
    default_input, default_output = backend.defaults()
    assert default_input.endswith("(SDL)") and default_output.endswith("(SDL)")
    blocks = []

    def callback(heard, output, troubles):
        output[:] = 0.1
        blocks.append(None if heard is None else len(heard))

    choice = AudioChoice(
        NONE if sides == "output" else default_input, NONE if sides == "input" else default_output
    )
    stream = backend.open(choice, callback)
    stream.start()
    assert eventually(lambda: len(blocks) > 20)
    stream.close()
    assert not stream.alive
    assert set(blocks) == ({None} if sides == "output" else {256})


def test_sdl_lets_go_while_its_threads_wait_for_the_interpreter():
    """Closing at every moment of a callback that waits for the interpreter: pygame's own pause hangs here."""
    program = textwrap.dedent("""
        import sys, time
        from app.devices.audio import AudioChoice
        from app.devices.sdl import SdlBackend
        sys.setswitchinterval(0.05)
        backend = SdlBackend()
        def callback(heard, output, troubles):
            sum(range(1000))
        for i in range(30):
            stream = backend.open(AudioChoice(*backend.defaults()), callback)
            stream.start()
            end = time.monotonic() + 0.02 + 0.001 * i
            while time.monotonic() < end:
                pass
            stream.close()
        print("closed")
    """)
    environment = {**os.environ, "SDL_AUDIODRIVER": "dummy"}
    repo = __file__.split("/tests/")[0]
    # run() kills at its limit: SDL takes a polite SIGTERM for a wish to quit.
    ended = subprocess.run([sys.executable, "-c", program], cwd=repo, env=environment, capture_output=True,
                           text=True, check=False, timeout=60)
    assert ended.stdout.splitlines()[-1:] == ["closed"], ended.stderr


def test_the_silent_card_keeps_time(eventually):
    count = 0

    def callback(heard, output, troubles):
        nonlocal count
        count += len(output)

    stream = NullBackend().open(AudioChoice(NONE, NONE, 441, 44_100), callback)
    stream.start()
    assert stream.alive and eventually(lambda: count >= 22_050)
    stream.close()
    after = count
    assert not stream.alive and not eventually(lambda: count > after, 0.1)


def test_a_card_that_nobody_hears_has_no_dropouts(eventually):
    troubles_seen: list[int] = []

    def callback(heard, output, troubles):
        if len(troubles_seen) == 3:
            sleep_s(0.2)  # dozens of blocks late
        troubles_seen.append(troubles)

    stream = NullBackend().open(AudioChoice(NONE, NONE, 256, 44_100), callback)
    stream.start()
    assert eventually(lambda: len(troubles_seen) > 60)
    stream.close()
    assert not any(troubles_seen)


def test_sdl_plays_on_however_often_it_is_asked_what_there_is():
    """SDL counts its starts in a byte. In a process of its own: what goes wrong here never returns."""
    program = textwrap.dedent("""
        from app.devices.audio import NONE, AudioChoice
        from app.devices.sdl import SdlBackend
        blocks = []
        backend = SdlBackend()
        label = backend.defaults()[1]
        stream = backend.open(AudioChoice(NONE, label), lambda *block: blocks.append(1))
        stream.start()
        assert all(stream.alive for _ in range(600))
        seen = len(blocks)
        while len(blocks) < seen + 3:
            pass
        stream.close()
        print("plays on", flush=True)
        import os
        os._exit(0)
    """)
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True,
                          check=False)
    assert "plays on" in done.stdout, done.stderr
