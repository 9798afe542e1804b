"""From a snapshot of the launchpad to what its rows look like. Pure."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad.history import NOBODY, START, lit
from app.sessions.launchpad.scales import OCTAVE, pitch_of
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from app.sessions.launchpad.words import note_names
from app.widgets.pads import Note, Owner, Pad, RowLook
from models.launchpad.instrument import LAUNCHPAD, States

OWNERS: tuple[Owner, ...] = ("", "you", "agent", "")
"""By the numbers of `app.sessions.launchpad.history`; what is on from the start is nobody's."""
NATURAL = {0, 2, 4, 5, 7, 9, 11}
PATTERN_AT: NDArray[np.intp] = LAUNCHPAD.basis.argmax(axis=0)
"""(64,) which pattern beats at each step of an unshifted row: always exactly one."""
STOPPED = "stopped"


def heard(snapshot: LaunchpadSnapshot) -> tuple[States, NDArray[np.int8]]:
    """The grid that sounds and its owners; while nothing plays, the one that would."""
    if snapshot.state == STOPPED:
        return snapshot.grid, snapshot.owners
    return snapshot.playing, snapshot.playing_owners


def struck_patterns(grid: States, step: int) -> list[tuple[int, int]]:
    """(row, pattern) of everything that beats at a step."""
    patterns = PATTERN_AT[(step - grid[:, 1].astype(int)) % LAUNCHPAD.steps]
    beats = grid[:, 0] >> patterns & 1
    return [(int(row), int(patterns[row])) for row in np.flatnonzero(beats)]


def row_looks(snapshot: LaunchpadSnapshot, held: range = range(0)) -> tuple[RowLook, ...]:
    """Every row, the lowest first; those in ``held`` lie on a real Launchpad."""
    arrangement = snapshot.arrangement
    names = note_names(arrangement.tonic, arrangement.scale)
    whole = arrangement.scale == "chromatic"
    pads, notes = _pads(snapshot), _notes(snapshot)
    looks = []
    for row in range(LAUNCHPAD.keys):
        pitch = pitch_of(row)
        looks.append(RowLook(
            names[pitch % OCTAVE], pitch // OCTAVE - 1, pitch % OCTAVE in NATURAL,
            in_key=bool(snapshot.in_key[row]),
            tonic=not whole and (pitch - arrangement.tonic) % OCTAVE == 0,
            muted=row in arrangement.muted, solo=row in arrangement.soloed, locked=row in arrangement.locked,
            silent=not arrangement.sounds(row), held=row in held, pads=pads[row], notes=notes[row],
        ))  # fmt: skip
    return tuple(looks)


@lru_cache(maxsize=256)
def _pad(on: bool, owner: int, wanted: bool, by: int, intended: bool) -> Pad:
    queued = None if wanted == on else wanted
    return Pad(
        on, OWNERS[owner] if on else "", queued, OWNERS[by or owner] if queued is not None else "", intended
    )


def _pads(snapshot: LaunchpadSnapshot) -> list[tuple[Pad, ...]]:
    grid, owners = heard(snapshot)
    now, wanted = lit(grid).tolist(), lit(snapshot.grid).tolist()
    mine, queued = owners.tolist(), snapshot.owners.tolist()
    intended = -1 if snapshot.next_action is None else snapshot.next_action
    return [
        tuple(
            _pad(now[row][column], mine[row][column], wanted[row][column], queued[row][column],
                 intended == row * LAUNCHPAD.columns + column)
            for column in range(LAUNCHPAD.columns)
        )
        for row in range(LAUNCHPAD.keys)
    ]  # fmt: skip


def onset_owners(grid: States, owners: NDArray[np.int8]) -> NDArray[np.int8]:
    """(keys, steps) who set each beat of the bar, the start being nobody; -1 where there is none."""
    steps = np.arange(LAUNCHPAD.steps)
    patterns = PATTERN_AT[(steps[None, :] - grid[:, 1, None].astype(int)) % LAUNCHPAD.steps]
    beats = grid[:, 0, None] >> patterns & 1
    named = np.take_along_axis(np.where(owners == START, NOBODY, owners), patterns, axis=1)
    return np.where(beats, named, -1).astype(np.int8)


def _notes(snapshot: LaunchpadSnapshot) -> list[tuple[Note, ...]]:
    now = onset_owners(*heard(snapshot))
    later = onset_owners(snapshot.grid, snapshot.owners)
    notes: list[list[Note]] = [[] for _ in range(LAUNCHPAD.keys)]
    for row, step in np.argwhere((now >= 0) | (later >= 0)).tolist():
        owner = now[row, step]
        if owner < 0:
            notes[row].append(_note(step, int(later[row, step]), True, False))
        else:
            notes[row].append(_note(step, int(owner), False, bool(later[row, step] < 0)))
    return [tuple(row) for row in notes]


@lru_cache(maxsize=1024)
def _note(step: int, owner: int, queued: bool, going: bool) -> Note:
    return Note(step, OWNERS[owner], queued, going)
