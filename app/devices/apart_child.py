"""The process in which a sound card's stream runs: the driver's callback waits for no other Python there.

It opens what the program asks for; the callback plays, and exchanges blocks and events with the program
through the memory they share (`block_ring`). It ends when the program does, however that happens, and when
its stream is gone, so that PortAudio begins anew with the next one: a JACK server that has ended leaves it
unusable.

Imports nothing but PortAudio, FluidSynth, numpy and what is beside it; touches nothing of the program but
its ends of the connections, the memory and the semaphore.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from app.devices.audio import AudioChoice, DeviceError, DeviceInfo, Stream
from app.devices.block_ring import CardSide, Memory
from app.devices.portaudio import PortAudioBackend
from app.ending import end_process
from app.engine import calm
from app.engine.player import InstrumentMaker
from app.engine.priority import real_time
from app.engine.scheduler import Event

log = logging.getLogger(__name__)

READY = "ready"
WATCH_S = 1.0
"""How often the stream is looked at. Seldom: meanwhile the driver's callback waits for this thread."""

Opened = tuple[int, str, str, float]
"""Rate, labels of input and output, latency in seconds."""
Said = tuple[str, int, str]
"""A line for the log: whose, level, text."""


class Card:
    """What the program may ask for. Main thread; the driver's runs `CardSide.process`."""

    def __init__(self, memory: Memory, tell: Callable[[], Any]) -> None:
        self._backend = PortAudioBackend()
        self._memory, self._tell = memory, tell
        self._stream: Stream | None = None
        self._side: CardSide | None = None

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
        self.let_go()
        side = CardSide(self._memory, choice.block_samples, self._tell)
        stream = self._stream = self._backend.open(choice, side.process)
        side.use_rate(stream.rate)
        self._side = side
        return stream.rate, stream.input_label, stream.output_label, stream.latency_s

    def use_instrument(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        assert self._side is not None
        return self._side.player.use_instrument(make, settings)

    def start(self, sample: int) -> None:
        assert self._stream is not None and self._side is not None
        self._side.count_from(sample)
        calm.settle()
        calm.begin(self)
        self._stream.start()

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            calm.end(self)

    def let_go(self) -> None:
        """Close the instrument. Once the stream is closed."""
        side, self._side = self._side, None
        if side is not None:
            side.player.close()

    def report(self) -> None:
        """Log why the player failed, if it did."""
        side = self._side
        if side is not None and side.failure is not None:
            failure, side.failure = side.failure, None
            log.error("the audio callback failed", exc_info=failure)

    def receive_clips(self, connection: Connection) -> None:
        """A thread: each recording as it comes, until the program has gone."""
        real_time()  # as `serve`
        try:
            while True:
                start_sample = connection.recv()
                sound = np.frombuffer(connection.recv_bytes(), np.float32)
                if self._side is not None:
                    self._side.player.play_clip(sound, start_sample)
        except (EOFError, OSError):
            return


class _Log(logging.Handler):
    """Keeps what is logged until the next answer carries it to the program's log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Said] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, self.format(record)))


def serve(connection: Connection, clips: Connection, memory: Memory, semaphore: Any) -> None:
    """The process: answers until the program is gone or the card is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the program's; it closes the connection
    real_time()  # who holds the interpreter must not be held up by others: the driver's callback waits for it
    said = _Log()
    logging.basicConfig(level=logging.INFO, handlers=[said])
    card = Card(memory, semaphore.release)
    threading.Thread(target=card.receive_clips, args=(clips,), name="clips", daemon=True).start()
    try:
        connection.send(READY)
        while card.usable:
            card.report()
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
