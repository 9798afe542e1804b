"""The log file: where the tracebacks go that a user is spared.

Called once at the start of a process. A log that cannot be written is no reason not to play.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler

from app.paths import log_path
from pieces.errors import RipienoError

_log = logging.getLogger(__name__)
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
    watch_threads(_print)


def watch_threads(tell: Callable[[str], object]) -> None:
    """Log what ends a thread, and ``tell`` it; what fails in a C library's call is only logged."""

    def ended(fault: threading.ExceptHookArgs) -> None:
        problem, name = fault.exc_value, fault.thread.name if fault.thread else "unknown"
        if problem is None or isinstance(problem, SystemExit):
            return
        _log.error("the thread %s has ended", name, exc_info=problem)
        sentence = f"Something in the background failed ({name}); details are in the log."
        tell(str(problem) if isinstance(problem, RipienoError) else sentence)

    def unheard(fault: sys.UnraisableHookArgs) -> None:
        _log.error("%s: %r", fault.err_msg or "ignored in", fault.object, exc_info=fault.exc_value)

    threading.excepthook, sys.unraisablehook = ended, unheard


def _print(sentence: str) -> None:
    from app.console import print_error  # Only then: rich takes its time.

    print_error(sentence)


@contextlib.contextmanager
def stderr_to_log() -> Iterator[None]:
    """Send standard error, also that of C libraries and of child processes, to the log meanwhile."""
    try:
        sink = os.open(log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except (RipienoError, OSError):
        sink = os.open(os.devnull, os.O_WRONLY)
    with stderr_to(sink):
        yield


@contextlib.contextmanager
def stderr_to(sink: int) -> Iterator[None]:
    """Send standard error to a file descriptor meanwhile; closes it at the end."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
