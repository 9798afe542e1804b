"""Clients of rtmidi and the port each has open, by name. Whoever holds one says which thread uses it.

Messages of an input come in rtmidi's thread, with JACK in one of this module's.
"""
from __future__ import annotations

import gc
import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from app.devices.jack_watch import JackWatch
from app.engine.clock import now_s, sleep_s
from app.engine.priority import urgent
from pieces.errors import RipienoError

log = logging.getLogger(__name__)

CLIENT_NAME = "Ripieno"
"""Part of the name of every client of ours: none listens to another."""

LAST_CALLS_S = 0.03
"""Longer than a thread waits for Python's lock, several times over."""

ASK_S = 0.001
"""How often an input is asked that does not call back."""

ON_WINDOWS = sys.platform == "win32"

RETRY_LOOKS = 5
"""Every so many looks MIDI is asked for again where there was none."""

MidiCallback = Callable[[Sequence[int], float], None]


class NoMidi(RipienoError):
    """There is no MIDI on this system."""


class Listed(NamedTuple):
    """A port: its place in the list now, what tells it from others while it is plugged in, its usual name."""

    number: int
    port: str
    name: str


def listed_ports(ports: Sequence[str | None], numbered: bool) -> list[Listed]:
    """The ports of others, of what rtmidi lists; None is one that vanished meanwhile. Of equal names the
    second is "Keys (2)".

    numbered: rtmidi appends each port's place in the list to its name, as on Windows; plugging anything
    changes it.
    """
    listed, seen = [], Counter[str]()
    for number, port in enumerate(ports):
        if port is None or CLIENT_NAME in port:
            continue
        plugged = port.removesuffix(f" {number}") if numbered else port
        name = short_name(plugged)
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name} ({seen[name]})"
        listed.append(Listed(number, name if numbered else plugged, name))
    return listed


class MidiPort:
    """One client of rtmidi ("in" or "out") and the port it has open. callback: rtmidi's, of an input."""

    def __init__(self, client: Any, direction: str, callback: Callable[..., None] | None = None) -> None:
        self.client = client
        self.direction = direction
        self._callback = callback
        self._needed: list[list[Any]] = []
        self.open_name: str | None = None
        self._open_port = ""

    @property
    def is_cut_off(self) -> bool:
        """Its MIDI system has gone: it is of no use any more, whatever it lists."""
        return False

    @property
    def is_there(self) -> bool:
        """The open port is still connected: that very one, not another of its name."""
        return any(self._open_port == listed.port for listed in self._listed())

    def names(self) -> list[str]:
        """The ports of others that are there."""
        return [listed.name for listed in self._listed()]

    def _listed(self) -> list[Listed]:
        return listed_ports(self.client.get_ports(), ON_WINDOWS)

    def open(self, name: str) -> bool:
        """Open the port of that name; False if it cannot be opened."""
        import rtmidi

        wanted = next((listed for listed in self._listed() if listed.name == name), None)
        if wanted is None:
            return False
        if self._callback is not None:
            self._listen(self._callback)
        try:
            self.client.open_port(wanted.number, self.direction)
        except (rtmidi.RtMidiError, OSError) as error:
            log.info("MIDI port %s: %s", name, error)
            return False
        self.open_name, self._open_port = name, wanted.port
        return True

    def _listen(self, callback: Callable[..., None]) -> None:
        """Before every opening, as closing a port takes the callback away.

        python-rtmidi 1.5.8 then frees what a message that is on its way still reads, and the process crashes:
        so what the client refers to is kept.
        """
        self.client.set_callback(callback)
        self._needed.append(gc.get_referents(self.client))

    def send(self, message: Sequence[int]) -> bool:
        """Through the open port; False if the driver refuses, as some do while a device is unplugged."""
        import rtmidi

        try:
            self.client.send_message(message)
        except (rtmidi.RtMidiError, OSError) as error:
            log.info("MIDI to %s: %s", self.open_name, error)
            return False
        return True

    def close(self) -> None:
        """Let go of the open port; of an input, once the calls that are on their way have ended.

        rtmidi waits for its thread (ALSA) or ends it (JACK) while it holds Python's lock. A thread that waits
        for that lock at this moment, to call back, would wait for ever, or take the lock with it.
        """
        if self._callback is not None and self.open_name is not None:
            self.client.cancel_callback()
            sleep_s(LAST_CALLS_S)
        self.client.close_port()
        self.open_name = None

    def delete(self) -> None:
        """Leave the MIDI system."""
        self.close()
        self.client.delete()


