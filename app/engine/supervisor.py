"""Keeps a stream open: the chosen one, or silence until it is back.

Runs a thread of its own that looks once a second. A stream counts as gone when its driver says so or when
its clock stands still. Then the silent stream takes over at the same rate, the user is told, and the device
list is read anew every two seconds (nothing of it is open, so that disturbs nobody) until the device is there
again.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from app.devices.audio import (
    DEFAULT,
    AudioChoice,
    AudioSystem,
    DeviceError,
    DeviceInfo,
    FloatArray,
    Stream,
)
from app.engine.watch import keep_looking

log = logging.getLogger(__name__)

WATCH_S = 1.0
STANDSTILL_CHECKS = 2
LOOK_AGAIN_CHECKS = 2


class Host(Protocol):
    """What the supervisor needs of the engine."""

    @property
    def sample(self) -> int: ...
    @property
    def rate(self) -> int: ...
    def process(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None: ...
    def use_stream(self, stream: Stream) -> None: ...
    def tell(self, message: str) -> None: ...


class StreamSupervisor:
    """Opens, watches, replaces. `stream` is the one that flows."""

    def __init__(
        self, system: AudioSystem, choice: AudioChoice, host: Host, watch_s: float = WATCH_S
    ) -> None:
        self.system = system
        system.tell = host.tell
        self.choice = choice
        self.stream: Stream | None = None
        self.opened: Callable[[Stream], object] = lambda stream: None
        """Told of every stream that flows. Whichever thread opens it."""
        self._host = host
        self._watch_s = watch_s
        self._lost: AudioChoice | None = None  # what was open when it vanished
        self._seen_sample = 0
        self._still_checks = self._checks = 0
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, wait: bool = True) -> None:
        """Open what is chosen and watch it; without `wait`, return before it is open."""
        self._stop.clear()
        if wait:
            self._open_chosen()
        watch = self._run if wait else self._open_and_run
        self._thread = threading.Thread(target=watch, name="audio-devices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of everything."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._close_stream()

    def choose(self, choice: AudioChoice) -> None:
        """Open other devices, now. Never raises: if they refuse, says so and falls back."""
        with self._lock:
            self.choice, self._lost = choice, None
            self._close_stream()
            self._open(choice)

    def rescan(self) -> list[DeviceInfo]:
        """Read the device list anew; sound stops for a moment."""
        with self._lock:
            self._close_stream()
            devices = self.system.rescan()
            self._lost = None
            self._open(self.choice)
        return devices

    @property
    def lost(self) -> bool:
        """The device vanished and is awaited."""
        return self._lost is not None

    def _open_chosen(self) -> None:
        with self._lock:
            self._open(self.choice)

    def _open(self, choice: AudioChoice) -> None:
        for attempt in _attempts(choice):
            try:
                self._start_stream(self.system.open(attempt, self._host.process))
                return
            except DeviceError as error:
                self._host.tell(str(error))
            except Exception:
                log.exception("opening %s failed", attempt)
                self._host.tell("A sound device failed while it was opened; details are in the log.")
        self._open_silent()

    def _open_silent(self) -> None:
        choice = AudioChoice(block_samples=self.choice.block_samples, rate=self._host.rate)
        self._start_stream(self.system.open_silent(choice, self._host.process))

    def _start_stream(self, stream: Stream) -> None:
        self._still_checks = 0
        self.stream = stream
        try:
            self._host.use_stream(stream)
            stream.start()
        except BaseException:
            self._close_stream()
            raise
        self.opened(stream)

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def _open_and_run(self) -> None:
        self._open_chosen()
        self._run()

    def _run(self) -> None:
        keep_looking(self._stop, self._watch_s, self._look, "the sound devices", self._host.tell)

    def _look(self) -> None:
        with self._lock:
            self._check()

    def _check(self) -> None:
        self._checks += 1
        if self.stream is None:  # opening one ended in a fault: the clock goes on before anything else
            self._open_silent()
        elif self._lost is not None:
            if self._checks % LOOK_AGAIN_CHECKS == 0:
                self._look_again(self._lost)
        elif not self._flows(self.stream):
            self._fall_silent(self.stream)

    def _flows(self, stream: Stream) -> bool:
        sample = self._host.sample
        self._still_checks = self._still_checks + 1 if sample == self._seen_sample else 0
        self._seen_sample = sample
        return stream.alive and self._still_checks < STANDSTILL_CHECKS

    def _fall_silent(self, stream: Stream) -> None:
        names = " / ".join(sorted({stream.input_label, stream.output_label} - {"none"}))
        self._lost = AudioChoice(
            stream.input_label, stream.output_label, self.choice.block_samples, self.choice.rate
        )
        log.warning("sound device lost: %s", names)
        self._close_stream()
        self._open_silent()
        self._host.tell(f"{names} is gone; going on without sound. Connect it again, it will be picked up.")

    def _look_again(self, wanted: AudioChoice) -> None:
        labels = {wanted.input, wanted.output} - {"none"}
        if not labels.issubset(device.label for device in self.system.rescan()):
            return
        self._close_stream()
        try:
            self._start_stream(self.system.open(wanted, self._host.process))
        except DeviceError as error:
            log.info("not yet: %s", error)
            self._open_silent()
            return
        self._lost = None
        self._host.tell(f"{' / '.join(sorted(labels))} is back.")


def _attempts(choice: AudioChoice) -> list[AudioChoice]:
    """What was chosen, then the defaults of the machine."""
    fallback = AudioChoice(
        DEFAULT if choice.input != "none" else "none",
        DEFAULT if choice.output != "none" else "none",
        choice.block_samples,
    )
    return [choice] if fallback == choice else [choice, fallback]
