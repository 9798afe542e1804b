"""PortAudio and the player in a process of their own, so that sound never waits for this interpreter.

The window, the engine and the agents share one interpreter, and each holds it at times for longer than a
block lasts. In `apart_child` the driver's callback renders what it plays; here the "sound" thread takes in
what was heard and played (`far_player`), some fractions of a millisecond later. A process that dies is a
stream that is gone: whoever watches the stream opens another, and the next request starts another process.
Where none can be started, PortAudio runs in this one, as well as it can.

Asking is for any thread, one at a time.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, cast

import numpy as np

from app import children
from app.devices import apart_child
from app.devices.audio import (
    NONE,
    AudioCallback,
    AudioChoice,
    Backend,
    DeviceError,
    DeviceInfo,
    FloatArray,
    Stream,
)
from app.devices.block_ring import Memory
from app.devices.far_player import FarPlayer
from app.devices.portaudio import PortAudioBackend
from app.engine.player import InstrumentMaker
from app.engine.priority import real_time
from app.engine.scheduler import Event

log = logging.getLogger(__name__)

LOOK_S, LOOKS, READING_LOOKS = 1.0, 20, 120
"""How often, and for how long each time, an answer is looked for: longer than drivers need to list or open a
device on a busy machine, or than it takes to read a large sound set. One long wait could be over when the
machine wakes up again and nobody has worked.
"""
PATIENCE_S = 3.0
"""How long a stream that is to be closed waits for a sound set that is just being read."""

Clips = SimpleQueue[tuple[FloatArray, int] | None]
"""Recordings on their way, each with its first sample; None: no more."""


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

    def open(self, choice: AudioChoice, callback: AudioCallback) -> Stream:
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
        context = children.CONTEXT
        self.memory = Memory.of(context.RawArray)
        self.asked = context.Semaphore(0)
        """Released for each block that the card asks for."""
        self._connection, theirs = context.Pipe()
        their_clips, our_clips = context.Pipe(duplex=False)
        self._clips: Clips = SimpleQueue()
        self._lock = threading.Lock()
        self._ready = False
        self._player: FarPlayer | None = None
        """That of the stream which was opened last: those before have been let go."""
        shared = (theirs, their_clips, self.memory, self.asked)
        self._process = children.start(apart_child.serve, shared, "ripieno-sound")
        theirs.close()
        their_clips.close()
        threading.Thread(target=_send_clips, args=(self._clips, our_clips), name="clips", daemon=True).start()
        weakref.finalize(self, self._clips.put, None)

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def ready(self) -> bool:
        """Whether it came up; waits for it."""
        with self._lock:
            try:
                self._ready = self._ready or self._received(LOOKS) == apart_child.READY
            except DeviceError as problem:
                log.warning("%s", problem)
            return self._ready

    def devices(self) -> list[DeviceInfo]:
        return cast(list[DeviceInfo], self._ask_or("devices", []))

    def defaults(self) -> tuple[str, str]:
        return cast(tuple[str, str], self._ask_or("defaults", (NONE, NONE)))

    def rescan(self) -> None:
        self._ask_or("rescan", None)

    def open(self, choice: AudioChoice, callback: AudioCallback) -> ApartStream:
        """`callback` is not called: the stream's own player makes the sound."""
        stream = ApartStream(self, self.ask("open", choice), choice.block_samples)
        self._player = stream.player
        return stream

    def bring(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        return cast("str | None", self.ask("use_instrument", make, list(settings), looks=READING_LOOKS))

    def let_go(self, player: FarPlayer) -> None:
        if player is self._player:
            self.ask("let_go")

    def send_clip(self, sound: FloatArray, start_sample: int) -> None:
        self._clips.put((sound, start_sample))

    def ask(self, name: str, *arguments: Any, looks: int | None = None) -> Any:
        """What `apart_child.Card` answers. Raises DeviceError, also where it does not answer."""
        with self._lock:
            try:
                self._connection.send((name, arguments))
            except OSError as problem:
                raise DeviceError("The sound's process has ended.") from problem
            succeeded, value, lines = self._received(LOOKS if looks is None else looks)
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

    def close_stream(self) -> None:
        """Have the stream closed; end the process where a sound set is read all too long."""
        if not self._lock.acquire(timeout=PATIENCE_S):
            self._process.kill()
            return
        self._lock.release()
        try:
            self.ask("close")
        except DeviceError as problem:
            log.info("closing the stream: %s", problem)

    def _received(self, looks: int) -> Any:
        """The next message. Whoever is silent for long hangs in a driver, and will not answer any more."""
        try:
            if any(self._connection.poll(LOOK_S) for _ in range(looks)):
                return self._connection.recv()
        except (EOFError, OSError) as problem:
            self._process.join()
            raise DeviceError("The sound's process has ended.") from problem
        self._process.kill()
        self._process.join()
        raise DeviceError("The sound's driver does not answer. Choose another device.")


class ApartStream:
    """A stream of the other process, and its player."""

    def __init__(self, card: Card, opened: apart_child.Opened, block_samples: int) -> None:
        self.rate, self.input_label, self.output_label, self.latency_s = opened
        self.player = FarPlayer(card, block_samples, self.input_label != NONE)
        self._card = card
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    @property
    def alive(self) -> bool:
        return self._card.alive and (self._thread.is_alive() or self._thread.ident is None)

    def start(self) -> None:
        self._thread.start()
        self._card.ask("start", self.player.start_sample)

    def close(self) -> None:
        self._card.close_stream()
        self._stopping = True
        if self._thread.is_alive():
            self._card.asked.release()
            self._thread.join()
            self.player.catch_up()

    def _run(self) -> None:
        real_time()
        while not self._stopping:
            self._card.asked.acquire()
            self.player.catch_up()


def _send_clips(clips: Clips, connection: Connection) -> None:
    """The "clips" thread, since a long recording fills the pipe for a while. Ends with the card."""
    with connection:
        try:
            while (clip := clips.get()) is not None:
                sound, start_sample = clip
                connection.send(start_sample)
                connection.send_bytes(sound.astype(np.float32, copy=False).tobytes())
        except OSError:
            return  # the process has ended
