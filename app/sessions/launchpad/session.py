"""The launchpad mode without its scene: a song, an agent and the engine.

Every method may be called from any thread. What it asks for is done in the engine thread, where the song
lives, in order; refusals are told as sentences (`Engine.tell`). The scene reads `snapshot`. Files are read
and written by the caller's thread, which gets the errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.devices.launchpads.surface import PadSurface
from app.engine import calm
from app.engine.engine import Engine
from app.sessions import export
from app.sessions.guarded import guarded
from app.sessions.launchpad import song_files, starts
from app.sessions.launchpad.arrangement import Link, ScaleLock
from app.sessions.launchpad.conductor import Conductor, Judge, LaunchpadSeat
from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.pads import Hands
from app.sessions.launchpad.playback import WHOSE, Playback
from app.sessions.launchpad.questions import Agent, answers
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from app.sessions.launchpad.song import Song
from app.sessions.launchpad.sync import MidiPorts, Sync
from app.sessions.seats import ProcessSeat, Seat
from models.launchpad.instrument import LAUNCHPAD, States

CLOSE_TIMEOUT_S = 2.0


class LaunchpadSession:
    """One while the mode is open. Without an agent the person plays alone.

    Args:
        engine: running.
        make_agent: makes who presses beside the person, in a process of its own (see `ProcessSeat`); None:
            nobody does.
        agent_name: as the scene shows it.
        judge: gives the reward of a bar, for the curve, within a millisecond or so; None: no curve.
        seed: of the random start.
        grid: to start from, in no key; by default a triad, in the key of `starts.OPENING`.
        kept: a song to go on with, instead.
        midi: ports for MIDI clock; None: neither sent nor followed.
        pads: the hardware; it is given back when the session rests or closes.
        count_in: the bars that are counted in when the pads start it.
    """

    def __init__(
        self, engine: Engine, make_agent: Callable[[], Agent] | None = None, agent_name: str = "",
        judge: Judge | None = None, seed: int = 0, grid: States | None = None, midi: MidiPorts | None = None,
        pads: PadSurface | None = None, count_in: Callable[[], int] = lambda: 0,
        kept: Picture | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self._rng = np.random.default_rng(seed)
        seat: LaunchpadSeat = Seat()
        if make_agent is not None:
            seat = ProcessSeat(make_agent, answers, engine.tell, "launchpad-agent")
        self.song = Song(*starts.opening()) if grid is None else Song(grid)
        if kept is not None:
            self.song = Song(kept.grid, kept.arrangement, kept.owners)
        conductor = Conductor(self.song, seat, judge)
        self._playback = Playback(engine, conductor, Sync(engine, midi, pads), pads, agent_name)
        self._pads = pads
        self._hands = Hands(self, count_in)
        self._seat = seat
        self._source_before = engine.source
        self._closed = False
        engine.set_source("synth")  # what sounds is shown by the meter, and captured as a take
        calm.settle()
        self._do(self._playback.open)
        if pads is not None:
            pads.listen(self._hands)

    @property
    def snapshot(self) -> LaunchpadSnapshot:
        """This moment: the playhead is that of the sample that is being delivered."""
        return self._playback.snapshot_at(self.engine.sample)

    def judge_by(self, judge: Judge) -> None:
        """Draw the curve of rewards by `judge` from now on."""
        self._do(partial(self._playback.judge_by, judge))

    # --- transport ----------------------------------------------------------------------------------

    def start(self, count_in_bars: int = 0) -> None:
        """Play from the top of a bar, after a count-in if wanted."""
        self._do(partial(self._playback.start, count_in_bars))

    def stop(self, now: bool = False) -> None:
        """Stop at the end of the bar, or now; every note is let go. Asked twice, it stops now."""
        self._do(partial(self._playback.stop, now))

    def send_clock(self, on: bool) -> None:
        """Send MIDI clock, start and stop to the MIDI output."""
        self._do(partial(self._playback.send_clock, on))

    def follow_clock(self, on: bool) -> None:
        """Let the MIDI clock that comes in lead tempo, start and stop."""
        self._do(partial(self._playback.follow_clock, on))

    def rest(self) -> None:
        """Silence while something else is shown: the pads are given back, no clock starts anything."""
        if self._pads is not None:
            self._pads.listen(None)
        self._do(self._playback.rest)

    def wake(self) -> None:
        """Be played again."""
        self._do(self._playback.wake)
        if self._pads is not None:
            self._pads.listen(self._hands)

    def close(self) -> None:
        """Silence, and the agent goes. The engine runs on."""
        if self._closed:
            return
        self._closed = True
        if self._pads is not None:
            self._pads.listen(None)
        done = threading.Event()
        self._do(self._playback.close)
        self.engine.call(done.set)
        done.wait(CLOSE_TIMEOUT_S)
        self._playback.sync.close()
        self._seat.close()
        self.engine.set_source(self._source_before)

    # --- the grid -----------------------------------------------------------------------------------

    def press(self, row: int, column: int) -> None:
        """Press a button: columns 0..6 toggle the patterns, 7..12 add 1, 2, 4 ... 32 steps of offset."""
        if 0 <= row < LAUNCHPAD.keys and 0 <= column < LAUNCHPAD.columns:
            self._change(self.song.press, row * LAUNCHPAD.columns + column)

    def undo(self) -> None:
        """Take back your last action; what the agent has pressed since stays."""
        self._change(self.song.undo)

    def undo_agent(self) -> None:
        """Take back the agent's last move."""
        self._change(self.song.undo, "agent")

    def redo(self) -> None:
        """Do again what was undone last."""
        self._change(self.song.redo)

    def start_from(self, start: str) -> None:
        """Put one of `starts.STARTS` in place of the grid."""
        self._change(self._start_from, start)

    def clear(self) -> None:
        """Every pattern off."""
        self._change(self.song.clear)

    def clear_row(self, row: int) -> None:
        """One row off."""
        self._change(self.song.clear_row, row)

    def transpose(self, semitones: int) -> None:
        """Move every row."""
        self._change(self.song.transpose, semitones)

    def throw_into(self, tonic: int) -> None:
        """Move the music into another key, 0..11."""
        self._change(self.song.throw_into, tonic)

    def fit_to_key(self) -> None:
        """Move what is outside the key to the nearest free rows inside."""
        self._change(self.song.fit_to_key)

    # --- songs and favourites -----------------------------------------------------------------------

    def new_song(self) -> None:
        """What a song is before anybody has touched it, in place of this one."""
        self._change(self.song.open, Song(*starts.opening()).now, "a new song")

    def save_song(self, path: Path) -> None:
        """Write the whole song as JSON. Raises NotSaved."""
        song_files.save_song(path, self.song.now)

    def open_file(self, path: Path) -> None:
        """Open a song, or start from a grid. Raises BadState for any other file; the music goes on."""
        loaded = song_files.load(path)
        if isinstance(loaded, Picture):
            self._change(self.song.open, loaded, path.stem)
        else:
            self._change(self.song.start_from, loaded, path.stem)

    def save_favourite(self, name: str) -> Path:
        """Keep the queued grid under a name; where it lies. Raises NotSaved."""
        path = starts.favourite_path(name)
        self.save_grid(path)
        return path

    def load_favourite(self, name: str) -> None:
        """Start from a favourite. Raises BadState."""
        self.load_grid(starts.favourite_path(name))

    def save_grid(self, path: Path) -> None:
        """Write the queued grid as JSON. Raises NotSaved."""
        starts.save_grid(path, self.snapshot.grid)

    def load_grid(self, path: Path) -> None:
        """Start from a file. Raises BadState for a file of another shape; the music goes on."""
        self._change(self.song.start_from, starts.load_grid(path), path.stem)

    # --- settings; `gesture` stays the same while a slider is dragged: one step of undo -------------

    def set_tempo(self, bpm: float, gesture: str = "") -> None:
        """20 to 300, heard at once."""
        self._change(self.song.set_tempo, bpm, gesture)

    def nudge_tempo(self, bpm: float) -> None:
        """So many beats a minute faster, slower where negative."""
        self._change(self._nudge_tempo, bpm)

    def set_swing(self, swing: float, gesture: str = "") -> None:
        """0.5 straight to 0.75."""
        self._change(self.song.set_swing, swing, gesture)

    def set_key(self, tonic: int, scale: str) -> None:
        """The key that the lock means, a name of `scales.SCALES`; the grid stays."""
        self._change(self.song.set_key, tonic, scale)

    def set_scale_lock(self, lock: ScaleLock) -> None:
        """What becomes of presses outside the key."""
        self._change(self.song.set_scale_lock, lock)

    def lock(self, row: int, on: bool | None = None) -> None:
        """Close a row to the agent, or open it; None changes over."""
        self._change(self.song.lock, row, on)

    def mute(self, row: int, on: bool | None = None) -> None:
        """Silence a row."""
        self._change(self.song.mute, row, on)

    def solo(self, row: int, on: bool | None = None) -> None:
        """Hear only soloed rows."""
        self._change(self.song.solo, row, on)

    def set_instrument(self, program: int, rows: Iterable[int] | None = None) -> None:
        """A GM program for rows, or all."""
        self._change(self.song.set_instrument, program, None if rows is None else tuple(rows))

    def set_drums(self, name: str) -> None:
        """A pattern of `drums.PATTERNS`."""
        self._change(self.song.set_drums, name)

    def set_drum_level(self, level: float, gesture: str = "") -> None:
        """0 to 1."""
        self._change(self.song.set_drum_level, level, gesture)

    def set_accent(self, sixteenth: int, velocity: int, gesture: str = "") -> None:
        """Velocity of what falls into one of the bar's sixteenths."""
        self._change(self.song.set_accent, sixteenth, velocity, gesture)

    def set_note_steps(self, steps: int, gesture: str = "") -> None:
        """How long notes last, 1 to 64 steps."""
        self._change(self.song.set_note_steps, steps, gesture)

    def set_click(self, on: bool) -> None:
        """A click on every beat."""
        self._change(self.song.set_click, on)

    def set_pace(self, bars: int) -> None:
        """The agent acts every so many bars; 0 never."""
        self._change(self.song.set_pace, bars)

    def set_temperature(self, temperature: float, gesture: str = "") -> None:
        """0: always the agent's best move; 0.1 is lively, 1 wild."""
        self._change(self.song.set_temperature, temperature, gesture)

    def vote(self, weight: int) -> None:
        """More (+1) or less (-1) like the bar that sounds."""
        self._change(self.song.vote, weight, self.snapshot.playing)

    # --- snapshots and their chain ------------------------------------------------------------------

    def keep_part(self, name: str = "") -> None:
        """Keep the grid and its sound; unnamed: A, B, C ..."""
        self._change(self.song.keep_part, name)

    def recall_part(self, index: int) -> None:
        """Bring a part back."""
        self._change(self.song.recall_part, index)

    def forget_part(self, index: int) -> None:
        """Let a part go, and its links."""
        self._change(self.song.forget_part, index)

    def set_chain(self, chain: Iterable[Link]) -> None:
        """The song: parts one after the other, each for its number of bars."""
        self._change(self.song.set_chain, tuple(chain))

    def add_link(self, part: int, bars: int) -> None:
        """Put a part at the chain's end."""
        self._change(self.song.add_link, Link(part, bars))

    def change_link(self, index: int, bars: int) -> None:
        """So many bars of a link; 0 takes it away."""
        self._change(self.song.change_link, index, bars)

    def play_chain(self, on: bool) -> None:
        """Let the chain lead, or stop it."""
        self._change(self.song.play_chain, on)

    # --- export -------------------------------------------------------------------------------------

    def export_midi(self, path: Path) -> None:
        """Write what was heard since the last start. Raises NotSaved, NothingHeard."""
        export.save_midi(self._playback.heard(), path)

    def export_wav(
        self, path: Path, sound_set: str = "", progress: Callable[[float], None] | None = None
    ) -> None:
        """The same as sound; takes seconds: call it in a thread of its own. Raises also NoSynth."""
        export.save_wav(self._playback.heard(), path, sound_set, progress)

    # --- inside -------------------------------------------------------------------------------------

    def _start_from(self, name: str) -> None:
        grid = starts.start(name, self.song.arrangement, self._rng)
        self.song.start_from(grid, name, starts.locked_rows(name, grid))

    def _nudge_tempo(self, bpm: float) -> None:
        self.song.set_tempo(self.song.arrangement.tempo_bpm + bpm, "nudge")

    def _change(self, change: Callable[..., object], *arguments: Any) -> None:
        self._do(partial(self._changed, partial(change, *arguments)))

    def _changed(self, change: Callable[[], object]) -> None:
        change()
        self._playback.song_changed()

    def _do(self, command: Callable[[], object]) -> None:
        self.engine.call(partial(guarded, self.engine, WHOSE, command))

