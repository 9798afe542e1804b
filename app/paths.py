"""The folders and files that only the program itself uses; those shared with pieces are in `pieces.folders`.

Any thread may ask.
"""

from __future__ import annotations

from pathlib import Path

from pieces.folders import folder


def settings_path() -> Path:
    """The settings file."""
    return folder("config") / "settings.json"


def scores_path() -> Path:
    """The best scores of Play."""
    return folder("data") / "scores.json"


def takes_folder() -> Path:
    """One folder a take."""
    return folder("data", "takes")


def log_path() -> Path:
    """The log, with the tracebacks that the user is spared."""
    return folder("log") / "ripieno.log"
