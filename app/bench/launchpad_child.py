"""A launchpad to be watched: plays, presses buttons at random, and prints what it heard as one line of JSON.

Started by `app.bench.launchpad` as `python -m app.bench.launchpad_child SECONDS [--window]`. `Ears` keeps
what was rendered; the watcher (a thread of its own beside a window) presses buttons and notes what each bar
should sound like; the analysis comes when the music is over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.bench.ears import Ears
from app.bench.rises import LOOK_EVERY_S, Rises
from app.bench.watched import sound_of, watched_program
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine
from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.bars import CHANNELS
from models.checkpoint import shipped
from models.launchpad.agent import SHIPPED, LaunchpadAgent, load_agent
from models.launchpad.instrument import LAUNCHPAD

BPM = 180.0
PRESS_EVERY_S = (0.05, 0.6)
SETTLING_S, ENDING_S = 1.0, 3.0


class Watcher:
    """Presses and notes: `bars` holds for each bar its first sample and how many notes each step strikes."""

    def __init__(self, session: LaunchpadSession, seconds: float) -> None:
        self._session, self._seconds = session, seconds
        self._rng = np.random.default_rng(0)
        self.presses = 0
        self.bars: dict[int, tuple[int, NDArray[np.int64]]] = {}

    def run(self) -> None:
        """Play, press, stop."""
        session = self._session
        session.set_tempo(BPM)
        session.start()
        end_s = now_s() + self._seconds
        press_s = now_s()
        while now_s() < end_s:
            if now_s() >= press_s:
                press_s += float(self._rng.uniform(*PRESS_EVERY_S))
                self._press()
            self._look()
            sleep_s(LOOK_EVERY_S)
        session.stop()
        end_s = now_s() + ENDING_S
        while now_s() < end_s:
            self._look()
            sleep_s(LOOK_EVERY_S)

    def _press(self) -> None:
        self.presses += 1
        row, column = self._rng.integers((LAUNCHPAD.keys, LAUNCHPAD.columns)).tolist()
        self._session.press(row, column)

    def _look(self) -> None:
        now = self._session.snapshot
        if now.state in ("playing", "stopping") and now.bar not in self.bars and 4.0 < now.step < 60.0:
            struck = LAUNCHPAD.rolls(now.playing).sum(0, dtype=np.int64)
            self.bars[now.bar] = now.bar_start_sample, struck


def compared(watcher: Watcher, onsets: dict[int, int], rate: int) -> dict[str, Any]:
    """What was heard in the bars that were seen, against what should have been."""
    step_samples = rate * 60.0 / BPM * 4 / LAUNCHPAD.steps
    origin = np.median([start - bar * 64 * step_samples for bar, (start, _) in watcher.bars.items()])
    heard = np.array(sorted(onsets))
    notes = wrong = 0
    worst = 0.0
    for bar, (_, struck) in watcher.bars.items():
        for step in np.flatnonzero(struck).tolist():
            due = origin + (bar * 64 + step) * step_samples
            nearest = int(heard[np.abs(heard - due).argmin()])
            worst = max(worst, abs(nearest - due))
            notes += int(struck[step])
            wrong += abs(onsets[nearest] - int(struck[step]))
    return {"worst_ms": worst * 1000.0 / rate, "wrong": wrong, "notes": notes, "bars": len(watcher.bars)}


def watch(session: LaunchpadSession, engine: Engine, seconds: float) -> dict[str, Any]:
    """Play for so long, from an empty grid, and say how it went."""
    sound = sound_of(engine)
    session.clear()
    ears = Ears(engine, CHANNELS, seconds + 2 * ENDING_S)
    sleep_s(SETTLING_S)
    watcher = Watcher(session, seconds)
    with Rises(lambda: engine.mixer.dropouts) as dropouts:
        watcher.run()
    return {
        **compared(watcher, ears.onsets(), engine.rate),
        "presses": watcher.presses, "hanging": len(ears.held),
        "dropouts_s": dropouts.moments_s, "agent": session.snapshot.agent or "none",
        "sound": sound,
    }  # fmt: skip


def make(engine: Engine) -> LaunchpadSession:
    """As the program makes it, with an empty grid."""
    return LaunchpadSession(engine, *_agent(), grid=LAUNCHPAD.empty())


def _agent() -> tuple[Callable[[], LaunchpadAgent] | None, str]:
    return (partial(load_agent, SHIPPED), SHIPPED) if shipped(SHIPPED).exists() else (None, "")


if __name__ == "__main__":
    watched_program("launchpad", make, watch)
