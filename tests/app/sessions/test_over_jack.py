"""A second process plays at true speed, over JACK audio and over JACK MIDI, into the running engine.

Real drivers, real worker, real time: the cursor ends in the last measure.
"""
from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest
from scipy.io import wavfile

from app.devices.apart import ApartBackend
from app.devices.audio import NONE, AudioChoice, AudioSystem
from app.devices.midi import MidiSystem
from app.devices.null import NullBackend
from app.engine.engine import Engine
from app.engine.midi_events import event_of
from app.engine.runner import PolicyRunner
from app.sessions.follow import FollowSession
from models import checkpoint
from models.game import Truth
from models.performance import perform
from models.players import OptimalPlayer, load_player
from models.sound import render_performance
from pieces.opening import open_piece

REPO = Path(__file__).parents[3]
HOST_API = "JACK Audio Connection Kit"
TUNE = """X:1
T:Eight measures
M:4/4
L:1/4
Q:1/4=144
K:G
G A B c | d2 B G | A B c A | B2 G2 | d e d B | c d c A | G B A F | G4 |]
"""

PLAY_AUDIO = """
    import sys
    import sounddevice
    from scipy.io import wavfile

    rate, sound = wavfile.read(sys.argv[1])
    target = next(i for i, device in enumerate(sounddevice.query_devices())
                  if device["name"].startswith("PortAudio") and device["max_output_channels"] > 0)
    with sounddevice.OutputStream(samplerate=rate, device=target, channels=1, dtype="float32",
                                  latency="high", blocksize=1024) as stream:
        stream.write(sound)
"""

PLAY_MIDI = """
    import sys, time
    import mido, rtmidi

    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Second process")
    out.open_virtual_port("piano")
    print("ready", flush=True)
    sys.stdin.readline()
    begin_s, now_s = time.monotonic(), 0.0
    for message in mido.MidiFile(sys.argv[1]):
        now_s += message.time
        time.sleep(max(begin_s + now_s - time.monotonic(), 0))
        if not message.is_meta:
            out.send_message(message.bytes())
    time.sleep(1.0)
"""


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    path = tmp_path_factory.mktemp("score") / "eight.abc"
    path.write_text(TUNE)
    return open_piece(path)


@pytest.fixture(scope="module")
def performance(piece):
    return perform(piece, seed=2)


@pytest.fixture
def running(jack, piece, performance):
    """Engine on JACK, session with the shipped follower (until there is one, with the truth), ready."""
    label = f"system ({HOST_API})"
    engine = Engine(AudioSystem([ApartBackend()], NullBackend()), AudioChoice(label, label))
    truth = Truth.from_onsets(performance.anchors_s, piece.onset_x_px)
    shipped = checkpoint.shipped("follower").exists()
    make_player = partial(load_player, "follower", 0) if shipped else partial(OptimalPlayer, truth)
    session = FollowSession(piece, engine=engine, runner=PolicyRunner(make_player, on_message=engine.tell))
    assert session.wait_ready(), session.problem
    engine.start()
    assert engine.supervisor.stream is not None and engine.supervisor.stream.input_label == label
    yield engine, session
    session.close()
    engine.close()


def second_process(jack, program, path):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], cwd=REPO, env=jack.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )


def watch(engine, process, performance, eventually):
    """Wait for the end; the measures that were seen on the way, in order."""
    measures: list[str] = []
    deadline_s = time.monotonic() + performance.end_s + 25
    while engine.snapshot.state != "finished" and time.monotonic() < deadline_s:
        place = engine.snapshot.place
        if place is not None and (not measures or measures[-1] != place.measure):
            measures.append(place.measure)
        time.sleep(0.05)
    process.kill()
    process.wait()
    return measures


def test_over_jack_audio(jack, running, performance, tmp_path, eventually):
    engine, session = running
    sound = render_performance(performance, jack.rate)
    wavfile.write(tmp_path / "played.wav", jack.rate, sound)
    session.start()
    assert eventually(lambda: session.snapshot.state == "waiting")
    process = second_process(jack, PLAY_AUDIO, tmp_path / "played.wav")
    measures = watch(engine, process, performance, eventually)
    assert measures == [str(number) for number in range(1, 9)]
    assert engine.snapshot.state == "finished" and engine.snapshot.place.measure == "8"
    assert engine.snapshot.x_px == pytest.approx(session.piece.onset_x_px[-1], abs=session.piece.tolerance_px)


def test_over_jack_midi(jack, running, performance, tmp_path, eventually):
    import rtmidi

    engine, session = running
    engine.set_source("synth")
    midi = MidiSystem(lambda message, moment_s: engine.submit_at(event_of(message), moment_s), engine.tell,
                      api=rtmidi.API_UNIX_JACK, poll_s=0.1)
    midi.start(output_choice=NONE)
    performance.save_midi(tmp_path / "played.mid")
    process = second_process(jack, PLAY_MIDI, tmp_path / "played.mid")
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    assert eventually(lambda: "Second process" in (midi.open_input or ""))   # plugged in while running
    session.start()
    assert eventually(lambda: session.snapshot.state == "waiting")
    process.stdin.write("go\n")
    process.stdin.flush()
    measures = watch(engine, process, performance, eventually)
    midi.close()
    assert measures == [str(number) for number in range(1, 9)]
    assert engine.snapshot.state == "finished" and engine.snapshot.place.measure == "8"
