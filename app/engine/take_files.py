"""Takes on disk: what was played, as an append-only log, and what can be made of it.

A take is a folder: `take.json` (what it is), `events.log` (a line an event, in samples from the take's
start) and `audio.raw` (int16 mono). Files only grow while a take runs, so that a crash loses what was not
yet written and nothing else; `closed` in take.json says that it ended properly. Any thread, one at a time
for a folder.
"""
from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil
from numpy.typing import NDArray

from app.engine.frontend import MAX_RATE, MIN_RATE
from app.engine.midi_events import messages_of
from app.engine.scheduler import Event, Kind
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file, replacing, saving

log = logging.getLogger(__name__)

VERSION = 1
INFO, EVENTS, AUDIO = "take.json", "events.log", "audio.raw"
BYTES_PER_SAMPLE = 2
KEPT_BYTES = 1_000_000_000
LATEST_SAMPLE = 2**40
_KINDS = frozenset(get_args(Kind))


class TakeError(RipienoError):
    """A take cannot be read, written or found."""


@dataclass(frozen=True)
class TakeInfo:
    """What take.json holds. `source`: "input" or "synth". `owner`: process id and its start time."""

    rate: int
    started: str
    source: str
    piece: str = ""
    name: str = ""
    closed: bool = False
    owner: tuple[int, float] = (0, 0.0)
    version: int = VERSION


@dataclass(frozen=True)
class Take:
    """A take in the list. `key` names it, `bytes` is its size on disk."""

    key: str
    info: TakeInfo
    path: Path
    duration_s: float
    bytes: int

    @property
    def title(self) -> str:
        """Its name, or when it was played."""
        return self.info.name or self.info.started.replace("T", " ")[:19]


_USUAL = TakeInfo.__dataclass_fields__


class TakeFolder:
    """All takes below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._left: set[str] = set()

    def takes(self) -> list[Take]:
        """Those that nobody writes any more, newest first; what cannot be read is left out."""
        return [take for take in self._all() if take.info.closed or self._is_left(take)]

    def unfinished(self) -> list[Take]:
        """What a crash or a full disk has left behind, newest first: not closed, and not written any more."""
        return [take for take in self._all() if not take.info.closed and self._is_left(take)]

    def recover(self) -> list[Take]:
        """Close what is unfinished, and return it. What the disk refuses now will be closed another time."""
        left = self.unfinished()
        for take in left:
            with contextlib.suppress(TakeError):
                self._change(take.key, closed=True)
        return left

    def leave(self, key: str) -> None:
        """A take of this process is not written any more, though it could not be closed."""
        self._left.add(key)

    def _is_left(self, take: Take) -> bool:
        return take.key in self._left or not _alive(take.info.owner)

    def rename(self, key: str, name: str) -> Take:
        """Give it a name; named takes are never pruned."""
        return self._change(key, name=name.strip())

    def delete(self, key: str) -> None:
        """Remove it for good; raises OSError where the folder cannot be removed."""
        shutil.rmtree(self.find(key).path)

    def events(self, key: str) -> list[Event]:
        """What was played, samples from the take's start; a line cut off by a crash is left out."""
        return read_events(self.find(key).path / EVENTS)

    def audio(self, key: str) -> NDArray[np.float32]:
        """What was heard, (n,) mono float32 at the take's rate."""
        return read_audio(self.find(key).path / AUDIO)

    def save_midi(self, key: str, target: Path) -> None:
        """The events as a MIDI file, 960 ticks a second. Raises TakeError."""
        take = self.find(key)
        with saving(target, TakeError):
            replace_file(target, midi_bytes(self.events(key), take.info.rate))

    def save_wav(self, key: str, target: Path) -> None:
        """The sound as a 16-bit WAV file. Raises TakeError."""
        from scipy.io import wavfile  # A fifth of a second that the start of the program need not wait.

        take = self.find(key)
        file = take.path / AUDIO
        samples = np.fromfile(file, "<i2") if file.exists() else np.zeros(0, "<i2")
        with saving(target, TakeError), replacing(target) as part:
            wavfile.write(part, take.info.rate, samples)

    def prune(self, kept_bytes: int = KEPT_BYTES) -> list[str]:
        """Delete the oldest unnamed finished takes beyond a size, where that is possible; their keys."""
        size, gone = 0, []
        for take in self.takes():
            size += take.bytes
            if size > kept_bytes and not take.info.name:
                with contextlib.suppress(OSError, TakeError):
                    self.delete(take.key)
                    gone.append(take.key)
        return gone

    def _all(self) -> list[Take]:
        try:
            paths = sorted(self.folder.iterdir(), reverse=True)
        except OSError as problem:
            log.info("no takes: %s", problem)
            return []
        takes = [_read(path) for path in paths if path.is_dir()]
        return [take for take in takes if take is not None]

    def find(self, key: str) -> Take:
        """The take of that key. Raises TakeError if it is gone."""
        take = _read(self.folder / key) if Path(key).name == key else None
        if take is None:
            raise TakeError("This take is not there any more.")
        return take

    def _change(self, key: str, **fields: object) -> Take:
        take = self.find(key)
        info = replace(take.info, **fields)  # type: ignore[arg-type]
        try:
            write_info(take.path, info)
        except OSError as error:
            reason = error.strerror or error
            raise TakeError(f"The take cannot be changed ({reason}). Free some disk space.") from error
        return replace(take, info=info)


