"""The launchpad mode without its scene: a song, an agent and the engine.

Every method may be called from the main thread; what it asks for is done in the engine thread, where the song
lives, in order. Refusals are told as sentences (`Engine.tell`). The scene reads `snapshot`, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from app.engine.engine import Engine
from app.sessions.launchpad.agents import Agent, Judge
from app.sessions.launchpad.arrangement import Link, ScaleLock
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from models.launchpad.instrument import States


class LaunchpadSession:
    """One while the mode is open. Without an agent the person plays alone.

    Args:
        engine: running.
        agent: who presses beside the person; None nobody.
        agent_name: as the scene shows it.
        judge: gives the reward of a bar, for the curve; None: no curve.
        seed: of the random start.
    """

    def __init__(
        self, engine: Engine, agent: Agent | None = None, agent_name: str = "", judge: Judge | None = None,
        seed: int = 0, grid: States | None = None,
    ) -> None: ...  # fmt: skip

    @property
    def snapshot(self) -> LaunchpadSnapshot:
        """This moment: the playhead is that of the sample that is being delivered."""
        raise NotImplementedError

    # transport
    def start(self, count_in_bars: int = 0) -> None:
        """Play from the top of a bar, after a count-in if wanted."""
    def stop(self, now: bool = False) -> None:
        """Stop at the end of the bar, or now; every note is let go. Asked twice, it stops now."""
    def close(self) -> None:
        """Silence; the engine runs on."""

    # the grid
    def press(self, row: int, column: int) -> None:
        """Press a button: columns 0..6 toggle the patterns, 7..12 add 1, 2, 4 ... 32 steps of offset."""
    def undo(self) -> None:
        """Take back the last action, yours or the agent's."""
    def redo(self) -> None:
        """Do again what was undone."""
    def start_from(self, start: str) -> None:
        """Put one of `starts.STARTS` in place of the grid."""
    def clear(self) -> None: ...
    def clear_row(self, row: int) -> None: ...
    def transpose(self, semitones: int) -> None: ...
    def throw_into(self, tonic: int) -> None:
        """Move the music into another key (0..11)."""
    def fit_to_key(self) -> None: ...

    # favourites: the file is read or written by the caller, at once
    def save_favourite(self, name: str) -> Path:
        """Keep the queued grid as JSON. Raises NotSaved."""
        raise NotImplementedError
    def load_favourite(self, name: str) -> None:
        """Start from a favourite. Raises BadState."""
    def save_grid(self, path: Path) -> None:
        """Write the queued grid anywhere. Raises NotSaved."""
    def load_grid(self, path: Path) -> None:
        """Start from a file. Raises BadState for a file of another shape; the music goes on."""

    # settings (`gesture`: a name that stays the same while a slider is dragged makes one step of undo of it)
    def set_tempo(self, bpm: float, gesture: str = "") -> None:
        """20 to 300, heard at once."""
    def set_swing(self, swing: float, gesture: str = "") -> None: ...
    def set_key(self, tonic: int, scale: str) -> None: ...
    def set_scale_lock(self, lock: ScaleLock) -> None: ...
    def lock(self, row: int, on: bool | None = None) -> None: ...
    def mute(self, row: int, on: bool | None = None) -> None: ...
    def solo(self, row: int, on: bool | None = None) -> None: ...
    def set_instrument(self, program: int, rows: Iterable[int] | None = None) -> None: ...
    def set_drums(self, name: str) -> None: ...
    def set_drum_level(self, level: float, gesture: str = "") -> None: ...
    def set_accent(self, sixteenth: int, velocity: int, gesture: str = "") -> None: ...
    def set_note_steps(self, steps: int, gesture: str = "") -> None: ...
    def set_click(self, on: bool) -> None: ...
    def set_pace(self, bars: int) -> None:
        """The agent acts every so many bars; 0 never."""
    def set_temperature(self, temperature: float, gesture: str = "") -> None: ...
    def vote(self, weight: int) -> None:
        """More (+1) or less (-1) like the bar that sounds."""

    # snapshots and their chain
    def keep_part(self, name: str = "") -> None: ...
    def recall_part(self, index: int) -> None: ...
    def forget_part(self, index: int) -> None: ...
    def set_chain(self, chain: Iterable[Link]) -> None: ...
    def play_chain(self, on: bool) -> None: ...

    # export of what was heard since `start`
    def export_midi(self, path: Path) -> None:
        """Write a MIDI file. Raises NotSaved, or NothingHeard."""
    def export_wav(self, path: Path, progress: Callable[[float], None] | None = None) -> None:
        """Write a WAV file; takes seconds: call it in a thread of its own. Raises as `export_midi`."""
