"""Kept parts and their chain: pure functions of an arrangement, which `Song` makes into steps of undo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app.sessions.launchpad.arrangement import LONGEST_LINK_BARS, RECALLED, Arrangement, Link, Part
from app.sessions.launchpad.history import Picture
from app.sessions.launchpad.words import part_name
from pieces.errors import RipienoError


class SongProblem(RipienoError):
    """Something was asked of a song that it cannot do."""


def kept(picture: Picture, name: str) -> Part:
    """A part of this moment; unnamed ones are called A, B, C ..."""
    arrangement = picture.arrangement
    bare = replace(arrangement, parts=(), chain=(), votes=())
    return Part(name or part_name(len(arrangement.parts)), picture.grid, picture.owners, bare)


def part_at(arrangement: Arrangement, index: int) -> Part:
    """A kept part.

    Raises:
        SongProblem: there is no such part.
    """
    if not 0 <= index < len(arrangement.parts):
        raise SongProblem("this snapshot is not there any more.")
    return arrangement.parts[index]


def recalled(arrangement: Arrangement, part: Part) -> Arrangement:
    """The arrangement with the sound of a part."""
    return replace(arrangement, **{name: getattr(part.arrangement, name) for name in RECALLED})


def forgotten(arrangement: Arrangement, index: int) -> dict[str, Any]:
    """What changes where a part goes, and its links in the chain with it."""
    part = part_at(arrangement, index)
    chain = tuple(
        replace(link, part=link.part - (link.part > index))
        for link in arrangement.chain if link.part != index
    )  # fmt: skip
    parts = tuple(other for other in arrangement.parts if other is not part)
    return {"parts": parts, "chain": chain, "chain_on": arrangement.chain_on and bool(chain)}


def link_at(arrangement: Arrangement, index: int) -> Link:
    """A link of the chain.

    Raises:
        SongProblem: there is no such link.
    """
    if not 0 <= index < len(arrangement.chain):
        raise SongProblem("this link of the chain is not there any more.")
    return arrangement.chain[index]


def chained(arrangement: Arrangement, chain: Iterable[Link]) -> dict[str, Any]:
    """What changes with another chain.

    Raises:
        SongProblem: it names a part that is not there.
    """
    links = tuple(replace(link, bars=min(max(link.bars, 1), LONGEST_LINK_BARS)) for link in chain)
    for link in links:
        part_at(arrangement, link.part)
    return {"chain": links, "chain_on": arrangement.chain_on and bool(links)}
