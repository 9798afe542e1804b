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
from app.devices.probe import InputProbe
from app.engine.clock import now_s
from app.engine.engine import Engine
from app.engine.meter import LevelMeter
from app.engine.mixer import Mixer
from app.engine.ring import RingReader
from app.engine.scheduler import NOW, Event
from tests.app.devices.instruments import SCALE, open_broken, open_ramp, open_silent

REPO = Path(__file__).parents[3]
LABEL = "system (JACK Audio Connection Kit)"
CHOICE = AudioChoice(LABEL, LABEL)


class Listener:
    """Keeps every block that the engine takes in; `hold` has it stand still there."""

    def __init__(self, mixer: Mixer) -> None:
        self._take_in = mixer.take_in
        self.heard: list[np.ndarray] = []
        self.played: list[np.ndarray] = []
        self.troubles: list[int] = []
        self.moments_s: list[float] = []
        self.hold = threading.Event()
        self.hold.set()

    def take_in(self, block, events) -> None:
        assert block.heard is not None and block.moment_s <= block.written_s <= now_s()
        self.heard.append(block.heard.copy())
        self.played.append(block.played.copy())
        self.troubles.append(block.troubles)
        self.moments_s.append(block.moment_s)
        self._take_in(block, events)
        self.hold.wait()


@pytest.fixture
def backend(jack):
    return ApartBackend()


@pytest.fixture
def engine(jack, backend):
    """An engine on JACK that plays a ramp; not started."""
    made = Engine(AudioSystem([backend], NullBackend()), CHOICE, open_ramp)
    yield made
    made.close()


@pytest.fixture
def looped(jack, engine, monkeypatch):
    """That engine with its left output connected to its first input, and who listens to it."""
    listener = Listener(engine.mixer)
    monkeypatch.setattr(engine.mixer, "take_in", listener.take_in)
    before = ports(jack)
    engine.start()
    assert output_of(engine) == LABEL
    (played,), (heard,) = (
        [port for port in ports(jack) - before if port.endswith(name)] for name in ("out_0", "in_0")
    )
    subprocess.run(["jack_disconnect", "system:capture_1", heard], env=jack.environment, check=True)
    subprocess.run(["jack_connect", played, heard], env=jack.environment, check=True)
    yield engine, listener
    listener.hold.set()


def ports(jack) -> set[str]:
    listed = subprocess.run(["jack_lsp"], env=jack.environment, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if line.startswith("PortAudio")}


def process_of(backend: ApartBackend) -> psutil.Process:
    assert backend._card is not None
    return psutil.Process(backend._card._process.pid)


def output_of(engine: Engine) -> str | None:
    stream = engine.supervisor.stream
    return None if stream is None else stream.output_label


