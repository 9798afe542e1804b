"""What the rows of a launchpad look like: pure data, and the drawing of one pad, kept once it was drawn.

Orange is you and blue is the agent; the agent's pads have a dark eye too, so that colour is not all that
tells. Used by the thread of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pygame

from app import theme
from app.theme import Colour
from app.widgets.painter import Painter
from app.widgets.surface_cache import SurfaceCache

Owner = Literal["", "you", "agent"]
PATTERNS, OFFSETS = 7, 6
COLUMNS = PATTERNS + OFFSETS
MUTE, SOLO, LOCK = COLUMNS, COLUMNS + 1, COLUMNS + 2
ALL_COLUMNS = COLUMNS + 3
NOBODY: Colour = (176, 184, 198)
OWNERS: dict[str, Colour] = {"": NOBODY, "you": theme.YOU, "agent": theme.MACHINE}
KEPT = 400


@dataclass(frozen=True, slots=True)
class Pad:
    """One button: whether it is on in the bar that plays, whose it is, and what is queued for the next bar
    (None: nothing) by whom. ``intended``: the agent is about to press it."""

    on: bool = False
    owner: Owner = ""
    queued: bool | None = None
    by: Owner = ""
    intended: bool = False

    @property
    def wanted(self) -> bool:
        """What it will be in the next bar."""
        return self.on if self.queued is None else self.queued


@dataclass(frozen=True, slots=True)
class Note:
    """A step of the bar that sounds, or that a queued press brings or takes away."""

    step: int
    owner: Owner = ""
    queued: bool = False
    going: bool = False


@dataclass(frozen=True, slots=True)
class RowLook:
    """A key of the instrument: ``silent`` where it is muted or another one plays solo, ``held`` where it lies
    on a real Launchpad."""

    name: str
    octave: int
    natural: bool
    in_key: bool = True
    tonic: bool = False
    muted: bool = False
    solo: bool = False
    locked: bool = False
    silent: bool = False
    held: bool = False
    pads: tuple[Pad, ...] = (Pad(),) * COLUMNS
    notes: tuple[Note, ...] = ()

    @property
    def idle(self) -> bool:
        """It has no beats, in this bar or the next."""
        return not self.notes


def pad_ground(row: RowLook) -> Colour:
    """Of a pad that is off: the rows of the key stand out, the white keys among them a little more."""
    if row.in_key:
        return theme.mix(theme.RAISED, theme.HOVER, 0.5 if row.natural else 0.15)
    return theme.mix(theme.GROUND, theme.RAISED, 0.62)


def owner_colour(owner: Owner, silent: bool = False) -> Colour:
    """Of what belongs to someone; rows that do not sound step back."""
    return theme.mix(theme.SURFACE, OWNERS[owner], 0.42) if silent else OWNERS[owner]


@dataclass(frozen=True, slots=True)
class Face:
    """Everything that one pad's picture depends on. ``sign``: eye, minus or nothing; ``glow``: 0 to 1."""

    ground: Colour
    outline: Colour | None = None
    sign: str = ""
    round: bool = False
    arrow: bool = False


def face_of(pad: Pad, row: RowLook, glow: float = 0.0, blink: bool = False, round_: bool = False) -> Face:
    """How a pad looks now: ``glow`` while it sounds, ``blink`` the bright half of a queued one's beat.

    ``round_``: a bit of the offset, faint where the row has no pattern that it could shift.
    """
    off, faint = pad_ground(row), row.silent or (round_ and row.idle)
    edge = theme.MACHINE if pad.intended else None
    if pad.queued is not None:
        colour = owner_colour(pad.by, faint)
        leaving = owner_colour(pad.owner, faint) if pad.on else colour
        ground = theme.mix(off, leaving, 0.5 if blink else 0.3)
        return Face(ground, colour, "" if pad.queued else "minus", round_, pad.intended)
    if not pad.on:
        return Face(off, edge, "", round_, pad.intended)
    colour = theme.mix(owner_colour(pad.owner, faint), (255, 255, 255), 0.62 * glow)
    return Face(colour, edge, "eye" if pad.owner == "agent" else "", round_, pad.intended)


_faces = SurfaceCache(KEPT)
_OVERSAMPLING = 4


def draw_face(painter: Painter, rect: pygame.FRect, face: Face) -> None:
    """Blit a pad; a round one stands in the middle of the rectangle."""
    box = painter.device(rect)
    if face.round:
        side = min(box.size)
        box = pygame.Rect(box.x + (box.w - side) // 2, box.y + (box.h - side) // 2, side, side)
    key = (box.size, painter.scale, face)
    drawn = _faces.get(key) or _faces.put(key, _render(box.size, painter.scale, face))
    painter.surface.blit(drawn, box)


def _render(size: tuple[int, int], scale: float, face: Face) -> pygame.Surface:
    """Drawn large and shrunk, so that its edges are smooth."""
    large = pygame.Surface((size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), pygame.SRCALPHA)
    large.fill((*(face.outline or face.ground), 0))
    unit = scale * _OVERSAMPLING
    box = large.get_rect()
    radius = round(min(box.h / 2 if face.round else 5 * unit, box.h / 2))
    edge = max(round(1.6 * unit), _OVERSAMPLING) if face.outline else 0
    if face.outline:
        pygame.draw.rect(large, face.outline, box, border_radius=radius)
    inside = box.inflate(-2 * edge, -2 * edge)
    pygame.draw.rect(large, face.ground, inside, border_radius=max(radius - edge, 0))
    _draw_sign(large, unit, face)
    return pygame.transform.smoothscale(large, size)


def _draw_sign(large: pygame.Surface, unit: float, face: Face) -> None:
    x, y = large.get_rect().center
    if face.sign == "eye":
        pygame.draw.circle(large, theme.GROUND, (x, y), min(2.6 * unit, y * 0.5))
    elif face.sign == "minus":
        bar = pygame.Rect(0, 0, round(min(10 * unit, x * 0.9)), round(2 * unit))
        bar.center = x, y
        pygame.draw.rect(large, theme.TEXT, bar)
    if face.arrow:
        left, half = 4 * unit, min(4 * unit, y * 0.7)
        pygame.draw.polygon(large, theme.TEXT, [(left, y - half), (left + half * 1.3, y), (left, y + half)])
