"""The music that followers are tested on and never trained on, built one performance at a time.

Five collections: the bundled pieces and generated ones (needing nothing but the program), tunes and piano
parts from the test split of the collections that `follower.data` builds training pieces of, recordings of
people at a computer-controlled piano, tied to the score by an alignment note by note, and MSMD's test
pieces. Builds in the calling process; engraving runs in its own child.
"""
from __future__ import annotations

import csv
import dataclasses
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from models import msmd, stored_items
from models.evaluation import EvaluationItem, Recipe
from models.evaluation_only import is_marked, read_mark
from models.features import SPEC
from models.midi_files import BadMidi
from models.performance import HUMAN, STRICT, Performance, Style, load_midi, perform
from models.sound import find_unheard_sound_set, render_performance
from pieces import library
from pieces.engraving import EngravingOptions, engrave
from pieces.errors import BadScore, RipienoError, Unusable
from pieces.lilypond import find_lilypond, open_source
from pieces.opening import open_piece
from pieces.piece import Piece
from pieces.reading import ScoreText, read_score
from pieces.strip import build_piece

TEMPO_FACTORS = (0.7, 1.0, 1.3)
GENERATED_FROM_SEED = 50_000_000
"""Far above any seed a training set of generated pieces reaches."""
ENGRAVING_LIMIT_S = 600.0
"""Nobody waits at a window, and a busy machine must not choose the pieces."""


@dataclass(frozen=True)
class Playing:
    """How scores are played for a test: the style, and the tempo factors, in turn."""

    style: Style
    tempo_factors: tuple[float, ...]


AS_A_PERSON = Playing(HUMAN, TEMPO_FACTORS)
AS_WRITTEN = Playing(STRICT, (1.0,))
"""As in the paper: the marked tempo, every note as long as it is written."""


