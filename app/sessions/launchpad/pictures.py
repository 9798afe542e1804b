"""From the conductor to `LaunchpadSnapshot`: what stands still is made when it changes, the rest when asked.

`Pictures.refresh` runs in the engine thread and swaps one object; `at` may be called by any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.engine.timeline import Timeline
from app.sessions.launchpad.arrangement import BEATS_A_BAR, STRAIGHT
from app.sessions.launchpad.bars import Bar, heard_roll, step_of
from app.sessions.launchpad.conductor import Conductor, State
from app.sessions.launchpad.history import Step
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from app.sessions.launchpad.sync import Sync
from app.sessions.launchpad.words import describe, note_names
from models.launchpad.instrument import LAUNCHPAD


@dataclass(frozen=True, eq=False)
class _Scenery:
    """Everything but the playhead, and the bars that it runs through."""

    still: LaunchpadSnapshot
    timeline: Timeline | None = None
    bars: tuple[Bar, ...] = ()
    state: State = "stopped"


class Pictures:
    """Of one session."""

    def __init__(self, conductor: Conductor, sync: Sync, agent_name: str) -> None:
        self._conductor = conductor
        self._sync = sync
        self._agent_name = agent_name
        self._version = 0
        self._shown: tuple[Any, ...] = ()
        self._scenery = _Scenery(LaunchpadSnapshot())

    def refresh(self, sample: int, surface: str) -> None:
        """Make a new picture, if anything has changed."""
        conductor, sync = self._conductor, self._sync
        state, history = conductor.state_at(sample), conductor.song.history
        shown = (conductor.song.now, conductor.seat.newest, conductor.seat.taken, conductor.bars,
                 conductor.timeline, state, history.last(), history.last("agent"), history.next, sync.state,
                 sync.sending, surface)  # fmt: skip
        if shown != self._shown:
            self._shown = shown
            self._version += 1
            self._scenery = _Scenery(self._still(surface), conductor.timeline, conductor.bars, state)

    def at(self, sample: int, heard_s: float) -> LaunchpadSnapshot:
        """What a listener hears at a sample, and what is queued."""
        scenery = self._scenery
        timeline, bars = scenery.timeline, scenery.bars
        if timeline is None:
            return replace(scenery.still, heard_s=heard_s)
        beat = max(timeline.beat_at_sample(sample), BEATS_A_BAR * bars[0].index if bars else 0.0)
        index, beat_in_bar = timeline.bar_and_beat(beat)
        bar = next((bar for bar in bars if bar.index == index), None)
        swing = bar.picture.arrangement.swing if bar is not None else STRAIGHT
        return replace(
            scenery.still, state=_state(scenery.state, index), bar=index, beat=beat_in_bar,
            step=step_of(beat - BEATS_A_BAR * index, swing), heard_s=heard_s,
            bar_start_sample=round(timeline.sample_at_beat(BEATS_A_BAR * index)),
            tempo_bpm=timeline.bpm_at_sample(sample), **_shown_of(bar),
        )  # fmt: skip

    def _still(self, surface: str) -> LaunchpadSnapshot:
        conductor, song = self._conductor, self._conductor.song
        history, answer, action = song.history, conductor.seat.newest, conductor.next_action
        names = note_names(song.arrangement.tonic, song.arrangement.scale)
        return LaunchpadSnapshot(
            playing=song.grid, playing_owners=song.owners, grid=song.grid, owners=song.owners,
            roll=heard_roll(song.now), arrangement=song.arrangement, tempo_bpm=song.arrangement.tempo_bpm,
            agent=self._agent_name if conductor.seat.taken else "",
            next_action=action, next_move="" if action is None else describe(action, song.grid, names),
            values=answer.values if answer else None, late_moves=conductor.late_moves,
            rewards=tuple(conductor.rewards), in_key=song.in_key(),
            refused=song.refused()[:-1].reshape(LAUNCHPAD.keys, LAUNCHPAD.columns),
            undo_label=_label(history.last()), agents_label=_label(history.last("agent")),
            redo_label=_label(history.next), link=conductor.link,
            clock=self._sync.state, sends_clock=self._sync.sending, surface=surface, version=self._version,
        )  # fmt: skip


def _label(step: Step | None) -> str:
    return step.label if step else ""


def _state(state: State, bar: int) -> State:
    """The state of a bar, which may have changed since the picture was made."""
    if state in ("playing", "count-in"):
        return "count-in" if bar < 0 else "playing"
    return state


def _shown_of(bar: Bar | None) -> dict[str, Any]:
    """What a bar that sounds shows; nothing of the count-in's."""
    if bar is None or bar.index < 0:
        return {}
    return {"playing": bar.picture.grid, "playing_owners": bar.picture.owners, "roll": bar.roll}
