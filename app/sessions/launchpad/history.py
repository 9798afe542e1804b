"""Undo and redo without end, also while an agent goes on playing. Pure; one thread at a time.

A step holds what it changed, not how everything was: masks are XORed, offsets added modulo the bar, settings
replaced one by one. Steps on a grid commute, so what was undone can be done again after the agent's next
move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad.arrangement import Arrangement
from models.launchpad.instrument import LAUNCHPAD, States

Who = Literal["you", "agent", "chain"]
Owners = NDArray[np.int8]
NOBODY, YOU, AGENT, START = 0, 1, 2, 3
"""Who pressed a button that is on, in arrays of owners: (keys, columns) int8. START: it was on from the start
or a favourite; NOBODY: it is off."""
OWNER_OF: dict[Who, int] = {"you": YOU, "agent": AGENT, "chain": START}


@dataclass(frozen=True, eq=False)
class Picture:
    """A song at one moment: its grid (keys, 2) uint8, the buttons' owners, and everything else."""

    grid: States
    owners: Owners
    arrangement: Arrangement


@dataclass(frozen=True, eq=False)
class Step:
    """One action of `by`: what it changed. `gesture` joins the steps of one drag of a slider."""

    by: Who
    label: str
    masks: NDArray[np.uint8]
    offsets: NDArray[np.uint8]
    owners: tuple[Owners, Owners]
    settings: dict[str, tuple[Any, Any]]
    gesture: str = ""

    @classmethod
    def between(cls, before: Picture, after: Picture, by: Who, label: str, gesture: str = "") -> Step:
        """What leads from one picture to another."""
        changed = {
            name: (getattr(before.arrangement, name), getattr(after.arrangement, name))
            for name in Arrangement.__dataclass_fields__
            if getattr(before.arrangement, name) != getattr(after.arrangement, name)
        }
        offsets = (after.grid[:, 1] - before.grid[:, 1]) % LAUNCHPAD.steps
        owners = before.owners, after.owners
        return cls(by, label, before.grid[:, 0] ^ after.grid[:, 0], offsets, owners, changed, gesture)

    @property
    def empty(self) -> bool:
        """It changed nothing."""
        moved = self.masks.any() or self.offsets.any() or not np.array_equal(*self.owners)
        return not moved and not self.settings

    def done(self, picture: Picture, backwards: bool = False) -> Picture:
        """`picture` with the step done (or taken back)."""
        offsets = -self.offsets if backwards else self.offsets
        masks = picture.grid[:, 0] ^ self.masks
        grid = np.stack((masks, (picture.grid[:, 1] + offsets) % LAUNCHPAD.steps), 1)
        source, target = self.owners[::-1] if backwards else self.owners
        owners = np.where(source == target, picture.owners, target)
        values = {name: pair[0 if backwards else 1] for name, pair in self.settings.items()}
        return Picture(grid, settled_owners(owners, grid, self.by), replace(picture.arrangement, **values))

    def joined(self, later: Step) -> Step:
        """Both as one step, for the same gesture: the settings' first and last values."""
        both = dict(self.settings)
        for name, (before, after) in later.settings.items():
            both[name] = (both.get(name, (before, after))[0], after)
        return replace(self, settings=both)


class History:
    """What was done, and what was undone and can be done again."""

    def __init__(self) -> None:
        self._past: list[Step] = []
        self._future: list[Step] = []

    def add(self, step: Step) -> None:
        """A step was done. A person's ends what could be redone; the agent's does not."""
        if step.by == "you":
            self._future.clear()
        last = self._past[-1] if self._past else None
        if last is not None and step.gesture and last.gesture == step.gesture:
            self._past[-1] = last.joined(step)
        else:
            self._past.append(step)

    @property
    def last(self) -> Step | None:
        """What `undo` would take back."""
        return self._past[-1] if self._past else None

    @property
    def next(self) -> Step | None:
        """What `redo` would do again."""
        return self._future[-1] if self._future else None

    def undo(self, picture: Picture) -> Picture:
        """`picture` without the last step; as it is, where there is none."""
        if not self._past:
            return picture
        step = self._past.pop()
        self._future.append(step)
        return step.done(picture, backwards=True)

    def redo(self, picture: Picture) -> Picture:
        """`picture` with the step that was undone last; as it is, where there is none."""
        if not self._future:
            return picture
        step = self._future.pop()
        self._past.append(step)
        return step.done(picture)


def settled_owners(owners: Owners, grid: States, by: Who) -> Owners:
    """Owners for exactly the buttons that are on; those that nobody is known for are `by`'s."""
    named = np.where(owners == NOBODY, OWNER_OF[by], owners)
    return np.where(lit(grid), named, NOBODY).astype(np.int8)


def start_owners(grid: States) -> Owners:
    """Owners of a grid that came as a whole."""
    return np.where(lit(grid), START, NOBODY).astype(np.int8)


def lit(grid: States) -> NDArray[np.bool_]:
    """(keys, columns) the buttons that are on: a key's toggles, then its offset's bits."""
    return LAUNCHPAD.features(grid).reshape(LAUNCHPAD.keys, LAUNCHPAD.columns) > 0
