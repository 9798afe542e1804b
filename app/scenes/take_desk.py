"""Takes as the scenes need them: capture, replay, names, export to a folder that a person finds again.

Used by the thread of the window; files are written on a thread of their own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.bindings import label_of
from app.engine.replay import TakeReplay
from app.engine.take_files import Take, TakeFolder
from app.engine.takes import TakeRecorder
from app.paths import takes_folder
from app.widgets.chrome import as_time
from pieces.errors import RipienoError

SPLIT_WAIT_S = 0.6
LONGEST_STEM = 70
"""Characters of a file's name; systems allow 255 bytes, with number and ending."""


def export_folder() -> Path:
    """Music/Ripieno below the home folder (below Documents or the home folder where there is no Music)."""
    import platformdirs

    place = Path(platformdirs.user_music_dir()) / "Ripieno"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RipienoError(f"The folder {place} cannot be made ({error.strerror}).") from error
    return place


def export_paths(stem: str, *endings: str) -> list[Path]:
    """Where to export to: a file for each ending, with a number behind the stem where one is there already.

    Raises RipienoError: there is no such folder.
    """
    place, stem, number = export_folder(), stem[:LONGEST_STEM].strip(), 1
    while True:
        behind = f" {number}" if number > 1 else ""
        paths = [place / f"{stem}{behind}{ending}" for ending in endings]
        if not any(path.exists() for path in paths):
            return paths
        number += 1


class TakeDesk:
    """The recorder, the list, the replay. ``tell(text, kind, action)`` says how an export ended."""

    def __init__(self, engine: Any, tell: Callable[..., object]) -> None:
        self.folder = TakeFolder(takes_folder())
        self.recorder = TakeRecorder(engine, self.folder)
        self.replay = TakeReplay(engine, self.folder, self.recorder)
        self.tell = tell

    def start(self) -> None:
        """Begin to capture."""
        self.recorder.start()

    def close(self) -> None:
        """Finish the running take."""
        self.replay.stop()
        self.recorder.close()

    def list(self) -> list[Take]:
        """Takes that are not written any more, newest first; those that were left behind are taken in."""
        self.folder.recover()
        return self.folder.takes()

    def recover(self) -> None:
        """Take in what a crash has left behind, and say so."""
        left = self.folder.recover()
        if left:
            one, more = f"A take of {as_time(left[0].duration_s)} was", f"{len(left)} takes were"
            kept = one if len(left) == 1 else more
            words = f"{kept} kept: click here, or open Takes ({label_of('scene_takes')})"
            self.tell(words, "good", "scene_takes")

    def save_latest(self) -> None:
        """End the running take and save it; without one, the last of what is played now."""
        piece = self.recorder.piece_name  # now: another may be open before the take has ended
        threading.Thread(target=self._save_latest, args=(piece,), name="save-take", daemon=True).start()

    def save(self, key: str) -> None:
        """Save a take as MIDI and WAV."""
        threading.Thread(target=self._save, args=(key,), name="save-take", daemon=True).start()

    def _save_latest(self, piece: str) -> None:
        if self.recorder.recording:
            self.recorder.split()
            pause = threading.Event()
            for _ in range(10):
                if not self.recorder.recording:
                    break
                pause.wait(SPLIT_WAIT_S / 2)
        take = next((take for take in self.list() if take.info.piece == piece), None)
        if take is not None:
            self._save(take.key)
            return
        nothing, hindrance = f"Nothing{f' of {piece}' if piece else ''} was captured", self.recorder.hindrance
        if hindrance:
            self.tell(f"{nothing} ({hindrance}). Free some disk space, and play again.", "bad")
        else:
            self.tell(f"{nothing} yet: play with the keys, MIDI or a microphone.", "plain")

    def _save(self, key: str) -> None:
        try:
            take = self.folder.find(key)
            stem = re.sub(r"[^\w\- ]+", "-", f"{take.info.piece or 'Take'} {take.title}")
            midi, wav = export_paths(stem, ".mid", ".wav")
            self.folder.save_midi(key, midi)
            self.folder.save_wav(key, wav)
            self.tell(f"Saved {midi.name} and .wav in {midi.parent}", "good")
        except RipienoError as problem:
            self.tell(str(problem), "bad")
