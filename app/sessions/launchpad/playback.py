"""The conductor on the engine: a filler that hands events to the scheduler, follows clocks and lights pads.

All methods run in the engine thread, but for `snapshot_at` and `heard`, which any thread may call (they read
what was swapped in whole), and `note`, called by the "played" thread.
"""

from __future__ import annotations

import math

from app.devices.launchpads.surface import PadSurface
from app.engine import calm
from app.engine.clock_follower import ClockReading
from app.engine.engine import AHEAD_S, Engine
from app.engine.scheduler import Event
from app.engine.timeline import Timeline
from app.sessions.guarded import guarded
from app.sessions.heard import Heard, NothingHeard, Recording
from app.sessions.launchpad.arrangement import BEATS_A_BAR
from app.sessions.launchpad.conductor import Conductor, Judge
from app.sessions.launchpad.pads import pad_view
from app.sessions.launchpad.pictures import Pictures
from app.sessions.launchpad.queue import SOURCE
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from app.sessions.launchpad.sync import Sync

WHOSE = "the launchpad"
SOON_S = 0.05
"""What is due sooner is not changed any more: it may be played while we speak."""
SOON_BLOCKS = 2
START_DELAY_S = 0.1


class Playback:
    """One for a session. See the module."""

    def __init__(
        self, engine: Engine, conductor: Conductor, sync: Sync, pads: PadSurface | None, agent_name: str
    ) -> None:
        self.sync = sync
        self._engine = engine
        self._conductor = conductor
        self._pads = pads
        self._mixer = engine.mixer
        self._recording: Recording | None = None
        self._rests = False
        self._pictures = Pictures(conductor, sync, agent_name)
        engine.add_sink(self.note)

    # --- any thread ---------------------------------------------------------------------------------

    def snapshot_at(self, sample: int) -> LaunchpadSnapshot:
        """What a listener hears at a sample, and what is queued."""
        recording = self._recording
        return self._pictures.at(sample, recording.duration_s if recording else 0.0)

    def heard(self) -> Heard:
        """What was heard since the last start. Raises NothingHeard."""
        recording = self._recording
        heard = recording.heard() if recording is not None else None
        if heard is None or not any(event.kind == "note_on" for event in heard.events):
            raise NothingHeard("there is nothing to export yet: press some buttons and play a bar.")
        return heard

    def note(self, event: Event) -> None:
        """An event was played ("played" thread)."""
        recording = self._recording
        if recording is not None:
            recording.note(event)

    # --- engine thread: transport -------------------------------------------------------------------

    def open(self) -> None:
        """Be called from now on, also while nothing plays: a clock may want it to."""
        self._engine.add_filler(self)
        self._conductor.ask()
        self.refresh()

    def judge_by(self, judge: Judge) -> None:
        """Let `judge` say how good each bar is, from the next one on."""
        self._conductor.judge = judge

    def rest(self) -> None:
        """Silence, whatever pads or a clock want, until `wake`."""
        self._rests = True
        self._halt()

    def wake(self) -> None:
        """Be at their service again; what the clock has said meanwhile is over."""
        self._rests = False
        self.sync.catch_up(self.sync.reading_at(self._soon()))

    def close(self) -> None:
        """Silence; nothing is heard of the engine any more."""
        self._halt()
        self._engine.remove_filler(self)
        self._engine.remove_sink(self.note)

    def start(self, count_in_bars: int = 0) -> None:
        """Play from the top of a bar; with a clock that plays, where that one is."""
        if self._conductor.running or self._rests:
            return
        reading = self.sync.reading_at(self._soon())
        if reading is not None and reading.playing:
            self._join(reading)
        else:
            self._begin(count_in_bars)

    def stop(self, now: bool) -> None:
        """At the bar's end; now, where that is asked for, or for the second time, or in the count-in."""
        at_once = now or self._conductor.state_at(self._engine.sample) != "playing"
        from_sample = None if at_once else self._conductor.end_at_bar(self._soon())
        if from_sample is None:
            self._halt()
            return
        self.sync.ends(self._conductor.end_beat)
        self._hand_on_from(from_sample)

    def song_changed(self) -> None:
        """After every change of the song."""
        from_sample = self._conductor.changed(self._soon())
        if from_sample is not None:
            self._hand_on_from(from_sample)
        self.refresh()

    def send_clock(self, on: bool) -> None:
        """Send MIDI clock."""
        self.sync.send(on, self._conductor.timeline)
        self.refresh()

    def follow_clock(self, on: bool) -> None:
        """Follow MIDI clock."""
        if on == self.sync.following:
            return  # another follower would not have heard the start
        self.sync.follow(on)
        self._conductor.led = False
        self.song_changed()

    def fill(self, now_sample: int, until_sample: int) -> None:
        """The engine's: schedule what is due."""
        guarded(self._engine, WHOSE, self._fill, on_failure=self._halt)

    def refresh(self) -> None:
        """A new picture, if anything has changed."""
        self._pictures.refresh(self._engine.sample, (self._pads and self._pads.connected) or "")

    # --- inside -------------------------------------------------------------------------------------

    def _fill(self) -> None:
        if self._engine.mixer is not self._mixer:
            self._change_mixer()
        if self.sync.following and not self._rests:
            self._follow()
        self._hand_on()
        if self._pads is not None and self._pads.connected is not None:
            self._pads.show(pad_view(self.snapshot_at(self._engine.sample)))

    def _begin(self, count_in_bars: int, first_bar: int = 0) -> None:
        engine = self._engine
        start_sample = engine.sample + max(round(START_DELAY_S * engine.rate), self._margin())
        self._conductor.begin(engine.rate, start_sample, count_in_bars, first_bar)
        if first_bar == 0 or self._recording is None:
            self._recording = Recording(self._timeline, {SOURCE})
        else:
            self._recording.go_on(self._timeline, start_sample)
        self._begun(start_sample)

    def _join(self, reading: ClockReading, going_on: bool = False) -> None:
        """Begin, or go on, in the middle of a bar, where the clock is; what was due before is left out."""
        soon_sample, engine = self._soon(), self._engine
        bpm = reading.bpm or self._conductor.song.arrangement.tempo_bpm
        bar = math.floor(reading.quarters / BEATS_A_BAR)
        passed = (reading.quarters - BEATS_A_BAR * bar) * engine.rate * 60.0 / bpm
        self._conductor.led = True
        self._conductor.begin(engine.rate, round(soon_sample - passed), 0, bar, bpm)
        if going_on and self._recording is not None:
            self._recording.jump(self._timeline, soon_sample)
        else:
            self._recording = Recording(self._timeline, {SOURCE}, float(BEATS_A_BAR * bar))
        self._begun(soon_sample)

    @property
    def _timeline(self) -> Timeline:
        """Of the song that plays."""
        timeline = self._conductor.timeline
        assert timeline is not None
        return timeline

    def _begun(self, from_sample: int) -> None:
        calm.begin(self)
        timeline = self._timeline
        self.sync.began(timeline, max(timeline.beat_at_sample(from_sample), 0.0))
        self._hand_on(from_sample)

    def _follow(self) -> None:
        """Do as the clock says."""
        conductor, soon_sample = self._conductor, self._soon()
        reading, timeline = self.sync.reading_at(soon_sample), conductor.timeline
        if reading is None:
            return
        beat = timeline.beat_at_sample(soon_sample) if timeline else None
        running = conductor.running
        wish = self.sync.wish(reading, running, beat)
        conductor.led = self.sync.leads
        if wish is not None:
            self._halt()
        if wish == "begin":
            self._join(reading, running)
        elif timeline is not None and conductor.running:
            bpm = self.sync.bent(timeline, soon_sample, reading)
            from_sample = None if bpm is None else conductor.lead(bpm, soon_sample)
            if from_sample is not None:
                self._hand_on_from(from_sample)

    def _halt(self) -> None:
        """Stop as soon as nothing that was handed on can get in between."""
        if not self._conductor.running:
            return
        at_sample = self._soon()
        released = self._conductor.halt(at_sample)
        self._engine.mixer.forget(SOURCE, at_sample)
        for event in released:
            self._engine.submit(event)
        self.sync.ends()
        self._ended()

    def _ended(self) -> None:
        self.refresh()  # first: what was left lying meanwhile is collected now, which may take a while
        calm.end(self)

    def _hand_on_from(self, from_sample: int) -> None:
        """Hand on anew what was taken back from a sample on."""
        self._engine.mixer.forget(SOURCE, from_sample)
        timeline = self._conductor.timeline
        if self._recording is not None and timeline is not None:
            self._recording.follow(timeline)
            self.sync.changed(timeline)
        self._hand_on()

    def _hand_on(self, from_sample: int = 0) -> None:
        """Schedule what is due; of what was due before `from_sample` no note is struck any more."""
        conductor, sample = self._conductor, self._engine.sample
        if not conductor.running:
            self.refresh()
            return
        for event in conductor.due(sample, sample + round(AHEAD_S * self._engine.rate)):
            if event.sample >= from_sample or event.kind == "program":
                self._engine.submit(event)
        if not conductor.running:
            self._ended()
        self.refresh()

    def _change_mixer(self) -> None:
        """The sound card runs at another rate: go on with the next bar on its clock, or stop."""
        self._mixer, conductor = self._engine.mixer, self._conductor
        if not conductor.running:
            return
        self._engine.panic()  # what the old clock left sounding on a MIDI instrument
        if conductor.end_beat is not None:
            self._halt()
        else:
            bar = conductor.next_bar
            conductor.halt(0)
            self._begin(0, bar)

    def _margin(self) -> int:
        mixer = self._engine.mixer
        return max(SOON_BLOCKS * mixer.block_samples, round(SOON_S * self._engine.rate))

    def _soon(self) -> int:
        return self._engine.sample + self._margin()
