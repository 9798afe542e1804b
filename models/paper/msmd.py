"""MSMD, the paper's polyphonic benchmark, built anew from its LilyPond sources: `data build msmd`.

The folder holds `ly/` and `pieces.json` (the data set's name of each piece: its `file` below `ly/`, its
published `split`). Every piece becomes a file as `data build nottingham-game` makes them, to be played by the
rules of MSMD (`"game": "msmd"`). Runs in the process that builds; LilyPond in children of its workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.paper.rounds import SPLITS_NAME, Tune, build_tunes, make_tune
from pieces import library
from pieces.errors import RipienoError
from pieces.files import replace_file
from pieces.lilypond import find_lilypond, open_source

LISTING_NAME = "pieces.json"
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
        entries = json.loads(listing.read_text(encoding="utf-8"))
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


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build into `out`; yields (done, all, why the last was left out or "").

    Raises:
        NoSources: see `read_sources`.
        NoLilyPond: there is none on this machine.
    """
    if source is None:
        raise NoSources(f"data build {name}: give the folder that holds it with --from.")
    sources = read_sources(source)
    find_lilypond()
    out.mkdir(parents=True, exist_ok=True)
    splits = {each.name: each.split for each in sources}
    replace_file(out / SPLITS_NAME, json.dumps(splits, indent=1).encode())
    order = np.random.default_rng(1).permutation(len(sources))[: count or len(sources)]
    makers = [(sources[i].name, partial(_compile_and_play, sources[i], seed)) for seed, i in enumerate(order)]
    yield from build_tunes(makers, out, workers)


def _compile_and_play(source: Source, seed: int) -> Tune:
    return make_tune(open_source(source.path, source.name), seed)
