"""The colours of the pictures of Inside: they come from the caller."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]
"""Red, green, blue, each 0 to 1."""


@dataclass(frozen=True)
class Colours:
    """Colours on paper. ``machine`` and ``machine_light``: the agent's, dark and light; ``against``: what
    speaks against a place."""

    paper: Colour
    ink: Colour
    quiet: Colour
    machine: Colour
    machine_light: Colour
    against: Colour
