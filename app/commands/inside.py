"""`inside`: a follower's value, action probabilities and belief over a whole piece, as a table and a picture.

Runs on the main thread, without a window; the same path as `follow --headless`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.console import console
from app.engine.runner import InlineRunner
from app.engine.snapshot import Snapshot
from app.sessions.headless import follow_sound, sound_of
from models.players import load_player
from pieces.errors import RipienoError
from pieces.files import replace_file
from pieces.opening import open_piece

COLUMNS = ("time_s", "x_px", "value", "slower", "keep", "faster", "confidence")


def inside_headless(
    piece_name: str, out: Path, audio: Path | None, midi: Path | None, follower: str, seed: int
) -> None:
    """Follow one file, or the bundled performance, and write ``record.tsv`` and ``timeline.png`` to ``out``.

    Raises:
        RipienoError: the piece, the file or the follower cannot be used, or ``out`` not be written.
    """
    piece = open_piece(piece_name)
    sound, rate = sound_of(piece, audio, midi, seed)
    runner = InlineRunner(load_player(follower, seed, relocate=True))
    try:
        runner.open(piece)
        snapshots = list(follow_sound(piece, runner, sound, rate))
    finally:
        runner.close()
    try:
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / "record.tsv", table(snapshots).encode())
        replace_file(out / "timeline.png", timeline(snapshots))
    except OSError as error:
        raise RipienoError(f"{out}: cannot be written ({error.strerror}). Choose another place.") from error
    console.print(f"{piece.name}: {len(snapshots)} frames, in {out}.", markup=False, soft_wrap=True)


def table(snapshots: list[Snapshot]) -> str:
    """A row a frame, in the order of :data:`COLUMNS`, as tab-separated text."""
    rows = ["\t".join(COLUMNS)]
    for one in snapshots:
        figures = (one.value, *one.probabilities, one.confidence)
        rows.append("\t".join([f"{one.time_s:.6f}", f"{one.x_px:.3f}", *(f"{f:.5f}" for f in figures)]))
    return "\n".join(rows) + "\n"


def timeline(snapshots: list[Snapshot]) -> bytes:
    """A PNG: the value, and below it the stacked action probabilities, over seconds."""
    figure = Figure(figsize=(12, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    times_s = [one.time_s for one in snapshots]
    above.plot(times_s, [one.value for one in snapshots], color="#0072B2")
    above.set_ylabel("value")
    chances = np.array([one.probabilities for one in snapshots]).T
    colours = ("#0072B2", "#BBBBBB", "#E69F00")
    below.stackplot(times_s, chances, labels=("slower", "keep", "faster"), colors=colours)
    below.set(xlabel="seconds", ylabel="probability", ylim=(0, 1))
    below.legend(loc="upper right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
