"""Files that are never half-written: the new one is written beside the old, then takes its place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` at the end of the block; at any moment that is old or new.

    Raises:
        OSError: no such folder, not writable, or the disk is full; the old file is unharmed.
    """
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
