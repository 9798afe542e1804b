"""A child process that answers one request at a time: for work that would hold Python's lock for too long.

Threads of our own call :meth:`Child.ask` and wait there, never the thread of the window. The child runs a
module that ends in :func:`serve`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

_LENGTH = struct.Struct("<I")


class ChildDied(Exception):
    """It ended without an answer, twice, or it was closed."""


class Child:
    """Starts when it is first asked, and again after it died. Any thread may ask, one after the other."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._asking = threading.Lock()
        self._changing = threading.Lock()  # over which process there is, and whether there may be one

    def ask(self, request: bytes) -> bytes:
        """The child's answer. Raises ChildDied if it dies over this request twice, or was closed."""
        with self._asking:
            for _ in range(2):
                process = self._running()
                try:
                    assert process.stdin and process.stdout
                    _send(process.stdin, request)
                    return _receive(process.stdout)
                except (OSError, EOFError, ValueError):
                    _end(process)
        raise ChildDied(self._module)

    def close(self) -> None:
        """End it, and what it has started; a request under way raises ChildDied."""
        with self._changing:
            self._closed = True
            if self._process:
                _end(self._process)

    def _running(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._closed:
                raise ChildDied(self._module)
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", self._module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=Path(__file__).resolve().parents[1],
                    start_new_session=True,  # a group of its own, which ends as one
                )
            return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg") and process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # another thread has just ended it
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def serve(answer: Callable[[bytes], bytes]) -> None:
    """The child's side: answer requests until the pipe is closed. Nothing else may write to stdout."""
    if hasattr(os, "nice"):
        os.nice(5)
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            _send(pipe, answer(_receive(sys.stdin.buffer)))


def _send(pipe: IO[bytes], payload: bytes) -> None:
    pipe.write(_LENGTH.pack(len(payload)))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError("the pipe was closed")
    (length,) = _LENGTH.unpack(header)
    payload = pipe.read(length)
    if len(payload) < length:
        raise EOFError("the pipe was closed")
    return payload
