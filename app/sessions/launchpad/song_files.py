"""A whole song as a JSON file: grid, who pressed what, and the arrangement with its parts, chain and votes.

What is read is checked field by field: of a file that anybody may have written, either everything is a song
of this instrument or nothing is taken. A setting that is missing has its default. Pure but for the files; any
thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from app.sessions.export import save_text
from app.sessions.launchpad.arrangement import (
    FASTEST_BPM,
    HARDEST_SWING,
    LONGEST_LINK_BARS,
    SIXTEENTHS,
    SLOWEST_BPM,
    STRAIGHT,
    Arrangement,
    Link,
    Part,
    ScaleLock,
)
from app.sessions.launchpad.drums import PATTERNS
from app.sessions.launchpad.history import (
    AGENT,
    NOBODY,
    START,
    YOU,
    Owners,
    Picture,
    settled_owners,
    start_owners,
)
from app.sessions.launchpad.scales import OCTAVE, SCALES
from app.sessions.launchpad.song import LAST_PROGRAM, MOST_VOICES, WILDEST
from models.launchpad.agent import Vote
from models.launchpad.instrument import FORMAT as GRID_FORMAT
from models.launchpad.instrument import LAUNCHPAD, BadState, States, rows_of, state_in, state_of
from pieces.files import read_json

FORMAT = "ripieno-launchpad-song-1"
OWNER_SIGNS = {NOBODY: "-", YOU: "y", AGENT: "a", START: "s"}
"""Of the buttons of a row, from left to right."""
LONGEST_PAUSE_BARS = 1024
LONGEST_NAME, MOST_ENTRIES, LOUDEST = 80, 100_000, 127
ENCODER = json.JSONEncoder(separators=(",", ":"))

Check = Callable[[Any], Any]


def save_song(path: Path, song: Picture) -> None:
    """Write a song. Raises NotSaved."""
    save_text(text_of(song), path)


def text_of(song: Picture) -> str:
    """The text of a song's file."""
    document = {
        "format": FORMAT, **_of_grid(song.grid, song.owners), "arrangement": _of_arrangement(song.arrangement)
    }  # fmt: skip
    # json.dumps would be one call into C, during which no other thread runs, and music may be playing
    return "".join(ENCODER.iterencode(document)) + "\n"


def load(path: Path) -> Picture | States:
    """What the file of a song holds, or of a grid.

    Raises:
        BadState: there is no such file, or it holds neither.
    """
    try:
        document = _dict(read_json(path))
        if document["format"] == GRID_FORMAT:
            return state_in(document)
        if document["format"] != FORMAT:
            raise ValueError("another format")
        arrangement = _arrangement_of(document["arrangement"], CHECKS)
        return Picture(*_grid_of(document), arrangement)
    except (OSError, ValueError, LookupError, TypeError) as error:
        shape = f"{LAUNCHPAD.keys} keys and {LAUNCHPAD.steps} steps"
        raise BadState(
            f"{path} holds no grid of {shape}, and no song; take a file that the launchpad saved."
        ) from error


def load_picture(path: Path) -> Picture:
    """The same; a grid is a song in no key. Raises BadState."""
    loaded = load(path)
    return loaded if isinstance(loaded, Picture) else Picture(loaded, start_owners(loaded), Arrangement())


# --- written ------------------------------------------------------------------------------------


def _of_grid(grid: States, owners: Owners) -> dict[str, Any]:
    signs = ["".join(OWNER_SIGNS[who] for who in row) for row in owners.tolist()]
    return {"keys": rows_of(grid), "owners": signs}


def _of_arrangement(arrangement: Arrangement) -> dict[str, Any]:
    written = {field.name: getattr(arrangement, field.name) for field in fields(Arrangement)}
    rows = {name: sorted(written[name]) for name in ("locked", "muted", "soloed")}
    return written | rows | {
        "votes": [{"keys": rows_of(vote.state), "weight": vote.weight} for vote in arrangement.votes],
        "parts": [
            {"name": part.name, **_of_grid(part.grid, part.owners),
             "arrangement": _of_arrangement(part.arrangement)}
            for part in arrangement.parts
        ],
        "chain": [{"part": link.part, "bars": link.bars} for link in arrangement.chain],
    }  # fmt: skip


