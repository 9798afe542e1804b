"""One voice through the microphone, as notes: stands beside the MIDI keyboard.

A thread of its own reads what the engine hears, finds notes (`singing`) and hands them on as events of the
engine that make no sound; they come about 50 ms after they began, at the sample at which they did.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.engine.clock import sleep_s
from app.engine.engine import Engine
from app.engine.ring import RingReader
from app.engine.scheduler import Event, Kind
from app.sessions.duet.conductor import YOUR_CHANNEL
from app.sessions.duet.singing import HOP_S, Notes, PitchFrames, Sung
from pieces.errors import RipienoError

log = logging.getLogger(__name__)

MICROPHONE = "microphone"
LOOK_S = HOP_S / 2


class Microphone:
    """Listens from now on; `heard` is called in its thread. What goes wrong is told, and ends it alone.

    Attributes:
        position: the sample up to which it has listened.
        failed: something went wrong, it listens no more.
    """

    def __init__(self, engine: Engine, heard: Callable[[Event], None]) -> None:
        self._engine, self._heard = engine, heard
        self._closing = threading.Event()
        self.position = 0
        self.failed = False
        self._thread = threading.Thread(target=self._run, name="duet-microphone", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more. The note that sounds is ended; the thread is not waited for."""
        self._closing.set()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._listen()
        except RipienoError as problem:
            self._fail(str(problem))
        except Exception:  # the music goes on without it
            log.exception("the microphone's thread failed")
            self._fail("The microphone cannot be heard any more. Details are in the log.")

    def _fail(self, sentence: str) -> None:
        self.failed = True
        self._engine.tell(sentence)

    def _listen(self) -> None:
        """Until it is closed, or the sound card runs at another rate."""
        mixer = self._engine.mixer
        reader = RingReader(mixer.ring)
        frames, notes = PitchFrames(mixer.clock.rate, reader.position), Notes()
        try:
            while not self._closing.is_set() and self._engine.mixer is mixer:
                for frame in frames.push(reader.read()):
                    for sung in notes.push(frame):
                        self._hand_on(sung)
                self.position = reader.position
                sleep_s(LOOK_S)
        finally:
            for sung in notes.finish():
                self._hand_on(sung)

    def _hand_on(self, sung: Sung) -> None:
        delay = round(self._engine.input_latency_s * self._engine.rate)
        kind: Kind = "note_on" if sung.what == "on" else "note_off"
        sample = max(sung.sample - delay, 0)
        self._heard(Event(sample, kind, sung.pitch, sung.velocity, YOUR_CHANNEL, MICROPHONE))
