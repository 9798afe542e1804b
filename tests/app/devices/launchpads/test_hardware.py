"""Taking over, unplugging, plugging in, giving back: ports made by hand, and real ones through JACK."""
from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.devices.launchpads.hardware import Launchpads
from app.devices.launchpads.surface import Look, PadSurface, PadView, dark_view
from tests.app.devices.test_portaudio import Server

rtmidi = pytest.importorskip("rtmidi")

NAME = "Launchpad X:Launchpad X LPX MIDI In"
PROGRAMMER = "F0 00 20 29 02 0C 0E 01 F7"
LIVE = "F0 00 20 29 02 0C 0E 00 F7"
PRESS = [0x90, 81, 127]
ONE_ORANGE = PadView(((int(Look.ON | Look.YOURS), *(0,) * 12), *((0,) * 13,) * 23), (0,) * 24)
ORANGE_AT_0 = "03 0B 7F 3C 00"  # RGB at the pad at the bottom left


class Cable:
    """Both directions of a USB cable, as rtmidi's MidiIn and MidiOut see it."""

    def __init__(self) -> None:
        self.ports = [NAME]
        self.sent: list[str] = []
        self.broken = self.held = False
        self.refused = 0
        self.callback: Callable = lambda event: None

    def get_ports(self):
        return list(self.ports)

    def open_port(self, index, name):
        assert index == self.ports.index(NAME)
        if self.held:
            self.refused += 1
            raise rtmidi.SystemError("in use")

    def close_port(self):
        self.callback = lambda event: None  # as python-rtmidi does

    def send_message(self, message):
        if self.broken:
            self.refused += 1
            raise rtmidi.SystemError("unplugged")
        self.sent.append(bytes(message).hex(" ").upper())

    def ignore_types(self, **types):
        assert not types["timing"]

    def set_callback(self, callback):
        self.callback = callback

    def cancel_callback(self):
        self.callback = lambda event: None

    def delete(self):
        """The cable stays."""


@pytest.fixture
def cable(monkeypatch) -> Cable:
    made = Cable()
    monkeypatch.setattr(rtmidi, "MidiIn", lambda *_: made)
    monkeypatch.setattr(rtmidi, "MidiOut", lambda *_: made)
    return made


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def pads(cable, told):
    made = Launchpads(told.append, poll_s=0.02)
    made.start()
    yield made
    made.close()


def test_it_is_a_pad_surface():
    surface: PadSurface = Launchpads()
    assert surface.connected is None and surface.lowest_key == 8


def test_taken_over_only_while_somebody_listens(pads, cable, told, hands, eventually):
    time.sleep(0.1)
    assert pads.connected is None and cable.sent == [] and told == []
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2) and cable.sent[0] == PROGRAMMER
    assert pads.connected == "Launchpad X"
    pads.listen(None)
    assert eventually(lambda: cable.sent[-1] == LIVE) and eventually(lambda: pads.connected is None)
    pads.listen(hands)
    assert eventually(lambda: cable.sent.count(PROGRAMMER) == 2)
    assert told == ["Launchpad X is connected."]


def test_presses_reach_the_hands_and_only_theirs(pads, cable, hands, eventually):
    cable.callback((PRESS, 0.0))
    pads.listen(hands)
    assert eventually(lambda: PROGRAMMER in cable.sent)
    for message in (PRESS, [0x90, 81, 0], [0xF8], [0xB0, 93, 127], PRESS):
        cable.callback((message, 0.0))
    assert hands.told == [("toggle", 15, 0)] * 2


def test_unplugged_while_playing_and_plugged_in_again(pads, cable, told, hands, eventually):
    pads.listen(hands)
    pads.scroll_to(0)
    pads.show(ONE_ORANGE)
    assert eventually(lambda: any(ORANGE_AT_0 in message for message in cable.sent))
    cable.ports = []
    assert eventually(lambda: pads.connected is None)
    pads.show(dark_view())
    pads.show(ONE_ORANGE)
    cable.sent.clear()
    cable.ports = ["Keys", NAME]
    cable.open_port = lambda index, name: None
    assert eventually(lambda: any(ORANGE_AT_0 in message for message in cable.sent))
    assert cable.sent[0] == PROGRAMMER
    assert len(told) == 3 and "is gone" in told[1] and told[0] == told[2]


