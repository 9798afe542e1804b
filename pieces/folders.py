"""Where Ripieno keeps what is not part of the program: the one place that knows, for pieces, models and app.

Any thread and any process may ask; a folder is made when it is first asked for. The variable RIPIENO_HOME
moves everything below one folder (for tests, or to carry the program on a stick).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from pieces.errors import RipienoError

APP_NAME = "ripieno"
HOME_VARIABLE = "RIPIENO_HOME"


def folder(kind: str, *below: str) -> Path:
    """The folder of one kind, "config", "data", "cache" or "log", or one below it; made if it is not there.

    Raises:
        RipienoError: it cannot be made.
    """
    home = os.environ.get(HOME_VARIABLE)
    place = (Path(home).expanduser() / kind if home else Path(_PLATFORM[kind]())).joinpath(*below)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RipienoError(
            f"cannot make the folder {place} ({error.strerror}); set {HOME_VARIABLE} to one you can write to."
        ) from error
    return place


def _config() -> str:
    return platformdirs.user_config_dir(APP_NAME, appauthor=False)


def _data() -> str:
    return platformdirs.user_data_dir(APP_NAME, appauthor=False)


def _cache() -> str:
    return platformdirs.user_cache_dir(APP_NAME, appauthor=False)


def _log() -> str:
    return platformdirs.user_log_dir(APP_NAME, appauthor=False)


_PLATFORM = {"config": _config, "data": _data, "cache": _cache, "log": _log}


def cache_folder() -> Path:
    """What can be made again: engravings, thumbnails."""
    return folder("cache")


def user_pieces_folder() -> Path:
    """The scores that the user added to the library."""
    return folder("data", "pieces")
