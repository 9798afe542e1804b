"""MSMD, the paper's polyphonic benchmark, built anew from its LilyPond sources: `data build msmd`.

The folder is laid out as :mod:`models.msmd` says. Every piece becomes a file as `data build nottingham-game`
makes them, to be played by the rules of MSMD (`"game": "msmd"`). Runs in the process that builds; LilyPond in
children of its workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from models.building import build_files
from models.msmd import NoSources, Source, read_sources
from models.paper.rounds import SPLITS_NAME, Tune, make_tune, save
from models.sound import check_synth
from pieces.files import replace_file
from pieces.lilypond import find_lilypond, open_source


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build into `out`; yields (done, all, why the last was left out or "").

    Raises:
        NoSources: see `read_sources`.
        NoLilyPond: there is none on this machine.
        NoSynth: nothing can be played on this machine.
    """
    if source is None:
        raise NoSources(f"data build {name}: give the folder that holds it with --from.")
    sources = read_sources(source)
    find_lilypond()
    check_synth()
    out.mkdir(parents=True, exist_ok=True)
    splits = {each.name: each.split for each in sources}
    replace_file(out / SPLITS_NAME, json.dumps(splits, indent=1).encode())
    order = np.random.default_rng(1).permutation(len(sources))[: count or len(sources)]
    makers = [(sources[i].name, partial(_compile_and_play, sources[i], seed)) for seed, i in enumerate(order)]
    yield from build_files(makers, save, out, workers)


def _compile_and_play(source: Source, seed: int) -> Tune:
    return make_tune(open_source(source.path, source.name), seed)
