"""The conductor on the engine: a filler that hands events to the scheduler, and pictures of every moment.

All methods run in the engine thread, but for `snapshot_at` and `heard`, which any thread may call (they read
what was swapped in whole), and `note`, called by the "played" thread.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from app.engine import calm
from app.engine.engine import AHEAD_S, Engine
from app.engine.scheduler import Event
from app.engine.timeline import Timeline
from app.sessions.launchpad.arrangement import BEATS_A_BAR
from app.sessions.launchpad.bars import Bar, heard_roll, step_of
from app.sessions.launchpad.conductor import Conductor, State
from app.sessions.launchpad.export import NothingHeard
from app.sessions.launchpad.queue import SOURCE
from app.sessions.launchpad.recording import Heard, Recording
from app.sessions.launchpad.snapshot import ClockState, LaunchpadSnapshot
from app.sessions.launchpad.song import describe
from models.launchpad.instrument import LAUNCHPAD

log = logging.getLogger(__name__)

SOON_S = 0.05
"""What is due sooner is not changed any more: it may be played while we speak."""
SOON_BLOCKS = 2
START_DELAY_S = 0.1


@dataclass(frozen=True, eq=False)
class Scenery:
    """What a snapshot is made of: everything but the playhead, and the bars that it runs through."""

    still: LaunchpadSnapshot
    timeline: Timeline | None = None
    bars: tuple[Bar, ...] = ()
    state: State = "stopped"


class Playback:
    """One for a session. See the module."""

    def __init__(self, engine: Engine, conductor: Conductor, agent_name: str = "") -> None:
        self._engine = engine
        self._conductor = conductor
        self._agent_name = agent_name
        self._mixer = engine.mixer
        self.clock: ClockState = "own"
        self.surface = ""
        self._recording: Recording | None = None
        self._version = 0
        self._shown: object = None
        self._scenery = Scenery(LaunchpadSnapshot())
        engine.add_sink(self.note)

    # --- any thread ---------------------------------------------------------------------------------

    def snapshot_at(self, sample: int) -> LaunchpadSnapshot:
        """What a listener hears at a sample, and what is queued."""
        scenery = self._scenery
        timeline, recording = scenery.timeline, self._recording
        heard_s = recording.duration_s if recording else 0.0
        if timeline is None:
            return replace(scenery.still, heard_s=heard_s)
        first = scenery.bars[0].index if scenery.bars else 0
        beat = max(timeline.beat_at_sample(sample), BEATS_A_BAR * first)
        index, beat_in_bar = timeline.bar_and_beat(beat)
        bar = _bar_of(scenery.bars, index)
        state: State = scenery.state
        if state in ("playing", "count-in"):
            state = "count-in" if index < 0 else "playing"
        return replace(
            scenery.still, state=state, bar=index, beat=beat_in_bar,
            step=step_of(beat - BEATS_A_BAR * index, bar.picture.arrangement.swing if bar else 0.5),
            bar_start_sample=round(timeline.sample_at_beat(BEATS_A_BAR * index)),
            tempo_bpm=timeline.bpm_at_sample(sample), heard_s=heard_s, **_shown_of(bar),
        )  # fmt: skip

    def heard(self) -> Heard:
        """What was heard since the last start. Raises NothingHeard."""
        recording = self._recording
        if recording is None:
            raise NothingHeard("there is nothing to export yet: play a bar first.")
        return recording.heard()

    def note(self, event: Event) -> None:
        """An event was played ("played" thread)."""
        recording = self._recording
        if recording is not None:
            recording.note(event)

    # --- engine thread ------------------------------------------------------------------------------

    def start(self, count_in_bars: int = 0) -> None:
        """Play from the top of a bar."""
        if self._conductor.running:
            return
        calm.begin(self)
        self._mixer = self._engine.mixer
        self._begin(count_in_bars)
        self._engine.add_filler(self)

    def stop(self, now: bool) -> None:
        """At the bar's end; now, where that is asked for, or for the second time, or in the count-in."""
        sample = self._engine.sample
        if now or self._conductor.state_at(sample) != "playing":
            self._halt()
            return
        from_sample = self._conductor.end_at_bar(self._soon())
        if from_sample is None:
            self._halt()
            return
        self._hand_on_from(from_sample)

    def close(self) -> None:
        """Silence; nothing is heard of the engine any more."""
        self._halt()
        self._engine.remove_sink(self.note)

    def song_changed(self) -> None:
        """After every change of the song."""
        from_sample = self._conductor.changed(self._soon())
        if from_sample is not None:
            self._hand_on_from(from_sample)
        self.refresh()

    def fill(self, now_sample: int, until_sample: int) -> None:
        """The engine's: schedule what is due."""
        if self._engine.mixer is not self._mixer:
            self._change_mixer()
            return
        try:
            self._hand_on(now_sample, until_sample)
        except Exception:  # the engine thread serves others too
            log.exception("the launchpad failed")
            self._engine.tell("The launchpad stopped; details are in the log. Start it again.")
            self._halt()

    # --- inside -------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """A new picture, if anything has changed."""
        conductor = self._conductor
        state, history = conductor.state_at(self._engine.sample), conductor.song.history
        key = (conductor.song.now, conductor.seat.answer, conductor.bars, conductor.timeline, state,
               history.last, history.next, self.clock, self.surface)  # fmt: skip
        if key != self._shown:
            self._shown = key
            self._version += 1
            self._scenery = Scenery(self._still(), conductor.timeline, conductor.bars, state)

    def _still(self) -> LaunchpadSnapshot:
        conductor, song = self._conductor, self._conductor.song
        history, answer, action = song.history, conductor.seat.answer, conductor.next_action
        return LaunchpadSnapshot(
            playing=song.grid, playing_owners=song.owners, grid=song.grid, owners=song.owners,
            roll=heard_roll(song.now), arrangement=song.arrangement, tempo_bpm=song.arrangement.tempo_bpm,
            agent=self._agent_name if conductor.seat.taken else "",
            next_action=action, next_move="" if action is None else describe(action, song.grid),
            values=answer.values if answer else None, late_moves=conductor.late_moves,
            rewards=tuple(conductor.rewards), in_key=song.in_key(),
            refused=song.refused()[:-1].reshape(LAUNCHPAD.keys, LAUNCHPAD.columns),
            undo_label=history.last.label if history.last else "",
            redo_label=history.next.label if history.next else "",
            link=conductor.link, clock=self.clock, surface=self.surface, version=self._version,
        )  # fmt: skip

    def _begin(self, count_in_bars: int, first_bar: int = 0) -> None:
        engine = self._engine
        start_sample = engine.sample + max(round(START_DELAY_S * engine.rate), self._margin())
        self._conductor.begin(engine.rate, start_sample, count_in_bars, first_bar)
        timeline = self._conductor.timeline
        assert timeline is not None
        if first_bar == 0 or self._recording is None:
            self._recording = Recording(timeline)
        else:
            self._recording.go_on(timeline, start_sample)
        self._hand_on(engine.sample, start_sample + 1)

    def _halt(self) -> None:
        """Stop as soon as nothing that was handed on can get in between."""
        if not self._conductor.running:
            return
        at_sample = self._soon()
        released = self._conductor.halt(at_sample)
        self._engine.mixer.scheduler.forget(SOURCE, at_sample)
        for event in released:
            self._engine.submit(event)
        self._ended()

    def _ended(self) -> None:
        self._engine.remove_filler(self)
        calm.end(self)
        self.refresh()

    def _hand_on_from(self, from_sample: int) -> None:
        """Hand on anew what was taken back from a sample on."""
        self._engine.mixer.scheduler.forget(SOURCE, from_sample)
        timeline = self._conductor.timeline
        if self._recording is not None and timeline is not None:
            self._recording.follow(timeline)
        sample = self._engine.sample
        self._hand_on(sample, sample + round(AHEAD_S * self._engine.rate))

    def _hand_on(self, now_sample: int, until_sample: int) -> None:
        for event in self._conductor.due(now_sample, until_sample):
            self._engine.submit(event)
        if not self._conductor.running:
            self._ended()
        self.refresh()

    def _change_mixer(self) -> None:
        """The sound card runs at another rate: go on with the next bar on its clock."""
        bar = self._conductor.next_bar
        self._engine.panic()  # what the old clock left sounding on a MIDI instrument
        self._conductor.halt(0)
        self._mixer = self._engine.mixer
        self._begin(0, bar)

    def _margin(self) -> int:
        mixer = self._engine.mixer
        return max(SOON_BLOCKS * mixer.block_samples, round(SOON_S * self._engine.rate))

    def _soon(self) -> int:
        return self._engine.sample + self._margin()


def _bar_of(bars: tuple[Bar, ...], index: int) -> Bar | None:
    return next((bar for bar in bars if bar.index == index), None)


def _shown_of(bar: Bar | None) -> dict[str, Any]:
    """What a bar that sounds shows; nothing of the count-in's."""
    if bar is None or bar.index < 0:
        return {}
    return {"playing": bar.picture.grid, "playing_owners": bar.picture.owners, "roll": bar.roll}
