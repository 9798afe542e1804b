"""The process in which a sound card's stream runs: the driver's callback waits for no other Python there.

It opens what the program asks for and copies blocks between the driver and the memory it shares with the
program (`block_ring`). It ends when the program does, however that happens, and when its stream is gone, so
that PortAudio begins anew with the next one: a JACK server that has ended leaves it unusable.

Imports nothing but PortAudio, numpy and what is beside it; touches nothing of the program but its end of
the connection, the memory and the semaphore.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from app.devices.audio import AudioChoice, DeviceError, DeviceInfo, Stream
from app.devices.block_ring import CardSide, SharedBlocks
from app.devices.portaudio import PortAudioBackend
from app.ending import end_process
from app.engine import calm

READY = "ready"
WATCH_S = 1.0
"""How often the stream is looked at. Seldom: meanwhile the driver's callback waits for this thread."""

Opened = tuple[int, str, str, float]
"""Rate, labels of input and output, latency in seconds."""
Said = tuple[str, int, str]
"""A line for the log: whose, level, text."""


class Card:
    """What the program may ask for. Main thread; the driver's runs `CardSide.exchange`."""

    def __init__(self, memory: Any, tell: Callable[[], Any]) -> None:
        self._backend = PortAudioBackend()
        self._memory, self._tell = memory, tell
        self._stream: Stream | None = None

    @property
    def usable(self) -> bool:
        """False once the stream is gone, or PortAudio with its JACK server."""
        return self._backend.usable if self._stream is None else self._stream.alive

    def devices(self) -> list[DeviceInfo]:
        return self._backend.devices()

    def defaults(self) -> tuple[str, str]:
        return self._backend.defaults()

    def rescan(self) -> None:
        self._backend.rescan()

    def open(self, choice: AudioChoice) -> Opened:
        self.close()
        side = CardSide(SharedBlocks(self._memory, choice.block_samples), self._tell)
        stream = self._stream = self._backend.open(choice, side.exchange)
        return stream.rate, stream.input_label, stream.output_label, stream.latency_s

    def start(self) -> None:
        assert self._stream is not None
        calm.settle()
        calm.begin(self)
        self._stream.start()

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            calm.end(self)


class _Log(logging.Handler):
    """Keeps what is logged until the next answer carries it to the program's log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Said] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, record.getMessage()))


def serve(connection: Connection, memory: Any, semaphore: Any) -> None:
    """The process: answers until the program is gone or the card is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the program's; it closes the connection
    said = _Log()
    logging.basicConfig(level=logging.INFO, handlers=[said])
    card = Card(memory, semaphore.release)
    try:
        connection.send(READY)
        while card.usable:
            if connection.poll(WATCH_S):
                name, arguments = connection.recv()
                succeeded, value = _answer(getattr(card, name), arguments)
                lines, said.lines = said.lines, []
                connection.send((succeeded, value, lines))
    except (EOFError, OSError):
        card.close()  # the program has gone
    end_process(0)


def _answer(do: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """(True, what it returned) or (False, what is wrong)."""
    try:
        return True, do(*arguments)
    except DeviceError as problem:
        return False, str(problem)
