"""The song: a grid that a person and an agent press, and everything that can be undone about it.

Pure: no clock, no sound, no thread of its own; the engine thread calls it live, the main thread headless.
What is pressed changes `now` at once and is heard from the next bar that is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad import parts, rules, scales
from app.sessions.launchpad.arrangement import (
    FASTEST_BPM,
    HARDEST_SWING,
    NO_ROWS,
    SIXTEENTHS,
    SLOWEST_BPM,
    STRAIGHT,
    Arrangement,
    Link,
    ScaleLock,
)
from app.sessions.launchpad.drums import PATTERNS
from app.sessions.launchpad.history import (
    History,
    Owners,
    Picture,
    Step,
    Who,
    settled_owners,
    start_owners,
)
from app.sessions.launchpad.parts import SongProblem
from app.sessions.launchpad.voices import assigned
from app.sessions.launchpad.words import describe, note_names, row_name
from models.launchpad.agent import Vote
from models.launchpad.instrument import LAUNCHPAD, States

MOST_VOICES = 14  # channels but those of the drums and of keys that a person plays
LAST_PROGRAM = 127
WILDEST = 5.0


class Song:
    """See the module. Every method that changes something is one step of undo."""

    def __init__(
        self, grid: States | None = None, arrangement: Arrangement | None = None, owners: Owners | None = None
    ) -> None:
        start = LAUNCHPAD.empty() if grid is None else grid
        pressed_by = start_owners(start) if owners is None else owners
        self.now = Picture(start, pressed_by, arrangement or Arrangement())
        self.history = History()

    @property
    def grid(self) -> States:
        """(keys, 2) uint8, as the next bar will be."""
        return self.now.grid

    @property
    def owners(self) -> Owners:
        """(keys, columns) int8: who pressed each button that is on; 0 where it is off."""
        return self.now.owners

    @property
    def arrangement(self) -> Arrangement:
        """Everything but the grid."""
        return self.now.arrangement

    # --- the grid -----------------------------------------------------------------------------------

    def press(self, action: int, by: Who = "you") -> bool:
        """Press a button of the instrument; the key may move or refuse it. Whether something changed."""
        action = rules.mapped(self.now, action)
        if by == "agent" and self.closed_to_agent()[action]:
            return False
        if self.refused()[action]:
            return False
        label = describe(action, self.grid, self._names)
        return self._become(LAUNCHPAD.press(self.grid, action), by, label)

    def refused(self) -> NDArray[np.bool_]:
        """(actions,) what nobody may press now: switching on what is outside a locked key."""
        return rules.refused(self.now)

    def closed_to_agent(self) -> NDArray[np.bool_]:
        """(actions,) what the agent may not press: locked rows and, where the scale is locked, other keys."""
        return rules.closed_to_agent(self.now)

    @property
    def _names(self) -> tuple[str, ...]:
        return note_names(self.arrangement.tonic, self.arrangement.scale)

    def in_key(self) -> NDArray[np.bool_]:
        """(keys,) the rows of the key."""
        return rules.in_key(self.arrangement)

    def start_from(self, grid: States, label: str = "start", locked: frozenset[int] = NO_ROWS) -> bool:
        """Put another grid in place of this one; the agent may press all its rows but the locked ones."""
        arrangement = replace(self.arrangement, locked=locked)
        return self._become(grid, "you", label, arrangement, start_owners(grid))

    def open(self, song: Picture, label: str) -> bool:
        """Put another song in place of this one, whole."""
        return self._become(song.grid, "you", label, song.arrangement, song.owners)

    def clear(self) -> bool:
        """Every pattern off."""
        return self.start_from(LAUNCHPAD.empty(), "clear", self.arrangement.locked)

    def clear_row(self, row: int) -> bool:
        """One row off."""
        grid = self.grid.copy()
        grid[row] = 0
        return self._become(grid, "you", f"clear {row_name(row, self._names)}")

    def transpose(self, semitones: int) -> bool:
        """Move every row, with its locks and its sound; what leaves the grid comes in at the other end."""
        return self._move(semitones, self.arrangement, f"transpose {semitones:+d}")

    def throw_into(self, tonic: int) -> bool:
        """Move the music into another key, the shorter way, and lock to that one if it was locked."""
        semitones = scales.shortest_interval(self.arrangement.tonic, tonic % scales.OCTAVE)
        arrangement = replace(self.arrangement, tonic=tonic % scales.OCTAVE)
        return self._move(semitones, arrangement, f"into {scales.TONICS[tonic % scales.OCTAVE]}")

    def fit_to_key(self) -> bool:
        """Move the patterns of rows outside the key onto the nearest rows inside, where nothing is there."""
        grid, owners = rules.fitted(self.now)
        return self._become(grid, "you", "fit to the key", owners=owners)

    # --- everything else ----------------------------------------------------------------------------

    def set_tempo(self, bpm: float, gesture: str = "") -> bool:
        """20 to 300 beats a minute; what lies outside is moved to the nearest."""
        return self._set(f"tempo {bpm:g}", gesture, tempo_bpm=within(bpm, SLOWEST_BPM, FASTEST_BPM))

    def set_swing(self, swing: float, gesture: str = "") -> bool:
        """0.5 straight to 0.75."""
        return self._set(f"swing {swing:.0%}", gesture, swing=within(swing, STRAIGHT, HARDEST_SWING))

    def set_key(self, tonic: int, scale: str) -> bool:
        """The key that the lock means; the grid stays as it is."""
        _known(scale, scales.SCALES, "scale")
        return self._set(f"key {scales.TONICS[tonic % 12]} {scale}", tonic=tonic % 12, scale=scale)

    def set_scale_lock(self, lock: ScaleLock) -> bool:
        """What becomes of presses outside the key."""
        _known(lock, get_args(ScaleLock), "scale lock")
        return self._set(f"scale lock {lock}", scale_lock=lock)

    def lock(self, row: int, on: bool | None = None) -> bool:
        """Close a row to the agent, or open it; None changes over. The same for `mute` and `solo`."""
        return self._switch("locked", row, on)

    def mute(self, row: int, on: bool | None = None) -> bool:
        """Silence a row."""
        return self._switch("muted", row, on)

    def solo(self, row: int, on: bool | None = None) -> bool:
        """Only soloed rows sound while there are any."""
        return self._switch("soloed", row, on)

    def set_instrument(self, program: int, rows: Iterable[int] | None = None) -> bool:
        """Play rows (all, if None) with a GM program, 0 to 127.

        Raises:
            SongProblem: no such program, or more than fourteen different ones.
        """
        if not 0 <= program <= LAST_PROGRAM:
            raise SongProblem(f"there is no instrument {program}; choose 0 to {LAST_PROGRAM}.")
        chosen = range(LAUNCHPAD.keys) if rows is None else rows
        voices, row_voices = assigned(self.arrangement, program, chosen)
        if len(voices) > MOST_VOICES:
            raise SongProblem(f"{MOST_VOICES} instruments at once are the most; take one away first.")
        return self._set("instrument", voices=voices, row_voices=row_voices)

    def set_drums(self, name: str) -> bool:
        """A pattern of `drums.PATTERNS`."""
        _known(name, PATTERNS, "drum pattern")
        return self._set(f"drums {name}", drums=name)

    def set_drum_level(self, level: float, gesture: str = "") -> bool:
        """0 to 1."""
        return self._set("drum level", gesture, drum_level=within(level, 0.0, 1.0))

    def set_accent(self, sixteenth: int, velocity: int, gesture: str = "") -> bool:
        """Velocity, 1 to 127, of what falls into one of the bar's sixteenths, 0 to 15."""
        accents = list(self.arrangement.accents)
        accents[sixteenth % SIXTEENTHS] = min(max(velocity, 1), 127)
        return self._set("accent", gesture, accents=tuple(accents))

    def set_note_steps(self, steps: int, gesture: str = "") -> bool:
        """How long notes last, 1 to 64 steps."""
        return self._set("note length", gesture, note_steps=min(max(steps, 1), LAUNCHPAD.steps))

    def set_click(self, on: bool) -> bool:
        """A click on every beat; it is neither recorded nor exported."""
        return self._set("click", click=on)

    def set_pace(self, bars: int) -> bool:
        """The agent acts every so many bars; 0 never."""
        return self._set(f"agent every {bars} bars" if bars else "agent rests", pace=max(bars, 0))

    def set_temperature(self, temperature: float, gesture: str = "") -> bool:
        """0: always its best move."""
        return self._set("boldness", gesture, temperature=within(temperature, 0.0, WILDEST))

    def vote(self, weight: int, grid: States | None = None) -> bool:
        """More (+1) or less (-1) like `grid`, by default the present one."""
        vote = Vote(self.grid if grid is None else grid, weight)
        label = "more like this" if weight > 0 else "less like this"
        return self._set(label, votes=(*self.arrangement.votes, vote))

    # --- parts --------------------------------------------------------------------------------------

    def keep_part(self, name: str = "") -> bool:
        """Keep a snapshot of the grid and its sound; unnamed ones are called A, B, C ..."""
        part = parts.kept(self.now, name)
        return self._set(f"keep {part.name}", parts=(*self.arrangement.parts, part))

    def recall_part(self, index: int, by: Who = "you") -> bool:
        """Bring a part back.

        Raises:
            SongProblem: there is no such part.
        """
        part = parts.part_at(self.arrangement, index)
        arrangement = parts.recalled(self.arrangement, part)
        return self._become(part.grid, by, f"part {part.name}", arrangement, part.owners)

    def forget_part(self, index: int) -> bool:
        """Let a part go, and its links in the chain."""
        name = parts.part_at(self.arrangement, index).name
        return self._set(f"forget {name}", **parts.forgotten(self.arrangement, index))

    def set_chain(self, chain: Iterable[Link]) -> bool:
        """The song: parts one after the other, each for its number of bars, again and again.

        Raises:
            SongProblem: it names a part that is not there.
        """
        return self._set("chain", **parts.chained(self.arrangement, chain))

    def add_link(self, link: Link) -> bool:
        """Put a part at the end of the chain. Raises SongProblem: there is no such part."""
        return self.set_chain((*self.arrangement.chain, link))

    def change_link(self, index: int, bars: int) -> bool:
        """So many bars of a link of the chain; 0 takes it away. Raises SongProblem: there is no such link."""
        link, links = parts.link_at(self.arrangement, index), list(self.arrangement.chain)
        links[index : index + 1] = [replace(link, bars=bars)] if bars else []
        return self.set_chain(links)

    def play_chain(self, on: bool) -> bool:
        """Let the chain lead, or stop it.

        Raises:
            SongProblem: there is no chain.
        """
        if on and not self.arrangement.chain:
            raise SongProblem("there is no chain yet: keep snapshots of the grid, then chain them.")
        return self._set("chain on" if on else "chain off", chain_on=on)

    # --- undo ---------------------------------------------------------------------------------------

    def undo(self, by: Who = "you") -> str:
        """Take back your last action, or the agent's last move. What it was, "" if there was none."""
        step = self.history.last(by)
        self.now = self.history.undo(self.now, by)
        return step.label if step else ""

    def redo(self) -> str:
        """Do again what was undone last, also if the agent has moved since. What it was."""
        step = self.history.next
        self.now = self.history.redo(self.now)
        return step.label if step else ""

    # --- inside -------------------------------------------------------------------------------------

    def _move(self, semitones: int, arrangement: Arrangement, label: str) -> bool:
        grid, owners = np.roll(self.grid, semitones, axis=0), np.roll(self.owners, semitones, axis=0)
        return self._become(grid, "you", label, rules.moved(arrangement, semitones), owners)

    def _set(self, label: str, gesture: str = "", **fields: Any) -> bool:
        return self._become(self.grid, "you", label, replace(self.arrangement, **fields), gesture=gesture)

    def _switch(self, field: str, row: int, on: bool | None) -> bool:
        if not 0 <= row < LAUNCHPAD.keys:
            raise SongProblem(f"there is no row {row}; they count from 0 to {LAUNCHPAD.keys - 1}.")
        rows: frozenset[int] = getattr(self.arrangement, field)
        wanted = row not in rows if on is None else on
        changes: dict[str, Any] = {field: rows | {row} if wanted else rows - {row}}
        return self._set(f"{row_name(row, self._names)} {field if wanted else f'not {field}'}", **changes)

    def _become(
        self, grid: States, by: Who, label: str, arrangement: Arrangement | None = None,
        owners: Owners | None = None, gesture: str = "",
    ) -> bool:  # fmt: skip
        """The one place where `now` changes but for undo: by a step of the history, if anything changes."""
        owners = settled_owners(self.owners if owners is None else owners, grid, by)
        after = Picture(grid, owners, arrangement or self.arrangement)
        step = Step.between(self.now, after, by, label, gesture)
        if step.empty:
            return False
        self.history.add(step)
        self.now = after
        return True


def within(value: float, low: float, high: float) -> float:
    """The nearest number between two; what is no number at all is the lower one."""
    return min(max(value, low), high) if value == value else low


def _known(name: str, table: Iterable[str], what: str) -> None:
    if name not in table:
        raise SongProblem(f'there is no {what} called "{name}"; there is {", ".join(table)}.')
