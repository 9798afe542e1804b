"""The launchpad without a sound card, a window or sleeping: same arguments, same music. Main thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.engine.timeline import Timeline
from app.sessions.heard import Heard, record
from app.sessions.launchpad.arrangement import BEATS_A_BAR, Arrangement
from app.sessions.launchpad.conductor import Conductor, LaunchpadSeat
from app.sessions.launchpad.questions import Agent, answers
from app.sessions.launchpad.queue import SOURCE
from app.sessions.launchpad.song import Song
from app.sessions.launchpad.starts import start
from app.sessions.seats import InlineSeat, Seat
from models.launchpad.instrument import States

RATE = 44_100


def play_bars(
    bars: int,
    agent: Agent | None = None,
    grid: States | None = None,
    arrangement: Arrangement | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Heard:
    """What is heard in `bars` bars from a grid, by default a random one; the agent acts from the second on.

    `progress` is told the bars done and their number.
    """
    arrangement = arrangement or Arrangement()
    if grid is None:
        grid = start("random", arrangement, np.random.default_rng(seed))
    seat: LaunchpadSeat = InlineSeat(agent, answers) if agent else Seat()
    conductor = Conductor(Song(grid, arrangement), seat)
    conductor.begin(RATE, 0)
    timeline = Timeline.steady(RATE, arrangement.tempo_bpm)
    events = []
    for bar in range(1, bars + 1):
        end = round(timeline.sample_at_beat(BEATS_A_BAR * bar))
        events += conductor.due(end, end)
        if progress is not None:
            progress(bar, bars)
    conductor.end_at_bar(end - 1)
    events += conductor.due(end, end + 1)
    return record(timeline, events, end, {SOURCE})
