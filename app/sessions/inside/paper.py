"""The theme on paper, for pictures that are saved."""

from __future__ import annotations

from app import theme
from models.inside.colours import Colours


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
        against=share(theme.BAD_ON_PAPER),
    )
