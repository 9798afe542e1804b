"""What may be pressed: keys that are locked, rows closed to the agent. Pure functions of a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad import scales
from app.sessions.launchpad.arrangement import Arrangement
from app.sessions.launchpad.history import Owners, Picture, lit
from models.launchpad.instrument import LAUNCHPAD, States

Actions = NDArray[np.bool_]
"""(actions,) True for those that are meant."""


def in_key(arrangement: Arrangement) -> NDArray[np.bool_]:
    """(keys,) the rows of the key."""
    return np.array(scales.rows_in_key(arrangement.tonic, arrangement.scale))


def refused(picture: Picture) -> Actions:
    """What nobody may press: switching on what is outside a locked key."""
    if picture.arrangement.scale_lock == "off":
        return np.zeros(LAUNCHPAD.actions, bool)
    return _out_of_key(picture)


def closed_to_agent(picture: Picture) -> Actions:
    """What the agent may not press: locked rows and, where the scale is locked, what is outside the key."""
    closed = refused(picture)
    rows = _by_row(closed)
    rows[sorted(picture.arrangement.locked)] = True
    if picture.arrangement.scale_lock != "off":
        rows[~in_key(picture.arrangement), LAUNCHPAD.patterns :] = True
    return closed


def mapped(picture: Picture, action: int) -> int:
    """The action that is meant: with the scale lock on "map", in the nearest row of the key."""
    arrangement, button = picture.arrangement, LAUNCHPAD.button(action)
    if button is None or arrangement.scale_lock != "map" or not _out_of_key(picture)[action]:
        return action
    near = scales.nearest_rows(arrangement.tonic, arrangement.scale)[button.key]
    return action + (near - button.key) * LAUNCHPAD.columns


def fitted(picture: Picture) -> tuple[States, Owners]:
    """Grid and owners with what is outside the key on the nearest rows inside, where nothing is there."""
    grid, owners = picture.grid.copy(), picture.owners.copy()
    near = scales.nearest_rows(picture.arrangement.tonic, picture.arrangement.scale)
    for row, target in enumerate(near):
        if row == target:
            continue
        if not grid[target, 0]:
            grid[target], owners[target] = grid[row], owners[row]
        grid[row], owners[row] = 0, 0
    return grid, owners


def moved(arrangement: Arrangement, semitones: int) -> Arrangement:
    """The arrangement with what belongs to rows so many rows up, around the end, as their patterns move."""
    keys = LAUNCHPAD.keys
    locked, muted, soloed = (
        frozenset((row + semitones) % keys for row in rows)
        for rows in (arrangement.locked, arrangement.muted, arrangement.soloed)
    )
    voices = tuple(arrangement.row_voices[(row - semitones) % keys] for row in range(keys))
    return replace(arrangement, locked=locked, muted=muted, soloed=soloed, row_voices=voices)


def _out_of_key(picture: Picture) -> Actions:
    out = np.zeros(LAUNCHPAD.actions, bool)
    rows = _by_row(out)
    rows[~in_key(picture.arrangement), : LAUNCHPAD.patterns] = True
    rows &= ~lit(picture.grid)
    return out


def _by_row(actions: Actions) -> Actions:
    """(keys, columns) a view of all but the action that does nothing."""
    return actions[:-1].reshape(LAUNCHPAD.keys, LAUNCHPAD.columns)
