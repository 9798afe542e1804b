"""Training items of MSMD's pieces as LilyPond engraves them: `data build mutopia`.

The folder is laid out as :mod:`models.msmd` says. MSMD's test pieces are left out, to be tested on, and the
music of `human`; of the others `split_of` decides, as of every item. Runs in the process that builds,
LilyPond in children of its workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from models.building import build_files
from models.follower.data import USUAL, Conditions, Item, check_conditions, play_piece, save_item
from models.msmd import HELD_OUT, NoSources, Source, read_sources
from pieces.lilypond import find_lilypond, open_source

PLAYED_BY_PEOPLE = frozenset({"BeethovenLv__O90__LVB_Sonate_90_1"})
"""Not test pieces of MSMD, but movements of `human` (there: Beethoven's sonata 27, first movement)."""


def build(
    name: str,
    source: Path | None,
    out: Path,
    renderings: int = 2,
    count: int = 0,
    workers: int = 2,
    conditions: Conditions = USUAL,
) -> Iterator[tuple[int, int, str]]:
    """Build into `out`; yields (done, all, why the last was left out or "").

    An item is the same whatever `count` is.

    Raises:
        NoSources: the folder is not laid out so, or holds nothing but test pieces.
        NoLilyPond: there is none on this machine.
        NoSynth: nothing can be played on this machine.
        NoRooms: there is a share in rooms, and they cannot be simulated.
    """
    if source is None:
        raise NoSources(f"data build {name}: give the folder that holds it with --from.")
    sources = training_sources(source, name)
    find_lilypond()
    check_conditions(conditions)
    order = np.random.default_rng(1).permutation(len(sources))[: count or len(sources)]
    makers = [
        (sources[i].name, partial(_compile_and_play, sources[i], int(i), renderings, conditions))
        for i in order
    ]
    yield from build_files(makers, save_item, out, workers)


def training_sources(folder: Path, name: str) -> list[Source]:
    """What may be trained on; raises NoSources where that is nothing."""
    sources = [
        each for each in read_sources(folder)
        if each.split != HELD_OUT and each.name not in PLAYED_BY_PEOPLE
    ]
    if not sources:
        raise NoSources(f"data build {name}: {folder} holds test pieces only. Nothing is trained on those.")
    return sources


def _compile_and_play(source: Source, seed: int, renderings: int, conditions: Conditions) -> Item:
    piece = open_source(source.path, source.name)
    return play_piece(piece, np.random.default_rng(seed), renderings, conditions)
