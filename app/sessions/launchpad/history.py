"""Undo and redo without end, also while an agent goes on playing. Pure; one thread at a time.

A step holds what it changed, not how everything was: the buttons that it switched and the settings that it
replaced go back to what they were, offsets are turned back. So a person takes back their own last action
though the agent has moved since, and that move stays; it is taken back only where that is asked for.
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
    masks: tuple[NDArray[np.uint8], NDArray[np.uint8]]
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
        masks, owners = (before.grid[:, 0], after.grid[:, 0]), (before.owners, after.owners)
        return cls(by, label, masks, offsets, owners, changed, gesture)

    @property
    def empty(self) -> bool:
        """It changed nothing."""
        pairs = self.masks, self.owners
        moved = self.offsets.any() or not all(np.array_equal(*pair) for pair in pairs)
        return not moved and not self.settings

    def done(self, picture: Picture, backwards: bool = False) -> Picture:
        """`picture` with the step done (or taken back)."""
        way = -1 if backwards else 1
        (old_masks, new_masks), (old, new) = self.masks[::way], self.owners[::way]
        switched = old_masks ^ new_masks
        masks = picture.grid[:, 0] & ~switched | new_masks & switched
        turned = -self.offsets if backwards else self.offsets
        grid = np.stack((masks, (picture.grid[:, 1] + turned) % LAUNCHPAD.steps), 1)
        owners = np.where(old == new, picture.owners, new)
        values = {name: pair[0 if backwards else 1] for name, pair in self.settings.items()}
        return Picture(grid, settled_owners(owners, grid, self.by), replace(picture.arrangement, **values))

    def joined(self, later: Step) -> Step:
        """Both as one step, for the same gesture: the settings' first and last values."""
        both = dict(self.settings)
        for name, (before, after) in later.settings.items():
            both[name] = (both.get(name, (before, after))[0], after)
        return replace(self, settings=both)


class History:
    """What was done, and what was undone and can be done again.

    The agent's moves are kept apart from the rest. What the chain brought counts as yours: it replaced it.
    """

    def __init__(self) -> None:
        self._yours: list[Step] = []
        self._agents: list[Step] = []
        self._future: list[Step] = []

    def add(self, step: Step) -> None:
        """A step was done. A person's ends what could be redone; the agent's does not."""
        if step.by == "you":
            self._future.clear()
        past = self._past(step.by)
        if past and step.gesture and past[-1].gesture == step.gesture:
            past[-1] = past[-1].joined(step)
        else:
            past.append(step)

    def last(self, by: Who = "you") -> Step | None:
        """What `undo` would take back."""
        past = self._past(by)
        return past[-1] if past else None

    @property
    def next(self) -> Step | None:
        """What `redo` would do again."""
        return self._future[-1] if self._future else None

    def undo(self, picture: Picture, by: Who = "you") -> Picture:
        """`picture` without the last step of `by`; as it is, where there is none."""
        past = self._past(by)
        if not past:
            return picture
        step = past.pop()
        self._future.append(step)
        return step.done(picture, backwards=True)

    def redo(self, picture: Picture) -> Picture:
        """`picture` with the step that was undone last; as it is, where there is none."""
        if not self._future:
            return picture
        step = self._future.pop()
        self._past(step.by).append(step)
        return step.done(picture)

    def _past(self, by: Who) -> list[Step]:
        return self._agents if by == "agent" else self._yours


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
