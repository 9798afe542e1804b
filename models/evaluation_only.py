"""The mark of a folder that is for evaluation only: it says what the folder holds, and keeps training away.

`data build human` puts it there before the first piece. Needs the standard library alone, for whatever trains
asks for it, on any machine. Any process may read it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pieces.errors import RipienoError
from pieces.files import read_json, replace_file, saving

MARK_NAME = "evaluation-only.json"
VERSION = 1


class EvaluationOnly(RipienoError):
    """A folder marked as such that was named for training, or that what is to be built does not go into."""

    exit_code = 2


@dataclass(frozen=True)
class Mark:
    """What such a folder holds: the data set's name, its pieces, built already or not, and how they sound.

    `unheard_sound_set` is the sound set kept for evaluation, None where the bundled one stood in for it.
    """

    data: str
    pieces: tuple[str, ...]
    sample_rate: int
    unheard_sound_set: str | None


def is_marked(folder: Path) -> bool:
    """Whether a folder is for evaluation only; a mark that nobody can read is one."""
    return (folder / MARK_NAME).is_file()


def refuse_training_on(places: Iterable[Path]) -> None:
    """Raises EvaluationOnly where one of the folders is marked."""
    for place in places:
        if is_marked(place):
            raise EvaluationOnly(f"{place} is for evaluation only; name another folder to train on.")


def read_mark(folder: Path) -> Mark:
    """The mark of a folder; raises EvaluationOnly where it is damaged or of another version."""
    path = folder / MARK_NAME
    try:
        fields = read_json(path)
        if fields.pop("version") != VERSION:
            raise ValueError("of another version")
        return Mark(**{**fields, "pieces": tuple(map(str, fields["pieces"]))})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationOnly(f"{path} is damaged ({error}); remove {folder} and build it again.") from error


def mark(folder: Path, said: Mark) -> None:
    """Mark a folder, which is made if need be; the pieces that it was marked with stay among its pieces.

    Raises:
        EvaluationOnly: it holds other data, or was marked for other sounds, or cannot be written.
    """
    if is_marked(folder):
        before = read_mark(folder)
        if dataclasses.replace(before, pieces=said.pieces) != said:
            sounds = before.unheard_sound_set or "the bundled sound set"
            raise EvaluationOnly(f"{folder} is {before.data} through {sounds}; name another folder.")
        said = dataclasses.replace(said, pieces=tuple(sorted({*before.pieces, *said.pieces})))
    elif any(folder.glob("*.npz")):
        raise EvaluationOnly(f"{folder} holds other data already; name another folder.")
    content = json.dumps({"version": VERSION, **dataclasses.asdict(said)}, indent=1)
    with saving(folder / MARK_NAME, EvaluationOnly):
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / MARK_NAME, content.encode())
