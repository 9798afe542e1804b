"""Evaluation items as files: a performance of a piece and its sound, engraved and rendered once.

What is read is what was saved, sample for sample, so that an evaluation of the files finds what one of their
source finds. Runs in the process that builds or evaluates.
"""

from __future__ import annotations

import io
import math
from functools import partial
from pathlib import Path

import numpy as np

from models.arrays import load_arrays
from models.building import SKIPPED_NAME, read_skipped
from models.evaluation import EvaluationItem, Recipe
from models.evaluation_only import read_mark
from models.packing import DAMAGE
from models.performance import Performance, PlayedNote
from pieces.errors import Unusable
from pieces.files import replacing
from pieces.piece_file import piece_bytes, read_piece


def save(item: EvaluationItem, path: Path) -> None:
    """Write it in one stroke. Sound is kept as it is: rounded or compressed it is another, or takes long."""
    played = item.performance
    with replacing(path) as file:
        np.savez(
            file, name=np.array(item.name), collection=np.array(item.collection), audio=item.audio,
            piece=np.frombuffer(piece_bytes(item.piece), np.uint8),
            notes=np.array([_row(note) for note in played.notes]),
            pedal=np.array(played.pedal, np.float64).reshape(-1, 2),
            anchors_quarters=played.anchors_quarters, anchors_s=played.anchors_s,
        )  # fmt: skip


def load(path: Path) -> EvaluationItem:
    """Inverse of `save`; raises Unusable for any other file."""
    try:
        arrays = load_arrays(path)
        notes = tuple(map(_note, arrays["notes"].tolist()))
        pedal = tuple((time_s, bool(down)) for time_s, down in arrays["pedal"].tolist())
        performance = Performance(notes, pedal, arrays["anchors_quarters"], arrays["anchors_s"])
        piece = read_piece(io.BytesIO(arrays["piece"].tobytes()))
        name, collection = str(arrays["name"]), str(arrays["collection"])
        return EvaluationItem(name, piece, performance, arrays["audio"], collection)
    except DAMAGE as error:
        raise Unusable(f"{path} is damaged ({error}); remove it and build the data again.") from error


def _row(note: PlayedNote) -> tuple[float, ...]:
    """A note as numbers; NaN where it plays nothing that is written."""
    quarters = math.nan if note.quarters is None else note.quarters
    return note.onset_s, note.duration_s, note.pitch, note.velocity, quarters


def _note(row: list[float]) -> PlayedNote:
    """Inverse of `_row`."""
    onset_s, duration_s, pitch, velocity, quarters = row
    written = None if math.isnan(quarters) else quarters
    return PlayedNote(onset_s, duration_s, int(pitch), int(velocity), written)


def recipes_in(folder: Path) -> list[Recipe]:
    """Every piece of a marked folder (:mod:`models.evaluation_only`), as its source would give them.

    Those that are not there raise Unusable when they are built, and say why. Raises EvaluationOnly where the
    mark is damaged.
    """
    skipped = read_skipped(folder)
    names = read_mark(folder).pieces
    return [Recipe(name, partial(_stored, folder, name, skipped.get(name, ""))) for name in names]


def _stored(folder: Path, name: str, left_out: str) -> EvaluationItem:
    path = folder / f"{name}.npz"
    if left_out and not path.exists():
        raise Unusable(f"{name} was left out when {folder} was built ({SKIPPED_NAME}): {left_out}")
    if not path.exists():
        raise Unusable(f"{name} is not in {folder} yet; build the data again to go on with it.")
    return load(path)