def broken_blocks(blocks: list[np.ndarray], slope: float) -> set[int]:
    """Those in which the ramp does not go on, from where it begins."""
    ramp = np.rint(np.concatenate(blocks) / slope).astype(np.int64)
    first = int(np.flatnonzero(ramp)[0])
    places = np.flatnonzero(np.diff(ramp[first:]) != 1) + first + 1
    return {int(place) // len(blocks[0]) for place in places}


def test_what_is_played_is_told_and_heard_to_the_sample(looped, eventually):
    """Whatever the machine is busy with: what does not come back in order lies in blocks with troubles."""
    engine, listener = looped
    assert eventually(lambda: sum(np.count_nonzero(block) for block in listener.heard[:-1]) > 44_100)
    count = len(listener.troubles) - 1
    troubled = {number for number, troubles in enumerate(listener.troubles) if troubles}
    near = {number + offset for number in troubled for offset in range(-3, 6)}
    assert broken_blocks(listener.played[:count], SCALE) == set(), "the synth plays on from block to block"
    assert broken_blocks(listener.heard[:count], SCALE / 2) <= near
    assert engine.supervisor.stream.latency_s < 0.1


def test_another_input_is_listened_to_beside_it_and_let_go_of(jack, engine, eventually):
    engine.start()
    assert output_of(engine) == LABEL
    before, probe = ports(jack), InputProbe(lambda: AudioSystem([ApartBackend()], NullBackend()))
    assert eventually(lambda: isinstance(probe.listen(LABEL, engine.rate), LevelMeter))
    assert ports(jack) > before
    probe.end()
    assert eventually(lambda: ports(jack) == before)
    sample = engine.sample
    assert eventually(lambda: engine.sample > sample) and output_of(engine) == LABEL


def test_what_is_scheduled_sounds_on_time_while_the_program_stands_still(looped, eventually):
    engine, listener = looped
    played: list[int] = []
    engine.add_sink(lambda event: played.append(event.sample))
    assert eventually(lambda: len(listener.troubles) > 20)
    listener.hold.clear()
    first = engine.sample
    due = [first + 2_000 * number for number in range(4, 12)]
    for sample in due:
        engine.submit(Event(sample, "note_on", 60, 80))
    assert eventually(lambda: engine.sample > due[-1] + 4_410), "the card's clock goes on"
    assert engine.mixer.clock.sample < due[0] and played == []
    listener.hold.set()
    assert eventually(lambda: len(played) == len(due))
    assert played == due and broken_blocks(listener.played[:-1], SCALE) == set()


def test_the_moments_are_the_driver_s(looped, eventually):
    _, listener = looped
    assert eventually(lambda: len(listener.moments_s) > 200)
    moments_s = np.array(listener.moments_s)
    assert (np.diff(moments_s) > 0).all() and moments_s[-1] < now_s()
    assert np.median(np.diff(moments_s)) == pytest.approx(256 / 44_100, rel=0.05)


def test_a_recording_is_played_there(looped, eventually):
    engine, listener = looped
    engine.use_instrument(open_silent)
    engine.mixer.play_clip(np.full(300_000, 0.25, np.float32), engine.sample + 4_410)
    assert eventually(lambda: sum(np.count_nonzero(block == 0.25) for block in listener.played) > 22_050)
    assert eventually(lambda: any((block == 0.125).all() for block in listener.heard))
    engine.mixer.play_clip(np.zeros(0, np.float32), 0)
    assert eventually(lambda: not listener.played[-1].any())


def test_a_player_that_fails_is_told_and_the_sound_goes_on(looped, eventually, caplog):
    engine, listener = looped
    engine.use_instrument(open_broken)
    assert "It is old." in engine.take_messages()
    engine.note_on(60)
    assert eventually(lambda: any("stumbled" in message for message in engine.take_messages()))
    before = len(listener.played)
    assert eventually(lambda: len(listener.played) > before + 50)
    engine.use_instrument(open_silent)
    assert eventually(lambda: (engine.supervisor.system.devices(), "a string broke" in caplog.text)[1])


def test_the_instrument_plays_on_whichever_device_is_chosen(jack, backend, engine, eventually):
    engine.set_source("synth")
    engine.start()
    process = process_of(backend)
    silent = AudioChoice(NONE, NONE, 128)
    for choice in (AudioChoice(LABEL, LABEL, 512), silent, AudioChoice(NONE, LABEL, 256), silent, CHOICE):
        engine.supervisor.choose(choice)
        assert output_of(engine) == choice.output and engine.take_messages() == []
        reader = RingReader(engine.mixer.ring)
        assert eventually(lambda reader=reader: reader.available > 4_410)
        assert np.diff(np.rint(reader.read() / SCALE)[-4_000:]).tolist() == [1.0] * 3_999
        assert engine.mixer.block_samples == choice.block_samples
    engine.supervisor.rescan()
    engine.supervisor.stream.player.use_instrument(open_silent, [])
    assert process == process_of(backend) and process.is_running()


def test_it_opens_closes_lists_and_opens_again(jack, backend, eventually):
    process = process_of(backend)
    sides = ((LABEL, LABEL, 256), (NONE, LABEL, 256), (LABEL, NONE, 256), (LABEL, LABEL, 512))
    for choice in (AudioChoice(*side) for side in sides):
        sizes: list[tuple[bool, int]] = []
        stream = backend.open(choice, never_called)
        stream.player.begin(
            7, lambda block, _, into=sizes: into.append((block.heard is not None, len(block.played)))
        )
        stream.start()
        assert eventually(lambda into=sizes: len(into) > 5)
        assert stream.alive and LABEL in [device.label for device in backend.devices()]
        assert set(sizes) == {(choice.input != NONE, choice.block_samples)}
        stream.close()
        after = len(sizes)
        assert stream.player.sample == 7 + after * choice.block_samples, "none is left behind"
        assert not stream.alive and not eventually(lambda into=sizes, n=after: len(into) > n, 0.1)
        backend.rescan()
    assert process == process_of(backend) and process.is_running()
    with pytest.raises(DeviceError, match="Piano is not connected"):
        backend.open(AudioChoice("Piano", NONE), never_called)


def never_called(*_: object) -> None:
    raise AssertionError("the stream has a player of its own")


def test_its_process_dies_while_the_engine_plays(jack, backend, engine, eventually):
    """What was scheduled is played by who comes after: by nobody's card, then by that of another process."""
    engine.supervisor._watch_s = 0.05
    engine.start()
    told: list[str] = []
    played: list[tuple[str, int]] = []
    engine.add_sink(lambda event: played.append((event.kind, event.sample)))

    def says(word: str) -> bool:
        told.extend(engine.take_messages())
        return any(word in message for message in told)

    assert output_of(engine) == LABEL
    engine.submit(Event(NOW, "program", 11, 0, 3))
    assert eventually(lambda: [(e.channel, e.data1) for e in engine.mixer.settings] == [(3, 11)])
    first = process_of(backend)
    first.suspend()
    far_off, near = engine.sample + 20 * 44_100, engine.sample + 2_000
    for sample in (far_off, near):
        engine.submit(Event(sample, "note_on", 60, 80))
    engine.mixer.forget("", far_off)
    first.kill()
    assert eventually(lambda: says("is gone")), told
    before = engine.sample
    assert eventually(lambda: engine.sample > before + 4410), "time goes on"
    assert eventually(lambda: says("is back")), told
    assert output_of(engine) == LABEL and process_of(backend) != first
    due = engine.sample + 4410
    engine.submit(Event(due, "note_on", 60, 80))
    assert eventually(lambda: ("note_on", due) in played)
    notes = [sample for kind, sample in played if kind == "note_on"]
    assert len(notes) == 2 and notes[0] >= near and engine.mixer.player.leave() == []


def test_a_driver_that_hangs_is_given_up_and_another_process_asked(jack, backend, monkeypatch):
    assert backend.devices()
    stream = backend.open(CHOICE, never_called)
    stream.start()
    monkeypatch.setattr(apart, "LOOKS", 1)
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
