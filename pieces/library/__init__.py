"""The library: the bundled pieces, which lie in this folder, and those that the user added to another.

Any thread may list, find and describe; `add` engraves the score once to be sure that it opens and so blocks
for a second or more. Files are written beside and put in place in one stroke: two instances may work at once.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from pieces.errors import BundledPiece, RipienoError, UnknownPiece
from pieces.files import read_json, replace_file
from pieces.folders import user_pieces_folder
from pieces.reading import SUFFIXES, read_text_of_tune, split_tune

BUNDLED_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Entry:
    """One piece of the library. `seconds` is how long it lasts at `tempo_bpm` (quarters), with repeats.

    `level` goes from 1 (a tune) to 5; `excluded_from_training` names the files of the training data that hold
    the same music.
    """

    name: str
    title: str
    composer: str
    source: str
    path: Path
    staves: int
    seconds: float
    tempo_bpm: float = 0.0
    level: int = 0
    editor: str = ""
    license: str = ""
    bundled: bool = True
    excluded_from_training: tuple[str, ...] = ()


_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
"""What JSON may hold for a field of that type."""


def list_pieces() -> list[Entry]:
    """Bundled pieces in the catalogue's order, then the user's own by title."""
    return [*_bundled(), *sorted(_users(), key=lambda entry: _in_order(entry.title))]


def folded(text: str) -> str:
    """Without case and accents: how people search and sort."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _in_order(title: str) -> list[tuple[bool, int, str]]:
    """To sort titles as people do: No. 2 stands before No. 10, Étude beside Etude."""
    found = re.findall(r"([0-9]+)|([^0-9]+)", folded(title))
    return [(not digits, len(digits.lstrip("0")), digits.lstrip("0") or words) for digits, words in found]


def find(name: str) -> Path:
    """The file of a piece, by its name in the library or as the path that `name` is.

    Raises UnknownPiece, with the nearest names, where it is neither.
    """
    wanted = name.strip().casefold()
    for entry in list_pieces():
        if wanted in (entry.name.casefold(), entry.title.casefold()):
            return entry.path
    path = Path(name).expanduser()
    if split_tune(path)[0].suffix.lower() in SUFFIXES or os.sep in name:
        return path
    raise UnknownPiece(f"no piece is called {name[:60]!r}; {_suggestion(wanted)}")


def describe(path: Path) -> Entry | None:
    """The library's entry for a file, or None for a file that is not in it."""
    return next((entry for entry in list_pieces() if entry.path == path), None)


def add(path: Path | str) -> Entry:
    """Copy a score into the user's folder, after opening it. `book.abc#7` takes one tune out of a book.

    What the library has already, to the last byte, is not copied again: its entry is the answer.

    Raises BadScore where it cannot be opened, RipienoError where it cannot be copied.
    """
    from pieces.opening import open_piece  # opening looks names up here

    path = Path(path).expanduser()
    piece = open_piece(str(path.absolute()))
    source, tune = split_tune(path)
    content = source.read_bytes() if tune is None else read_text_of_tune(source, tune).encode()
    known = _holding(content, source.suffix.lower())
    if known is not None:
        return known
    name = _free_name(piece.name)
    folder = user_pieces_folder()
    seconds = piece.length_quarters * 60.0 / piece.tempo_bpm
    entry = Entry(
        name,
        piece.title or source.stem,
        piece.composer,
        piece.source or f"added from {source.name}",
        folder / f"{name}{source.suffix.lower()}",
        piece.staves,
        seconds,
        piece.tempo_bpm,
        bundled=False,
    )
    # A description without its score is not listed, so whoever is ended in between can add it again.
    _write(folder / f"{name}.json", json.dumps(_as_dict(entry), ensure_ascii=False, indent=1).encode())
    _write(entry.path, content)
    return entry


def _holding(content: bytes, suffix: str) -> Entry | None:
    """The entry whose file has this content, if there is one."""
    for entry in list_pieces():
        with suppress(OSError):  # a file that is gone is none
            alike = entry.path.suffix.lower() == suffix and entry.path.stat().st_size == len(content)
            if alike and entry.path.read_bytes() == content:
                return entry
    return None


def remove(name: str) -> None:
    """Take a piece of the user's out of the library, and delete the library's copy of it.

    Raises UnknownPiece for a name that is not there, BundledPiece, RipienoError where it cannot be deleted.
    """
    entry = next((entry for entry in list_pieces() if entry.name == name), None)
    if entry is None:
        raise UnknownPiece(f"no piece is called {name[:60]!r}; {_suggestion(name.casefold())}")
    if entry.bundled:
        raise BundledPiece(f"{name} comes with Ripieno and stays; only pieces that you added can be removed.")
    try:
        entry.path.unlink(missing_ok=True)
        entry.path.with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        raise RipienoError(
            f"{entry.path} cannot be deleted ({error.strerror}); delete it yourself."
        ) from error


@cache
def _bundled() -> tuple[Entry, ...]:
    catalogue = json.loads((BUNDLED_FOLDER / "catalogue.json").read_text(encoding="utf-8"))
    return tuple(_entry(item, BUNDLED_FOLDER, True) for item in catalogue["pieces"])


def _users() -> list[Entry]:
    """What the user added. A file without a readable description beside it is listed under its own name."""
    folder = user_pieces_folder()
    entries = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            item = read_json(path.with_suffix(".json"))
            entries.append(_entry({**item, "file": path.name}, folder, False))
        except (OSError, ValueError, TypeError, KeyError):
            entries.append(Entry(path.stem, path.stem, "", "", path, 0, 0.0, bundled=False))
    return entries


def _entry(item: dict[str, Any], folder: Path, bundled: bool) -> Entry:
    """Of a description that anybody may have written; raises TypeError or KeyError where it is none."""
    known = {field.name for field in fields(Entry)} - {"path", "bundled", "excluded_from_training"}
    excluded = tuple(item.get("excluded_from_training", ()))
    kept = {key: value for key, value in item.items() if key in known}
    for field in fields(Entry):
        if field.name in kept and not isinstance(kept[field.name], _KINDS[str(field.type)]):
            raise TypeError(f"{field.name} is no {field.type}")
    return Entry(path=folder / item["file"], bundled=bundled, excluded_from_training=excluded, **kept)


def _as_dict(entry: Entry) -> dict[str, Any]:
    item = asdict(entry)
    del item["path"], item["bundled"]
    return {**item, "file": entry.path.name}


def _free_name(wanted: str) -> str:
    """A slug of the wanted name that no piece has yet."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "piece"
    taken = {entry.name for entry in list_pieces()}
    candidates = (slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in candidates if name not in taken)


def _suggestion(wanted: str) -> str:
    """What to do about a name that is not there."""
    names = {entry.name.casefold(): entry.name for entry in list_pieces()}
    names |= {entry.title.casefold(): entry.name for entry in list_pieces()}
    near = dict.fromkeys(names[close] for close in difflib.get_close_matches(wanted, names, 3, 0.5))
    near |= dict.fromkeys(name for text, name in names.items() if len(wanted) > 2 and wanted in text)
    if near:
        return f"did you mean {' or '.join(list(near)[:3])}?"
    return "`pieces list` shows them all, or give the path of a score."


def _write(path: Path, content: bytes) -> None:
    try:
        replace_file(path, content)
    except OSError as error:
        raise RipienoError(
            f"{path.name} cannot be written to {path.parent} ({error.strerror}); make room there."
        ) from error
