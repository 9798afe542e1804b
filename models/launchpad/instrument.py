"""The instrument (RL-DJ, section 2): keys whose beat patterns are switched on and off and shifted in time.

A state is an array (..., keys, 2) of uint8: for every key the patterns that are on, as a bit mask (bit p is
pattern p), and its offset in steps. Leading axes are a batch. It sounds as one bar of 2^B steps: pattern p
beats every 2^(p+1) steps, the last one once; the patterns of a key are staggered so that they never overlap
(Figure 2), and together shifted to the right by its offset, around the bar's end.

Actions are numbered key by key: first a key's B + 1 toggles, then its B offset increments of 1, 2, 4 ...
steps; the last action of all does nothing. Pure functions of numpy arrays: any thread may call them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pieces.errors import RipienoError
from pieces.files import read_json, replace_file

States = NDArray[np.uint8]
FORMAT = "ripieno-launchpad-1"


class BadState(RipienoError):
    """A file that holds no state of this instrument."""

    exit_code = 2


@dataclass(frozen=True)
class Button:
    """What an action presses: a toggle (`pattern` 0..B), or an offset increment of `steps`."""

    key: int
    pattern: int | None
    steps: int


@dataclass(frozen=True)
class Instrument:
    """A launchpad of `keys` keys from MIDI pitch `lowest_pitch` and bars of 2^`exponent` steps."""

    keys: int = 24
    exponent: int = 6
    lowest_pitch: int = 47

    @property
    def steps(self) -> int:
        """Steps of a bar."""
        return 1 << self.exponent

    @property
    def patterns(self) -> int:
        """Toggles of a key: periods 2, 4 ... 2^B, and a single beat."""
        return self.exponent + 1

    @property
    def columns(self) -> int:
        """Buttons of a key."""
        return 2 * self.exponent + 1

    @property
    def nothing(self) -> int:
        """The action that presses no button."""
        return self.keys * self.columns

    @property
    def actions(self) -> int:
        """How many actions there are: keys (2 B + 1) + 1."""
        return self.nothing + 1

    @cached_property
    def basis(self) -> NDArray[np.bool_]:
        """(patterns, steps): pattern p beats every 2^(p+1) steps from the first step that is still free."""
        basis = np.zeros((self.patterns, self.steps), bool)
        for pattern in range(self.exponent):
            basis[pattern, (1 << pattern) - 1 :: 2 << pattern] = True
        basis[-1, -1] = True
        return basis

    @cached_property
    def rows(self) -> NDArray[np.uint64]:
        """(2^patterns, steps) the bar of a key by mask and offset; bit s is step s."""
        masks = np.arange(1 << self.patterns)[:, None] >> np.arange(self.patterns) & 1
        bars = masks @ self.basis  # never above 1: the patterns do not overlap
        shifted = np.stack([np.roll(bars, offset, axis=1) for offset in range(self.steps)], axis=1)
        return (shifted.astype(np.uint64) << np.arange(self.steps, dtype=np.uint64)).sum(-1, dtype=np.uint64)

    def empty(self, *batch: int) -> States:
        """Every pattern off, every offset 0."""
        return np.zeros((*batch, self.keys, 2), np.uint8)

    def random(self, rng: np.random.Generator, *batch: int) -> States:
        """Uniform over all states."""
        high = np.array([1 << self.patterns, self.steps])
        return rng.integers(0, high, (*batch, self.keys, 2)).astype(np.uint8)

    def press(self, states: States, actions: NDArray[np.int64] | int, inverse: bool = False) -> States:
        """The states after one action each, of the batch's shape; `inverse` takes the actions back."""
        pressed = states.copy()
        flat = pressed.reshape(-1, self.keys, 2)
        action = np.broadcast_to(np.asarray(actions, np.int64), states.shape[:-2]).reshape(-1)
        if action.size and (action.min() < 0 or action.max() >= self.actions):
            raise ValueError(f"actions are numbered 0 to {self.actions - 1}")
        key, column = np.divmod(action, self.columns)
        toggled = np.flatnonzero((column < self.patterns) & (action != self.nothing))
        flat[toggled, key[toggled], 0] ^= np.left_shift(1, column[toggled]).astype(np.uint8)
        moved = np.flatnonzero(column >= self.patterns)
        steps = np.left_shift(1, column[moved] - self.patterns) * (-1 if inverse else 1)
        flat[moved, key[moved], 1] = (flat[moved, key[moved], 1] + steps) % self.steps
        return pressed

    def packed(self, states: States) -> NDArray[np.uint64]:
        """(..., keys) the bar of every key, bit s for step s."""
        packed: NDArray[np.uint64] = self.rows[states[..., 0], states[..., 1]]
        return packed

    def rolls(self, states: States) -> NDArray[np.bool_]:
        """(..., keys, steps) the bar as a roll of onsets, the lowest key first (MIDI-ROLL, section 2.2)."""
        return (self.packed(states)[..., None] >> np.arange(self.steps, dtype=np.uint64) & np.uint64(1)) > 0

    def features(self, states: States) -> NDArray[np.float32]:
        """(..., keys * (2 B + 1)) what networks see: for every key its toggles, then its offset's bits."""
        masks = states[..., 0, None] >> np.arange(self.patterns, dtype=np.uint8) & 1
        offsets = states[..., 1, None] >> np.arange(self.exponent, dtype=np.uint8) & 1
        return np.concatenate([masks, offsets], -1).reshape(*states.shape[:-2], -1).astype(np.float32)

    def toggle(self, key: int, pattern: int) -> int:
        """The action that switches a pattern."""
        return key * self.columns + pattern

    def shift(self, key: int, bit: int) -> int:
        """The action that adds 2^`bit` steps to a key's offset."""
        return key * self.columns + self.patterns + bit

    def button(self, action: int) -> Button | None:
        """What an action presses; None for the one that does nothing."""
        if action == self.nothing:
            return None
        key, column = divmod(action, self.columns)
        if column < self.patterns:
            return Button(key, column, 0)
        return Button(key, None, 1 << (column - self.patterns))


