"""What every light of a Launchpad shows: a `PadView` seen through `Pages`. Pure.

Orange is you, blue the agent (green where a model has no blue), grey neither; what is queued blinks, what is
being heard pulses, what is muted is dim. The playhead runs along the top row.
"""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from app.devices.launchpads import paging
from app.devices.launchpads.models import RIGHT_COLUMN, SIDE, TOP_ROW, Place
from app.devices.launchpads.paging import Pages
from app.devices.launchpads.surface import Look, PadView, RowLook
from models.launchpad.instrument import LAUNCHPAD

Motion = Literal["steady", "flash", "pulse"]


class Shade(NamedTuple):
    """A colour for each kind of light: Novation's palette, RGB 0 to 127, red and green 0 to 3."""

    palette: int
    rgb: tuple[int, int, int]
    red_green: tuple[int, int]


class Colour(Enum):
    """The colours in use."""

    DARK = Shade(0, (0, 0, 0), (0, 0))
    YOURS = Shade(9, (127, 60, 0), (3, 1))
    YOURS_DIM = Shade(10, (28, 12, 0), (1, 0))
    AGENTS = Shade(37, (20, 80, 127), (0, 3))
    AGENTS_DIM = Shade(38, (3, 16, 28), (0, 1))
    NOBODYS = Shade(2, (64, 64, 64), (2, 2))
    NOBODYS_DIM = Shade(1, (14, 14, 14), (1, 1))
    WHITE = Shade(3, (127, 127, 127), (2, 3))
    RED = Shade(5, (127, 0, 0), (3, 0))
    YELLOW = Shade(13, (127, 110, 0), (3, 3))
    GREEN = Shade(21, (0, 127, 30), (0, 3))
    GREEN_DIM = Shade(23, (0, 16, 4), (0, 1))


_DIM = {
    Colour.YOURS: Colour.YOURS_DIM,
    Colour.AGENTS: Colour.AGENTS_DIM,
    Colour.NOBODYS: Colour.NOBODYS_DIM,
}


@dataclass(frozen=True)
class Light:
    """A light: steady, pulsing, or flashing between `colour` and `under`."""

    colour: Colour = Colour.DARK
    motion: Motion = "steady"
    under: Colour = Colour.DARK


Lights = dict[Place, Light]
OFF = Light()


def all_off() -> Lights:
    """Every light off."""
    places = [(row, column) for row in range(SIDE) for column in range(SIDE + 1)]
    return dict.fromkeys([*places, *((TOP_ROW, column) for column in range(SIDE))], OFF)


def lights(view: PadView, pages: Pages) -> Lights:
    """The light of every place."""
    shown = all_off()
    for row in range(SIDE):
        key = pages.key(row)
        marks = RowLook(int(view.rows[key]))
        for column, look in enumerate(_looks(view, key, pages)):
            shown[row, column] = _button(look, marks)
        shown[row, RIGHT_COLUMN] = Light(_mark(marks, pages))
    for column, colour in enumerate(_top(view, pages)):
        shown[TOP_ROW, column] = Light(colour)
    return shown


def _looks(view: PadView, key: int, pages: Pages) -> list[Look]:
    """The looks of a key's columns on the page that is open."""
    looks = [Look(int(look)) for look in view.cells[key]]
    patterns, bits = looks[:LAUNCHPAD.patterns], looks[LAUNCHPAD.patterns:]
    if pages.offsets:
        return bits
    offset = Look(0)
    for bit in bits:
        offset |= bit
    return [*patterns, offset]


def _button(look: Look, marks: RowLook) -> Light:
    owned = Colour.YOURS if look & Look.YOURS else Colour.AGENTS if look & Look.AGENTS else Colour.NOBODYS
    if look & Look.QUEUED:
        return Light(owned, "flash", _DIM[owned] if look & Look.ON else Colour.DARK)
    if not look & Look.ON:
        return OFF
    if marks & RowLook.MUTED:
        return Light(_DIM[owned])
    return Light(owned, "pulse" if look & Look.PLAYING else "steady")


def _mark(marks: RowLook, pages: Pages) -> Colour:
    if pages.offsets:
        return Colour.YELLOW if marks & RowLook.LOCKED else Colour.NOBODYS_DIM
    if marks & RowLook.MUTED:
        return Colour.RED
    return Colour.YELLOW if marks & RowLook.LOCKED else Colour.GREEN_DIM


def _top(view: PadView, pages: Pages) -> list[Colour]:
    top = [Colour.NOBODYS_DIM] * SIDE
    if pages.lowest_key == LAUNCHPAD.keys - SIDE:
        top[paging.UP] = Colour.DARK
    if pages.lowest_key == 0:
        top[paging.DOWN] = Colour.DARK
    top[paging.OFFSETS_PAGE if pages.offsets else paging.PATTERNS_PAGE] = Colour.NOBODYS
    top[paging.PLAY_STOP] = Colour.GREEN if view.playing else Colour.GREEN_DIM
    if view.playhead is not None:
        top[view.playhead * SIDE // LAUNCHPAD.steps % SIDE] = Colour.WHITE
    return top
