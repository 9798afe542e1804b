"""`follow --headless`: the whole path from a file to a trace, without a window.

Runs on the main thread.
"""

from __future__ import annotations

from pathlib import Path


def follow_headless(
    piece_name: str, audio: Path | None, midi: Path | None, trace: Path | None, follower: str, seed: int
) -> None:
    """Follow one file, or the bundled performance where both are None, and print the summary."""