LAUNCHPAD = Instrument()
"""The paper's: 24 keys around middle C, 64 steps a bar, 313 actions."""
TOY = Instrument(keys=1, exponent=2, lowest_pitch=60)
"""The small one of section 5.2: 32 states, 6 actions."""


def save_state(path: Path, state: States, instrument: Instrument = LAUNCHPAD) -> None:
    """Write one state, (keys, 2), as JSON."""
    document = {"format": FORMAT, "steps": instrument.steps, "keys": rows_of(state, instrument)}
    replace_file(path, (json.dumps(document, indent=1) + "\n").encode())


def load_state(path: Path, instrument: Instrument = LAUNCHPAD) -> States:
    """Read what `save_state` wrote.

    Raises:
        BadState: no such file, no JSON, or a state of another shape.
    """
    try:
        document = read_json(path)
        return state_in(document, instrument)
    except (OSError, ValueError, LookupError, TypeError) as error:
        shape = f"{instrument.keys} keys and {instrument.steps} steps"
        raise BadState(f"{path} holds no grid of {shape}; take a file that the launchpad saved.") from error


def state_in(document: dict[str, object], instrument: Instrument = LAUNCHPAD) -> States:
    """The state in a file's content; ValueError, LookupError or TypeError where there is none."""
    if document["format"] != FORMAT or document["steps"] != instrument.steps:
        raise ValueError("another format or shape")
    return state_of(document["keys"], instrument)


def rows_of(state: States, instrument: Instrument = LAUNCHPAD) -> list[dict[str, object]]:
    """A state (keys, 2) as JSON holds it, key by key."""
    return [{"patterns": _names(int(mask), instrument), "offset": int(offset)} for mask, offset in state]


def state_of(rows: Any, instrument: Instrument = LAUNCHPAD) -> States:
    """Inverse of `rows_of`; ValueError, LookupError or TypeError for anything else."""
    if not isinstance(rows, list) or len(rows) != instrument.keys:
        raise ValueError("another number of keys")
    state = instrument.empty()
    for key, row in enumerate(rows):
        offset = row["offset"]
        if type(offset) is not int or not 0 <= offset < instrument.steps:
            raise ValueError(f"offset {offset}")
        state[key] = _mask(row["patterns"], instrument), offset
    return state


def pattern_names(instrument: Instrument = LAUNCHPAD) -> list[str]:
    """The columns' names: the period in steps, and `once` for the single beat."""
    return [*(str(2 << p) for p in range(instrument.exponent)), "once"]


def _names(mask: int, instrument: Instrument) -> list[str]:
    return [name for p, name in enumerate(pattern_names(instrument)) if mask >> p & 1]


def _mask(names: object, instrument: Instrument) -> int:
    if not isinstance(names, list):
        raise ValueError("patterns are no list")
    known = pattern_names(instrument)
    return sum(1 << known.index(name) for name in set(names))
