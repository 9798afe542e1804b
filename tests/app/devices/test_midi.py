"""MIDI ports by name; hot-plug; no MIDI at all; and real ports through JACK."""
from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.devices.midi import DEFAULT, NONE, MidiSystem, _wanted
from app.devices.midi_ports import listed_ports, short_name
from app.engine.clock import SampleClock, now_s
from app.engine.midi_events import messages_of
from app.engine.midi_keys import MidiKeys
from app.engine.midi_out import MidiOut
from app.engine.scheduler import NOW, Event
from tests.app.devices.test_portaudio import Server

rtmidi = pytest.importorskip("rtmidi")

ROOT = Path(__file__).parents[3]


class FakeClient:
    """rtmidi's MidiIn or MidiOut with ports the test plugs."""

    def __init__(self, *ports: str) -> None:
        self.ports = list(ports)
        self.opened: list[str] = []
        self.sent: list[list[int]] = []
        self.refuses = False

    def get_ports(self):
        return list(self.ports)

    def open_port(self, index, name):
        if self.refuses:
            raise rtmidi.SystemError("busy")
        self.opened.append(self.ports[index])

    def close_port(self):
        self.opened.append("closed")
        self.callback = None  # as python-rtmidi does

    def send_message(self, message):
        self.sent.append(list(message))

    def ignore_types(self, sysex, timing, active_sense):
        self.ignored = {"sysex": sysex, "timing": timing, "active_sense": active_sense}

    def set_callback(self, callback):
        self.callback = callback

    def cancel_callback(self):
        self.opened.append("cancelled")
        self.callback = None

    def delete(self):
        self.ports = []


@pytest.fixture
def midi(monkeypatch):
    """A system with fake clients: (system, input client, output client, received, told)."""
    heard, played = FakeClient("Midi Through:0 14:0", "Keys:Keys MIDI 1 20:0"), FakeClient("Synth:Out 24:0")
    monkeypatch.setattr(rtmidi, "MidiIn", lambda *_: heard)
    monkeypatch.setattr(rtmidi, "MidiOut", lambda *_: played)
    received: list = []
    told: list[str] = []
    system = MidiSystem(
        lambda *stamped: received.append(stamped), told.append, poll_s=1e6,
        input_lost=lambda: received.append("lost"),
    )  # fmt: skip
    yield system, heard, played, received, told
    system.close()


def test_names_are_without_numbers_that_change():
    assert short_name("Keys:Keys MIDI 1 20:0") == "Keys:Keys MIDI 1"
    assert short_name("a2j:Keys 2 (capture)") == "a2j:Keys 2 (capture)"


@pytest.mark.parametrize(("ports", "numbered", "names"), [
    (["Microsoft GS Wavetable Synth 0", "Keys 49 1", "LPX MIDI 2"], True,
     ["Microsoft GS Wavetable Synth", "Keys 49", "LPX MIDI"]),
    (["Keys 49 1", "LPX MIDI 2"], True, ["Keys 49 1", "LPX MIDI 2"]),  # no places in the list: kept
    (["Keys 0", "Pad 1"], False, ["Keys 0", "Pad 1"]),
    (["Keys 0", "Keys 1", "Keys 2"], True, ["Keys", "Keys (2)", "Keys (3)"]),
    (["Keys:Keys 20:0", "Keys:Keys 24:0"], False, ["Keys:Keys", "Keys:Keys (2)"]),
    ([None, "Ripieno:in 20:0", "Keys:Keys 24:0"], False, ["Keys:Keys"]),
])
def test_ports_are_listed_by_names_that_last(ports, numbered, names):
    listed = listed_ports(ports, numbered)
    assert [port.name for port in listed] == names
    assert all(ports[port.number].startswith(port.name.removesuffix(" (2)").removesuffix(" (3)"))
               for port in listed)  # fmt: skip


def test_on_windows_a_keyboard_stays_open_and_is_found_again_whatever_else_is_plugged(midi, monkeypatch):
    monkeypatch.setattr("app.devices.midi_ports.ON_WINDOWS", True)
    system, heard, _, _, told = midi
    heard.ports = ["Keystation 0"]
    system.start("Keystation")
    heard.ports = ["Another 0", "Keystation 1"]
    system._look()
    assert heard.opened == ["Keystation 0"] and told == ["MIDI in: Keystation"]
    heard.ports = ["Another 0"]
    system._look()
    heard.ports = ["Another 0", "More 1", "Keystation 2"]
    system._look()
    assert heard.opened[-1] == "Keystation 2" and system.open_input == "Keystation"


