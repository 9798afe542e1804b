"""PortAudio through sounddevice: ALSA, JACK, Core Audio, WASAPI, ...

sounddevice carries no PortAudio on Linux, so its import can fail: then this backend lists nothing and says
why in `problem`. PortAudio's device list is as old as its initialisation; `rescan` renews it, and must not be
called while a stream is open.

A JACK server that ends leaves PortAudio unusable (see `jack_watch`): its stream is then closed in a thread
that nobody waits for, and only another process finds JACK again when it is back (`apart`).
"""
from __future__ import annotations

import atexit
import logging
import os
import threading
from functools import cached_property
from typing import Any

import numpy as np

from app.devices.audio import NONE, AudioCallback, AudioChoice, DeviceError, DeviceInfo, FloatArray
from app.devices.jack_watch import JackWatch
from app.devices.split import SplitStream
from app.engine.priority import real_time

log = logging.getLogger(__name__)

JACK = "JACK Audio Connection Kit"
CLOSE_TIMEOUT_S = 3.0
MAX_INPUT_CHANNELS = 2
LARGEST_BLOCK = 8192


class PortAudioBackend:
    """Devices by name and host API."""

    name = "PortAudio"

    def __init__(self) -> None:
        self.problem: str | None = None
        self._watch: JackWatch | None = None

    @cached_property
    def _library(self) -> Any:
        """The sounddevice module, or None."""
        os.environ.setdefault("JACK_NO_START_SERVER", "1")
        try:
            import sounddevice
        except OSError as error:
            self.problem = f"PortAudio is missing ({error}): install libportaudio2 for low latency."
            log.info("%s", self.problem)
            return None
        # its exit handler terminates PortAudio, which aborts where a JACK server has ended meanwhile;
        # the streams are closed by then, and the system takes the rest
        atexit.unregister(sounddevice._exit_handler)
        self._watch_jack(sounddevice)
        return sounddevice

    def _watch_jack(self, library: Any) -> None:
        if self._watch is not None:
            self._watch.close()
        there = any(api["name"] == JACK and api["devices"] for api in library.query_hostapis())
        self._watch = JackWatch() if there else None

    @property
    def usable(self) -> bool:
        """False for good once a JACK server has ended that was there at the last look."""
        return self._watch is None or not self._watch.gone

    def devices(self) -> list[DeviceInfo]:
        return [info for _, info in self._listed()]

    def defaults(self) -> tuple[str, str]:
        library = self._library
        if library is None:
            return NONE, NONE
        by_index = dict(self._listed())
        wanted_input, wanted_output = library.default.device
        heard = _usable(by_index, wanted_input, "inputs")
        played = _usable(by_index, wanted_output, "outputs")
        return heard, played

    def open(self, choice: AudioChoice, callback: AudioCallback) -> PortAudioStream | SplitStream:
        heard = None if choice.input == NONE else self._find(choice.input, "inputs")
        played = None if choice.output == NONE else self._find(choice.output, "outputs")
        rate = choice.rate or (played or heard or (0, _NO_DEVICE))[1].rate
        if heard is None or played is None or heard[1].host_api == played[1].host_api:
            return self._stream(heard, played, rate, choice.block_samples, callback)
        split = SplitStream(rate, choice.block_samples, callback)
        split.open_sides(
            lambda play: self._stream(None, played, rate, choice.block_samples, play),
            lambda hear: self._stream(heard, None, rate, choice.block_samples, hear),
        )
        return split

    def _stream(self, heard: Side, played: Side, rate: int, block_samples: int, callback: AudioCallback
                ) -> PortAudioStream:
        on_jack = any(side is not None and side[1].host_api == JACK for side in (heard, played))
        watch = self._watch if on_jack else None
        return PortAudioStream(self._library, (heard, played), rate, block_samples, callback, watch)

    def rescan(self) -> None:
        library = self._library
        if library is None or not self.usable:
            return
        try:
            while library._initialized:
                library._terminate()
            library._initialize()
            self._watch_jack(library)
        except (library.PortAudioError, OSError) as error:
            log.warning("PortAudio did not start again: %s", error)

    def _listed(self) -> list[tuple[int, DeviceInfo]]:
        library = self._library
        if library is None:
            return []
        try:
            host_apis = library.query_hostapis()
            listed = [(index, _info(raw, host_apis)) for index, raw in enumerate(library.query_devices())]
            return [(index, info) for index, info in listed if info.host_api != JACK or self.usable]
        except library.PortAudioError as error:
            log.warning("PortAudio lists nothing: %s", error)
            return []

    def _find(self, label: str, side: str) -> tuple[int, DeviceInfo]:
        for index, info in self._listed():
            if info.label == label and getattr(info, side) > 0:
                return index, info
        raise DeviceError(f"{label} is not connected. Connect it and press Rescan, or choose another device.")


