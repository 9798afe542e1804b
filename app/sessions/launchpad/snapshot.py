"""What a scene may read of the launchpad: a frozen picture of one moment. Never written again; any thread."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.sessions.launchpad.arrangement import Arrangement
from app.sessions.launchpad.bars import silent_roll
from app.sessions.launchpad.conductor import State
from app.sessions.launchpad.history import Owners
from app.sessions.launchpad.sync import ClockState
from models.launchpad.instrument import LAUNCHPAD, States


def _no_owners() -> Owners:
    return np.zeros((LAUNCHPAD.keys, LAUNCHPAD.columns), np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class LaunchpadSnapshot:
    """One moment of the song. Rows count from the lowest key (MIDI 47), columns as the instrument's buttons.

    state: "stopping" plays the bar to its end. bar counts from 0, negative in the count-in; step 0..64 runs
    through it (whole steps stand on what is heard, whatever the swing); beat 0..3. bar_start_sample on the
    engine's clock. playing, playing_owners: what sounds; grid, owners: what is queued, and what a press acts
    upon: where the two differ, a change waits for the next bar. owners are NOBODY 0 (off), YOU 1, AGENT 2,
    START 3 (on from the start).
    roll: (keys, 64) int8, the onsets that are heard in this bar, by owner; 0 silent.
    next_action: what the agent means to press at the next bar (None: nothing, or not known); next_move in
    words; agent "" where none sits. late_moves: bars that it sat out because it was slow.
    rewards: of the latest bars, oldest first; empty without a judge. in_key: (keys,) rows of the key.
    refused: (keys, columns) what the locked key would refuse. undo_label, agents_label (the agent's last
    move), redo_label: what can be taken back or done again, "" where there is none.
    link: index of the chain's link that plays, None off. clock: whose tempo, a
    followed one is "waiting" for its start, "followed" or "lost"; surface: the hardware, "" none.
    heard_s: length of what would be exported. version: grows with every change of anything but the playhead.
    """

    state: State = "stopped"
    bar: int = 0
    step: float = 0.0
    beat: int = 0
    bar_start_sample: int = 0
    tempo_bpm: float = 120.0
    playing: States = field(default_factory=LAUNCHPAD.empty)
    playing_owners: Owners = field(default_factory=_no_owners)
    grid: States = field(default_factory=LAUNCHPAD.empty)
    owners: Owners = field(default_factory=_no_owners)
    roll: NDArray[np.int8] = field(default_factory=silent_roll)
    arrangement: Arrangement = field(default_factory=Arrangement)
    agent: str = ""
    next_action: int | None = None
    next_move: str = ""
    values: NDArray[np.float32] | None = None
    late_moves: int = 0
    rewards: tuple[float, ...] = ()
    in_key: NDArray[np.bool_] = field(default_factory=lambda: np.ones(LAUNCHPAD.keys, bool))
    refused: NDArray[np.bool_] = field(default_factory=lambda: _no_owners() > 0)
    undo_label: str = ""
    agents_label: str = ""
    redo_label: str = ""
    link: int | None = None
    clock: ClockState = "own"
    sends_clock: bool = False
    surface: str = ""
    heard_s: float = 0.0
    version: int = 0
