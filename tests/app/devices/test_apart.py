"""PortAudio in its own process, over a real JACK server: nothing is lost unseen, none outlives the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.devices import apart, apart_child
from app.devices.apart import ApartBackend
from app.devices.audio import NONE, AudioChoice, AudioSystem, DeviceError
from app.devices.null import NullBackend
from app.devices.portaudio import PortAudioBackend
from app.engine.clock import now_s
from app.engine.engine import Engine
from app.engine.scheduler import Event

REPO = Path(__file__).parents[3]
LABEL = "system (JACK Audio Connection Kit)"
CHOICE = AudioChoice(LABEL, LABEL)
SCALE = 2.0**-23
"""Sample `n` of what is played is n * SCALE: exact in float32, also halved."""


class Player:
    """The program's callback: plays a ramp that never repeats and keeps what it hears."""

    def __init__(self) -> None:
        self.sample = 1
        self.heard: list[np.ndarray] = []
        self.troubles: list[int] = []
        self.moments_s: list[float] = []
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, heard, output, troubles, moment_s=None) -> None:
        self.heard.append(heard.copy())
        self.troubles.append(troubles)
        self.moments_s.append(moment_s)
        output[:] = (np.arange(self.sample, self.sample + len(output)) * SCALE)[:, None]
        self.sample += len(output)
        self.hold.wait()


@pytest.fixture
def backend(jack):
    return ApartBackend()


@pytest.fixture
def looped(jack, backend, eventually):
    """A stream whose left output is connected to its first input, and its player."""
    player = Player()
    before = ports(jack)
    stream = backend.open(CHOICE, player)
    stream.start()
    (played,), (heard,) = (
        [port for port in ports(jack) - before if port.endswith(name)] for name in ("out_0", "in_0")
    )
    subprocess.run(["jack_disconnect", "system:capture_1", heard], env=jack.environment, check=True)
    subprocess.run(["jack_connect", played, heard], env=jack.environment, check=True)
    yield stream, player
    player.hold.set()
    stream.close()


def ports(jack) -> set[str]:
    listed = subprocess.run(["jack_lsp"], env=jack.environment, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if line.startswith("PortAudio")}


def process_of(backend: ApartBackend) -> psutil.Process:
    assert backend._card is not None
    return psutil.Process(backend._card._process.pid)


def output_of(engine: Engine) -> str | None:
    stream = engine.supervisor.stream
    return None if stream is None else stream.output_label


