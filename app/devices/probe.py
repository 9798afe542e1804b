"""Listens to an input beside the sound that flows: its level is seen before it is chosen.

Through an audio system of its own. PortAudio has a process of its own there too, so whatever its drivers do,
the stream that is played through goes on. One input at a time, and only while somebody asks. A thread opens
and closes it; the driver's, or the "sound" thread of its stream, measures.
"""
from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from app.devices.audio import NONE, AudioChoice, AudioSystem, DeviceError, FloatArray, Stream
from app.engine.clock import now_s, sleep_s
from app.engine.meter import LevelMeter

log = logging.getLogger(__name__)

LEASE_S, LOOK_S = 0.5, 0.02
BLOCK_SAMPLES = 1024
LISTENING, DEAF = "listening …", "choose it to hear its level"


class InputProbe:
    """`make_system` is called once, when somebody asks for the first time."""

    def __init__(self, make_system: Callable[[], AudioSystem]) -> None:
        self._make_system = make_system
        self._system: AudioSystem | None = None
        self._wanted: tuple[str, int] = ("", 0)
        self._asked_s = -math.inf
        self._heard: LevelMeter | str = LISTENING
        self._heard_of: tuple[str, int] = self._wanted
        self._thread: threading.Thread | None = None

    def listen(self, label: str, rate: int) -> LevelMeter | str:
        """What an input hears at a rate, or why that is not known; ask again within half a second.

        The rate is that of the sound that flows: a device may know only one at a time. Main thread.
        """
        self._wanted, self._asked_s = (label, rate), now_s()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="input-probe", daemon=True)
            self._thread.start()
        return self._heard if self._heard_of == self._wanted else LISTENING

    def end(self) -> None:
        """Let go of the input, now: somebody wants to have it for good. Any thread but the probe's."""
        self._asked_s = -math.inf
        thread = self._thread
        if thread is not None:
            thread.join()

    def _is_asked_for(self) -> bool:
        return now_s() - self._asked_s < LEASE_S

    def _run(self) -> None:
        while self._is_asked_for():
            wanted = self._wanted
            stream = self._open(*wanted)
            while self._is_asked_for() and self._wanted == wanted:
                sleep_s(LOOK_S)
            self._heard_of = ("", 0)
            if stream is not None:
                stream.close()

    def _open(self, label: str, rate: int) -> Stream | None:
        meter, stream = LevelMeter(rate), None
        self._system = system = self._system or self._make_system()
        try:
            stream = _flowing(system, AudioChoice(label, NONE, BLOCK_SAMPLES, rate), meter)
        except DeviceError as problem:
            log.info("the level of %s: %s", label, problem)
            system.rescan()  # it may have come since
        except Exception:
            log.exception("listening to %s failed", label)
        self._heard = DEAF if stream is None else meter
        self._heard_of = (label, rate)
        return stream


def _flowing(system: AudioSystem, choice: AudioChoice, meter: LevelMeter) -> Stream:
    """An open stream that feeds the meter. Raises DeviceError."""

    def hear(heard: FloatArray | None) -> None:
        if heard is not None:
            meter.push(heard)

    stream = system.open(choice, lambda heard, output, troubles: hear(heard))
    try:
        if stream.player is not None:
            stream.player.begin(0, lambda block, events: hear(block.heard))
        stream.start()
    except DeviceError:
        stream.close()
        raise
    return stream
