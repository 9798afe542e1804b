"""Sound cards behind one interface, found and opened by name.

Three backends: PortAudio (with JACK, where it runs), SDL (inside pygame-ce, on any desktop) and none at all:
a silent one that keeps time, so that the program runs without a sound card. One callback serves all three:
`callback(heard, output, troubles)` with heard (n,) mono float32 or None, output (n, 2) float32 to be filled
and the number of troubles (overflow, underflow) the driver reports. It runs in the driver's thread. With
PortAudio that is one of another process, where a player of the stream's own answers the driver (`apart`).

Listing, opening and closing belong to one thread at a time (the engine's device thread or the main thread).
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pieces.errors import RipienoError

if TYPE_CHECKING:
    from app.engine.player import Player

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]
AudioCallback = Callable[[FloatArray | None, FloatArray, int], None]
"""What a driver calls."""

DEFAULT = "default"
NONE = "none"
DEFAULT_RATE = 44_100
DEFAULT_BLOCK = 256


class DeviceError(RipienoError):
    """A sound device could not be opened."""


@dataclass(frozen=True)
class DeviceInfo:
    """A device as it is listed. `host_api` is PortAudio's ("ALSA", "JACK Audio Connection Kit") or "SDL"."""

    name: str
    host_api: str
    inputs: int
    outputs: int
    rate: int = DEFAULT_RATE

    @property
    def label(self) -> str:
        """What is shown, remembered and used to find it again."""
        return f"{self.name} ({self.host_api})"


@dataclass(frozen=True)
class AudioChoice:
    """What to open: labels of devices, "default" or "none". Remembered in the settings as it is."""

    input: str = DEFAULT
    output: str = DEFAULT
    block_samples: int = DEFAULT_BLOCK
    rate: int = 0  # 0: the device's own


class Stream(Protocol):
    """Sound flowing. `input_label` and `output_label` say what was opened ("none" where nothing was)."""

    rate: int
    input_label: str
    output_label: str

    @property
    def player(self) -> Player | None:
        """Who plays, where the driver's callback runs in another process; None: the callback it was given."""

    @property
    def latency_s(self) -> float:
        """From what is heard to what answers it."""

    def start(self) -> None:
        """Let the callback run. Raises DeviceError."""

    @property
    def alive(self) -> bool:
        """False once the device is gone; a stream that merely stands still is noticed by its clock."""

    def close(self) -> None:
        """Stop and let go; the callback does not run afterwards."""


class Backend(Protocol):
    """A way to sound cards."""

    name: str

    def devices(self) -> list[DeviceInfo]:
        """What is there; empty where the backend does not work."""

    def defaults(self) -> tuple[str, str]:
        """Labels of the default input and output, "none" where there is none."""

    def open(self, choice: AudioChoice, callback: AudioCallback) -> Stream:
        """Open the devices named in `choice` (no "default" in it), not yet started. Raises DeviceError."""

    def rescan(self) -> None:
        """Look again for devices; only while no stream of this backend is open."""


class AudioSystem:
    """All backends that work here, in order of preference. Who uses it sets `tell`, to show a sentence."""

    def __init__(self, backends: Sequence[Backend], silent: Backend) -> None:
        self.tell: Callable[[str], None] = log.warning
        self._backends = list(backends)
        self._silent = silent

    def devices(self) -> list[DeviceInfo]:
        """Every device of every backend."""
        return [device for backend in self._backends for device in backend.devices()]

    def rescan(self) -> list[DeviceInfo]:
        """Look again; the caller has closed its stream."""
        for backend in self._backends:
            backend.rescan()
        return self.devices()

    def open(self, choice: AudioChoice, callback: AudioCallback) -> Stream:
        """Open what was chosen. Raises DeviceError if a named device is not there or refuses."""
        if choice.input == NONE and choice.output == NONE:
            return self._silent.open(choice, callback)
        if DEFAULT in (choice.input, choice.output):
            return self._open_default(choice, callback)
        backend = self._backend_of([label for label in (choice.input, choice.output) if label != NONE])
        return backend.open(choice, callback)

    def open_silent(self, choice: AudioChoice, callback: AudioCallback) -> Stream:
        """No sound card: time goes on."""
        silent = AudioChoice(NONE, NONE, choice.block_samples, choice.rate)
        return self._silent.open(silent, callback)

    def _open_default(self, choice: AudioChoice, callback: AudioCallback) -> Stream:
        for backend in self._backends:
            resolved = _resolve(choice, backend)
            if resolved is None:
                continue
            try:
                return backend.open(resolved, callback)
            except DeviceError as error:
                log.info("%s: %s", backend.name, error)
        raise DeviceError("No sound card answers; going on in silence. Connect one and press Rescan.")

    def _backend_of(self, labels: list[str]) -> Backend:
        for backend in self._backends:
            known = {device.label for device in backend.devices()}
            if known.issuperset(labels):
                return backend
        missing = " and ".join(labels)
        raise DeviceError(f"{missing}: not connected. Connect it and press Rescan, or choose another device.")


def _resolve(choice: AudioChoice, backend: Backend) -> AudioChoice | None:
    """`choice` with "default" replaced by what the backend prefers; None if that leaves nothing to open."""
    default_input, default_output = backend.defaults()
    heard = default_input if choice.input == DEFAULT else choice.input
    played = default_output if choice.output == DEFAULT else choice.output
    known = {device.label for device in backend.devices()} | {NONE}
    if {heard, played} == {NONE} or not known.issuperset((heard, played)):
        return None
    return AudioChoice(heard, played, choice.block_samples, choice.rate)


def open_system() -> AudioSystem:
    """The backends of this machine: PortAudio first, then SDL. PortAudio's process starts at once."""
    from app.devices.apart import ApartBackend
    from app.devices.null import NullBackend
    from app.devices.sdl import SdlBackend

    apart = ApartBackend(lambda sentence: system.tell(sentence))
    system = AudioSystem([apart, SdlBackend()], NullBackend())
    return system