def test_a_driver_that_refuses_is_left_alone_and_tried_again(pads, cable, told, hands, eventually):
    """As some do while it is unplugged, before its ports are gone."""
    pads.listen(hands)
    assert eventually(lambda: bool(told))
    cable.broken = True
    pads.scroll_to(0)
    assert eventually(lambda: cable.refused >= 3)
    assert pads.connected is None
    cable.sent.clear()
    cable.broken = False
    assert eventually(lambda: PROGRAMMER in cable.sent)
    assert eventually(lambda: len(told) == 3) and "is gone" in told[1] and told[0] == told[2]


def test_held_by_another_program_it_is_not_connected_and_that_is_said_once(
    pads, cable, told, hands, eventually
):
    cable.held = True
    pads.listen(hands)
    assert eventually(lambda: cable.refused >= 3)
    assert pads.connected is None and cable.sent == []
    assert told == ["Launchpad X is held by another program. Close that one, then it is used."]
    cable.held = False
    assert eventually(lambda: pads.connected == "Launchpad X")
    assert eventually(lambda: told[1:] == ["Launchpad X is connected."])


def test_whatever_fails_live_mode_is_back_that_is_said_once_and_it_is_tried_again(
    pads, cable, told, hands, eventually
):
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2)
    pads.show(PadView((), ()))  # nothing that could be shown
    assert eventually(lambda: cable.sent[-1] == LIVE) and eventually(lambda: pads.connected is None)
    assert eventually(lambda: cable.sent.count(LIVE) >= 3)
    assert len(told) == 2 and "failed" in told[1]
    pads.show(ONE_ORANGE)
    assert eventually(lambda: pads.connected == "Launchpad X" and told[2:] == told[:1])


def test_a_port_that_vanishes_while_the_names_are_read_is_left_out(pads, cable, told, hands, eventually):
    cable.ports = [None, NAME]
    pads.listen(hands)
    assert eventually(lambda: told == ["Launchpad X is connected."])


def test_lights_change_thirty_times_a_second_at_most(pads, cable, hands, eventually):
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2)
    cable.sent.clear()
    start_s = time.perf_counter()
    while time.perf_counter() - start_s < 0.5:
        pads.show(ONE_ORANGE)
        time.sleep(0.002)
        pads.show(dark_view())
        pads.scroll_to(0)
    elapsed_s = time.perf_counter() - start_s
    assert len(cable.sent) <= elapsed_s * 30 + 2


def test_the_clock_that_goes_out_keeps_the_blinking_in_time(pads, cable, hands, eventually):
    pads.send_clock([0xF8])
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2)
    for message in ([0xFA], [0xF8], [0xF2, 0, 0]):
        pads.send_clock(message)
    assert cable.sent[2:] == ["F8"]


def test_live_mode_is_back_after_closing(pads, cable, hands, eventually):
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2)
    pads.close()
    pads.close()
    assert cable.sent[-1] == LIVE


def test_closed_while_the_ports_are_opened_it_takes_nothing_over(cable, told, hands):
    pads = Launchpads(told.append)
    pads.listen(hands)
    pads.close()
    pads.start()
    assert pads.connected is None and cable.sent == []


def test_without_midi_there_are_no_pads_until_there_is(cable, monkeypatch, told, hands, eventually):
    asked = []

    def refuse(*_):
        asked.append(1)
        raise rtmidi.SystemError("no sequencer")

    surface = Launchpads(told.append, poll_s=0.005)
    with monkeypatch.context() as patch:
        patch.setattr(rtmidi, "MidiIn", refuse)
        surface.start()
        surface.listen(hands)
        surface.show(ONE_ORANGE)
        surface.send_clock([0xF8])
        assert eventually(lambda: len(asked) > 2)
        assert surface.connected is None and told == []
    assert eventually(lambda: surface.connected == "Launchpad X")
    surface.close()
    assert cable.sent[-1] == LIVE


