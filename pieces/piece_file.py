"""A piece as a file: pages, strip, notes and the map between them, so that nothing is engraved again.

The cache of opened pieces is made of these, and whatever keeps pieces beside their sound. Pure, any thread.
"""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pieces.meter import bars_of_rows
from pieces.piece import Piece, PlayedNotehead, Segment

_TEXT_FIELDS = ("name", "title", "composer", "source", "tempo_bpm", "length_quarters", "staves")


def piece_bytes(piece: Piece) -> bytes:
    """The content of its file: a compressed .npz."""
    header: dict[str, Any] = {name: getattr(piece, name) for name in _TEXT_FIELDS}
    header["notes"] = [dataclasses.astuple(note) for note in piece.notes]
    header["segments"] = [dataclasses.astuple(segment) for segment in piece.segments]
    header["measure_starts"] = piece.measure_starts
    header["bars"] = [dataclasses.astuple(bar) for bar in piece.bars]
    header["svg_pages"] = piece.svg_pages
    arrays = {f"page{index}": page for index, page in enumerate(piece.pages)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, header=text, strip=piece.strip, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_piece(file: Path | BinaryIO) -> Piece:
    """Inverse of :func:`piece_bytes`; raises whatever numpy, zip, zlib and JSON do where it is damaged."""
    with np.load(file, allow_pickle=False) as stored:
        header = json.loads(bytes(stored["header"]).decode())
        pages = tuple(stored[f"page{index}"] for index in range(len(header["svg_pages"])))
        strip = stored["strip"]
    return Piece(
        **{name: header[name] for name in _TEXT_FIELDS},
        pages=pages,
        svg_pages=tuple(header["svg_pages"]),
        strip=strip,
        notes=tuple(PlayedNotehead(*row) for row in header["notes"]),
        segments=tuple(Segment(*row) for row in header["segments"]),
        measure_starts=tuple((x_px, number) for x_px, number in header["measure_starts"]),
        bars=bars_of_rows(header["bars"]),
    )
