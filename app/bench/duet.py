"""Duet: how long a decision takes, and whether every note of the machine is on its sample at 240 BPM.

Live, the program plays over JACK's dummy driver, in its window where there is a display, while keys are
pressed at random (`duet_child`). Its synth works as always, but what it renders is one impulse a note.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from app.bench.figures import Figure, counted, spread, time_ms
from app.bench.live import LATE_GOAL_MS, watched_over_jack
from models.checkpoint import shipped
from models.duet.agent import SHIPPED, DuetAgent, Policy, load_agent
from models.duet.encoding import MULTI_HOLD

SHORT_S, LONG_S = 30.0, 600.0
DECISIONS = 2000
MEDIAN_GOAL_MS, P99_GOAL_MS = 5.0, 20.0


def decision() -> list[Figure]:
    """One decision, in this process, on one thread."""
    make, name = shipped_or_untrained()
    agent = make()
    lines = np.random.default_rng(0).integers(0, MULTI_HOLD.symbols, (2, DECISIONS + 64)).astype(np.uint8)
    steps = iter(range(DECISIONS + 10))

    def decide() -> None:
        step = next(steps)
        agent.choose(lines[0, :step], lines[1, :step], step, temperature=0.8)
        agent.look_ahead(lines[0, :step], lines[1, :step], step)

    taken = time_ms(decide, DECISIONS)
    return spread("Duet, one decision", taken, "ms", MEDIAN_GOAL_MS, P99_GOAL_MS, note=f"agent: {name}")


def half_a_minute() -> list[Figure]:
    """A short duet."""
    return _figures(SHORT_S)


def ten_minutes() -> list[Figure]:
    """The goal's ten minutes."""
    return _figures(LONG_S)


def _figures(seconds: float) -> list[Figure]:
    seen, stood = watched_over_jack("app.bench.duet_child", seconds)
    note = f"{seen['steps']} steps at 240 BPM, agent: {seen['agent']}, {seen['where']}"
    return [
        Figure("Duet, onset against its due sample", seen["worst_ms"], "ms", LATE_GOAL_MS, note=note),
        *counted("Duet, notes missing or doubled", seen["wrong"], f"of {seen['notes']}"),
        *counted("Duet, steps decided too late", len(seen["late_steps_s"]),
                 f"of {seen['steps']}{stood.beside(seen['late_steps_s'])}"),
        *counted("Duet, notes left hanging", seen["hanging"]),
        stood.figure(),
        stood.dropouts("Duet", seen, seconds),
    ]


def shipped_or_untrained() -> tuple[Callable[[], DuetAgent], str]:
    """What makes the shipped agent, and its name; without one, an untrained network, which takes as long."""
    return (partial(load_agent, SHIPPED), SHIPPED) if shipped(SHIPPED).exists() else (_untrained, "untrained")


def _untrained() -> DuetAgent:
    from models.duet.networks import DuetNetwork

    weights = {name: value.numpy() for name, value in DuetNetwork("a").state_dict().items()}
    return DuetAgent("untrained", Policy(weights))