def test_a_midi_system_that_ends_is_left_and_opened_anew(pads, cable, told, hands, monkeypatch, eventually):
    pads.listen(hands)
    assert eventually(lambda: len(cable.sent) == 2)
    with monkeypatch.context() as patch:
        patch.setattr("app.devices.launchpads.hardware.Link.is_cut_off", True)
        assert eventually(lambda: pads.connected is None) and eventually(lambda: "is gone" in told[-1])
        cable.sent.clear()
    assert eventually(lambda: PROGRAMMER in cable.sent) and eventually(lambda: told[2:] == told[:1])


class Device:
    """A Launchpad X of bytes: virtual ports through JACK under its name."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.listening = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "Launchpad X")
        self.listening.ignore_types(sysex=False, timing=False)
        self.listening.set_callback(lambda event, _: self.received.append(bytes(event[0]).hex(" ").upper()))
        self.playing = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Launchpad X")
        for port in (self.listening, self.playing):
            port.open_virtual_port("LPX MIDI In")

    def press(self, *message: int) -> None:
        """Asked for until it arrives: on a busy machine JACK loses what falls into a cycle that it misses."""
        self.playing.send_message(message)

    def unplug(self) -> None:
        self.playing.delete()
        self.listening.delete()


@pytest.fixture
def jack_pads(jack, told):
    made = Launchpads(told.append, api=rtmidi.API_UNIX_JACK, poll_s=0.1)
    made.start()
    yield made
    made.close()


def test_a_real_port_through_jack_plugged_unplugged_and_plugged_again(jack_pads, told, hands, eventually):
    pads = jack_pads
    pads.listen(hands)
    pads.scroll_to(0)
    pads.show(ONE_ORANGE)
    for plugged in (1, 2):
        device = Device()
        assert eventually(lambda device=device: ORANGE_AT_0 in "".join(device.received))
        assert device.received[0] == PROGRAMMER
        hands.told.clear()
        for message, pressed in (([0x90, 81, 127], ("toggle", 7, 0)), ([0xB0, 89, 127], ("mute", 7))):
            assert eventually(lambda m=message, p=pressed, d=device: d.press(*m) or p in hands.told)
        assert set(hands.told) == {("toggle", 7, 0), ("mute", 7)}
        if plugged == 1:
            device.unplug()
            assert eventually(lambda: pads.connected is None)
    pads.close()
    assert eventually(lambda: device.received[-1] == LIVE)
    device.unplug()
    assert len(told) == 3 and "is gone" in told[1]


def test_a_jack_server_that_ends_and_comes_back_brings_the_pads_back(eventually):
    """In processes of their own: libjack clears away every client of a server that has ended."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed")
    device = textwrap.dedent("""
        import time, rtmidi
        ports = [side(rtmidi.API_UNIX_JACK, "Launchpad X") for side in (rtmidi.MidiIn, rtmidi.MidiOut)]
        for port in ports:
            port.open_virtual_port("LPX MIDI In")
        time.sleep(600)
    """)
    program = textwrap.dedent("""
        import sys, rtmidi
        from app.devices.launchpads.hardware import Launchpads
        pads = Launchpads(api=rtmidi.API_UNIX_JACK, poll_s=0.05)
        pads.start()
        pads.listen(object())
        for line in sys.stdin:
            print(pads.connected, flush=True)
        pads.close()
        print("closed", flush=True)
    """)
    server, processes = Server(eventually), []

    def begin(text):
        processes.append(subprocess.Popen(
            [sys.executable, "-c", text], env=server.environment, cwd=Path(__file__).parents[4], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ))  # fmt: skip
        return processes[-1]

    def says(word):
        player.stdin.write("?\n")
        player.stdin.flush()
        return word in player.stdout.readline()

    server.start()
    try:
        begin(device)
        player = begin(program)
        assert eventually(lambda: says("Launchpad X"))
        server.stop(signal.SIGKILL)
        assert eventually(lambda: says("None"))
        server.start()
        begin(device)
        assert eventually(lambda: says("Launchpad X"))
        output, _ = player.communicate(timeout=20)
        assert output.endswith("closed\n") and player.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
        server.stop(signal.SIGTERM)
