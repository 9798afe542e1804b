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


def export_folder() -> Path:
    """Music/Ripieno below the home folder (below Documents or the home folder where there is no Music)."""
    import platformdirs

    place = Path(platformdirs.user_music_dir()) / "Ripieno"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RipienoError(f"The folder {place} cannot be made ({error.strerror}).") from error
    return place


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
        """Finished takes, newest first; those that a crash left are taken in."""
        for take in self.folder.unfinished():
            self.folder.recover(take.key)
        return self.folder.takes()

    def recover(self) -> None:
        """Take in what a crash has left behind, and say so; it is in the list afterwards."""
        left = self.folder.unfinished()
        try:
            for take in left:
                self.folder.recover(take.key)
        except RipienoError as problem:
            self.tell(str(problem), "bad")
            return
        if left:
            one, more = f"A take of {as_time(left[0].duration_s)} was", f"{len(left)} takes were"
            kept = one if len(left) == 1 else more
            words = f"{kept} kept: click here, or open Takes ({label_of('scene_takes')})"
            self.tell(words, "good", "scene_takes")

    def save_latest(self) -> None:
        """End the running take and save it; without one, the last."""
        threading.Thread(target=self._save_latest, name="save-take", daemon=True).start()

    def save(self, key: str) -> None:
        """Save a take as MIDI and WAV."""
        threading.Thread(target=self._save, args=(key,), name="save-take", daemon=True).start()

    def _save_latest(self) -> None:
        if self.recorder.recording:
            self.recorder.split()
            pause = threading.Event()
            for _ in range(10):
                if not self.recorder.recording:
                    break
                pause.wait(SPLIT_WAIT_S / 2)
        takes = self.list()
        if takes:
            self._save(takes[0].key)
        else:
            self.tell("Nothing was captured yet: play with the keys, MIDI or a microphone.", "plain")

    def _save(self, key: str) -> None:
        try:
            take = self.folder.find(key)
            stem = re.sub(r"[^\w\- ]+", "-", f"{take.info.piece or 'Take'} {take.title}").strip()
            place = export_folder()
            self.folder.save_midi(key, place / f"{stem}.mid")
            self.folder.save_wav(key, place / f"{stem}.wav")
            self.tell(f"Saved {stem}.mid and .wav in {place}", "good")
        except RipienoError as problem:
            self.tell(str(problem), "bad")
