"""The paper's one-line tunes as rounds of the game: `data build nottingham-game`, and reading what it made.

Each tune is engraved once, plainly, and played twice: exactly as written by one piano, as in the paper, and
as a person might (rubato, another tempo). Unlike the shipped follower's training data the strip keeps its
full size, which the Nottingham game is played on. Built by child processes, one file a tune
(:mod:`models.building`). Runs in the process that builds or trains.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.building import build_files
from models.evaluation_only import refuse_training_on
from models.features import SPEC, frames
from models.follower.data import SHORTEST_ONSETS, recipes, split_of
from models.game import Round, Truth
from models.packing import read_pieces, read_splits
from models.performance import HUMAN, STRICT, perform
from models.sound import check_synth, render_performance
from pieces import library
from pieces.engraving import engrave
from pieces.errors import BadScore, RipienoError
from pieces.files import read_json, replace_file
from pieces.piece import Piece
from pieces.reading import ScoreText
from pieces.strip import build_piece

STYLES = ("written", "played")
"""The two renderings of a tune."""
SPLITS_NAME = "splits.json"
"""In a folder whose tunes have a published split: that of each tune."""


class NoRounds(RipienoError):
    """A folder without rounds, or with files that hold none."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Tune:
    """A piece and what is heard of it: `rounds` by style (see STYLES), all on the same strip."""

    name: str
    rounds: dict[str, Round]


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build into `out`; yields (done, all, why the last was left out or "")."""
    wanted = recipes(name.removesuffix("-game"), source, count)
    check_synth()
    makers = [(title, partial(_engrave_and_play, read, seed)) for seed, (title, read) in enumerate(wanted)]
    yield from build_files(makers, save, out, workers)


def _engrave_and_play(read: Callable[[], ScoreText], seed: int) -> Tune:
    score = read()
    return make_tune(build_piece(engrave(score), score.name), seed)


def make_tune(piece: Piece, seed: int) -> Tune:
    """Play a piece in both styles; raises BadScore where it is too short to be followed."""
    if len(piece.onset_quarters) < SHORTEST_ONSETS:
        raise BadScore(f"{piece.name}: fewer than {SHORTEST_ONSETS} onsets; it is left out.")
    tempo_factor = float(np.exp(np.random.default_rng(seed).uniform(-0.3, 0.3)))
    performances = {
        "written": perform(piece, seed, STRICT),
        "played": perform(piece, seed, HUMAN, tempo_factor),
    }
    rounds = {
        style: Round(
            piece.strip,
            frames(render_performance(performance, SPEC.sample_rate)),
            Truth.from_performance(piece, performance),
        )
        for style, performance in performances.items()
    }
    return Tune(piece.name, rounds)


def save(tune: Tune, path: Path) -> None:
    """Write a tune, compressed; the reader sees all of it or nothing."""
    arrays: dict[str, NDArray[np.generic]] = {"strip": next(iter(tune.rounds.values())).strip}
    for style, played in tune.rounds.items():
        arrays[f"{style}_frames"] = played.frames.astype(np.float16)
        arrays[f"{style}_onset_frames"] = played.truth.onset_frames
        arrays[f"{style}_onset_x_px"] = played.truth.onset_x_px
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for flags
    replace_file(path, content.getvalue())


def load(path: Path) -> Tune:
    """Inverse of `save`; raises NoRounds for any other file."""
    try:
        return tune_of(path.stem, load_arrays(path))
    except (OSError, ValueError, KeyError) as error:
        raise NoRounds(f"{path} holds no tune ({error}); remove it and build the data again.") from error


def tune_of(name: str, arrays: Mapping[str, NDArray[Any]]) -> Tune:
    """A tune from its arrays, as `save` stores them; raises KeyError where one is missing."""
    rounds = {
        style: Round(
            arrays["strip"],
            arrays[f"{style}_frames"].astype(np.float32),
            Truth(arrays[f"{style}_onset_frames"], arrays[f"{style}_onset_x_px"]),
        )
        for style in STYLES
    }
    return Tune(name, rounds)


def load_split(folder: Path, split: str, styles: tuple[str, ...], limit: int = 0) -> list[Round]:
    """The rounds of a split in a folder or packed file, tune by tune; the library's own pieces are left out.

    `limit` is the number of tunes, 0 for all. Raises NoRounds where there is none, BadPack for damage,
    EvaluationOnly where nothing may be trained on the folder.
    """
    refuse_training_on([folder])
    excluded = {
        Path(name).name.replace(".abc#", "-")
        for entry in library.list_pieces() for name in entry.excluded_from_training
    }
    names = read_splits(folder) if folder.is_file() else [path.stem for path in folder.glob("*.npz")]
    split_in = splits_in(folder)
    wanted = [name for name in sorted(names) if split_in(name) == split and name not in excluded]
    if not wanted:
        raise NoRounds(
            f"{folder} holds no {split} tunes: make them with "
            f"launch.py data build nottingham-game (or msmd) --from FOLDER --out {folder}"
        )
    tunes = _load_all(folder, wanted[: limit or len(wanted)])
    return [tune.rounds[style] for tune in tunes for style in styles]


def _load_all(folder: Path, names: Sequence[str]) -> list[Tune]:
    if not folder.is_file():
        return [load(folder / f"{name}.npz") for name in names]
    try:
        packed = read_pieces(folder, names)
        return [tune_of(name, arrays) for name, arrays in zip(names, packed, strict=True)]
    except KeyError as error:
        raise NoRounds(f"{folder} holds no tunes of this game, but another data set's.") from error


def splits_in(folder: Path) -> Callable[[str], str]:
    """Which split a tune of this folder or file belongs to: the published one, else by its name."""
    if folder.is_file():
        packed = read_splits(folder)
        return lambda title: packed.get(title, "")
    path = folder / SPLITS_NAME
    if not path.exists():
        return split_of
    try:
        published = {str(title): str(split) for title, split in read_json(path).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise NoRounds(f"{path} holds no splits ({error}); build the data again.") from error
    return lambda title: published.get(title, "")
