"""The launchpad live: is every note on its sample, while buttons are pressed at random?

The program plays at 180 BPM over JACK's dummy driver, in its window where there is a display. Its synth works
as always, but what it renders is replaced by one impulse a note (`launchpad_child`), so that the rendered
audio tells to the sample what sounded when. Held against what the grid of each bar should have sounded like.
"""

from __future__ import annotations

from app.bench.figures import Figure, counted
from app.bench.live import (
    JACK_BLOCK_SAMPLES,
    JACK_USUAL_BLOCK_SAMPLES,
    LATE_GOAL_MS,
    watched_over_jack,
)

SHORT_S, LONG_S = 60.0, 600.0


def minute() -> list[Figure]:
    """One minute."""
    return _figures(SHORT_S)


def ten_minutes() -> list[Figure]:
    """The goal's ten minutes, with the blocks that JACK's dummy driver takes by itself."""
    return _figures(LONG_S, JACK_USUAL_BLOCK_SAMPLES)


def ten_minutes_in_small_blocks() -> list[Figure]:
    """The same with blocks of 256 samples."""
    return _figures(LONG_S)


def _figures(seconds: float, block_samples: int = JACK_BLOCK_SAMPLES) -> list[Figure]:
    seen, stood = watched_over_jack("app.bench.launchpad_child", seconds, block_samples)
    note = f"{seen['bars']} bars, {seen['presses']} presses, agent: {seen['agent']}, {seen['where']}"
    return [
        Figure("Launchpad, onset against its due sample", seen["worst_ms"], "ms", LATE_GOAL_MS, note=note),
        *counted("Launchpad, notes missing or doubled", seen["wrong"], f"of {seen['notes']}"),
        *counted("Launchpad, notes left hanging", seen["hanging"]),
        stood.figure(),
        stood.dropouts("Launchpad", seen, seconds, block_samples),
    ]
