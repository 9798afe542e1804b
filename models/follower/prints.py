"""Strips at full size with what is written on them, to learn reading from: `data build prints`.

Neither sound nor a performance is needed, so a piece costs what its engraving costs. The folder holds scores
that Verovio engraves (`*.mxl`, their piano staves alone), each in several houses' styles, some rewritten to
be harder to read (:mod:`models.follower.rewriting`), or is laid out as :mod:`models.msmd` says, and LilyPond
engraves it, in several sizes and spacings. Runs in the process that builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.building import build_files
from models.evaluation_only import refuse_training_on
from models.follower.data import middle_rows, random_engraving, recipes, split_of
from models.follower.mutopia import training_sources
from models.follower.noteheads import FINE_ROWS
from models.follower.reprint import draw_reprint, moved_px, reprint
from models.follower.rewriting import rewrite
from models.msmd import LISTING_NAME
from models.packing import DAMAGE, BadPack
from pieces.engraving import engrave_here
from pieces.errors import BadScore, RipienoError
from pieces.files import replacing
from pieces.lilypond import find_lilypond, open_source
from pieces.piece import Piece
from pieces.reading import ScoreText
from pieces.strip import build_piece

PRINTS = 2
"""Of each piece, where nothing else is said."""
_SPREAD_LOG = 0.15
"""How much larger or smaller, wider or closer LilyPond's print becomes, in the logarithm."""


@dataclass(frozen=True, eq=False)
class Print:
    """A strip's middle rows (192, W) uint8, 255 = ink, and its noteheads.

    ``note_x_px`` and ``note_pitch`` (N,) are struck notes; ``system_x_px`` (S,) is where a system begins.
    """

    strip: NDArray[np.uint8]
    note_x_px: NDArray[np.float32]
    note_pitch: NDArray[np.int64]
    system_x_px: NDArray[np.float64]


def save_print(made: Print, path: Path) -> None:
    """Write it in one stroke."""
    with replacing(path) as file:
        np.savez_compressed(file, **vars(made))


def load_print(path: Path) -> Print:
    """Inverse of :func:`save_print`; raises BadPack for any other file."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            made = Print(**stored)
            if made.strip.shape[0] != FINE_ROWS:
                raise ValueError(f"a strip of {made.strip.shape[0]} rows")
            return made
    except DAMAGE as error:
        raise BadPack(f"{path} is damaged, or no print; remove it and build the data again.") from error


def load_prints(folders: list[Path], split: str, excluded: frozenset[str] = frozenset()) -> list[Print]:
    """Every print of a split, by name; the prints of a piece are all of one split."""
    refuse_training_on(folders)
    paths = sorted(path for folder in folders for path in folder.glob("*.npz"))
    return [
        load_print(path)
        for path in paths
        if split_of(_piece_name(path)) == split and _piece_name(path) not in excluded
    ]


def build(
    name: str,
    source: Path | None,
    out: Path,
    renderings: int = PRINTS,
    count: int = 0,
    workers: int = 2,
    rewritten: float = 0.0,
) -> Iterator[tuple[int, int, str]]:
    """Print each piece so many times into ``out``; yields (done, all, why the last was left out or "").

    ``rewritten`` is the share of prints that are harder to read than the piece is.

    Raises:
        RipienoError: there is nothing to read in ``source``, LilyPond is missing where it is needed, or what
            it engraves should be rewritten.
    """
    if source is None:
        raise RipienoError(f"data build {name}: give the folder that holds it with --from.")
    makers: list[tuple[str, Callable[[], Print]]] = []
    if (source / LISTING_NAME).exists():
        if rewritten:
            raise RipienoError(f"data build {name}: LilyPond's sources cannot be rewritten, MusicXML can.")
        find_lilypond()
        sources = training_sources(source, name)
        order = np.random.default_rng(1).permutation(len(sources))[: count or len(sources)]
        for index in map(int, order):
            piece = sources[index]
            makers += [
                (f"{piece.name}.{which}", partial(_with_lilypond, piece.path, piece.name, (index, which)))
                for which in range(renderings)
            ]
    else:
        for seed, (title, read) in enumerate(recipes("lieder", source, count)):
            makers += [
                (f"{title}.{which}", partial(_with_verovio, read, (seed, which), rewritten))
                for which in range(renderings)
            ]
    yield from build_files(makers, save_print, out, workers)


def _piece_name(path: Path) -> str:
    return path.stem.rpartition(".")[0]


def _with_verovio(read: Callable[[], ScoreText], seed: tuple[int, int], rewritten: float) -> Print:
    score, rng = read(), np.random.default_rng(seed)
    engraving = random_engraving(rng)
    if rewritten and rng.random() < rewritten:
        score = rewrite(score, rng)
    engraved = engrave_here(score, engraving)
    return _reduced(build_piece(engraved, score.name), None)


def _with_lilypond(path: Path, title: str, seed: tuple[int, int]) -> Print:
    return _reduced(open_source(path, title), np.random.default_rng(seed))


def _reduced(piece: Piece, rng: np.random.Generator | None) -> Print:
    """What is learned from, in another size and spacing where there is something to draw from."""
    if piece.staves > 2:
        raise BadScore(f"{piece.name}: more than two staves.")
    strip, wider = piece.strip, 1.0
    if rng is not None:
        strip, wider = reprint(piece, draw_reprint(piece, rng, _SPREAD_LOG))
    return Print(
        strip=middle_rows(strip, FINE_ROWS),
        note_x_px=moved_px(np.array([note.x_px for note in piece.notes]), wider).astype(np.float32),
        note_pitch=np.array([note.pitch for note in piece.notes], np.int64),
        system_x_px=moved_px(np.array([each.strip_x0_px for each in piece.segments]), wider),
    )
