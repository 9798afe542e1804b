"""Open a piece by name or path: read, engrave, lay out, and remember the result on disk.

The cache is keyed by the score's text, the engraving's options and the version of this code, so it never
answers with something stale; a damaged entry is made anew. Blocks for the engraving's second or so: call
it from a worker thread, never from the one that draws.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path

from pieces import folders, library
from pieces.engraving import EngravingOptions, engrave
from pieces.files import replace_file
from pieces.piece import Piece
from pieces.piece_file import piece_bytes, read_piece
from pieces.reading import ScoreText, read_score
from pieces.strip import build_piece

CACHE_VERSION = 4
"""Raised whenever engraving, layout or strip change what comes out."""
MAX_CACHE_BYTES = 300_000_000


def open_piece(name_or_path: str | Path, options: EngravingOptions | None = None) -> Piece:
    """Open a piece of the library by its name, or any score file by its path.

    Raises:
        UnknownPiece: neither a name in the library nor a file.
        BadScore: the file cannot be read or engraved.
    """
    path = library.find(str(name_or_path))
    entry = library.describe(path)
    score = read_score(path)
    options = options or EngravingOptions()
    cached = _cache_path(score, options)
    piece = _load(cached)
    if piece is None:
        piece = build_piece(engrave(score, options), score.name)
        _save(piece, cached)
    if entry is None:
        return piece
    return dataclasses.replace(
        piece,
        name=entry.name,
        title=entry.title or piece.title,
        composer=entry.composer or piece.composer,
        source=entry.source,
        tempo_bpm=entry.tempo_bpm or piece.tempo_bpm,
    )


def _cache_path(score: ScoreText, options: EngravingOptions) -> Path:
    key = json.dumps([CACHE_VERSION, score.format, score.text, dataclasses.asdict(options)])
    return folders.cache_folder() / "pieces" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def _save(piece: Piece, path: Path) -> None:
    """Write beside, then replace. A full disk only costs the next opening its second."""
    with contextlib.suppress(OSError):  # what is not kept is engraved again
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent)
        replace_file(path, piece_bytes(piece))


def _make_room(folder: Path) -> None:
    """Drop the entries that were not used for longest while the cache is over its size."""
    entries = sorted(folder.glob("*.npz"), key=lambda entry: entry.stat().st_mtime)
    total = sum(entry.stat().st_size for entry in entries)
    for entry in entries:
        if total <= MAX_CACHE_BYTES:
            return
        total -= entry.stat().st_size
        entry.unlink(missing_ok=True)


def _load(path: Path) -> Piece | None:
    """The remembered piece, or None where there is none or it is damaged."""
    if not path.exists():
        return None
    try:
        piece = read_piece(path)
        os.utime(path)
        return piece
    except Exception:  # noqa: BLE001 - whatever is wrong with a cached file, the answer is to make it anew
        path.unlink(missing_ok=True)
        return None
