"""A real Launchpad on the session: what is pressed goes in, what the snapshot says is shown.

`Hands` is called in the driver's thread and only hands on to the session; `pad_view` is pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from app.devices.launchpads.surface import Look, PadView, RowLook
from app.sessions.launchpad.history import AGENT, YOU, lit
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from models.launchpad.instrument import LAUNCHPAD

PATTERNS = np.arange(LAUNCHPAD.columns) < LAUNCHPAD.patterns
"""(columns,) those that pulse while they play."""


class Played(Protocol):
    """What hands need of a session."""

    @property
    def snapshot(self) -> LaunchpadSnapshot: ...
    def press(self, row: int, column: int) -> None: ...
    def mute(self, row: int, on: bool | None = None) -> None: ...
    def lock(self, row: int, on: bool | None = None) -> None: ...
    def nudge_tempo(self, bpm: float) -> None: ...
    def undo(self) -> None: ...
    def start(self, count_in_bars: int = 0) -> None: ...
    def stop(self, now: bool = False) -> None: ...


class Hands:
    """The `PadHands` of a session. count_in: the bars that are counted in before a start."""

    def __init__(self, session: Played, count_in: Callable[[], int] = lambda: 0) -> None:
        self._session = session
        self._count_in = count_in

    def toggle(self, key: int, pattern: int) -> None:
        self._session.press(key, pattern)

    def shift(self, key: int, bit: int) -> None:
        self._session.press(key, LAUNCHPAD.patterns + bit)

    def mute(self, key: int) -> None:
        self._session.mute(key)

    def lock(self, key: int) -> None:
        self._session.lock(key)

    def scrolled(self, lowest_key: int) -> None:
        """The surface knows where it is."""

    def nudge_tempo(self, bpm: int) -> None:
        self._session.nudge_tempo(bpm)

    def undo(self) -> None:
        self._session.undo()

    def play_stop(self) -> None:
        if self._session.snapshot.state == "stopped":
            self._session.start(self._count_in())
        else:
            self._session.stop()


def pad_view(snapshot: LaunchpadSnapshot) -> PadView:
    """How a surface shows a moment of the song."""
    playing = snapshot.state in ("playing", "stopping")
    cells = _cells(snapshot, playing)
    arrangement = snapshot.arrangement
    rows = [
        (0 if arrangement.sounds(row) else RowLook.MUTED)
        | (RowLook.LOCKED if row in arrangement.locked else 0)
        for row in range(LAUNCHPAD.keys)
    ]
    step = int(snapshot.step) if playing else None
    return PadView(cells.tolist(), rows, step, playing)


def _cells(snapshot: LaunchpadSnapshot, playing: bool) -> np.ndarray:
    now, next_ = lit(snapshot.playing), lit(snapshot.grid)
    owners = np.where(next_, snapshot.owners, snapshot.playing_owners)
    cells = np.where(now, Look.ON, 0) | np.where(now != next_, Look.QUEUED, 0)
    cells |= np.where((owners == YOU) & (now | next_), Look.YOURS, 0)
    cells |= np.where((owners == AGENT) & (now | next_), Look.AGENTS, 0)
    if playing:
        heard = np.any(snapshot.roll, axis=1, keepdims=True) & now
        cells |= np.where(heard & PATTERNS, Look.PLAYING, 0)
    return cells
