"""Training data: scores engraved many ways, played many ways, packed into one file a piece.

An item is all that the follower learns from: the strip as it sees it, its noteheads, and renderings (frames,
played notes, onset times). Built by child processes into a folder (:mod:`models.building`). Nothing here is
needed to follow.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from models.building import build_files
from models.features import SPEC, frames
from models.follower.reprint import AS_ENGRAVED, Reprint, draw_reprint, moved_px, reprint
from models.performance import HUMAN, Performance, Style, perform
from models.rooms import find_simulator, in_room, seeded_response
from models.sound import Synth, check_synth, find_training_sound_sets, render_performance
from pieces.engraving import EngravingOptions, engrave_here
from pieces.errors import BadScore, RipienoError
from pieces.files import replacing
from pieces.piece import STRIP_HEIGHT_PX, Piece
from pieces.reading import ScoreText, read_score
from pieces.strip import build_piece

WINDOW_HEIGHT_PX = 160
FONTS = ("Leipzig", "Bravura", "Gootville", "Petaluma", "Leland")
# General MIDI programs a follower should know: pianos, then what plays a tune or fills a hall.
PIANOS = (0, 0, 0, 1, 2, 3, 4, 5)
TUNE_PROGRAMS = (6, 11, 12, 16, 19, 21, 24, 25, 40, 48, 56, 68, 71, 73, 74, 79)
MAX_AUDIO_S = 150.0
SHORTEST_ONSETS = 16


@dataclass(frozen=True)
class Conditions:
    """How differently renderings of a piece are played; by default as for the follower that ships.

    ``rooms`` is the share heard in simulated rooms, ``tempo_log`` how far a tempo lies from the marked one at
    most, in the logarithm (log 2: from half of it to twice), ``silence_s`` the most that is added to the
    silence before the music, ``print_log`` how much larger or smaller, and wider or closer, a strip is than
    it was engraved, in the logarithm too. ``liberties`` is the share played by who takes liberties
    (:mod:`models.liberties`).
    """

    rooms: float = 0.0
    tempo_log: float = 0.35
    silence_s: float = 0.0
    print_log: float = 0.0
    liberties: float = 0.0


USUAL = Conditions()


@dataclass(frozen=True)
class Rendering:
    """One performance as the follower hears it.

    ``frames`` (T, 78) float16 (frames as :mod:`models.features` makes them), ``onset_s`` (K,) seconds of
    the piece's onsets, ``played`` (M, 4) float32: onset s, duration s, pitch, velocity of every struck key.
    """

    frames: NDArray[np.float16]
    onset_s: NDArray[np.float64]
    played: NDArray[np.float32]


@dataclass(frozen=True)
class Item:
    """A piece and its renderings.

    ``strip`` (80, W / 2) uint8: the strip's middle 160 rows, halved, 255 = ink. ``note_x_px`` and
    ``note_pitch`` (N,) every notehead, ``onset_x_px`` and ``onset_quarters`` (K,), ``system_x_px`` (S,)
    where a system begins. ``tolerance_px`` is the game's b.
    """

    name: str
    strip: NDArray[np.uint8]
    note_x_px: NDArray[np.float32]
    note_pitch: NDArray[np.int64]
    onset_x_px: NDArray[np.float64]
    onset_quarters: NDArray[np.float64]
    system_x_px: NDArray[np.float64]
    tolerance_px: float
    renderings: tuple[Rendering, ...]


def split_of(name: str) -> str:
    """Which split an item belongs to for ever: 10 % test, 5 % valid, the rest train."""
    place = zlib.crc32(name.encode()) % 100
    return "test" if place < 10 else "valid" if place < 15 else "train"


def middle_rows(strip: NDArray[np.uint8], rows: int = WINDOW_HEIGHT_PX) -> NDArray[np.uint8]:
    """Of a (200, W) strip so many ``rows``; by default what the window shows of it, (160, W)."""
    top = (STRIP_HEIGHT_PX - rows) // 2
    return strip[top : top + rows]


def halve(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The agent's view of a (200, W) strip: its middle 160 rows at half size, (80, W // 2)."""
    rows = middle_rows(strip)[:, : strip.shape[1] // 2 * 2].astype(np.uint16)
    quads = rows[0::2, 0::2] + rows[0::2, 1::2] + rows[1::2, 0::2] + rows[1::2, 1::2]
    return (quads >> 2).astype(np.uint8)


def make_item(piece: Piece, renderings: tuple[Rendering, ...], made: Reprint = AS_ENGRAVED) -> Item:
    """Reduce a piece to what training reads, in the size and spacing of another print."""
    strip, wider = reprint(piece, made)
    note_x_px = np.array([note.x_px for note in piece.notes])
    system_x_px = np.array([segment.strip_x0_px for segment in piece.segments])
    return Item(
        name=piece.name,
        strip=halve(strip),
        note_x_px=moved_px(note_x_px, wider).astype(np.float32),
        note_pitch=np.array([note.pitch for note in piece.notes], np.int64),
        onset_x_px=moved_px(piece.onset_x_px, wider),
        onset_quarters=piece.onset_quarters,
        system_x_px=moved_px(system_x_px, wider),
        tolerance_px=piece.tolerance_px,
        renderings=renderings,
    )


def make_rendering(performance: Performance, audio: NDArray[np.float32]) -> Rendering:
    """Frames and truth of one performance (which must have anchors)."""
    notes = performance.notes
    rows = np.array([(n.onset_s, n.duration_s, n.pitch, n.velocity) for n in notes], np.float32)
    return Rendering(frames(audio).astype(np.float16), performance.anchors_s, rows)


def save_item(item: Item, path: Path) -> None:
    """Write it in one stroke."""
    arrays = {name: value for name, value in vars(item).items() if name not in ("name", "renderings")}
    for index, rendering in enumerate(item.renderings):
        arrays |= {f"{name}{index}": value for name, value in vars(rendering).items()}
    with replacing(path) as file:
        np.savez(file, name=np.array(item.name), **arrays)


def load_item(path: Path) -> Item:
    """Inverse of :func:`save_item`."""
    with np.load(path, allow_pickle=False) as stored:
        return item_of(dict(stored))


def item_of(values: Mapping[str, NDArray[Any]]) -> Item:
    """An item from its arrays by name, as `save_item` stores them; raises KeyError where one is missing."""
    count = sum(name.startswith("frames") for name in values)
    renderings = tuple(
        Rendering(values[f"frames{index}"], values[f"onset_s{index}"], values[f"played{index}"])
        for index in range(count)
    )
    whole = ("strip", "note_x_px", "note_pitch", "onset_x_px", "onset_quarters", "system_x_px")
    return Item(
        name=str(values["name"]),
        tolerance_px=float(values["tolerance_px"]),
        renderings=renderings,
        **{name: values[name] for name in whole},
    )


def piano_staves(score: ScoreText) -> ScoreText:
    """Only the part with two staves of a song in MusicXML.

    Raises:
        BadScore: there is no such part.
    """
    root = ElementTree.fromstring(score.text)
    parts = root.findall("part")
    pianos = [part for part in parts if (part.findtext(".//staves") or "1").strip() == "2"]
    if not pianos:
        raise BadScore(f"{score.name}: no part with two staves.")
    keep = pianos[-1].get("id")
    for part in parts:
        if part.get("id") != keep:
            root.remove(part)
    listing = root.find("part-list")
    for child in list(listing) if listing is not None else ():
        if listing is not None and child.get("id") != keep:
            listing.remove(child)
    return ScoreText("musicxml", ElementTree.tostring(root, encoding="unicode"), score.name, "musicxml")


def random_engraving(rng: np.random.Generator) -> EngravingOptions:
    """Another house's style: font, size and spacing."""
    return EngravingOptions(
        font=str(rng.choice(FONTS)),
        staff_scale=float(rng.uniform(0.85, 1.2)),
        spacing_linear=float(rng.uniform(0.2, 0.32)),
        spacing_non_linear=float(rng.uniform(0.5, 0.7)),
        spacing_staff=int(rng.integers(9, 15)),
        spacing_system=int(rng.integers(4, 10)),
    )


_UNSCALED = ("pedal", "dynamics", "touch")
"""What of a style is no amount of freedom."""


def random_style(rng: np.random.Generator) -> Style:
    """From nearly strict to rather free."""
    amount = float(rng.uniform(0.2, 1.8))
    return replace(
        HUMAN, **{name: getattr(HUMAN, name) * amount for name in vars(HUMAN) if name not in _UNSCALED}
    )


def free_style(rng: np.random.Generator) -> Style:
    """One who takes liberties, more or fewer of each."""
    return replace(
        random_style(rng),
        arpeggio_rate=float(rng.uniform(0.0, 0.25)),
        dynamics=float(rng.uniform(8.0, 22.0)),
        section_tempo=float(rng.uniform(0.0, 0.6)),
        hold_rate=float(rng.uniform(0.0, 0.5)),
        ornament_rate=float(rng.uniform(0.0, 0.08)),
        roll_down_rate=0.25,
        touch=(float(rng.uniform(0.3, 0.9)), float(rng.uniform(0.95, 1.2))),
    )


def _clip(piece: Piece, performance: Performance) -> Performance:
    """At most :data:`MAX_AUDIO_S` of it: one long piece should not cost as much as ten."""
    keep = performance.anchors_s < MAX_AUDIO_S
    notes = tuple(note for note in performance.notes if note.onset_s < MAX_AUDIO_S)
    pedal = tuple(change for change in performance.pedal if change[0] < MAX_AUDIO_S)
    return Performance(notes, pedal, performance.anchors_quarters[keep], performance.anchors_s[keep])


def build_one(score: ScoreText, seed: int, renderings: int, conditions: Conditions = USUAL) -> Item:
    """Engrave and play one score, everything drawn from ``seed``; see :func:`play_piece`.

    Raises:
        BadScore: it cannot be engraved or is too short to be followed.
        NoRooms: there is a share in rooms, and they cannot be simulated.
    """
    rng = np.random.default_rng(seed)
    piece = build_piece(engrave_here(score, random_engraving(rng)), score.name)
    return play_piece(piece, rng, renderings, conditions)


def play_piece(
    piece: Piece, rng: np.random.Generator, renderings: int, conditions: Conditions = USUAL
) -> Item:
    """Play a piece so many times, everything drawn from ``rng``.

    Raises:
        BadScore: it is too short to be followed, or has more than two staves.
        NoRooms: there is a share in rooms, and they cannot be simulated.
    """
    if len(piece.onset_quarters) < SHORTEST_ONSETS or piece.staves > 2:
        raise BadScore(f"{piece.name}: too short, or more than two staves.")
    played = tuple(_play(piece, rng, conditions) for _ in range(renderings))
    made = draw_reprint(piece, rng, conditions.print_log) if conditions.print_log else AS_ENGRAVED
    return make_item(piece, played, made)


def _play(piece: Piece, rng: np.random.Generator, conditions: Conditions) -> Rendering:
    sets = find_training_sound_sets()
    programs = PIANOS if piece.staves == 2 or rng.random() < 0.6 else TUNE_PROGRAMS
    marked = piece.tempo_bpm if piece.tempo_bpm != 120 else float(rng.uniform(80, 150))
    factor = float(np.exp(rng.uniform(-conditions.tempo_log, conditions.tempo_log)))
    bpm = float(np.clip(marked, 50, 170)) * factor
    seed = int(rng.integers(2**31))
    free = conditions.liberties > 0 and rng.random() < conditions.liberties
    performance = perform(piece, seed, free_style(rng) if free else random_style(rng), tempo_bpm=bpm)
    if conditions.silence_s:
        performance = performance.delayed(float(rng.uniform(0.0, conditions.silence_s)))
    performance = _clip(piece, performance)
    synth = Synth(SPEC.sample_rate, sets[int(rng.integers(len(sets)))])
    audio = render_performance(performance, program=int(rng.choice(programs)), synth=synth)
    synth.close()
    if conditions.rooms and rng.random() < conditions.rooms:
        audio = in_room(audio, seeded_response(int(rng.integers(2**31))))
    return make_rendering(performance, audio)


def _engrave_and_play(
    read: Callable[[], ScoreText], seed: int, renderings: int, conditions: Conditions
) -> Item:
    return build_one(read(), seed, renderings, conditions)


@dataclass(frozen=True)
class _FromFile:
    """A picklable recipe: read a score file."""

    path: Path
    piano_only: bool = False

    def __call__(self) -> ScoreText:
        score = read_score(self.path)
        return piano_staves(score) if self.piano_only else score


@dataclass(frozen=True)
class _Generated:
    """A picklable recipe: compose a score."""

    seed: int
    staves: int

    def __call__(self) -> ScoreText:
        from models.follower.generator import generate_score

        return generate_score(self.seed, self.staves)


def recipes(name: str, source: Path | None, count: int) -> list[tuple[str, Callable[[], ScoreText]]]:
    """(item name, recipe) of a data set, in an order that a fixed seed shuffles once."""
    if name == "generated":
        return [(f"generated-{1 + i % 2}-{i}", _Generated(i, 1 + i % 2)) for i in range(count or 1000)]
    if source is None or not source.is_dir():
        raise RipienoError(f"data build {name}: give the folder that holds it with --from.")
    found: list[tuple[str, Callable[[], ScoreText]]] = []
    if name == "nottingham":
        for book in sorted(source.glob("*.abc")):
            numbers = [
                line[2:].strip() for line in io.StringIO(book.read_text(errors="replace")) if line[:2] == "X:"
            ]
            found += [(f"{book.stem}-{n}", _FromFile(book.with_name(f"{book.name}#{n}"))) for n in numbers]
    elif name == "lieder":
        found = [(path.stem, _FromFile(path, piano_only=True)) for path in sorted(source.glob("*.mxl"))]
    else:
        raise RipienoError(
            f"data build: no data set is called {name}; there are generated, lieder, nottingham."
        )
    if not found:
        raise RipienoError(f"data build {name}: nothing to read in {source}. Is it the right folder?")
    order = np.random.default_rng(1).permutation(len(found))
    return [found[index] for index in order[: count or len(found)]]


def check_conditions(conditions: Conditions) -> None:
    """Find out before long work whether music can be played under them; raises as :func:`build` does."""
    check_synth(training=True)
    if conditions.rooms:
        find_simulator()


def build(
    name: str,
    source: Path | None,
    out: Path,
    renderings: int = 2,
    count: int = 0,
    workers: int = 2,
    conditions: Conditions = USUAL,
) -> Iterator[tuple[int, int, str]]:
    """Build a data set of scores into ``out``; yields (done, all, why the last was skipped or "").

    Raises:
        RipienoError: there is nothing to read in ``source``.
        NoSynth: nothing can be played on this machine.
        NoRooms: there is a share in rooms, and they cannot be simulated.
    """
    check_conditions(conditions)
    makers = [
        (title, partial(_engrave_and_play, read, seed, renderings, conditions))
        for seed, (title, read) in enumerate(recipes(name, source, count))
    ]
    yield from build_files(makers, save_item, out, workers)
