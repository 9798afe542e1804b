"""Files that are never half-written: the new one is written beside the old, then takes its place.

All that the program keeps or exports is written through here. And JSON files, which anybody may have written:
a damaged one is set aside.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pieces.errors import RipienoError

MAX_JSON_BYTES = 64_000_000
LEAST_FREE_BYTES = 1_000_000
"""A disk with less than that is full to a program that writes pages."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` at the end of the block; at any moment that is old or new.

    Where a link leads to a file, the file is replaced; what is there and no file, as a pipe, a terminal or
    /dev/null, is written to.

    Raises:
        OSError: no such folder, not writable, or the disk is full; the old file is unharmed.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    path = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, as :func:`replacing` does."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def saving(path: Path, problem: type[RipienoError] = RipienoError) -> Iterator[None]:
    """Around what writes ``path``, or into it: where that fails, the user is told where, why, and what to do.

    Raises:
        problem: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise problem(f"{path} cannot be written ({reason}). Choose another place.") from error


def check_room(folder: Path, said: str) -> None:
    """After a program failed that wrote into ``folder`` and ``said`` so: was it for want of room?

    Raises:
        RipienoError: the disk is full.
    """
    if os.strerror(errno.ENOSPC) in said or shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise RipienoError(f"The disk of {folder.parent} is full. Free some room there.")


def set_aside(path: Path, moment: datetime) -> Path:
    """Rename a file that is of no use to the program, but may be to its owner; returns its new place.

    Raises:
        OSError: it stays where it is, and must not be overwritten.
    """
    return path.replace(path.with_name(f"{path.stem}.damaged-{moment:%Y%m%d-%H%M%S}{path.suffix}"))


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, too large, or nested without end.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError("it is too large")
    return parse_json(path.read_bytes())


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds; raises ValueError as `read_json` does."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