def test_what_is_played_is_heard_to_the_sample(looped, eventually):
    """Whatever the machine is busy with: what does not come back in order lies in blocks with troubles."""
    stream, player = looped
    assert eventually(lambda: sum(np.count_nonzero(block) for block in player.heard[:-1]) > 44_100)
    heard = np.concatenate(player.heard[:-1])
    steps = np.diff(np.rint(heard * 2 / SCALE).astype(np.int64))
    first = np.flatnonzero(heard)[0]
    broken = np.flatnonzero(steps[first:] != 1) + first + 1
    assert stream.latency_s >= 2 * 256 / 44_100
    troubled = {number for number, count in enumerate(player.troubles) if count}
    near = {number + offset for number in troubled for offset in range(-3, 6)}
    assert {int(sample) // 256 for sample in broken} <= near


def test_every_block_that_was_not_there_in_time_is_counted(looped, eventually):
    stream, player = looped
    assert eventually(lambda: len(player.troubles) > 20)
    player.hold.clear()
    before, asked = sum(player.troubles), stream._side._blocks.asked
    assert eventually(lambda: stream._side._blocks.asked > asked + 50)
    player.hold.set()
    assert eventually(lambda: len(player.troubles) > asked + 50)
    assert sum(player.troubles) - before >= 50 - 2 * stream._side.cushion


def test_the_moments_are_the_driver_s(looped, eventually):
    _, player = looped
    assert eventually(lambda: len(player.moments_s) > 200)
    moments_s = np.array(player.moments_s)
    assert (np.diff(moments_s) > 0).all() and moments_s[-1] < now_s()
    assert np.median(np.diff(moments_s)) == pytest.approx(256 / 44_100, rel=0.05)


def test_it_opens_closes_lists_and_opens_again(jack, backend, eventually):
    process = process_of(backend)
    sides = ((LABEL, LABEL, 256), (NONE, LABEL, 256), (LABEL, NONE, 256), (LABEL, LABEL, 512))
    for choice in (AudioChoice(*side) for side in sides):
        sizes: list[tuple[bool, int]] = []
        stream = backend.open(
            choice, lambda heard, output, *_, into=sizes: into.append((heard is not None, len(output)))
        )
        stream.start()
        assert eventually(lambda into=sizes: len(into) > 5)
        assert stream.alive and LABEL in [device.label for device in backend.devices()]
        assert set(sizes) == {(choice.input != NONE, choice.block_samples)}
        stream.close()
        after = len(sizes)
        assert not stream.alive and not eventually(lambda into=sizes, n=after: len(into) > n, 0.1)
        backend.rescan()
    assert process == process_of(backend) and process.is_running()
    with pytest.raises(DeviceError, match="Piano is not connected"):
        backend.open(AudioChoice("Piano", NONE), Player())


def test_its_process_dies_while_the_engine_plays(jack, backend, impulses, eventually):
    engine = Engine(AudioSystem([backend], NullBackend()), CHOICE, lambda rate: (impulses, None))
    engine.supervisor._watch_s = 0.05
    engine.start()
    told: list[str] = []

    def says(word: str) -> bool:
        told.extend(engine.take_messages())
        return any(word in message for message in told)

    assert output_of(engine) == LABEL
    first = process_of(backend)
    first.kill()
    assert eventually(lambda: says("is gone")), told
    before = engine.sample
    assert eventually(lambda: engine.sample > before + 4410), "time goes on"
    assert eventually(lambda: says("is back")), told
    assert output_of(engine) == LABEL and process_of(backend) != first
    played: list[int] = []
    engine.add_sink(lambda event: played.append(event.sample))
    due = engine.sample + 4410
    engine.submit(Event(due, "note_on", 60, 80))
    assert eventually(lambda: played == [due])
    engine.close()


def test_a_driver_that_hangs_is_given_up_and_another_process_asked(jack, backend, monkeypatch):
    assert backend.devices()
    monkeypatch.setattr(apart, "LOOKS", 1)
    stream = backend.open(CHOICE, lambda *_: None)
    stream.start()
    hanging = process_of(backend)
    hanging.suspend()
    stream.close()
    assert not stream.alive and not hanging.is_running()
    monkeypatch.undo()
    assert LABEL in [device.label for device in backend.devices()] and process_of(backend) != hanging


PROGRAM = """
    import signal, time
    from app.devices.apart import ApartBackend
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored, and inherited
    backend = ApartBackend()
    try:
        backend.devices()
        print(backend._card._process.pid, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        backend.devices()
        print("interrupted", flush=True)
"""


@pytest.fixture
def program():
    """A program with a card's process, in a group of its own; and that process."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], cwd=REPO, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert started.stdout is not None
    yield started, psutil.Process(int(started.stdout.readline()))
    started.kill()
    started.communicate()


def test_a_program_that_is_killed_takes_its_process_with_it(program):
    started, card = program
    started.kill()
    started.wait()
    card.wait(timeout=20)
    assert not card.is_running()


def test_ctrl_c_is_for_the_program_alone(program):
    started, card = program
    os.killpg(started.pid, signal.SIGINT)
    output, errors = started.communicate(timeout=60)
    assert output == "interrupted\n" and started.returncode == 0 and "Traceback" not in errors
    card.wait(timeout=20)


def no_process():
    raise OSError("no more processes")


@pytest.mark.parametrize("how", ["cannot be started", "ends at once"])
def test_without_a_process_it_goes_on_in_this_one_and_says_so(monkeypatch, how):
    if how == "ends at once":
        monkeypatch.setattr(apart_child, "serve", divmod)
    else:
        monkeypatch.setattr(apart, "Card", no_process)
    told: list[str] = []
    backend = ApartBackend(told.append)
    assert backend.devices() == PortAudioBackend().devices()
    assert len(told) == 1 and "may crackle" in told[0]
    backend.rescan()
    assert len(told) == 1
