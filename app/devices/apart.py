"""PortAudio in a process of its own, so that the driver's callback never waits for this interpreter.

The window, the engine and the synth share one interpreter, and each holds it at times for longer than a block
lasts. `apart_child` runs the driver's callback, which only copies; here the "sound" thread works off what it
asks for, a cushion of blocks ahead (`block_ring`). A process that dies is a stream that is gone: whoever
watches the stream opens another, and the next request starts another process. Where none can be started,
PortAudio runs in this one, as well as it can.

Asking is for any thread, one at a time; only the "sound" thread calls the program's callback.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from app.devices import apart_child
from app.devices.audio import NONE, AudioChoice, Backend, DeviceError, DeviceInfo, Stream, TimedCallback
from app.devices.block_ring import MEMORY_BYTES, ProgramSide, SharedBlocks
from app.devices.portaudio import PortAudioBackend
from app.engine.priority import real_time

log = logging.getLogger(__name__)

LOOK_S, LOOKS = 1.0, 20
"""How often, and for how long each time, an answer is looked for: longer than drivers need to list or open a
device on a busy machine. One long wait could be over when the machine wakes up again and nobody has worked.
"""


class ApartBackend:
    """PortAudio's devices. Its process is started at once and is ready while the program still loads."""

    name = PortAudioBackend.name

    def __init__(self, tell: Callable[[str], None] = log.warning) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._inside: PortAudioBackend | None = None
        self._card: Card | None = None
        self._start()

    def devices(self) -> list[DeviceInfo]:
        return self._backend().devices()

    def defaults(self) -> tuple[str, str]:
        return self._backend().defaults()

    def open(self, choice: AudioChoice, callback: TimedCallback) -> Stream:
        return self._backend().open(choice, callback)

    def rescan(self) -> None:
        self._backend().rescan()

    def _backend(self) -> Backend:
        """The process, started anew if it has ended; PortAudio in this one where there can be none."""
        with self._lock:
            if self._inside is not None:
                return self._inside
            if self._card is not None and not self._card.alive:
                self._start()
            if self._card is not None and self._card.ready():
                return self._card
            self._tell("Sound has no process of its own here and may crackle; details are in the log.")
            self._inside = PortAudioBackend()
            return self._inside

    def _start(self) -> None:
        self._card = None
        try:
            self._card = Card()
        except OSError as problem:
            log.warning("no process for the sound card: %s", problem)


class Card:
    """The process as it is seen from here: a backend."""

    name = PortAudioBackend.name

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.memory = context.RawArray(ctypes.c_char, MEMORY_BYTES)
        self.asked = context.Semaphore(0)
        """Released for each block that the card asks for."""
        self._connection, theirs = context.Pipe()
        self._lock = threading.Lock()
        self._ready = False
        shared = (theirs, self.memory, self.asked)
        self._process = context.Process(
            target=apart_child.serve, args=shared, name="ripieno-sound", daemon=True
        )
        with _without_ctrl_c():
            self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def ready(self) -> bool:
        """Whether it came up; waits for it."""
        with self._lock:
            try:
                self._ready = self._ready or self._received() == apart_child.READY
            except DeviceError as problem:
                log.warning("%s", problem)
            return self._ready

    def devices(self) -> list[DeviceInfo]:
        return cast(list[DeviceInfo], self._ask_or("devices", []))

    def defaults(self) -> tuple[str, str]:
        return cast(tuple[str, str], self._ask_or("defaults", (NONE, NONE)))

    def rescan(self) -> None:
        self._ask_or("rescan", None)

    def open(self, choice: AudioChoice, callback: TimedCallback) -> ApartStream:
        blocks = SharedBlocks(self.memory, choice.block_samples)
        return ApartStream(self, self.ask("open", choice), blocks, callback)

    def ask(self, name: str, *arguments: Any) -> Any:
        """What `apart_child.Card` answers. Raises DeviceError, also where it does not answer."""
        with self._lock:
            try:
                self._connection.send((name, arguments))
            except OSError as problem:
                raise DeviceError("The sound's process has ended.") from problem
            succeeded, value, lines = self._received()
        for whose, level, text in lines:
            logging.getLogger(whose).log(level, "%s", text)
        if not succeeded:
            raise DeviceError(value)
        return value

    def _ask_or(self, name: str, otherwise: object) -> object:
        try:
            return self.ask(name)
        except DeviceError as problem:
            log.warning("%s: %s", name, problem)
            return otherwise

    def _received(self) -> Any:
        """The next message. Whoever is silent for long hangs in a driver, and will not answer any more."""
        try:
            if any(self._connection.poll(LOOK_S) for _ in range(LOOKS)):
                return self._connection.recv()
        except (EOFError, OSError) as problem:
            self._process.join()
            raise DeviceError("The sound's process has ended.") from problem
        self._process.kill()
        self._process.join()
        raise DeviceError("The sound's driver does not answer. Choose another device.")


class ApartStream:
    """A stream of the other process."""

    def __init__(
        self, card: Card, opened: apart_child.Opened, blocks: SharedBlocks, callback: TimedCallback
    ) -> None:
        self.rate, self.input_label, self.output_label, self._driver_latency_s = opened
        self._card = card
        self._side = ProgramSide(blocks, self.rate, callback, self.input_label != NONE)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    @property
    def latency_s(self) -> float:
        return self._driver_latency_s + self._side.cushion_s

    @property
    def alive(self) -> bool:
        return self._card.alive and (self._thread.is_alive() or self._thread.ident is None)

    def start(self) -> None:
        self._thread.start()
        self._card.ask("start")

    def close(self) -> None:
        self._stopping = True
        if self._thread.is_alive():
            self._card.asked.release()
            self._thread.join()
        try:
            self._card.ask("close")
        except DeviceError as problem:
            log.info("closing %s: %s", self.output_label, problem)
        side = self._side
        log.info("%d blocks too late, cushion %.1f ms", side.late_blocks, side.cushion_s * 1000)

    def _run(self) -> None:
        real_time()
        while not self._stopping:
            self._card.asked.acquire()
            self._side.catch_up()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """A process started here does not hear Ctrl-C, not even while it still imports (but on Windows)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