def test_of_two_keyboards_of_one_name_each_can_be_chosen_and_kept(midi):
    system, heard, _, _, _ = midi
    heard.ports = ["Keys:Keys 20:0", "Keys:Keys 24:0"]
    system.start("Keys:Keys (2)")
    assert heard.opened == ["Keys:Keys 24:0"]
    heard.ports = ["Keys:Keys 24:0"]
    system._look()
    assert heard.opened == ["Keys:Keys 24:0"] and system.open_input == "Keys:Keys (2)"


def test_a_port_that_vanishes_while_the_names_are_read_is_left_out(midi):
    """python-rtmidi names it None."""
    system, heard, _, _, told = midi
    heard.ports = [None, "Keys:Keys MIDI 1 20:0"]
    system.start()
    assert system.inputs() == ["Keys:Keys MIDI 1"] and heard.opened == ["Keys:Keys MIDI 1 20:0"]
    assert told == ["MIDI in: Keys:Keys MIDI 1"]


def test_the_first_real_port_is_the_default(midi):
    system, _, _, _, told = midi
    system.start()
    assert system.open_input == "Keys:Keys MIDI 1" and system.open_output is None
    assert system.inputs() == ["Midi Through:0", "Keys:Keys MIDI 1"]
    assert told == ["MIDI in: Keys:Keys MIDI 1"]
    assert _wanted(DEFAULT, ["Midi Through:0"], None) is None and _wanted(NONE, ["Keys"], "Keys") is None


def test_a_launchpad_is_no_keyboard_unless_it_is_chosen():
    names = ["Launchpad X:Launchpad X LPX MIDI In", "Keys"]
    assert _wanted(DEFAULT, names, None) == "Keys" and _wanted(names[0], names, None) == names[0]


def test_a_keyboard_unplugged_and_plugged_again_under_another_number(midi):
    system, heard, _, received, told = midi
    system.start("Keys:Keys MIDI 1")
    heard.ports = ["Midi Through:0 14:0"]
    system._look()
    assert system.open_input is None and "is gone" in told[-1] and received.pop() == "lost"
    heard.ports = ["Midi Through:0 14:0", "Keys:Keys MIDI 1 28:0"]
    system._look()
    assert system.open_input == "Keys:Keys MIDI 1" and heard.opened[-1] == "Keys:Keys MIDI 1 28:0"
    heard.callback(([0x90, 60, 100], 0.0))
    assert [message for message, _ in received] == [[0x90, 60, 100]]


def test_an_input_that_is_left_for_another_is_lost_and_an_output_is_not(midi):
    system, _, _, received, _ = midi
    system.start(output_choice="Synth:Out")
    system.choose(output_choice=NONE)
    assert received == []
    system.choose(input_choice=NONE)
    assert received == ["lost"]


def test_what_a_lost_keyboard_holds_is_let_go_after_what_it_played(engine, hand_cranked):
    applied: list[Event] = []
    hand_cranked.crank()
    engine.mixer.submit = applied.append
    keys = MidiKeys(engine)
    for message in ([0x92, 60, 90], [0x92, 62, 90], [0x82, 62, 0], [0xB2, 64, 127], [0xB0, 64, 127],
                    [0xB0, 64, 0], [0xB0, 7, 80], [0x90, 64, 90], [0x90, 64, 0], [0xE0, 0, 0]):  # fmt: skip
        keys.play(message, now_s())
    played = len(applied)
    keys.let_go()
    let_go = applied[played:]
    assert {(e.kind, e.channel, e.data1, e.data2, e.source) for e in let_go} == {
        ("note_off", 2, 60, 0, "midi"), ("control", 2, 64, 0, "midi")}  # fmt: skip
    assert min(event.sample for event in let_go) >= max(event.sample for event in applied[:played])
    assert len(engine.take_messages()) == 1
    keys.let_go()
    assert len(applied) == played + 2


def test_of_two_keyboards_of_one_name_the_other_takes_over(midi):
    """Or one that was plugged in again between two looks, under another number: the old port is deaf."""
    system, heard, _, _, told = midi
    system.start()
    heard.ports = ["Midi Through:0 14:0", "Keys:Keys MIDI 1 28:0"]
    system._look()
    assert heard.opened[-1] == "Keys:Keys MIDI 1 28:0" and system.open_input == "Keys:Keys MIDI 1"
    assert "is gone" in told[-2] and told[-1] == "MIDI in: Keys:Keys MIDI 1"
    opened = len(heard.opened)
    system._look()
    assert len(heard.opened) == opened


