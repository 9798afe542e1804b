"""The launchpad's session without engine and agent: the real song, and a playhead that tests move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from app.sessions.launchpad import LaunchpadSnapshot, Link, Song
from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.song_files import load, save_song
from app.sessions.launchpad.starts import save_grid, start
from models.launchpad.instrument import LAUNCHPAD

C3 = 1
"""The row of the second key."""


def pad_centre(stage, row: int, column: int) -> tuple[int, int]:
    """Where a pad lies."""
    return stage.scene.grid.cell_rect(row, column).center


def random_snapshot(seed: int) -> LaunchpadSnapshot:
    """A grid that plays, whose buttons are yours or the agent's."""
    rng = np.random.default_rng(seed)
    grid = LAUNCHPAD.random(rng)
    owners = rng.integers(1, 3, (LAUNCHPAD.keys, LAUNCHPAD.columns)).astype(np.int8)
    return LaunchpadSnapshot(state="playing", playing=grid, playing_owners=owners, grid=grid, owners=owners)


class FakeLaunchpad:
    """What is asked of it goes to the song and into ``calls``; ``play`` sets what is heard and where."""

    def __init__(self) -> None:
        self.song = Song()
        self.calls: list[tuple[object, ...]] = []
        self.shown = LaunchpadSnapshot(agent="launchpad")
        self.closed = False
        self.rests = True
        self._version = 0

    @property
    def snapshot(self) -> LaunchpadSnapshot:
        song = self.song
        undone, again, agents = song.history.last(), song.history.next, song.history.last("agent")
        return replace(
            self.shown, grid=song.grid, owners=song.owners, arrangement=song.arrangement,
            in_key=song.in_key(), tempo_bpm=song.arrangement.tempo_bpm, version=self._version,
            refused=song.refused()[:-1].reshape(LAUNCHPAD.keys, LAUNCHPAD.columns),
            undo_label=undone.label if undone else "", redo_label=again.label if again else "",
            agents_label=agents.label if agents else "",
        )  # fmt: skip

    def play(self, bar: int = 0, step: float = 0.0, **fields: object) -> None:
        """The bar plays what was queued up to now, and stands at a step."""
        if bar != self.shown.bar or self.shown.state == "stopped":
            fields = {"playing": self.song.grid, "playing_owners": self.song.owners} | fields
            self._version += 1
        changes = {"state": "playing", "bar": bar, "step": step, "beat": int(step) // 16} | fields
        self.shown = replace(self.shown, **changes)  # type: ignore[arg-type]

    def show(self, **fields: object) -> None:
        """Other fields of the snapshot."""
        self.shown = replace(self.shown, **fields)  # type: ignore[arg-type]
        self._version += 1

    def start(self, count_in_bars: int = 0) -> None:
        self.calls.append(("start", count_in_bars))
        self.play()

    def stop(self, now: bool = False) -> None:
        self.calls.append(("stop", now))
        self.show(state="stopped")

    def rest(self) -> None:
        self.rests = True
        self.show(state="stopped")

    def wake(self) -> None:
        self.rests = False

    def close(self) -> None:
        self.closed = True

    def press(self, row: int, column: int) -> None:
        self.calls.append(("press", row, column))
        self.song.press(row * LAUNCHPAD.columns + column)
        self._version += 1

    def nudge_tempo(self, bpm: float) -> None:
        self.song.set_tempo(self.song.arrangement.tempo_bpm + bpm)
        self._version += 1

    def add_link(self, part: int, bars: int) -> None:
        self.song.add_link(Link(part, bars))
        self._version += 1

    def undo_agent(self) -> None:
        self.song.undo("agent")
        self._version += 1

    def start_from(self, name: str) -> None:
        self.calls.append(("start_from", name))
        self.song.start_from(start(name, self.song.arrangement, np.random.default_rng(0)))
        self._version += 1

    def save_favourite(self, name: str) -> Path:
        self.calls.append(("save_favourite", name))
        return Path(name)

    def load_favourite(self, name: str) -> None:
        self.calls.append(("load_favourite", name))

    def open_file(self, path: Path) -> None:
        loaded = load(path)
        if isinstance(loaded, Picture):
            self.song.open(loaded, path.stem)
        else:
            self.song.start_from(loaded)
        self._version += 1

    def new_song(self) -> None:
        self.song.open(Song().now, "a new song")
        self._version += 1

    def save_song(self, path: Path) -> None:
        save_song(path, self.song.now)

    def save_grid(self, path: Path) -> None:
        save_grid(path, self.song.grid)

    def follow_clock(self, on: bool) -> None:
        self.calls.append(("follow_clock", on))

    def send_clock(self, on: bool) -> None:
        self.calls.append(("send_clock", on))

    def __getattr__(self, name: str):
        method = getattr(self.song, name)

        def asked(*arguments: object) -> None:
            self.calls.append((name, *arguments))
            method(*arguments)
            self._version += 1

        return asked
