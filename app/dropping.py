"""What a dropped file becomes: a score opens, a recording is followed, a grid or song plays in the launchpad.

Main thread only; reading happens elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app.scenes.base import Scene
from app.scenes.launchpad_desk import SONG_OR_GRID
from app.scenes.studio import Studio
from app.sessions.launchpad import song_files
from models.midi_files import MIDI_SUFFIXES
from pieces.errors import RipienoError

SCORES = {".musicxml", ".mxl", ".xml", ".mei", ".krn", ".abc"}
RECORDINGS = {".wav", *MIDI_SUFFIXES}
UNREAD_SOUND = {".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff", ".wma"}


def typed_path(text: str) -> Path:
    """The file whose path people type or paste: in quotes, from the home folder, as an address.

    Raises RipienoError where there is none.
    """
    plain = text.strip().strip("'\"")
    if plain.startswith("file://"):
        plain = url2pathname(urlsplit(plain).path)
    path = Path(os.path.expanduser(plain))
    if not os.path.isfile(path):
        raise RipienoError(f"There is no file {path}. Check the path.")
    return path


def drop(path: Path, studio: Studio, go: Callable[[str], Scene]) -> None:
    """Open a score or a song, play a recording, start from a grid; ``go`` shows a scene and returns it.

    Raises:
        RipienoError: nothing of these is in the file, or no piece is open to follow the recording in.
    """
    ending = path.suffix.lower()
    if ending == SONG_OR_GRID:
        song_files.load(path)  # one that is refused stops no music in another scene
        go("launchpad").take_file(path)
    elif ending in SCORES:
        studio.say(f"Opening {path.name} …")
        studio.open_file(path)
    elif ending in UNREAD_SOUND:
        raise RipienoError(f"{path.name}: of recordings only WAV and MIDI are read. Export it as WAV.")
    elif ending not in RECORDINGS:
        raise RipienoError(
            f"{path.name} is neither a score (MusicXML, MXL, MEI, kern, ABC) nor a recording (WAV, MIDI)."
        )
    elif studio.piece is None:
        raise RipienoError(f"Open a piece first, then drop {path.name} again to have it followed.")
    else:
        go("follow")
        studio.play_recording(path)