def test_a_keyboard_that_another_program_holds_is_told_once_and_taken_when_it_is_free(midi):
    system, heard, _, _, told = midi
    heard.refuses = True
    system.start()
    system._look()
    assert len(told) == 1 and "Keys:Keys MIDI 1 does not open" in told[0]
    heard.refuses = False
    system._look()
    assert system.open_input == "Keys:Keys MIDI 1" and len(told) == 2


def test_a_keyboard_that_appears_while_running_is_taken(midi):
    system, heard, _, _, _ = midi
    heard.ports = []
    system.start()
    assert system.open_input is None
    heard.ports = ["New:Keys 30:0"]
    system._look()
    assert system.open_input == "New:Keys"


def test_a_fault_while_ports_are_read_is_told_once_and_hot_plug_goes_on(midi, monkeypatch, eventually):
    system, heard, _, _, told = midi
    heard.ports = []
    system._poll_s = 0.005
    looks = []

    def names():
        looks.append(1)
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a port's name")

    with monkeypatch.context() as patch:
        patch.setattr("app.devices.midi.MidiPort.names", lambda side: names())
        system.start()
        assert eventually(lambda: len(looks) > 3)
    assert sum("the MIDI ports" in sentence for sentence in told) == 1
    heard.ports = ["New:Keys 30:0"]
    assert eventually(lambda: system.open_input == "New:Keys")


def test_messages_are_stamped_before_anything_else(midi):
    system, heard, _, received, _ = midi
    system.start()
    before_s = now_s()
    heard.callback(([0x90, 60, 100], 0.0))
    ((message, moment_s),) = received
    assert message == [0x90, 60, 100] and before_s <= moment_s <= now_s()


def test_what_goes_wrong_with_a_message_is_told_as_of_any_thread(midi, monkeypatch):
    """rtmidi itself drops it without a word."""
    system, heard, _, _, _ = midi
    caught = []
    monkeypatch.setattr("threading.excepthook", lambda fault: caught.append(fault.exc_value))
    monkeypatch.setattr(system, "_received_by", lambda *stamped: 1 / 0)
    system.start()
    heard.callback(([0x90, 60, 100], 0.0))
    assert [type(fault) for fault in caught] == [ZeroDivisionError]


def test_clock_goes_to_who_follows_it_and_notes_do_not(midi):
    system, heard, _, received, _ = midi
    system.start()
    assert heard.ignored == {"sysex": True, "timing": False, "active_sense": True}
    heard.callback(([0xF8], 0.0))
    clock: list[tuple] = []
    system.follow_clock(lambda *stamped: clock.append(stamped))
    for message in ([0xF8], [0xFA], [0xF2, 3, 0], [0x90, 60, 1]):
        heard.callback((message, 0.0))
    assert [message for message, _ in clock] == [[0xF8], [0xFA], [0xF2, 3, 0]]
    assert [message for message, _ in received] == [[0x90, 60, 1]]


def test_output_is_chosen_and_silent_where_none_is_open(midi):
    system, _, played, _, _ = midi
    system.start()
    system.send([0x90, 60, 1])
    assert played.sent == []
    system.choose(output_choice="Synth:Out")
    system.send([0x90, 60, 1])
    assert played.sent[-1] == [0x90, 60, 1] and system.open_output == "Synth:Out"


ALL_OFF = messages_of(Event(NOW, "all_off"))


@pytest.mark.parametrize("leave", [
    lambda system, played: system.choose(output_choice="Other:Out"),
    lambda system, played: system.choose(output_choice=NONE),
    lambda system, played: system.close(),
])
def test_an_output_that_is_let_go_holds_no_note(midi, leave):
    system, _, played, _, _ = midi
    played.ports.append("Other:Out 28:0")
    system.start(output_choice="Synth:Out")
    system.send([0x90, 60, 1])
    played.sent.clear()
    leave(system, played)
    assert played.sent[:48] == ALL_OFF and "closed" in played.opened


def test_an_instrument_plugged_in_again_lets_go_what_it_held(midi):
    system, _, played, _, _ = midi
    system.start(output_choice="Synth:Out")
    played.ports, there = [], played.ports
    system._look()
    played.sent.clear()
    played.ports = there
    system._look()
    assert system.open_output == "Synth:Out" and played.sent == ALL_OFF


