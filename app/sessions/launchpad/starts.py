"""Where a song starts: empty, a triad, at random in the key, or a favourite saved as JSON. Any thread.

The triad is a broken chord to play upon: its rows are locked against the agent, which else takes them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.sessions.export import NotSaved
from app.sessions.launchpad import scales
from app.sessions.launchpad.arrangement import NO_ROWS, Arrangement
from models.launchpad.instrument import LAUNCHPAD, States, load_state, save_state
from pieces.files import saving
from pieces.folders import folder

STARTS = ("empty", "triad", "random")
OPENING = Arrangement(tonic=2, scale="minor pentatonic", scale_lock="map", temperature=0.25)
"""Five white keys that go together whatever is pressed, and an agent that does not always do the same."""
RANDOM_ROWS = 7
BEAT, TWO_BEATS, BAR = 3, 4, 5
"""Patterns that beat every 16, 32 and 64 steps."""


def start(name: str, arrangement: Arrangement, rng: np.random.Generator) -> States:
    """One of `STARTS` in the arrangement's key."""
    if name == "triad":
        return _triad(arrangement)
    if name == "random":
        return _random(arrangement, rng)
    return LAUNCHPAD.empty()


def opening() -> tuple[States, Arrangement]:
    """What a song is before anybody has touched it: a triad in the key of `OPENING`."""
    grid = _triad(OPENING)
    return grid, replace(OPENING, locked=locked_rows("triad", grid))


def locked_rows(name: str, grid: States) -> frozenset[int]:
    """The rows of a start that the agent leaves alone."""
    return frozenset(np.flatnonzero(grid[:, 0]).tolist()) if name == "triad" else NO_ROWS


def aligned_offset(pattern: int, step: int) -> int:
    """The offset that puts a pattern's first beat on `step`."""
    first = int(LAUNCHPAD.basis[pattern].argmax())
    return (step - first) % LAUNCHPAD.steps


def favourites_folder() -> Path:
    """Where favourites are kept, one JSON file each."""
    return folder("data", "launchpad")


def favourites() -> list[str]:
    """Their names, the latest first."""
    return [path.stem for path in latest_first(favourites_folder().glob("*.json"))]


def latest_first(paths: Iterable[Path]) -> list[Path]:
    """Files by the time they were written; what has gone meanwhile, or is a link to nowhere, is left out."""
    dated = []
    for path in paths:
        with suppress(OSError):
            dated.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(dated, reverse=True)]


def forget_favourite(name: str) -> None:
    """Delete a favourite.

    Raises:
        NotSaved: it cannot be deleted.
    """
    try:
        favourite_path(name).unlink(missing_ok=True)
    except OSError as error:
        raise NotSaved(f"“{name}” cannot be deleted ({error.strerror or error}).") from error


def rename_favourite(name: str, wanted: str) -> None:
    """Give a favourite another name.

    Raises:
        NotSaved: another favourite has it, or it cannot be given.
    """
    before, path = favourite_path(name), favourite_path(wanted)
    if path == before:
        return
    if path.exists():
        raise NotSaved(f"There is a favourite “{path.stem}” already. Choose another name.")
    try:
        before.rename(path)
    except OSError as error:
        raise NotSaved(f"“{name}” cannot be renamed ({error.strerror or error}).") from error


def favourite_path(name: str) -> Path:
    """The file of a favourite; signs that no file name may hold become dashes."""
    clean = re.sub(r"[^\w .,()+-]+", "-", name).strip(" .") or "untitled"
    return favourites_folder() / f"{clean[:80]}.json"


def save_grid(path: Path, grid: States) -> None:
    """Write a grid as JSON.

    Raises:
        NotSaved: it cannot be written there.
    """
    with saving(path, NotSaved):
        save_state(path, grid)


def load_grid(path: Path) -> States:
    """Read what `save_grid` wrote. Raises BadState for anything else."""
    return load_state(path)


def _triad(arrangement: Arrangement) -> States:
    grid = LAUNCHPAD.empty()
    root, third, fifth = scales.triad_rows(arrangement.tonic, arrangement.scale)
    voices = (root, TWO_BEATS, 0), (third, BEAT, 4), (fifth, BEAT, 8), (root + scales.OCTAVE, TWO_BEATS, 12)
    for row, pattern, step in voices:
        grid[row] = 1 << pattern, aligned_offset(pattern, step)
    return grid


def _random(arrangement: Arrangement, rng: np.random.Generator) -> States:
    """A few rows of the key, each with a pattern that is not too busy, on sixteenths."""
    inside = np.flatnonzero(scales.rows_in_key(arrangement.tonic, arrangement.scale))
    grid = LAUNCHPAD.empty()
    for row in rng.choice(inside, min(RANDOM_ROWS, len(inside)), replace=False):
        pattern = int(rng.choice((BEAT, TWO_BEATS, TWO_BEATS, BAR, BAR)))
        grid[row] = 1 << pattern, aligned_offset(pattern, 4 * int(rng.integers(16)))
    return grid
