"""The log file: where the tracebacks go that a user is spared.

Called once at the start of a process. A log that cannot be written is no reason not to play.
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

from app.paths import log_path
from pieces.errors import RipienoError

_MAX_BYTES = 1_000_000
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def start_logging(level: int = logging.INFO) -> None:
    """Send everything logged in this process to the log file; a second call changes nothing."""
    root = logging.getLogger()
    if any(isinstance(handler, RotatingFileHandler) for handler in root.handlers):
        return
    handler: logging.Handler
    try:
        handler = RotatingFileHandler(
            log_path(), maxBytes=_MAX_BYTES, backupCount=2, encoding="utf-8", delay=True
        )
    except (RipienoError, OSError):
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = False  # A full disk must not print tracebacks over the terminal.
