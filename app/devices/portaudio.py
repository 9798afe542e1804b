"""PortAudio through sounddevice: ALSA, JACK, Core Audio, WASAPI, ...

sounddevice carries no PortAudio on Linux, so its import can fail: then this backend lists nothing and says
why in `problem`. PortAudio's device list is as old as its initialisation; `rescan` renews it, and must not be
called while a stream is open.
"""
from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

import numpy as np

from app.devices.audio import NONE, AudioCallback, AudioChoice, DeviceError, DeviceInfo, FloatArray
from app.devices.split import SplitStream

log = logging.getLogger(__name__)

MAX_INPUT_CHANNELS = 2
LARGEST_BLOCK = 8192


class PortAudioBackend:
    """Devices by name and host API."""

    name = "PortAudio"

    def __init__(self) -> None:
        self.problem: str | None = None

    @cached_property
    def _library(self) -> Any:
        """The sounddevice module, or None."""
        try:
            import sounddevice
        except OSError as error:
            self.problem = f"PortAudio is missing ({error}): install libportaudio2 for low latency."
            log.info("%s", self.problem)
            return None
        return sounddevice

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
            return PortAudioStream(self._library, heard, played, rate, choice.block_samples, callback)
        split = SplitStream(rate, choice.block_samples, callback)
        library, block = self._library, choice.block_samples
        split.add(PortAudioStream(library, None, played, rate, block, split.play), output=True)
        split.add(PortAudioStream(library, heard, None, rate, block, split.hear), output=False)
        return split

    def rescan(self) -> None:
        library = self._library
        if library is None:
            return
        try:
            library._terminate()
            library._initialize()
        except library.PortAudioError as error:
            log.warning("PortAudio did not start again: %s", error)

    def _listed(self) -> list[tuple[int, DeviceInfo]]:
        library = self._library
        if library is None:
            return []
        try:
            host_apis = library.query_hostapis()
            return [(index, _info(raw, host_apis)) for index, raw in enumerate(library.query_devices())]
        except library.PortAudioError as error:
            log.warning("PortAudio lists nothing: %s", error)
            return []

    def _find(self, label: str, side: str) -> tuple[int, DeviceInfo]:
        for index, info in self._listed():
            if info.label == label and getattr(info, side) > 0:
                return index, info
        raise DeviceError(f"{label} is not connected. Connect it and press Rescan, or choose another device.")


_NO_DEVICE = DeviceInfo("", "", 0, 0)


class PortAudioStream:
    """One PortAudio stream; input, output or both."""

    def __init__(
        self,
        library: Any,
        heard: tuple[int, DeviceInfo] | None,
        played: tuple[int, DeviceInfo] | None,
        rate: int,
        block_samples: int,
        callback: AudioCallback,
    ) -> None:
        self.rate = rate
        self.input_label = heard[1].label if heard else NONE
        self.output_label = played[1].label if played else NONE
        self._library = library
        self._callback = callback
        self._finished = False
        self._mono = np.zeros(LARGEST_BLOCK, np.float32)
        self._unplayed = np.zeros((LARGEST_BLOCK, 2), np.float32)
        self._output_channels = min(played[1].outputs, 2) if played else 0
        self._stream = self._make(heard, played, block_samples)
        self.latency_s = float(np.max(self._stream.latency))

    @property
    def alive(self) -> bool:
        return not self._finished

    def start(self) -> None:
        try:
            self._stream.start()
        except self._library.PortAudioError as error:
            raise DeviceError(f"{self.output_label} does not start ({error}).") from error

    def close(self) -> None:
        try:
            self._stream.close(ignore_errors=True)
        except self._library.PortAudioError as error:
            log.info("closing %s: %s", self.output_label, error)

    def _make(
        self, heard: tuple[int, DeviceInfo] | None, played: tuple[int, DeviceInfo] | None, block_samples: int
    ) -> Any:
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

    def _duplex(self, heard: FloatArray, output: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._fill(self._mix_down(heard), output, int(bool(status)))

    def _play(self, output: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._fill(None, output, int(bool(status)))

    def _hear(self, heard: FloatArray, frames: int, time: Any, status: Any) -> None:
        self._callback(self._mix_down(heard), self._unplayed[:frames], int(bool(status)))

    def _fill(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
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


def _usable(by_index: dict[int, DeviceInfo], preferred: int, side: str) -> str:
    """Label of the preferred device, or of the first that has this side."""
    candidates = [preferred, *by_index]
    for index in candidates:
        if index in by_index and getattr(by_index[index], side) > 0:
            return by_index[index].label
    return NONE
