"""What the program remembers between two runs: one versioned JSON file, replaced in one stroke.

Main thread only. `SettingsStore.now` is immutable and may be read from anywhere. Several instances share
the file: each writes only what it changed, under a lock, so none undoes what another did; to a list it adds
as it finds it there. A file that cannot be read is set aside, never overwritten, and `notice` says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.engine.clock import wall_time
from app.paths import settings_path
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file, set_aside

VERSION = 1
SLOWEST_DEMO, FASTEST_DEMO = 0.4, 1.6
"""Tempo factors."""
MAX_RECENT = 12
_LOG = logging.getLogger(__name__)


class SettingsNotSaved(RipienoError):
    """The settings hold for now but could not be written."""


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def _choice(default: str, *others: str) -> Any:
    return field(default=default, metadata={"choices": (default, *others)})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_latency(value: Any) -> bool:
    return _is_number(value) and -1.0 <= value <= 5.0


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str))


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Devices are remembered by name; None is "none", "" the system's own."""

    audio_input: str | None = ""
    audio_output: str | None = ""
    midi_input: str | None = ""
    midi_output: str | None = None
    source: str = _choice("demo", "microphone", "midi", "keyboard")
    block_samples: int = _number(256, 32, 4096)
    latency_s: dict[str, float] = field(default_factory=dict, metadata={"entry fits": _is_latency})
    """Measured round trip by device name, in seconds."""
    volume: float = _number(0.8, 0.0, 1.0)
    metronome: bool = False
    metronome_volume: float = _number(0.8, 0.0, 1.0)
    count_in_beats: int = _number(0, 0, 16)
    demo_tempo: float = _number(1.0, SLOWEST_DEMO, FASTEST_DEMO)
    follower: str = "follower"
    duet_agent: str = ""
    """Who plays the other line of Duet; "" the shipped one."""
    duet_part: str = ""
    """Name or path of what plays your part in Duet; "" you do."""
    duet_choices: dict[str, Any] = field(default_factory=dict, metadata={"entry fits": _is_plain})
    """Duet's `Choices` by name, as `Choices.recalled` reads them."""
    sound_set: str = ""
    """File name of a sound set; "" the bundled one."""
    view: str = _choice("pages", "strip")
    ui_scale: float = _number(1.0, 0.75, 2.5)
    fullscreen: bool = False
    window_width: int = _number(1280, 640, 16384)
    window_height: int = _number(720, 360, 16384)
    reduced_motion: bool = False
    recent: tuple[str, ...] = ()
    """Paths or names of pieces, the latest first."""


_FIELDS = {entry.name: entry for entry in dataclasses.fields(Settings)}
_DEFAULTS = Settings()


class SettingsStore:
    """The settings and their file.

    Attributes:
        now: the present settings.
        notice: what the user should be told about reading the file; None where all was well.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or settings_path()
        self.notice: str | None = None
        self.now = _known(self._read_first())

    def change(self, **changes: Any) -> None:
        """Take over some values and write them.

        Raises:
            ValueError: an unknown name or a value out of its range (a mistake of the program).
            SettingsNotSaved: the file cannot be written; the values hold until the program ends.
        """
        for name, value in changes.items():
            if not _fits(name, value):
                raise ValueError(f"settings: {name} = {value!r}")
        self._change(lambda stored: changes)

    def remember_piece(self, name_or_path: str) -> None:
        """Put a piece at the head of the recent ones; raises as `change` does."""
        self._change(lambda stored: {"recent": (name_or_path, *_without(stored, name_or_path))[:MAX_RECENT]})

    def forget_piece(self, name: str) -> None:
        """Let it be a recent one no more; raises as `change` does."""
        self._change(lambda stored: {"recent": _without(stored, name)})

    def keep_latency(self, device: str, latency_s: float) -> None:
        """Remember the measured latency of a device; raises as `change` does."""
        self._change(lambda stored: {"latency_s": {**stored.latency_s, device: round(latency_s, 4)}})

    def _change(self, changes: Callable[[Settings], dict[str, Any]]) -> None:
        """Take over what `changes` makes of what is stored, which another instance may have changed."""
        self.now = dataclasses.replace(self.now, **changes(self.now))
        try:
            with self._alone():
                content = self._read()
                changed = changes(_known(content))
                self._write({**content, **changed})
        except OSError as error:
            _LOG.warning("settings not saved", exc_info=error)
            raise SettingsNotSaved(
                f"The settings could not be saved ({error.strerror}); they hold until you quit. "
                f"Check {self.path}."
            ) from error
        self.now = dataclasses.replace(self.now, **changed)

    def _read_first(self) -> dict[str, Any]:
        try:
            return self._read()
        except OSError as error:
            self.notice = f"The settings cannot be read ({error.strerror}); the defaults are used."
            return {}

    def _read(self) -> dict[str, Any]:
        """The file as it is, keys we do not know included; empty where there is none or it is damaged.

        Raises OSError where it cannot be read, or not be set aside: then it must not be replaced either.
        """
        try:
            content = read_json(self.path)
        except FileNotFoundError:
            return {}
        except ValueError:
            return self._set_aside()
        return content if isinstance(content, dict) else self._set_aside()

    def _set_aside(self) -> dict[str, Any]:
        aside = set_aside(self.path, wall_time())
        self.notice = f"The settings were damaged; defaults are used, the old file is kept as {aside.name}."
        return {}

    def _write(self, content: dict[str, Any]) -> None:
        """Write beside the file, then replace it: at any moment it is either the old or the new one."""
        version = content.get("version")
        content["version"] = max(VERSION, version) if isinstance(version, int) else VERSION
        text = json.dumps(content, indent=2, sort_keys=True)
        replace_file(self.path, text.encode())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as lock:
            if os.name != "nt":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _known(content: dict[str, Any]) -> Settings:
    """The values that we know and that fit; a default for every other."""
    values = {name: _from_json(name, value) for name, value in content.items() if name in _FIELDS}
    return Settings(**{name: value for name, value in values.items() if _fits(name, value)})


def _without(settings: Settings, piece: str) -> tuple[str, ...]:
    return tuple(entry for entry in settings.recent if entry != piece)


def _from_json(name: str, value: Any) -> Any:
    return tuple(value) if isinstance(getattr(_DEFAULTS, name), tuple) and isinstance(value, list) else value


def _fits(name: str, value: Any) -> bool:
    """Whether a value has the type of its setting and lies in its range."""
    if name not in _FIELDS:
        return False
    default, limits = getattr(_DEFAULTS, name), _FIELDS[name].metadata
    if value is None:
        return "None" in str(_FIELDS[name].type)
    if "choices" in limits:
        return value in limits["choices"]
    if "low" in limits:
        kind = int if isinstance(default, int) else (int, float)
        return isinstance(value, kind) and _is_number(value) and limits["low"] <= value <= limits["high"]
    if "entry fits" in limits:
        return isinstance(value, dict) and all(
            isinstance(key, str) and limits["entry fits"](entry) for key, entry in value.items()
        )
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, bool if isinstance(default, bool) else str)
