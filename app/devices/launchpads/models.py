"""The Launchpads' protocols as one table, and which of them a port's name belongs to. Pure, any thread.

A place is (row, column): row 0 on top to row 7, columns 0 to 7; column 8 are the round buttons on the
right, row -1 those on top. Sources: Novation's programmer's references of each model.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Place = tuple[int, int]
Palette = Literal["red and green", "palette", "rgb"]

TOP_ROW, RIGHT_COLUMN, SIDE = -1, 8, 8
NOTE_ON, CONTROL = 0x90, 0xB0
_NOVATION = (0xF0, 0x00, 0x20, 0x29, 0x02)
_END = 0xF7


@dataclass(frozen=True)
class Model:
    """One row of the table.

    names: regular expression for its ports. port: which of its USB ports is the one for programs, where a
    system only numbers them. first_row, row_step: number of the grid's top left pad, and from row to row.
    top: controller of the top row's first button. right: whether the right column are notes or controllers.
    enter, leave: messages that take it over and give it back.
    """

    name: str
    names: str
    port: int
    first_row: int
    row_step: int
    top: int
    right: int
    palette: Palette
    header: tuple[int, ...]
    enter: tuple[tuple[int, ...], ...]
    leave: tuple[tuple[int, ...], ...]

    @cached_property
    def addresses(self) -> dict[Place, tuple[int, int]]:
        """(status byte on channel 1, number) of every place."""
        places = {(TOP_ROW, column): (CONTROL, self.top + column) for column in range(SIDE)}
        for row in range(SIDE):
            first = self.first_row + row * self.row_step
            places |= {(row, column): (NOTE_ON, first + column) for column in range(SIDE)}
            places[row, RIGHT_COLUMN] = (self.right, first + RIGHT_COLUMN)
        return places

    @cached_property
    def _places(self) -> dict[tuple[int, int], Place]:
        return {address: place for place, address in self.addresses.items()}

    def pressed(self, message: Sequence[int]) -> Place | None:
        """The place that a message says is pressed; None for releases and everything else."""
        if len(message) != 3 or message[2] == 0:
            return None
        return self._places.get((message[0], message[1]))

    def sysex(self, *body: int) -> tuple[int, ...]:
        """A system exclusive message to this model."""
        return (*self.header, *body, _END)


def _old() -> Model:
    """MK1, S and the first Mini: two colours, no system exclusive. 0xB0 0 0 resets, 0xB0 0 40 lets blink."""
    reset, blink = (CONTROL, 0, 0), (CONTROL, 0, 0x28)
    return Model("Launchpad", r"\bLaunchpad(?! ?(Pro|X\b|RGB|Mini MK|MK))", 1, 0, 16, 104, NOTE_ON,
                 "red and green", (), (reset, blink), (reset,))


def _mk2() -> Model:
    """MK2: 0x22 chooses the layout, 0x0E colours every light; session layout is what it starts in."""
    header = (*_NOVATION, 0x18)
    session, dark = (*header, 0x22, 0, _END), (*header, 0x0E, 0, _END)
    return Model("Launchpad MK2", r"Launchpad (MK2|RGB)", 1, 81, -10, 104, NOTE_ON,
                 "palette", header, (session, dark), (dark,))


def _mk3(name: str, names: str, port: int, number: int) -> Model:
    """Third generation: 0x0E 1 is programmer mode, 0x0E 0 live mode."""
    header = (*_NOVATION, number)
    programmer, live = (*header, 0x0E, 1, _END), (*header, 0x0E, 0, _END)
    return Model(name, names, port, 81, -10, 91, CONTROL, "rgb", header, (programmer,), (live,))


MODELS = (
    _mk3("Launchpad Mini MK3", r"LPMiniMK3|Launchpad Mini MK3", 2, 0x0D),
    _mk3("Launchpad X", r"\bLPX\b|Launchpad X\b", 2, 0x0C),
    _mk3("Launchpad Pro MK3", r"LPProMK3|Launchpad Pro MK3", 1, 0x0E),
    _mk2(),
    _old(),
)

_OTHER_USE = re.compile(r"\b(DAW?|DIN?)( (In|Out))?( \(\d+\))?$")
"""The ports for music programs and for the DIN sockets; ALSA cuts names to 31 characters. A second device of
the same name has a number in brackets behind it (`listed_ports`)."""
_NUMBERED = re.compile(r"MIDI(?:IN|OUT)?\s?(\d)\b")
"""How Windows ("MIDIIN2 (LPX MIDI)") and older Linux ("Launchpad X MIDI 2") number a device's ports."""


def model_of(port: str) -> Model | None:
    """The model whose port has this name (without ALSA's numbers), if any."""
    return next((model for model in MODELS if re.search(model.names, port)), None)


def pad_port(model: Model, names: Iterable[str]) -> str | None:
    """The one of a model's ports that takes programmer mode."""
    ports = [name for name in names if model_of(name) is model and not _OTHER_USE.search(name)]
    return min(ports, key=lambda name: _number(name) != model.port, default=None)


def _number(name: str) -> int:
    """Its number among a device's ports. One that says MIDI by name only is taken for the first."""
    found = _NUMBERED.search(name)
    return int(found[1]) if found else 1
