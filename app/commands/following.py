"""`follow --headless`: the whole path from a file to a trace, without a window.

Runs on the main thread.
"""

from __future__ import annotations

from pathlib import Path

from app.console import console, progress


def follow_headless(
    piece_name: str, audio: Path | None, midi: Path | None, trace: Path | None, follower: str, seed: int
) -> None:
    """Follow one file, or the bundled performance where both are None, and print the summary.

    Raises:
        RipienoError: the piece, the file or the follower cannot be used, or the trace not be written.
    """
    from app.sessions.headless import run_headless
    from pieces.opening import open_piece

    piece = open_piece(piece_name)
    with progress(f"Following {piece.title or piece.name}") as advance:
        summary = run_headless(
            piece, follower, audio, midi, trace, seed, progress=lambda share: advance(share, 1.0)
        )
    end = "to the end" if summary.reached_end else f"as far as measure {summary.measure} ({summary.state})"
    heard = f"{summary.duration_s:.1f} s, {summary.frames} frames"
    console.print(f"{piece.name}: followed {end}; {heard}.", markup=False, soft_wrap=True)