def test_an_instrument_plugged_in_again_gets_its_sounds_and_levels_back(midi):
    system, _, played, _, _ = midi
    system.start(output_choice="Synth:Out")
    messages = [0xC1, 33], [0xC2, 5], [0xB1, 7, 90], [0xB1, 64, 0], [0x90, 60, 1], [0xC1, 12], [0xF8]
    played.ports, there = [], played.ports
    for message in messages[:3]:
        system.send(message)
    system._look()
    for message in messages[3:]:
        system.send(message)
    played.sent.clear()
    played.ports = there
    system._look()
    assert played.sent[:48] == ALL_OFF
    assert sorted(played.sent[48:]) == [[0xB1, 7, 90], [0xC1, 12], [0xC2, 5]]


def test_without_any_midi_the_program_goes_on(monkeypatch):
    def refuse(*_):
        raise rtmidi.SystemError("no sequencer")

    monkeypatch.setattr(rtmidi, "MidiIn", refuse)
    system = MidiSystem(lambda *_: None)
    system.start()
    assert system.problem is not None and "No MIDI" in system.problem
    assert system.inputs() == [] and system.open_input is None
    system.send([0x90, 60, 1])
    system.choose(input_choice="x")
    system.close()


def test_a_midi_system_that_comes_later_is_found(monkeypatch, eventually):
    """A JACK server or the sequencer's module, started after the program."""
    there: list[FakeClient] = []

    def client(*_):
        if not there:
            raise rtmidi.SystemError("no sequencer")
        return there[0]

    monkeypatch.setattr(rtmidi, "MidiIn", client)
    monkeypatch.setattr(rtmidi, "MidiOut", client)
    system = MidiSystem(lambda *_: None, poll_s=0.001)
    system.start()
    assert system.problem is not None
    there.append(FakeClient("Keys:Keys MIDI 1 20:0"))
    assert eventually(lambda: system.open_input == "Keys:Keys MIDI 1")
    assert system.problem is None
    system.close()


def test_what_is_played_goes_out_one_block_later_and_not_what_came_in():
    class Mixer:
        clock = SampleClock(44_100)
        block_samples = 256

    class FakeEngine:
        mixer = Mixer()

    start_s = now_s()
    Mixer.clock.tick(256, start_s)
    sent = []
    out = MidiOut(FakeEngine(), lambda message: sent.append((message, now_s())))  # type: ignore[arg-type]
    out.play(Event(441, "note_on", 60, 80, source="demo"))
    out.play(Event(442, "note_on", 61, 80, source="midi"))
    ((message, moment_s),) = sent
    assert message == [0x90, 60, 80] and moment_s >= start_s + (441 + 256) / 44_100
    out.play(Event(NOW, "all_off", source="panic"))
    assert len(sent) == 1 + 48


def test_over_jack_from_port_to_port(jack, eventually):
    """A real port: messages arrive, and the output's arrive elsewhere."""
    other = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Test keyboard")
    other.open_virtual_port("keys")
    received: list[tuple[list[int], float]] = []
    system = MidiSystem(lambda message, moment_s: received.append((list(message), moment_s)),
                        api=rtmidi.API_UNIX_JACK, poll_s=0.1)
    system.start()
    assert eventually(lambda: system.open_input is not None)
    assert "keys" in (system.open_input or "")
    sent_s = []
    for number in range(30):
        sent_s.append(now_s())
        other.send_message([0x90, 40 + number, 100])
        time.sleep(0.02)
    assert eventually(lambda: len(received) == 30)
    assert [message[1] for message, _ in received] == list(range(40, 70))
    delays_s = np.array([moment_s for _, moment_s in received]) - sent_s
    assert delays_s.min() > 0
    other.delete()
    assert eventually(lambda: system.open_input is None)
    system.close()


def test_over_jack_no_chord_is_torn_while_python_is_busy(jack, eventually):
    """rtmidi's own calls lose what follows the first message of a block, and repeat that one instead."""
    other = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Test keyboard")
    other.open_virtual_port("keys")
    received: Counter[tuple[int, ...]] = Counter()
    system = MidiSystem(lambda message, moment_s: received.update([tuple(message)]),
                        api=rtmidi.API_UNIX_JACK, poll_s=1e6)
    system.start("Test keyboard:keys")
    ended = threading.Event()

    def keep_python_busy():
        while not ended.is_set():
            sum(range(10_000))

    threading.Thread(target=keep_python_busy, daemon=True).start()
    for velocity in range(1, 101):
        for pitch in (60, 64, 67, 71):
            other.send_message([0x90, pitch, velocity])
        time.sleep(0.02)
    ended.set()
    assert eventually(lambda: received.total() > 200)  # on a busy machine JACK may lose a block
    assert max(received.values()) == 1
    system.close()
    other.delete()


