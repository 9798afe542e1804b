"""SDL's sound, inside pygame-ce's wheel: plays and records on any desktop without a system package.

SDL knows playback and capture, never both in one: an input beside an output goes through `SplitStream`. The
callbacks run in SDL's own threads and get a memoryview of the block.

SDL holds a device's lock while it calls back, and the callback then waits for the interpreter; pygame's
`pause` waits for that lock and keeps the interpreter: each would wait for the other for ever. So devices are
paused through ctypes, which lets go of the interpreter; a paused device calls back no more.
"""
from __future__ import annotations

import ctypes
import logging
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from app.devices.audio import (
    DEFAULT_RATE,
    NONE,
    AudioCallback,
    AudioChoice,
    DeviceError,
    DeviceInfo,
    FloatArray,
)
from app.devices.split import SplitStream
from app.engine.priority import real_time

log = logging.getLogger(__name__)

HOST_API = "SDL"
SMALLEST_BLOCK = 256
LARGEST_BLOCK = 8192
SDL_INIT_AUDIO = 0x10


def _audio_module() -> Any:
    """pygame._sdl2.audio with SDL's audio running; raises pygame.error where it cannot run.

    It is started only where it does not run: SDL counts the starts in a byte, and at the 256th would close
    every device, in a thread that holds Python's lock, which their callbacks wait for.
    """
    from pygame._sdl2 import audio

    if not _library().SDL_WasInit(ctypes.c_uint32(SDL_INIT_AUDIO)):
        from pygame._sdl2 import sdl2

        sdl2.init_subsystem(sdl2.INIT_AUDIO)
    return audio


@cache
def _library() -> ctypes.CDLL:
    """The very SDL that pygame plays through: its module leads there; Windows has a DLL of its own beside."""
    import pygame
    from pygame._sdl2 import audio

    windows = sys.platform == "win32"
    return ctypes.CDLL(str(Path(pygame.__file__).parent / "SDL2.dll") if windows else audio.__file__)


def _pause(device: Any, on: bool) -> None:
    """Let the callback run or not; once it is off, the callback is not running."""
    _library().SDL_PauseAudioDevice(ctypes.c_uint32(device.deviceid), ctypes.c_int(on))


class SdlBackend:
    """Devices by SDL's names."""

    name = HOST_API

    def devices(self) -> list[DeviceInfo]:
        inputs, outputs = _names(True), _names(False)
        return [
            DeviceInfo(name, HOST_API, int(name in inputs), 2 * int(name in outputs))
            for name in dict.fromkeys((*outputs, *inputs))
        ]

    def defaults(self) -> tuple[str, str]:
        sides = (_names(True), _names(False))
        labels = [DeviceInfo(names[0], HOST_API, 1, 2).label if names else NONE for names in sides]
        return labels[0], labels[1]

    def open(self, choice: AudioChoice, callback: AudioCallback) -> SdlStream | SplitStream:
        rate = choice.rate or DEFAULT_RATE
        block = max(choice.block_samples, SMALLEST_BLOCK)
        if choice.input == NONE:
            return SdlStream(choice.output, False, rate, block, callback)
        if choice.output == NONE:
            return SdlStream(choice.input, True, rate, block, callback)
        split = SplitStream(rate, block, callback)
        split.open_sides(
            lambda play: SdlStream(choice.output, False, rate, block, play),
            lambda hear: SdlStream(choice.input, True, rate, block, hear),
        )
        return split

    def rescan(self) -> None:
        """SDL's list is always fresh."""



class SdlStream:
    """Playback or capture."""

    player = None

    def __init__(
        self, label: str, capture: bool, rate: int, block_samples: int, callback: AudioCallback
    ) -> None:
        self.rate = rate
        self.input_label = label if capture else NONE
        self.output_label = NONE if capture else label
        self.latency_s = 2 * block_samples / rate
        self._capture = capture
        self._hurried = False
        self._callback = callback
        self._unplayed = np.zeros((LARGEST_BLOCK, 2), np.float32)
        self._device = _open_device(label, capture, rate, block_samples, self._run)
        self._open = True

    @property
    def alive(self) -> bool:
        """SDL plays on into nothing when a device is unplugged; its list tells."""
        label = self.input_label if self._capture else self.output_label
        return self._open and _plain_name(label) in _names(self._capture)

    def start(self) -> None:
        _pause(self._device, False)

    def close(self) -> None:
        if self._open:
            self._open = False
            _pause(self._device, True)
            self._device.close()

    def _run(self, device: Any, block: memoryview) -> None:
        if not self._hurried:
            self._hurried = True
            real_time()
        samples = np.frombuffer(block, np.float32)
        if device.iscapture:
            self._callback(samples, self._unplayed[:len(samples)], 0)
        else:
            output: FloatArray = samples.reshape(-1, 2)
            self._callback(None, output, 0)


def _names(capture: bool) -> list[str]:
    """Names of the devices that record, or that play."""
    import pygame

    try:
        return list(_audio_module().get_audio_device_names(capture))
    except pygame.error as error:
        log.info("SDL has no sound here: %s", error)
        return []


def _plain_name(label: str) -> str:
    return label.removesuffix(f" ({HOST_API})")


def _open_device(label: str, capture: bool, rate: int, block_samples: int, callback: Any) -> Any:
    import pygame

    try:
        audio = _audio_module()
        return audio.AudioDevice(
            devicename=_plain_name(label), iscapture=int(capture), frequency=rate,
            audioformat=audio.AUDIO_F32, numchannels=1 if capture else 2, chunksize=block_samples,
            allowed_changes=0, callback=callback,
        )
    except pygame.error as error:
        raise DeviceError(f"{label} cannot be opened ({error}). Choose another device.") from error
