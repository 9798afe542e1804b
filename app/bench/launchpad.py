"""The launchpad live: is every note on its sample, while buttons are pressed at random?

The program plays at 180 BPM over JACK's dummy driver, in its window where there is a display. Its synth works
as always, but what it renders is replaced by one impulse a note (`launchpad_child`), so that the rendered
audio tells to the sample what sounded when. Held against what the grid of each bar should have sounded like.
"""

from __future__ import annotations

import os
from typing import Any

from app.bench.figures import Figure
from app.bench.live import NotMeasured, jack, run_child, standstills

SHORT_S, LONG_S = 60.0, 600.0
LATE_GOAL_MS = 1.0


def minute() -> list[Figure]:
    """One minute."""
    return _figures(SHORT_S)


def ten_minutes() -> list[Figure]:
    """The goal's ten minutes."""
    return _figures(LONG_S)


def _figures(seconds: float) -> list[Figure]:
    with jack() as server:
        arguments = [str(seconds), *(["--window"] if has_display() else [])]
        environment = {"JACK_DEFAULT_SERVER": server}
        with standstills(seconds) as stood:
            seen = run_child("app.bench.launchpad_child", arguments, seconds, environment)
    if "JACK" not in seen["sound"]:
        raise NotMeasured(f"sound went to {seen['sound']} instead of JACK; install libportaudio2.")
    note = f"{seen['bars']} bars, {seen['presses']} presses, agent: {seen['agent']}, {seen['where']}"
    return [
        Figure("Launchpad, onset against its due sample", seen["worst_ms"], "ms", LATE_GOAL_MS, note=note),
        *counted("Launchpad, notes missing or doubled", seen["wrong"], f"of {seen['notes']}"),
        *counted("Launchpad, notes left hanging", seen["hanging"]),
        *stood,
        *counted("Launchpad, dropouts", seen["dropouts"], f"{seconds:.0f} s, {seen['sound']}"),
    ]


def counted(name: str, count: Any, note: str = "") -> list[Figure]:
    """A row of something that should not happen at all."""
    return [Figure(name, float(count), "", 0.0, note=note)]


def has_display() -> bool:
    """Whether a window can be opened here."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
