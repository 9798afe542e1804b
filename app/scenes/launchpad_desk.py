"""The launchpad's session as its scene needs it: the latest snapshot, gestures, favourites, songs, export.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from app.bindings import label_of
from app.engine.clock import now_s, wall_time
from app.scenes.studio import Studio
from app.scenes.take_desk import export_folder, export_paths
from app.sessions.launchpad import Arrangement, LaunchpadSession, LaunchpadSnapshot, ScaleLock
from app.sessions.launchpad.starts import (
    favourite_path,
    forget_favourite,
    latest_first,
    rename_favourite,
)
from app.sessions.launchpad.words import part_name
from pieces.errors import RipienoError

SAME_GESTURE_S = 0.8
LINK_BARS = 4
SONG_NAME, SONG_OR_GRID = "Launchpad song", ".json"
NO_AGENT = "No agent plays along, so there is nothing to steer."
RESTS = f"The agent rests: {label_of('pace')} wakes it; then vote."
RUNNING = ("count-in", "playing", "stopping")


class LaunchpadDesk:
    """``session`` is opened when the scene is first shown. ``now`` is read once a frame."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.session: LaunchpadSession = studio.open_launchpad()
        self.now: LaunchpadSnapshot = self.session.snapshot
        self.title = "Launchpad"
        self._gesture, self._gesture_s, self._gestures = "", 0.0, 0

    def refresh(self) -> bool:
        """Read the snapshot; whether anything but the playhead is new."""
        before, self.now = self.now, self.session.snapshot
        return self.now.version != before.version or self.now.state != before.state

    @property
    def arrangement(self) -> Arrangement:
        """Everything beside the grid."""
        return self.now.arrangement

    @property
    def running(self) -> bool:
        return self.now.state in RUNNING

    # --- transport ------------------------------------------------------------------------------

    def start_stop(self) -> None:
        """Start, after a count-in where one is wanted; stop at the end of the bar, or now if asked again."""
        if self.running:
            self.session.stop()
        else:
            self.session.start(self.studio.count_in_bars)

    def undo(self) -> None:
        if label := self.now.undo_label:
            self.session.undo()
            self.studio.say(f"Undone: {label}")

    def undo_agent(self) -> None:
        if label := self.now.agents_label:
            self.session.undo_agent()
            self.studio.say(f"The agent's move undone: {label}")

    def redo(self) -> None:
        if label := self.now.redo_label:
            self.session.redo()
            self.studio.say(f"Done again: {label}")

    # --- settings -------------------------------------------------------------------------------

    def gesture(self, control: str) -> str:
        """A name for one stroke of a control: what follows within a moment is the same step of undo."""
        moment_s = now_s()
        if control != self._gesture or moment_s - self._gesture_s > SAME_GESTURE_S:
            self._gestures += 1
        self._gesture, self._gesture_s = control, moment_s
        return f"{control} {self._gestures}"

    def set_tempo(self, bpm: float) -> None:
        self.session.set_tempo(bpm, self.gesture("tempo"))

    def set_swing(self, percent: float) -> None:
        self.session.set_swing(percent / 100.0, self.gesture("swing"))

    def set_boldness(self, temperature: float) -> None:
        self.session.set_temperature(temperature, self.gesture("boldness"))

    def set_drum_level(self, level: float) -> None:
        self.session.set_drum_level(level, self.gesture("drums"))

    def set_accent(self, sixteenth: int, velocity: int) -> None:
        self.session.set_accent(sixteenth, velocity, self.gesture("accents"))

    def set_scale_lock(self, lock: str) -> None:
        self.session.set_scale_lock(cast(ScaleLock, lock))

    @property
    def steerable(self) -> bool:
        """An agent sits here and moves."""
        return bool(self.now.agent) and self.arrangement.pace > 0

    def vote(self, weight: int) -> None:
        """More or less like what sounds."""
        if not self.steerable:
            self.studio.say(RESTS if self.now.agent else NO_AGENT)
            return
        self.session.vote(weight)
        self.studio.say(f"The agent will play {'more' if weight > 0 else 'less'} like this")

    # --- parts ----------------------------------------------------------------------------------

    def part(self, index: int) -> None:
        """Bring a snapshot back; the next free place keeps a new one."""
        count = len(self.arrangement.parts)
        if index < count:
            self.session.recall_part(index)
        elif index == count:
            self.session.keep_part()
        else:
            self._say_missing(index)

    def chain_part(self, index: int) -> None:
        """Put a part at the end of the chain."""
        if index < len(self.arrangement.parts):
            self.session.add_link(index, LINK_BARS)
        else:
            self._say_missing(index)

    def change_link(self, index: int, bars: int) -> None:
        """So many bars of a link; 0 takes it away."""
        self.session.change_link(index, bars)

    def _say_missing(self, index: int) -> None:
        keep = label_of("keep_part")
        self.studio.say(f"There is no snapshot {part_name(index)} yet: {keep} keeps one.")

    def play_chain(self) -> None:
        self.session.play_chain(not self.arrangement.chain_on)

    # --- files ----------------------------------------------------------------------------------

    def keep_favourite(self) -> None:
        """Keep the grid under the name of the moment."""
        self.title = f"{wall_time():Grid of %d %B, %H.%M.%S}"
        self._tell(
            lambda: self.session.save_favourite(self.title), f"Kept “{self.title}”: Start from … finds it"
        )

    def load_favourite(self, name: str) -> None:
        self.session.load_favourite(name)
        self.title = name

    def rename_favourite(self, name: str) -> None:
        """Ask for another name and give it."""

        def give(wanted: str) -> None:
            called = favourite_path(wanted).stem

            def rename() -> None:
                rename_favourite(name, wanted)
                if self.title == name:
                    self.title = called

            self._tell(rename, f"“{name}” is called “{called}” now")

        self.studio.ask_line("Its new name", name, give)

    def forget_favourite(self, name: str) -> None:
        self._tell(lambda: forget_favourite(name), f"Deleted “{name}”")

    def new_song(self) -> None:
        """Begin anew; what was there comes back by undo."""
        self.session.new_song()
        self.title = "Launchpad"
        self.studio.say(f"A new song; {label_of('undo')} brings the other one back")

    def open_song(self, path: Path) -> None:
        """A song or a grid that was saved; what was there comes back by undo."""
        self.session.open_file(path)
        self.title = path.stem
        self.studio.say(f"{path.name} sounds from the next bar")

    def save_song(self) -> None:
        """Everything, to open it again or to hand it on."""
        path = self._export_path(".json", SONG_NAME)
        self._tell(lambda: self.session.save_song(path), f"Saved {path.name} in {path.parent}")

    def songs(self) -> list[Path]:
        """Those that were saved, the latest first."""
        return latest_first(export_folder().glob(f"{SONG_NAME} *.json"))

    def export_midi(self) -> None:
        path = self._export_path(".mid")
        self._tell(lambda: self.session.export_midi(path), f"Saved {path.name} in {path.parent}")

    def export_grid(self) -> None:
        path = self._export_path(".json")
        self._tell(lambda: self.session.save_grid(path), f"Saved {path.name} in {path.parent}")

    def export_wav(self) -> None:
        """What was heard, through the sound set that is chosen."""
        sound_set, session = self.studio.settings.now.sound_set, self.session
        self.studio.wav.write(
            self._export_path(".wav"), lambda path, progress: session.export_wav(path, sound_set, progress)
        )

    def _export_path(self, ending: str, name: str = "Launchpad") -> Path:
        return export_paths(f"{name} {wall_time():%Y-%m-%d %H.%M.%S}", ending)[0]

    def _tell(self, work: Callable[[], object], done: str) -> None:
        try:
            work()
            self.studio.say_later(done, "good")
        except RipienoError as problem:
            self.studio.say_later(str(problem), "bad")
