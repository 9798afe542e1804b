"""A second process plays a tune over JACK MIDI, at true speed, and the machine answers on JACK audio."""
from __future__ import annotations

from functools import partial

import pytest

from app.devices.apart import ApartBackend
from app.devices.audio import AudioChoice, AudioSystem
from app.devices.midi import NONE, MidiSystem
from app.devices.null import NullBackend
from app.engine.engine import Engine
from app.engine.midi_keys import MidiKeys
from app.sessions.duet.session import DuetSession
from models.duet.encoding import notes
from tests.app.sessions.duet.agents import ScriptedAgent
from tests.app.sessions.duet.test_command import TUNE, write
from tests.app.sessions.test_over_jack import HOST_API, PLAY_MIDI, second_process


@pytest.fixture
def midi(jack):
    """The engine on JACK, and its MIDI input."""
    import rtmidi

    label = f"system ({HOST_API})"
    engine = Engine(AudioSystem([ApartBackend()], NullBackend()), AudioChoice(label, label))
    engine.start()

    keys = MidiKeys(engine)
    system = MidiSystem(
        keys.play, engine.tell, api=rtmidi.API_UNIX_JACK, poll_s=0.1, input_lost=keys.let_go
    )
    system.start(output_choice=NONE)
    yield engine, system
    system.close()
    engine.close()


def test_it_answers_a_second_process_and_outlives_it(jack, midi, eventually, tmp_path):
    engine, system = midi
    session = DuetSession(engine, partial(ScriptedAgent, 48, 50, 52, 53), "made up")
    tune = write(tmp_path / "tune.mid", ("", 0, TUNE), tempo_bpm=100)
    process = second_process(jack, PLAY_MIDI, tune)
    assert process.stdout.readline() == "ready\n"
    assert eventually(lambda: "Second process" in (system.open_input or ""))
    session.set_tempo(100)
    session.start(count_in_bars=0)
    assert eventually(lambda: session.snapshot.step >= 4)
    process.stdin.write("go\n")
    process.stdin.flush()
    assert eventually(lambda: len(session.snapshot.human) == len(TUNE))
    process.wait()
    assert eventually(lambda: system.open_input is None), "unplugged"
    before = session.snapshot.step
    assert eventually(lambda: session.snapshot.step > before + 4), "it goes on"
    now = session.snapshot
    assert [note.pitch for note in now.human] == list(TUNE)
    conductor = session._playback._conductor
    assert conductor is not None
    yours, machines = conductor.ensemble.lines()
    assert [pitch for _, _, pitch in notes(yours)] == list(TUNE)
    assert len(machines) >= len(yours) and now.machine
    session.export_midi(tmp_path / "heard.mid")
    session.close()
