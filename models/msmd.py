"""MSMD, the paper's polyphonic benchmark, as a folder of LilyPond sources: which pieces, in which split.

The folder holds `ly/` and `pieces.json` (the data set's name of each piece: its `file` below `ly/`, its
published `split`), and may hold `rp_split.yaml`, as MSMD publishes it: the pieces of the test split that the
paper's pianists recorded. Only reads; any process may call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pieces import library
from pieces.errors import RipienoError
from pieces.files import read_json

LISTING_NAME = "pieces.json"
RECORDED_NAME = "rp_split.yaml"
SPLITS = ("train", "valid", "test")
HELD_OUT = "test"


class NoSources(RipienoError):
    """A folder that is not laid out as MSMD's sources."""

    exit_code = 2


@dataclass(frozen=True)
class Source:
    """A piece of the data set: its name there, its LilyPond source, and its published split."""

    name: str
    path: Path
    split: str


def read_sources(folder: Path) -> list[Source]:
    """The pieces of a folder, in the order of their names.

    Pieces that the program brings along are left out unless they are to be tested on.

    Raises:
        NoSources: it is not laid out as above.
    """
    listing = folder / LISTING_NAME
    try:
        entries = read_json(listing)
        sources = [
            Source(str(name), folder / "ly" / entry["file"], entry["split"])
            for name, entry in sorted(entries.items())
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoSources(
            f'{folder} is not laid out as MSMD\'s sources: it needs ly/ and a pieces.json of {{"NAME": '
            f'{{"file": "BELOW_LY.ly", "split": "train"}}}} ({type(error).__name__}).'
        ) from error
    root = (folder / "ly").resolve()
    for source in sources:
        if source.split not in SPLITS or Path(source.name).name != source.name:
            raise NoSources(f"{listing}: {source.name} has no usable name, or no split of MSMD's.")
        if not source.path.resolve().is_relative_to(root):
            raise NoSources(f"{listing}: {source.name} lies outside of {root}.")
    if not sources:
        raise NoSources(f"{listing} lists no piece.")
    bundled = {name for entry in library.list_pieces() for name in entry.excluded_from_training}
    return [
        source for source in sources
        if source.split == HELD_OUT or f"mutopia/{source.path.relative_to(folder).as_posix()}" not in bundled
    ]


def read_recorded(folder: Path) -> list[Source]:
    """Those of the test split that the paper's pianists recorded (its Table 6).

    Raises:
        NoSources: see `read_sources`; or the folder does not say which, or a piece is not of the test split.
    """
    tested = {source.name: source for source in read_sources(folder) if source.split == HELD_OUT}
    path = folder / RECORDED_NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [tested[line.removeprefix("- ").strip()] for line in lines if line.startswith("- ")]
    except (OSError, ValueError, KeyError) as error:
        raise NoSources(f"{path} lists no test pieces of MSMD ({error}); copy it there again.") from error
    if not found:
        raise NoSources(f"{path} lists no piece.")
    return found