def test_over_jack_an_output_that_is_let_go_says_so_to_its_instrument(jack, eventually):
    """On a busy machine JACK may lose a block: then it is tried again."""
    other = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "Test instrument")
    other.open_virtual_port("notes")
    system = MidiSystem(lambda *_: None, api=rtmidi.API_UNIX_JACK, poll_s=1e6)
    system.start(NONE)

    def lets_go():
        system.choose(output_choice="Test instrument:notes")
        time.sleep(0.1)  # a block of JACK's has room for some sixty messages
        system.send([0x90, 60, 100])
        system.choose(output_choice=NONE)
        time.sleep(0.1)
        received = []
        while (event := other.get_message()) is not None:
            received.append(event[0])
        return received == [*ALL_OFF, [0x90, 60, 100], *ALL_OFF]

    assert eventually(lets_go)
    system.close()
    other.delete()


def test_a_jack_server_that_ends_and_comes_back_brings_its_keyboards_back(eventually):
    """In a process of its own: libjack clears away every client of a server that has ended."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed")
    keyboard_of_a_second_process = textwrap.dedent("""
        import time, rtmidi
        other = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Test keyboard")
        other.open_virtual_port("keys")
        while True:
            other.send_message([0x90, 60, 1])
            time.sleep(0.05)
    """)
    program = textwrap.dedent("""
        import sys, rtmidi
        from app.devices.midi import MidiSystem
        received, told = [], []
        system = MidiSystem(lambda message, moment_s: received.append(message), told.append,
                            rtmidi.API_UNIX_JACK, 0.05, lambda: told.append("let go"))
        system.start(output_choice="Test keyboard:keys")
        for line in sys.stdin:
            said = [told.pop(0) for _ in range(len(told))]
            print(system.open_input, "|", len(received) > 0, "|", *said, flush=True)
            received.clear()
        system.close()
        print("closed", flush=True)
    """)
    server = Server(eventually)
    play, follow = ([sys.executable, "-c", text] for text in (keyboard_of_a_second_process, program))
    processes = []

    def begin(command):
        processes.append(subprocess.Popen(
            command, env=server.environment, cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ))
        return processes[-1]

    seen: list[str] = []

    def says(word):
        system.stdin.write("?\n")
        system.stdin.flush()
        seen.append(system.stdout.readline())
        return word in seen[-1]

    server.start()
    try:
        begin(play)
        system = begin(follow)
        assert eventually(lambda: says("keys | True")), seen
        server.stop(signal.SIGKILL)
        assert eventually(lambda: says("The JACK server has ended; MIDI goes on when it is back.")), seen
        assert eventually(lambda: "let go" in seen[-1] or says("let go")), seen
        assert eventually(lambda: says("None | False")), seen
        server.start()
        begin(play)
        assert eventually(lambda: says("keys | True")), seen
        output, _ = system.communicate(timeout=20)
        assert output.endswith("closed\n") and system.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
        server.stop(signal.SIGTERM)


def test_over_jack_closed_and_opened_while_messages_arrive(jack):
    """In a process of its own: what goes wrong here ends the process."""
    program = textwrap.dedent("""
        import time, rtmidi
        from app.devices.midi_ports import open_ports
        heard, _ = open_ports(lambda message, moment_s: None, rtmidi.API_UNIX_JACK)
        other = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Test keyboard")
        other.open_virtual_port("keys")
        for _ in range(100):
            assert heard.open("Test keyboard:keys")
            for velocity in range(20):
                other.send_message([0x90, 60, velocity])
            ends_s = time.perf_counter() + 0.012
            while time.perf_counter() < ends_s:
                [(number, number) for number in range(100)]
            heard.close()
        print("survived", flush=True)
    """)
    done = subprocess.run([sys.executable, "-c", program], env=jack.environment, cwd=ROOT, timeout=60,
                          capture_output=True, text=True, check=False)
    assert "survived" in done.stdout, done.stderr


@pytest.mark.parametrize("leave", [lambda system: system.choose(NONE), lambda system: system.close()])
def test_an_input_lets_the_last_calls_end_before_it_closes(midi, monkeypatch, leave):
    """rtmidi ends its thread while it holds Python's lock, which that thread may be waiting for."""
    system, heard, _, _, _ = midi
    system.start()
    monkeypatch.setattr("app.devices.midi_ports.sleep_s", lambda duration_s: heard.opened.append("pause"))
    leave(system)
    assert heard.opened[-3:] == ["cancelled", "pause", "closed"]