_NO_DEVICE = DeviceInfo("", "", 0, 0)
Side = tuple[int, DeviceInfo] | None


class PortAudioStream:
    """One PortAudio stream; input, output or both."""

    player = None

    def __init__(
        self,
        library: Any,
        sides: tuple[Side, Side],
        rate: int,
        block_samples: int,
        callback: AudioCallback,
        watch: JackWatch | None = None,
    ) -> None:
        heard, played = sides
        self.rate = rate
        self.input_label = heard[1].label if heard else NONE
        self.output_label = played[1].label if played else NONE
        self._library = library
        self._callback = callback
        self._watch = watch
        self._finished = self._hurried = False
        self._mono = np.zeros(LARGEST_BLOCK, np.float32)
        self._unplayed = np.zeros((LARGEST_BLOCK, 2), np.float32)
        self._output_channels = min(played[1].outputs, 2) if played else 0
        self._stream = self._make(heard, played, block_samples)
        self.latency_s = float(np.max(self._stream.latency))

    @property
    def alive(self) -> bool:
        return not self._finished and not (self._watch is not None and self._watch.gone)

    def start(self) -> None:
        try:
            self._stream.start()
        except self._library.PortAudioError as error:
            raise DeviceError(f"{self.output_label} does not start ({error}).") from error

    def close(self) -> None:
        thread = threading.Thread(target=self._close, name="portaudio-close", daemon=True)
        thread.start()
        thread.join(0.0 if not self.alive else CLOSE_TIMEOUT_S)
        if thread.is_alive():
            log.warning("%s does not close; going on without it", self.output_label)
            self._callback = _deaf

    def _close(self) -> None:
        try:
            self._stream.close(ignore_errors=True)
        except self._library.PortAudioError as error:
            log.info("closing %s: %s", self.output_label, error)

    def _make(self, heard: Side, played: Side, block_samples: int) -> Any:
        common = {
            "samplerate": self.rate, "blocksize": block_samples, "dtype": "float32", "latency": "low",
            "finished_callback": self._when_finished,
        }
        inputs = min(heard[1].inputs, MAX_INPUT_CHANNELS) if heard else 0
        try:
            if heard and played:
                return self._library.Stream(
                    device=(heard[0], played[0]), channels=(inputs, self._output_channels),
                    callback=self._duplex, **common,
                )
            if played:
                return self._library.OutputStream(
                    device=played[0], channels=self._output_channels, callback=self._play, **common
                )
            assert heard is not None
            return self._library.InputStream(
                device=heard[0], channels=inputs, callback=self._hear, **common
            )
        except (self._library.PortAudioError, ValueError) as error:
            names = " / ".join(label for label in (self.input_label, self.output_label) if label != NONE)
            raise DeviceError(f"{names} cannot be opened ({error}). Choose another device.") from error

    # The three callbacks run in PortAudio's thread.

    def _hurry(self) -> None:
        """In the first callback: ask for real time, once."""
        if not self._hurried:
            self._hurried = True
            real_time()

    def _duplex(self, heard: FloatArray, output: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._fill(self._mix_down(heard), output, _troubles(status))

    def _play(self, output: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._fill(None, output, _troubles(status))

    def _hear(self, heard: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._hurry()
        self._callback(self._mix_down(heard), self._unplayed[:frames], _troubles(status))

    def _fill(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        self._hurry()
        if self._output_channels == 2:
            self._callback(heard, output, troubles)
            return
        stereo = self._unplayed[:len(output)]
        self._callback(heard, stereo, troubles)
        np.mean(stereo, axis=1, keepdims=True, out=output)

    def _mix_down(self, heard: FloatArray) -> FloatArray:
        if heard.shape[1] == 1:
            return heard[:, 0]
        mono = self._mono[:len(heard)]
        np.mean(heard, axis=1, out=mono)
        return mono

    def _when_finished(self) -> None:
        self._finished = True


def _info(raw: dict[str, Any], host_apis: tuple[dict[str, Any], ...]) -> DeviceInfo:
    return DeviceInfo(
        str(raw["name"]), str(host_apis[raw["hostapi"]]["name"]),
        int(raw["max_input_channels"]), int(raw["max_output_channels"]), round(raw["default_samplerate"]),
    )


def _troubles(status: Any) -> int:
    """1 if sound was lost; that the driver primes its output before it starts is no loss."""
    if not status:
        return 0
    lost = (status.input_underflow, status.input_overflow, status.output_underflow, status.output_overflow)
    return int(any(lost))


def _deaf(heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
    """The callback of a stream that was given up."""


def _usable(by_index: dict[int, DeviceInfo], preferred: int, side: str) -> str:
    """Label of the preferred device, or of the first that has this side."""
    candidates = [preferred, *by_index]
    for index in candidates:
        if index in by_index and getattr(by_index[index], side) > 0:
            return by_index[index].label
    return NONE
