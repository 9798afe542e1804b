"""The two MIDI ports of one Launchpad: found, taken over, painted, given back.

Only the surface's thread uses it; `send_clock` may be called by another at the same time.
"""
from __future__ import annotations

import threading
from collections.abc import Sequence

from app.devices.launchpads.encoding import Painter
from app.devices.launchpads.lights import Lights
from app.devices.launchpads.models import MODELS, Model, pad_port
from app.devices.midi_ports import MidiPort

MIDI_CLOCK = 0xF8


class Link:
    """`model` is the Launchpad that is taken over, if any."""

    def __init__(self, heard: MidiPort, played: MidiPort) -> None:
        self.model: Model | None = None
        self._heard = heard
        self._played = played
        self._painter: Painter | None = None
        self._sending = threading.Lock()

    def find(self) -> Model | None:
        """The first model that is connected."""
        inputs, outputs = self._heard.names(), self._played.names()
        return next((m for m in MODELS if pad_port(m, inputs) and pad_port(m, outputs)), None)

    @property
    def is_cut_off(self) -> bool:
        """The MIDI system has gone: these ports are of no use any more."""
        return self._heard.is_cut_off or self._played.is_cut_off

    @property
    def is_there(self) -> bool:
        """The ports taken are still connected."""
        return self._heard.open_name in self._heard.names() and self._played.open_name in self._played.names()

    def take(self, model: Model) -> bool:
        """Take a Launchpad over; False if its ports are gone, or another program's."""
        if not (self._open(model) and self._send(model.enter)):
            self.drop()
            return False
        self._painter, self.model = Painter(model), model
        return True

    def _open(self, model: Model) -> bool:
        source, target = pad_port(model, self._heard.names()), pad_port(model, self._played.names())
        if source is None or target is None:
            return False
        return self._heard.open(source) and self._played.open(target)

    def paint(self, lights: Lights) -> bool:
        """Show this; only what changed is sent. False if the port fails, as while it is unplugged."""
        return self._painter is None or self._send(self._painter.paint(lights))

    def send_clock(self, message: Sequence[int]) -> None:
        """A tick that goes out, for models that blink with it (the first ones do not)."""
        model = self.model
        if model is not None and model.header and message[0] == MIDI_CLOCK:
            self._send([message])

    def give_back(self) -> None:
        """Leave it as it was found."""
        if self.model is not None:
            self._send(self.model.leave)
        self.drop()

    def drop(self) -> None:
        """Let go of the ports."""
        self.model, self._painter = None, None
        with self._sending:
            for port in (self._heard, self._played):
                if port.open_name is not None:
                    port.close()

    def delete(self) -> None:
        """Give the Launchpad back and leave the MIDI system."""
        self.give_back()
        self._heard.delete()
        self._played.delete()

    def _send(self, messages: Sequence[Sequence[int]]) -> bool:
        with self._sending:
            return self._played.open_name is not None and all(self._played.send(m) for m in messages)
