"""Lights to MIDI bytes, only those that changed: pure, but for what `Painter` remembers."""
from __future__ import annotations

from collections.abc import Callable

from app.devices.launchpads.lights import Light, Lights, Motion
from app.devices.launchpads.models import Model, Palette, Place

Messages = list[tuple[int, ...]]

_CHANNEL: dict[Motion, int] = {"steady": 0, "flash": 1, "pulse": 2}
"""Of the palette's messages: a note or controller on MIDI channel 1, 2 or 3."""
_TO_BOTH_BUFFERS, _TO_ONE_BUFFER = 0x0C, 0x08
"""Flags of the old models: what is in one of two buffers only, blinks while they change places."""
_LIGHTS = 0x03
_FLASH, _PULSE, _RGB = 1, 2, 3


class Painter:
    """Remembers what a Launchpad shows and says what to send for it to show something else."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._shown: Lights = {}

    def paint(self, wanted: Lights) -> Messages:
        """Messages for the lights that differ from what was painted before (at first: for all)."""
        changed = {place: light for place, light in wanted.items() if self._shown.get(place) != light}
        self._shown |= changed
        return _ENCODERS[self._model.palette](self._model, changed) if changed else []


def _red_and_green(model: Model, changed: Lights) -> Messages:
    """Velocity: red + 16 green + flags."""
    return [(*model.addresses[place], _velocity(light)) for place, light in changed.items()]


def _velocity(light: Light) -> int:
    red, green = light.colour.value.red_green
    return red + 16 * green + (_TO_ONE_BUFFER if light.motion == "flash" else _TO_BOTH_BUFFERS)


def _palette(model: Model, changed: Lights) -> Messages:
    """Velocity: number of the colour; what flashes alternates with the steady colour it had."""
    messages: Messages = []
    for place, light in changed.items():
        status, number = model.addresses[place]
        if light.motion == "flash":
            messages.append((status, number, light.under.value.palette))
        messages.append((status | _CHANNEL[light.motion], number, light.colour.value.palette))
    return messages


def _rgb(model: Model, changed: Lights) -> Messages:
    """One system exclusive message for all of them: the 81 it may hold are all there are."""
    entries = [byte for place, light in changed.items() for byte in _entry(model, place, light)]
    return [model.sysex(_LIGHTS, *entries)]


def _entry(model: Model, place: Place, light: Light) -> tuple[int, ...]:
    """Palette colours move, the steady ones are mixed."""
    _, number = model.addresses[place]
    if light.motion == "flash":
        return (_FLASH, number, light.under.value.palette, light.colour.value.palette)
    if light.motion == "pulse":
        return (_PULSE, number, light.colour.value.palette)
    return (_RGB, number, *light.colour.value.rgb)


_ENCODERS: dict[Palette, Callable[[Model, Lights], Messages]] = {
    "red and green": _red_and_green,
    "palette": _palette,
    "rgb": _rgb,
}
