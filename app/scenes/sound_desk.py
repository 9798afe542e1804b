"""Volume and sound set: remembered, and brought to the engine.

Used by the thread of the window; a sound set is read on a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from app.engine.snapshot import State
from app.engine.voice import open_instrument
from app.settings import SettingsStore
from app.widgets.overlays import MenuItem

RESTING: tuple[State, ...] = ("idle", "paused", "finished")


class SoundDesk:
    """``change`` remembers settings, ``tell(text, kind)`` says something to the user."""

    def __init__(
        self,
        engine: Any,
        settings: SettingsStore,
        change: Callable[..., object],
        tell: Callable[[str, str], object],
    ) -> None:
        self.engine, self.settings, self.change, self.tell = engine, settings, change, tell
        self._wanted: str | None = None

    def set_volume(self, volume: float) -> None:
        """Everything louder or quieter, 0 to 1."""
        self.change(volume=round(volume, 2))
        self.engine.set_volume(self.settings.now.volume)

    def set_click_volume(self, volume: float) -> None:
        """Count-in and metronome louder or quieter than the rest, 0 to 1."""
        self.change(metronome_volume=round(volume, 2))
        self.engine.set_click_volume(self.settings.now.metronome_volume)

    def names(self) -> list[str]:
        """File names of the sound sets of this machine, the bundled one first."""
        from models.sound import find_sound_sets

        return list(dict.fromkeys(path.name for path in find_sound_sets()))

    def name(self) -> str:
        """The sound set that plays, or is about to."""
        names = self.names()
        chosen = self.settings.now.sound_set
        return chosen if chosen in names else names[0] if names else "None found"

    def items(self) -> list[MenuItem]:
        """The sound sets to choose from."""
        now = self.name()
        return [MenuItem(name, partial(self.choose, name), name == now) for name in self.names()]

    def choose(self, name: str) -> None:
        """Remember a sound set; :meth:`poll` has it played as soon as nothing is being followed."""
        self.change(sound_set=name)
        self._wanted = name

    def poll(self, state: State) -> None:
        """Once a frame: bring a sound set that was chosen to the engine, if it rests."""
        if self._wanted is None or state not in RESTING:
            return
        name, self._wanted = self._wanted, None
        make = partial(open_instrument, sound_set=name)
        self.tell(f"Reading {name} …", "plain")
        reading = partial(self.engine.use_instrument, make)
        threading.Thread(target=reading, name="sound-set", daemon=True).start()
