"""What a machine loses by itself: a JACK client that plays nothing. Run as `-m app.bench.idle_child SECONDS`.

Beside its figure stands that of the whole program: what this one loses is not the program's fault.
"""

from __future__ import annotations

import json
import sys

from app.bench.live import JACK_BLOCK_SAMPLES
from app.devices.audio import NONE, AudioChoice, DeviceInfo, FloatArray
from app.devices.portaudio import JACK, PortAudioBackend
from app.ending import end_process
from app.engine.clock import sleep_s

_SETTLING_S = 1.0


class _Idle:
    """Counts the driver's troubles once it has settled."""

    def __init__(self) -> None:
        self.dropouts = 0
        self.counting = False

    def process(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """The audio callback: silence."""
        output[:] = 0.0
        self.dropouts += self.counting and troubles > 0


def watch(seconds: float) -> dict[str, object]:
    """Dropouts of an idle stream in so many seconds, or the `problem`."""
    backend, idle = PortAudioBackend(), _Idle()
    device = next((info for info in backend.devices() if _plays(info)), None)
    if device is None:
        return {"problem": "PortAudio finds no JACK server; install libportaudio2 and jackd2."}
    choice = AudioChoice(input=NONE, output=device.label, block_samples=JACK_BLOCK_SAMPLES)
    stream = backend.open(choice, idle.process)
    stream.start()
    sleep_s(_SETTLING_S)
    idle.counting = True
    sleep_s(seconds)
    idle.counting = False
    stream.close()
    return {"dropouts": idle.dropouts}


def _plays(info: DeviceInfo) -> bool:
    return info.host_api == JACK and info.outputs > 0


if __name__ == "__main__":
    print(json.dumps(watch(float(sys.argv[1]))), flush=True)  # noqa: T201 - the answer to whoever watches
    end_process(0)
