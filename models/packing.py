"""The packed form of training data: what `data build` made, in one small file to carry elsewhere.

A zip of a JSON listing and one compressed .npz a piece, named after it. Frames are kept in steps of
:data:`STEP` (so at most half of that off), ink in 16 shades, all else as it was. Reading needs numpy and the
standard library alone, and no library for music: what `train` runs on may have neither sound nor scores. Runs
in the process that packs or trains.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.evaluation_only import refuse_training_on
from models.features import SPEC
from pieces.errors import RipienoError
from pieces.files import replace_file, saving

Arrays = dict[str, NDArray[Any]]

STEP = 0.02
"""Of a frame's values, which are log10(1 + magnitude); 255 steps reach 5.1, three times a loud chord."""
SHADE = 17
"""255 levels of ink become 16."""
VERSION = 1
LISTING = "ripieno.json"
SUFFIX = ".npz"
LIMIT_BYTES = 60_000_000
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that was cut off, or is something else."""


class BadPack(RipienoError):
    """A file that holds no packed data, or not all of it."""

    exit_code = 2


@dataclass(frozen=True)
class Packed:
    """What went into a packed file: pieces, its size, and how many did not fit any more."""

    pieces: int
    size_bytes: int
    left_out: int


def quantised(arrays: Arrays) -> Arrays:
    """A piece's arrays as they are packed: frames (T, 78) as steps (78, T) uint8, ink as shades uint8."""
    return {name: _quantise(name, array) for name, array in arrays.items()}


def _quantise(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if _holds_frames(array):
        steps = np.rint(np.clip(array.astype(np.float32) / STEP, 0, 255)).astype(np.uint8)
        return np.ascontiguousarray(steps.T)              # a band varies slowly, so it compresses better
    return np.rint(array / SHADE).astype(np.uint8) if name == "strip" else array


def _holds_frames(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.shape[1] == SPEC.bands and array.dtype == np.float16


def restored(arrays: Arrays) -> Arrays:
    """Inverse of `quantised`, but for what it rounded off."""
    return {name: _restore(name, array) for name, array in arrays.items()}


def _restore(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if name == "strip":
        return array * np.uint8(SHADE)
    if array.ndim == 2 and array.shape[0] == SPEC.bands and array.dtype == np.uint8:
        return np.ascontiguousarray((array.T * np.float32(STEP)).astype(np.float16))
    return array


def pack(
    pieces: Sequence[tuple[str, str, Path]], out: Path, limit_bytes: int = LIMIT_BYTES
) -> Iterator[Packed]:
    """Put pieces, each (name, split, .npz file), into `out`, in an order drawn once and for all.

    Yields after each. It stops where the file would grow beyond `limit_bytes`; `out` is written at the end,
    in one stroke.

    Raises:
        BadPack: a piece's file is damaged, no piece fits, or `out` cannot be written.
    """
    content = io.BytesIO()
    order = np.random.default_rng(1).permutation(len(pieces))
    splits: dict[str, str] = {}
    room = limit_bytes - 1000
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, split, path in (pieces[i] for i in order):
            blob = _compressed(path)
            room -= len(blob) + 2 * len(name) + len(split) + 150              # its headers and its listing
            if room < 0:
                break
            archive.writestr(zipfile.ZipInfo(name + SUFFIX), blob)
            splits[name] = split
            yield Packed(len(splits), content.tell(), len(pieces) - len(splits))
        if not splits:
            raise BadPack(f"not one piece fits into {limit_bytes:,} bytes; name a larger --limit-mb.")
        archive.writestr(zipfile.ZipInfo(LISTING), _listing(splits), zipfile.ZIP_DEFLATED)
    with saving(out, BadPack):
        replace_file(out, content.getvalue())
    yield Packed(len(splits), len(content.getvalue()), len(pieces) - len(splits))


def _listing(splits: dict[str, str]) -> bytes:
    listing = {"version": VERSION, "features": SPEC.to_dict(), "step": STEP, "splits": splits}
    return json.dumps(listing, sort_keys=True).encode()


def _compressed(path: Path) -> bytes:
    try:
        arrays = quantised(load_arrays(path))
    except DAMAGE as error:
        raise BadPack(f"{path} is damaged ({error}); remove it and build the data again.") from error
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for flags
    return content.getvalue()


def read_splits(path: Path) -> dict[str, str]:
    """The split of every piece of a packed file, by name.

    Raises:
        BadPack: it is none, was cut off, or holds frames of another kind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listing = json.loads(archive.read(LISTING))
        version, features, step = listing["version"], listing["features"], listing["step"]
        splits = {str(name): str(split) for name, split in listing["splits"].items()}
    except (*DAMAGE, AttributeError) as error:
        raise _damaged(path) from error
    if (version, features, step) != (VERSION, SPEC.to_dict(), STEP):
        raise BadPack(f"{path} was packed by another version of Ripieno; make it again by data pack.")
    return splits


def read_pieces(path: Path, names: Sequence[str]) -> Iterator[Arrays]:
    """The arrays of these pieces of a packed file, in this order, as `data build` stored them.

    Raises:
        BadPack: it is damaged, or a name is not in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                yield restored(load_arrays(io.BytesIO(archive.read(name + SUFFIX))))
    except DAMAGE as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> BadPack:
    return BadPack(f"{path} is damaged, or no packed training data; copy it again, or make it by data pack.")


def pieces_to_pack(
    folders: Sequence[Path], split_in: Callable[[Path], Callable[[str], str]], excluded: frozenset[str]
) -> list[tuple[str, str, Path]]:
    """What `pack` takes: the train and valid pieces of folders that `data build` made, less the `excluded`.

    `split_in(folder)` says which split a name belongs to there. Raises BadPack where there is none, or two
    folders hold the same name, EvaluationOnly where nothing may be trained on a folder.
    """
    refuse_training_on(folders)
    found: dict[str, tuple[str, str, Path]] = {}
    for folder in folders:
        split_of = split_in(folder)
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            split = split_of(path.stem)
            if split not in ("train", "valid") or path.stem in excluded:
                continue
            if path.stem in found:
                raise BadPack(f"{path} and {found[path.stem][2]} have the same name; pack them apart.")
            found[path.stem] = (path.stem, split, path)
    if not found:
        raise BadPack(f"nothing to train on in {', '.join(map(str, folders))}; make it by data build.")
    return list(found.values())
