"""MIDI ports through python-rtmidi: by name, with hot-plug, and without any where there is no MIDI at all.

Threads: the input's own calls `_received`, which stamps the clock first and hands the message on; a thread of
this module reads the port names once a second, opens or lets go by name, and asks again where there was no
MIDI; `send` is called by the "played" thread.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from app.devices.launchpads.models import model_of
from app.devices.midi_ports import RETRY_LOOKS, MidiCallback, MidiPort, NoMidi, open_ports
from app.engine.midi_events import VOLUME, messages_of
from app.engine.scheduler import NOW, Event
from app.engine.watch import keep_looking

log = logging.getLogger(__name__)

DEFAULT = "default"
NONE = "none"
POLL_S = 1.0
CONTROL, PROGRAM, SYSTEM_MESSAGES = 0xB0, 0xC0, 0xF0


class MidiSystem:
    """One input and one output, each a port's name, "default" (the first real one) or "none".

    `received(message, moment_s)` is called in the input's thread; `input_lost` in whichever has closed the
    open input, after the last of these calls. `problem` says why there is no MIDI, if so.
    Clock, start, stop and song position go to whom `follow_clock` names instead.
    api: one of rtmidi's (API_UNIX_JACK); None takes the first that works.
    """

    def __init__(self, received: MidiCallback, tell: Callable[[str], None] = log.info,
                 api: int | None = None, poll_s: float = POLL_S,
                 input_lost: Callable[[], None] = lambda: None) -> None:
        self.problem: str | None = None
        self.input_choice = self.output_choice = DEFAULT
        self._received_by = received
        self._tell = tell
        self._input_lost = input_lost
        self._poll_s = poll_s
        self._api = api
        self._clock_received: MidiCallback | None = None
        self._side: dict[str, MidiPort] = {}
        self._refused: dict[str, str | None] = {}  # by direction: the port that did not open, which was told
        self._in_force: dict[int, Sequence[int]] = {}  # by status byte: the latest programs and volumes
        self._looks = 0
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, input_choice: str = DEFAULT, output_choice: str = NONE) -> None:
        """Open what is chosen as soon as it is there. Never raises: without MIDI it says so in `problem`."""
        self.input_choice, self.output_choice = input_choice, output_choice
        self._open_clients()
        try:
            self._look()
        except Exception:
            log.exception("MIDI ports at the start")  # who looks again says so
        watch = (self._stop, self._poll_s, self._look_again, "the MIDI ports", self._tell)
        self._thread = threading.Thread(target=keep_looking, args=watch, name="midi-ports", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the ports; nothing goes on sounding on the instrument that is played to."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            for side in self._side.values():
                _silence(side)
                side.delete()
            self._side = {}

    def inputs(self) -> list[str]:
        """Names of the ports one can play on."""
        return self._names("input")

    def outputs(self) -> list[str]:
        """Names of the ports one can play to."""
        return self._names("output")

    @property
    def open_input(self) -> str | None:
        """Name of the open input."""
        return self._open_name("input")

    @property
    def open_output(self) -> str | None:
        """Name of the open output."""
        return self._open_name("output")

    def choose(self, input_choice: str | None = None, output_choice: str | None = None) -> None:
        """Other ports; None leaves a side as it is."""
        with self._lock:
            self.input_choice = input_choice or self.input_choice
            self.output_choice = output_choice or self.output_choice
            self._look()

    def send(self, message: Sequence[int]) -> None:
        """To the open output, if any; programs and volumes hold for every output that is opened later too."""
        with self._lock:
            if _is_setting(message):
                self._in_force[message[0]] = message
            side = self._side.get("output")
            if side is not None and side.open_name is not None:
                side.send(message)

    def follow_clock(self, received: MidiCallback | None) -> None:
        """Hand system messages of the input to `received` (in rtmidi's thread); None: to nobody."""
        self._clock_received = received

    def _open_clients(self) -> None:
        try:
            heard, played = open_ports(self._received, self._api)
        except NoMidi as error:
            self.problem = str(error)
        else:
            self.problem = None
            with self._lock:
                self._side = {"input": heard, "output": played}

    def _leave_clients(self) -> None:
        """The JACK server has ended; its clients list what was there for ever."""
        with self._lock:
            sides, self._side = self._side, {}
            for side in sides.values():
                side.delete()
        self.problem = "The JACK server has ended."
        self._tell("The JACK server has ended; MIDI goes on when it is back.")
        self._input_lost()

    def _received(self, message: Sequence[int], moment_s: float) -> None:
        system = bool(message) and message[0] >= SYSTEM_MESSAGES
        receiver = self._clock_received if system else self._received_by
        if receiver is not None:
            receiver(message, moment_s)

    def _names(self, which: str) -> list[str]:
        with self._lock:
            side = self._side.get(which)
            return [] if side is None else side.names()

    def _open_name(self, which: str) -> str | None:
        side = self._side.get(which)
        return None if side is None else side.open_name

    def _look_again(self) -> None:
        self._looks += 1
        if any(side.is_cut_off for side in self._side.values()):
            self._leave_clients()
        if self.problem is not None and self._looks % RETRY_LOOKS == 0:
            self._open_clients()  # an ALSA sequencer or a JACK server may have come since
        self._look()

    def _look(self) -> None:
        """Open what is wanted and there, let go of what is gone."""
        with self._lock:
            for which, choice in (("input", self.input_choice), ("output", self.output_choice)):
                side = self._side.get(which)
                if side is not None:
                    self._settle(side, choice)

    def _settle(self, side: MidiPort, choice: str) -> None:
        gone = side.open_name is not None and not side.is_there
        if side.open_name == choice and not gone:
            return  # of two of one name it may be called otherwise by now
        wanted = _wanted(choice, side.names(), side.open_name)
        if side.open_name == wanted and not gone:
            return
        if side.open_name is not None:
            message = f"{side.open_name} is gone. Connect it again, it will be picked up."
            _silence(side)
            side.close()
            if gone:
                self._tell(message)
            if side is self._side["input"]:
                self._input_lost()
        self._open(side, wanted)

    def _open(self, side: MidiPort, wanted: str | None) -> None:
        which = side.direction
        if wanted is not None and side.open(wanted):
            _silence(side)  # it may hold what it was playing when its cable was pulled
            self._set_up(side)
            self._tell(f"MIDI {which}: {wanted}")
            wanted = None
        elif wanted is not None and self._refused.get(which) != wanted:
            self._tell(f"{wanted} does not open. Close the program that uses it, or choose another port.")
        self._refused[which] = wanted


    def _set_up(self, side: MidiPort) -> None:
        """The sounds and levels that the music has chosen, on an instrument that does not know them."""
        if side.direction == "out":
            all(side.send(message) for message in self._in_force.values())  # until one is refused


def _is_setting(message: Sequence[int]) -> bool:
    kind = message[0] & 0xF0
    return kind == PROGRAM or (kind == CONTROL and message[1] == VOLUME)


def _silence(side: MidiPort) -> None:
    """Every note off and every pedal up, on the instrument of an open output."""
    if side.direction == "out" and side.open_name is not None:
        all(side.send(message) for message in messages_of(Event(NOW, "all_off")))  # until one is refused


def _wanted(choice: str, names: list[str], open_name: str | None) -> str | None:
    """The port to have open: an open default stays as long as it is there."""
    if choice == NONE:
        return None
    if choice != DEFAULT:
        return choice if choice in names else None
    if open_name in names:
        return open_name
    real = [name for name in names if _is_real(name)]
    return real[0] if real else None


def _is_real(name: str) -> bool:
    """An instrument: neither a part of the system, nor a Launchpad, whose pads are no keys."""
    return "Midi Through" not in name and not name.startswith("system:") and model_of(name) is None