def default(generated: int, playing: Playing = AS_A_PERSON) -> list[Recipe]:
    """Every bundled piece at each tempo factor, then `generated` made-up pieces, tunes and piano in turn."""
    factors = playing.tempo_factors
    recipes = []
    for entry in (entry for entry in library.list_pieces() if entry.bundled):
        for factor in factors:
            name = f"{entry.name} x {factor:g}"
            recipes.append(_recipe(name, "bundled", partial(_bundled, entry.name), factor, playing.style))
    for i in range(generated):
        factor, made = factors[i // 2 % len(factors)], partial(_generated, i)
        recipes.append(_recipe(f"generated {i}", "generated", made, factor, playing.style))
    return recipes


def recorded_pieces(source: Path | None) -> list[Recipe]:
    """MSMD's test pieces that the paper's pianists recorded, played as written: the synthesised scores of its
    Table 4.

    Raises NoSources where `source` is not laid out as MSMD's sources, or does not say which these are.
    """
    if source is None:
        raise msmd.NoSources("--recorded reads the folder of MSMD's sources; name it with --from.")
    return _as_written(msmd.read_recorded(source), "msmd, recorded pieces")


def from_folder(source: Path, playing: Playing = AS_A_PERSON) -> list[Recipe]:
    """What is found in `source`: folders called `nottingham`, `lieder` and `human`, or one of them itself.

    A folder that `data build msmd` reads gives MSMD's test pieces, always played as written, as in the paper;
    those of `human` are people's recordings whatever `playing` says, and may have been built. Raises
    RipienoError where there is none of them.
    """
    if is_marked(source):
        return stored_items.recipes_in(source)
    if (source / msmd.LISTING_NAME).is_file():
        tested = [each for each in msmd.read_sources(source) if each.split == msmd.HELD_OUT]
        return _as_written(tested, "msmd")
    scores = partial(_held_out_scores, playing)
    builders: dict[str, Callable[[str, Path], list[Recipe]]] = {
        "nottingham": scores, "lieder": scores, "human": _human_recipes,
    }  # fmt: skip
    recipes: list[Recipe] = []
    for name, builder in builders.items():
        folder = source if source.name == name else source / name
        if folder.is_dir():
            recipes += builder(name, folder)
    if not recipes:
        raise RipienoError(f"{source} holds none of {', '.join(builders)}; name the folder they are in.")
    return recipes


def unheard_sound_set_of(source: Path | None) -> str | None:
    """The sound set through which people's performances are heard; None where it is the bundled one.

    What `data build human` made sounds as it did there; all others through this machine's.
    """
    for folder in (source, source / "human") if source else ():
        if is_marked(folder):
            return read_mark(folder).unheard_sound_set
    unheard = find_unheard_sound_set()
    return unheard.name if unheard else None


def drawn(recipes: Sequence[Recipe], count: int, seed: int) -> list[Recipe]:
    """At most `count` of the recipes, in the order in which `seed` draws them; all as they are if it is 0.

    A smaller count gives the first of a larger one.
    """
    if not count:
        return list(recipes)
    order = np.random.default_rng(seed).permutation(len(recipes))
    return [recipes[i] for i in order[:count]]


def each_in_a_room(recipes: Sequence[Recipe], seed: int) -> list[Recipe]:
    """Every recipe, each followed by the same performance in a simulated room of its own.

    The room is drawn from `seed` and the name. Raises NoRooms where rooms cannot be simulated.
    """
    from models.rooms import find_simulator  # only some machines have it

    find_simulator()
    both: list[Recipe] = []
    for recipe in recipes:
        dry = Recipe(recipe.name, partial(_built_once, recipe))
        both += [dry, Recipe(f"{recipe.name} in a room", partial(_in_a_room, recipe, seed))]
    return both


def _built_once(recipe: Recipe) -> EvaluationItem:
    """The same object dry and for the room: engraved and rendered once, and opened once by every player."""
    built = _built_or_why_not(recipe)
    if isinstance(built, Unusable):
        raise built
    return built


@lru_cache(maxsize=1)
def _built_or_why_not(recipe: Recipe) -> EvaluationItem | Unusable:
    try:
        return recipe.build()
    except Unusable as error:
        return error


def _in_a_room(recipe: Recipe, seed: int) -> EvaluationItem:
    from models.rooms import in_room, seeded_response

    dry = _built_once(recipe)
    audio = in_room(dry.audio, seeded_response(zlib.crc32(f"{seed} {dry.name}".encode())))
    return dataclasses.replace(
        dry, name=f"{dry.name} in a room", audio=audio, collection=f"{dry.collection} in a room"
    )


def _recipe(
    name: str, collection: str, opened: Callable[[], Piece], factor: float, style: Style = HUMAN
) -> Recipe:
    """A performance of a piece, its seed drawn from its name."""

    def build() -> EvaluationItem:
        piece = _usable(opened)
        performance = perform(piece, zlib.crc32(name.encode()), style, factor)
        return EvaluationItem(name, piece, performance, render_performance(performance), collection)

    return Recipe(name, build)


@lru_cache(maxsize=1)
def _bundled(name: str) -> Piece:
    """The same object for each tempo, so that a player opens it once."""
    return open_piece(name)


def _usable(opened: Callable[[], Piece]) -> Piece:
    try:
        return opened()
    except BadScore as error:
        raise Unusable(str(error)) from error


def _generated(index: int) -> Piece:
    from models.follower.generator import generate_score

    return _engraved(generate_score(GENERATED_FROM_SEED + index, 1 + index % 2))


def _engraved(score: ScoreText) -> Piece:
    return build_piece(engrave(score, EngravingOptions(), ENGRAVING_LIMIT_S), score.name)


def _read_and_engrave(read: Callable[[], ScoreText]) -> Piece:
    return _engraved(read())


def _held_out_scores(playing: Playing, name: str, folder: Path) -> list[Recipe]:
    """Pieces of a training collection's test split, each at one of the tempo factors."""
    from models.follower.data import recipes, split_of

    scores = [(title, read) for title, read in recipes(name, folder, 0) if split_of(title) == "test"]
    factors = playing.tempo_factors
    return [
        _recipe(title, name, partial(_read_and_engrave, read), factors[i % len(factors)], playing.style)
        for i, (title, read) in enumerate(scores)
    ]


def _as_written(sources: Sequence[msmd.Source], collection: str) -> list[Recipe]:
    find_lilypond()
    return [
        _recipe(each.name, collection, partial(open_source, each.path, each.name), 1.0, STRICT)
        for each in sources
    ]


def _human_recipes(name: str, folder: Path) -> list[Recipe]:
    return stored_items.recipes_in(folder) if is_marked(folder) else takes_in(folder)


def takes_in(folder: Path) -> list[Recipe]:
    """People's performances in a folder, each in a folder of its own."""
    takes = sorted(path.parent for path in folder.glob("*/alignment.tsv"))
    return [Recipe(take.name, partial(_human, take)) for take in takes]


def _human(take: Path) -> EvaluationItem:
    """A person's performance, rendered from its MIDI, with anchors from its alignment.

    It sounds through the sound set kept for evaluation where this machine has it, else the bundled one.
    """
    piece = _usable(lambda: _engraved(read_score(take / "score.musicxml")))
    piece = dataclasses.replace(piece, name=take.name.rpartition("__")[0] or take.name)   # less the player
    try:
        played = load_midi(take / "performance.mid")
    except BadMidi as error:
        raise Unusable(f"{take.name}: {error}") from error
    quarters, seconds = aligned_onsets(piece, take / "alignment.tsv")
    performance = Performance(played.notes, played.pedal, quarters, seconds)
    audio = render_performance(performance, SPEC.sample_rate, find_unheard_sound_set())
    return EvaluationItem(take.name, piece, performance, audio, "human")


def _aligned_rows(alignment: Path) -> list[tuple[str, int, float]]:
    """(note, pass from 0, onset in seconds); raises Unusable where the file is of another layout."""
    try:
        lines = alignment.read_text(encoding="utf-8").splitlines()
        rows = [
            (row["note_id"], int(row["pass"]) - 1, float(row["onset_s"]))
            for row in csv.DictReader(lines, delimiter="\t")
        ]
        if not all(which >= 0 and math.isfinite(seconds) for _, which, seconds in rows):
            raise ValueError("passes count from 1")
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        layout = "a line of note_id, pass, pitch and onset_s, tabs between them, and lines of such values"
        raise Unusable(f"{alignment.parent.name}: {alignment.name} is not {layout}.") from error
    return rows


def aligned_onsets(piece: Piece, alignment: Path) -> tuple[np.ndarray, np.ndarray]:
    """Quarters and seconds (K,), both strictly increasing, from rows of note_id, pass, pitch, onset_s.

    A chord sounds when its first note does; an onset played before the one written ahead of it is left out.
    Raises Unusable where fewer than half of the rows name a note of the piece, or the file has others.
    """
    passes: dict[str, list[float]] = defaultdict(list)
    for note in piece.notes:
        passes[note.note_id].append(round(note.quarters, 6))
    onsets: dict[float, float] = {}
    rows = _aligned_rows(alignment)
    found = 0
    for note_id, which, seconds in rows:
        drawn = passes.get(note_id, [])
        if which < len(drawn):
            found += 1
            onsets[drawn[which]] = min(seconds, onsets.get(drawn[which], seconds))
    if found < 0.5 * len(rows) or len(onsets) < 2:
        raise Unusable(f"{alignment.parent.name}: {found} of {len(rows)} aligned notes are in the score")
    kept: list[tuple[float, float]] = []
    for quarters, seconds in sorted(onsets.items()):
        if not kept or seconds > kept[-1][1]:
            kept.append((quarters, seconds))
    return np.array([k[0] for k in kept]), np.array([k[1] for k in kept])