class TakeWriter:
    """Writes one take while it is played. Every method raises OSError when the disk is full or gone."""

    def __init__(self, folder: Path, key: str, info: TakeInfo) -> None:
        self.path = folder / key
        self.info = info
        self.samples = 0
        self.event_count = 0
        self.path.mkdir(parents=True)
        try:
            write_info(self.path, info)
            self._events = (self.path / EVENTS).open("ab", buffering=0)
            self._audio = (self.path / AUDIO).open("ab", buffering=0)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def add_audio(self, block: NDArray[np.float32]) -> None:
        """Append (n,) mono samples in [-1, 1]."""
        clean = np.clip(np.nan_to_num(block, nan=0.0), -1.0, 1.0)
        _write_all(self._audio.fileno(), (clean * 32767).astype("<i2").tobytes())
        self.samples += len(block)

    def add_events(self, events: Iterable[Event]) -> None:
        """Append events, whose samples count from the take's start."""
        lines = [_line(event) for event in events]
        _write_all(self._events.fileno(), "".join(lines).encode())
        self.event_count += len(lines)

    def close(self) -> None:
        """It ended properly."""
        self._events.close()
        self._audio.close()
        write_info(self.path, replace(self.info, closed=True))

    def abandon(self) -> None:
        """Let go of the files, whatever the disk says; what was written stays."""
        for file in (self._events, self._audio):
            with contextlib.suppress(OSError):
                file.close()

    def discard(self) -> None:
        """Nothing worth keeping was played."""
        self.abandon()
        shutil.rmtree(self.path, ignore_errors=True)


def this_process() -> tuple[int, float]:
    """Owner of the takes that this process writes."""
    return os.getpid(), psutil.Process().create_time()


def write_info(path: Path, info: TakeInfo) -> None:
    """Replace take.json in one stroke."""
    replace_file(path / INFO, json.dumps(asdict(info), indent=1).encode())


def read_events(path: Path) -> list[Event]:
    """Events of a log; lines that are not whole are left out."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    events = [_event(line) for line in text.split("\n")[:-1]]
    return [event for event in events if event is not None]


def read_audio(path: Path) -> NDArray[np.float32]:
    """Samples of audio.raw, (n,) float32."""
    if not path.exists():
        return np.zeros(0, np.float32)
    samples = np.fromfile(path, "<i2").astype(np.float32)
    samples /= np.float32(32768)
    return samples


def midi_bytes(events: Iterable[Event], rate: int) -> bytes:
    """A MIDI file: format 0, 480 ticks a quarter at 120 BPM; notes still held end with the last event."""
    import mido

    ticks_per_s = 960
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000, time=0)])
    held: set[tuple[int, int]] = set()
    tick = 0
    for event in sorted(events, key=lambda event: event.sample):
        at_tick = round(event.sample * ticks_per_s / rate)
        for data in messages_of(event):
            track.append(mido.Message.from_bytes(data, time=at_tick - tick))
            tick = at_tick
        _follow_held(held, event)
    for channel, pitch in sorted(held):
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=0))
    midi = mido.MidiFile(type=0, ticks_per_beat=480)
    midi.tracks.append(track)
    file = io.BytesIO()
    midi.save(file=file)
    return file.getvalue()


def _follow_held(held: set[tuple[int, int]], event: Event) -> None:
    key = (event.channel, event.data1)
    if event.kind == "note_on" and event.data2 > 0:
        held.add(key)
    elif event.kind in ("note_on", "note_off"):
        held.discard(key)
    elif event.kind == "all_off":
        held.clear()


def _read(path: Path) -> Take | None:
    try:
        info = _info_of(read_json(path / INFO))
        audio_bytes = (path / AUDIO).stat().st_size if (path / AUDIO).exists() else 0
        size = sum(file.stat().st_size for file in path.iterdir())
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # not a take, or one of a future version: left alone
    return Take(path.name, info, path, audio_bytes / BYTES_PER_SAMPLE / info.rate, size)


def _info_of(fields: dict[str, Any]) -> TakeInfo:
    """What take.json says. Raises ValueError, TypeError or AttributeError where that is nonsense."""
    info = TakeInfo(**{key: value for key, value in fields.items() if key in _USUAL})
    pid, started_s = info.owner
    words = (info.started, info.source, info.piece, info.name)
    if not (all(isinstance(word, str) for word in words) and MIN_RATE <= info.rate <= MAX_RATE):
        raise ValueError(f"no take: {fields}")
    return replace(info, rate=int(info.rate), closed=bool(info.closed), owner=(int(pid), float(started_s)))


def _alive(owner: tuple[int, float]) -> bool:
    pid, started_s = owner
    try:
        return abs(psutil.Process(pid).create_time() - started_s) < 1.0
    except psutil.Error:
        return False


def _line(event: Event) -> str:
    fields = (event.sample, event.kind, event.data1, event.data2, event.channel, event.source or "-")
    return " ".join(map(str, fields)) + "\n"


def _event(line: str) -> Event | None:
    try:
        sample, kind, data1, data2, channel, source = line.split(" ")
        event = Event(int(sample), kind, int(data1), int(data2), int(channel), source)  # type: ignore[arg-type]
    except ValueError:
        return None
    whole = kind in _KINDS and 0 <= event.sample < LATEST_SAMPLE and 0 <= event.channel < 16
    return event if whole and 0 <= event.data1 < 128 and 0 <= event.data2 < 128 else None


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view):]