# --- read; ValueError, LookupError or TypeError for what does not fit ---------------------------


def _grid_of(value: dict[str, Any]) -> tuple[States, Owners]:
    """Grid and owners; a button that is on and that nobody is known for was on from the start."""
    grid = state_of(value["keys"])
    who = {sign: owner for owner, sign in OWNER_SIGNS.items()}
    owners = np.array([[who[sign] for sign in row] for row in value["owners"]], np.int8)
    if owners.shape != (LAUNCHPAD.keys, LAUNCHPAD.columns):
        raise ValueError("owners of another shape")
    return grid, settled_owners(owners, grid, "chain")


def _arrangement_of(value: Any, checks: Mapping[str, Check]) -> Arrangement:
    """What `checks` know of it; the rest, and what is missing, is as usual."""
    known = _dict(value)
    arrangement = Arrangement(**{name: check(known[name]) for name, check in checks.items() if name in known})
    if max(arrangement.row_voices) >= len(arrangement.voices):
        raise ValueError("a row has a voice that is not there")
    if any(link.part >= len(arrangement.parts) for link in arrangement.chain):
        raise ValueError("the chain has a part that is not there")
    return replace(arrangement, chain_on=arrangement.chain_on and bool(arrangement.chain))


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no fields where there should be some")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text where there should be some")
    return value[:LONGEST_NAME]


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise ValueError(f"a number outside {low} to {high}")
        return float(value)

    return check


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"a number that is none of {low} to {high}")
        return value

    return check


def _one_of(known: Collection[str]) -> Check:
    def check(value: Any) -> str:
        if _text(value) not in known:
            raise ValueError(f"{value} is unknown")
        return str(value)

    return check


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither on nor off")
    return value


def _tuple(check: Check, least: int = 0, most: int = MOST_ENTRIES) -> Check:
    def check_all(values: Any) -> tuple[Any, ...]:
        if not isinstance(values, list) or not least <= len(values) <= most:
            raise ValueError("a list of another length, or none")
        return tuple(check(value) for value in values)

    return check_all


def _rows(values: Any) -> frozenset[int]:
    return frozenset(_tuple(_whole(0, LAUNCHPAD.keys - 1))(values))


def _vote(value: Any) -> Vote:
    return Vote(state_of(_dict(value)["keys"]), _number(-1.0, 1.0)(value["weight"]))


def _part(value: Any) -> Part:
    arrangement = _arrangement_of(_dict(value)["arrangement"], OF_SOUND)
    return Part(_text(value["name"]), *_grid_of(value), arrangement)


def _link(value: Any) -> Link:
    return Link(_whole(0, MOST_ENTRIES)(_dict(value)["part"]), _whole(1, LONGEST_LINK_BARS)(value["bars"]))


OF_SOUND: dict[str, Check] = {
    "tempo_bpm": _number(SLOWEST_BPM, FASTEST_BPM),
    "swing": _number(STRAIGHT, HARDEST_SWING),
    "tonic": _whole(0, OCTAVE - 1),
    "scale": _one_of(SCALES),
    "scale_lock": _one_of(get_args(ScaleLock)),
    "locked": _rows,
    "muted": _rows,
    "soloed": _rows,
    "voices": _tuple(_whole(0, LAST_PROGRAM), 1, MOST_VOICES),
    "row_voices": _tuple(_whole(0, MOST_VOICES - 1), LAUNCHPAD.keys, LAUNCHPAD.keys),
    "accents": _tuple(_whole(1, LOUDEST), SIXTEENTHS, SIXTEENTHS),
    "note_steps": _whole(1, LAUNCHPAD.steps),
    "drums": _one_of(PATTERNS),
    "drum_level": _number(0.0, 1.0),
    "click": _switch,
    "pace": _whole(0, LONGEST_PAUSE_BARS),
    "temperature": _number(0.0, WILDEST),
}
"""Each field of an `Arrangement` that a part keeps, and what it must be."""
CHECKS = OF_SOUND | {
    "votes": _tuple(_vote),
    "parts": _tuple(_part),
    "chain": _tuple(_link),
    "chain_on": _switch,
}
"""All fields."""