class AskedInput(MidiPort):
    """An input of JACK, asked by a thread of its own; `callback` as rtmidi would call it.

    rtmidi calls back from JACK's own thread, amid the messages of a block. Where the callback waits for
    Python's lock until the next block, the rest of them are lost and the first one is repeated in their place
    (1.5.8): notes would hang. What it keeps in its queue is whole.
    """

    def __init__(self, client: Any, callback: Callable[..., None]) -> None:
        super().__init__(client, "in")
        self._called = callback
        self._server = JackWatch()
        self._asking: tuple[threading.Thread, threading.Event] | None = None

    @property
    def is_cut_off(self) -> bool:
        return self._server.gone

    def open(self, name: str) -> bool:
        if not super().open(name):
            return False
        while self.client.get_message() is not None:
            pass  # left by the port before
        closing = threading.Event()
        thread = threading.Thread(target=self._ask, args=(closing,), name="midi-in", daemon=True)
        self._asking = thread, closing
        thread.start()
        return True

    def close(self) -> None:
        """Let go of the open port, once the call that is on its way has ended."""
        asking, self._asking = self._asking, None
        if asking is not None:
            thread, closing = asking
            closing.set()
            thread.join(LAST_CALLS_S)  # no longer: the call may wait for who closes
        super().close()

    def delete(self) -> None:
        super().delete()
        self._server.close()

    def _ask(self, closing: threading.Event) -> None:
        urgent()
        while not closing.wait(ASK_S):
            while not closing.is_set() and (event := self.client.get_message()) is not None:
                self._called(event)


def open_ports(received: MidiCallback, api: int | None = None, name: str = CLIENT_NAME,
               ) -> tuple[MidiPort, MidiPort]:
    """An input and an output; `received(message, moment_s)` is called in the thread of the input.

    api: one of rtmidi's (API_UNIX_JACK); None takes the first that works. MIDI clock is passed, system
    exclusive messages and active sensing are not. Raises NoMidi.
    """
    try:
        import rtmidi
    except ImportError as error:
        raise NoMidi(f"MIDI is missing ({error}): install python-rtmidi.") from error
    for candidate in [api] if api is not None else rtmidi.get_compiled_api():
        try:
            heard, played = rtmidi.MidiIn(candidate, name), rtmidi.MidiOut(candidate, name)
        except (rtmidi.RtMidiError, OSError) as error:
            log.info("MIDI through %s: %s", rtmidi.get_api_display_name(candidate), error)
            continue
        heard.ignore_types(sysex=True, timing=False, active_sense=True)
        stamped = _stamping(received)
        on_jack = candidate == rtmidi.API_UNIX_JACK
        port = AskedInput(heard, stamped) if on_jack else MidiPort(heard, "in", stamped)
        return port, MidiPort(played, "out")
    raise NoMidi("No MIDI here: the system has neither an ALSA sequencer nor a JACK server.")


def _stamping(received: MidiCallback) -> Callable[..., None]:
    """rtmidi's callback: stamps the clock before anything else."""

    def stamped(event: tuple[list[int], float], data: Any = None) -> None:
        moment_s = now_s()
        try:
            received(event[0], moment_s)
        except Exception as fault:  # noqa: BLE001 - told as of any thread; rtmidi drops it without a word
            caught = (type(fault), fault, fault.__traceback__, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(caught))

    return stamped


def short_name(port: str) -> str:
    """A port's name without ALSA's numbers, which change from one plugging to the next."""
    return re.sub(r" \d+:\d+$", "", port)
