"""`inside`: a follower's value, action probabilities and belief over a whole piece, as a table and pictures.

Runs on the main thread, without a window; the same path as `follow --headless`.
"""

from __future__ import annotations

from pathlib import Path

from app import theme
from app.console import console, progress
from app.engine.runner import InlineRunner
from app.sessions.headless import follow_sound, sound_of
from models.features import SPEC
from models.inside.record import Record, Recorder, record
from models.inside.style import Colours
from models.inside.timeline import timeline
from models.players import load_player
from pieces.errors import RipienoError
from pieces.files import replace_file
from pieces.opening import open_piece
from pieces.piece import Piece


def inside_headless(
    piece_name: str, out: Path, audio: Path | None, midi: Path | None, follower: str, seed: int
) -> None:
    """Follow one file, or the bundled performance, and write ``record.tsv`` and ``timeline.png`` to ``out``.

    Raises:
        RipienoError: the piece, the file or the follower cannot be used, or ``out`` not be written.
    """
    piece = open_piece(piece_name)
    recorder = Recorder(load_player(follower, seed, relocate=True))
    followed = _follow(piece, recorder, audio, midi, seed)
    files = {"record.tsv": followed.table().encode(), "timeline.png": timeline(followed, paper_colours())}
    _write(out, files)
    frames = len(followed.states)
    console.print(f"{piece.name}: {frames} frames, in {out}.", markup=False, soft_wrap=True)


def paper_colours() -> Colours:
    """The theme's colours on paper. Orange is the musician's, so an agent's pictures have none."""

    def share(colour: theme.Colour) -> tuple[float, float, float]:
        red, green, blue = colour
        return red / 255, green / 255, blue / 255

    return Colours(
        paper=share(theme.PAPER),
        ink=share(theme.INK),
        quiet=share(theme.QUIET_ON_PAPER),
        machine=share(theme.MACHINE_ON_PAPER),
        machine_light=share(theme.MACHINE),
    )


def _follow(piece: Piece, recorder: Recorder, audio: Path | None, midi: Path | None, seed: int) -> Record:
    sound, rate = sound_of(piece, audio, midi, seed)
    frames = len(sound) / rate * SPEC.fps
    runner = InlineRunner(recorder)
    try:
        runner.open(piece)
        with progress(f"Following {piece.title or piece.name}") as advance:
            moments = follow_sound(piece, runner, sound, rate)
            return record(moments, recorder, progress=lambda done: advance(done, frames))
    finally:
        runner.close()


def _write(out: Path, files: dict[str, bytes]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(out / name, content)
    except OSError as error:
        raise RipienoError(f"{out}: cannot be written ({error.strerror}). Choose another place.") from error
