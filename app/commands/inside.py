"""`inside`: a follower's value, action probabilities and belief over a whole piece, as a table and pictures.

Runs on the main thread, without a window; the same path as `follow --headless`.
"""

from __future__ import annotations

from pathlib import Path

from app.console import console, progress
from app.engine.runner import InlineRunner
from app.sessions.headless import follow_sound, sound_of
from app.sessions.inside.paper import paper_colours
from models.features import SPEC
from models.follower.network import Reader
from models.inside.colours import Colours
from models.inside.embedding_map import NoMap, embedding_map, why_no_map
from models.inside.listening import attribute, fit_of_sound, moment_at, reader_of
from models.inside.moments import fit_map, gradients_picture
from models.inside.record import Record, Recorder, record
from models.inside.timeline import timeline
from models.players import load_player
from pieces.files import replace_file, saving
from pieces.opening import open_piece
from pieces.piece import Piece


def inside_headless(
    piece_name: str,
    out: Path,
    audio: Path | None,
    midi: Path | None,
    follower: str,
    at_s: tuple[float, ...],
    seed: int,
) -> None:
    """Follow one file, or the bundled performance, and write to ``out`` what was going on inside.

    ``record.tsv`` and ``timeline.png``; ``tsne.png``, or a line that says why not; for every second of
    ``at_s`` ``fit-SECONDS.png`` and ``gradients-SECONDS.png``, and a line where these are only rough.

    Raises:
        RipienoError: the piece, the file, the follower or a moment cannot be used, or ``out`` not be written.
    """
    piece = open_piece(piece_name)
    player = load_player(follower, seed, relocate=True)
    reader = reader_of(player) if at_s else None
    followed = _follow(piece, Recorder(player), audio, midi, at_s, seed)
    rows = {second: followed.row_at(second) for second in at_s}
    colours = paper_colours()
    files = {"record.tsv": followed.table().encode(), "timeline.png": timeline(followed, colours)}
    files |= _map(followed, colours, seed)
    for second, row in rows.items():
        assert reader is not None
        files |= _look_into(piece, followed, reader, second, row, colours)
    _write(out, files)
    console.print(
        f"{piece.name}: {len(followed.states)} frames; {', '.join(files)} in {out}.",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _map(followed: Record, colours: Colours, seed: int) -> dict[str, bytes]:
    """The map by its name, or nothing."""
    why = why_no_map(followed)
    if not why:
        try:
            return {"tsne.png": embedding_map(followed, colours, seed)}
        except NoMap as problem:
            why = str(problem)
    console.print(f"No tsne.png: {why}", markup=False, soft_wrap=True)
    return {}


def _look_into(
    piece: Piece, followed: Record, reader: Reader, second: float, row: int, colours: Colours
) -> dict[str, bytes]:
    """The two pictures of a moment, by name."""
    moment = moment_at(piece, followed, row)
    with progress(f"Looking into {second:g} s") as advance:
        found = attribute(reader, moment, advance)
    if found.rough:
        rough = f"gradients-{second:g}.png is rough: the sum of its gradients is off by {found.error:.0%}."
        console.print(rough.replace("%", " %"), markup=False, soft_wrap=True)
    return {
        f"fit-{second:g}.png": fit_map(piece, followed, row, fit_of_sound(reader, moment), colours),
        f"gradients-{second:g}.png": gradients_picture(found, second, colours),
    }


def _follow(
    piece: Piece,
    recorder: Recorder,
    audio: Path | None,
    midi: Path | None,
    at_s: tuple[float, ...],
    seed: int,
) -> Record:
    sound, rate = sound_of(piece, audio, midi, seed)
    frames = len(sound) / rate * SPEC.fps
    runner = InlineRunner(recorder)
    try:
        runner.open(piece)
        with progress(f"Following {piece.title or piece.name}") as advance:
            moments = follow_sound(piece, runner, sound, rate)
            return record(moments, recorder, at_s, progress=lambda done: advance(done, frames))
    finally:
        runner.close()


def _write(out: Path, files: dict[str, bytes]) -> None:
    with saving(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(out / name, content)
