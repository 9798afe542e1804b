"""Which instruments a sound set (.sf2, .sf3) holds, read from its list of them without loading any sound.

The format is RIFF: chunks of a name, a size and so many bytes; the presets are listed in `phdr`, inside the
list `pdta`. Any thread.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

PIANO = (0, 0)
"""Bank and program of General MIDI's first instrument."""
_RECORD = struct.Struct("<20sHH14x")
"""Of a preset: its name, program and bank, and what does not matter here."""


def has_piano(path: Path) -> bool:
    """Whether the set plays by itself; a supplement to another one, of other banks, would be silent."""
    return PIANO in read_presets(path)


def read_presets(path: Path) -> frozenset[tuple[int, int]]:
    """(bank, program) of every preset; none where the file is damaged, or no sound set."""
    try:
        with path.open("rb") as file:
            listed = _read_listing(file)
    except OSError:
        return frozenset()
    whole = len(listed) // _RECORD.size
    records = [_RECORD.unpack_from(listed, index * _RECORD.size) for index in range(whole)]
    return frozenset((bank, program) for _, program, bank in records[:-1])    # the last one marks the end


def _read_listing(file: BinaryIO) -> bytes:
    """The content of `phdr`; nothing where there is none."""
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"sfbk":
        return b""
    while len(header := _read_header(file)) == 8:
        name, (size,) = header[:4], struct.unpack("<I", header[4:])
        if name == b"phdr":
            return file.read(size)
        if not (name == b"LIST" and file.read(4) == b"pdta"):
            file.seek(size - 4 * (name == b"LIST"), 1)
    return b""


def _read_header(file: BinaryIO) -> bytes:
    """Name and size of the next chunk, fewer than 8 bytes at the end. Some writers omit the byte that makes a
    chunk's size even, so it may come first.
    """
    header = file.read(8)
    return header[1:] + file.read(1) if header[:1] == b"\0" else header
