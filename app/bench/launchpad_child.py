"""A launchpad to be watched: plays, presses buttons at random, and prints what it heard as one line of JSON.

Started by `app.bench.launchpad` as `python -m app.bench.launchpad_child SECONDS [--window]`. `Ears` keeps
what was rendered; the watcher (a thread of its own beside a window) presses buttons and notes what each bar
should sound like; the analysis comes when the music is over.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.bench.ears import Ears
from app.ending import end_process
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine
from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.bars import CHANNELS
from models.checkpoint import shipped
from models.launchpad.agent import SHIPPED, LaunchpadAgent, load_agent
from models.launchpad.instrument import LAUNCHPAD

BPM = 180.0
PRESS_EVERY_S = (0.05, 0.6)
LOOK_EVERY_S = 0.02
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


def watched(session: LaunchpadSession, engine: Engine, seconds: float, where: str) -> dict[str, Any]:
    """Play for so long and say how it went."""
    ears = Ears(engine, CHANNELS, seconds + 2 * ENDING_S)
    sleep_s(SETTLING_S)
    before = engine.mixer.dropouts
    watcher = Watcher(session, seconds)
    watcher.run()
    stream = engine.supervisor.stream
    return {
        **compared(watcher, ears.onsets(), engine.rate),
        "presses": watcher.presses, "hanging": len(ears.held), "where": where,
        "dropouts": engine.mixer.dropouts - before, "agent": session.snapshot.agent or "none",
        "sound": stream.output_label if stream is not None else "nothing",
    }  # fmt: skip


def without_window(seconds: float) -> dict[str, Any]:
    """The engine and the session alone."""
    from app.devices.audio import open_system

    engine = Engine(open_system())
    engine.start()
    session = LaunchpadSession(engine, *_agent(), grid=LAUNCHPAD.empty())
    try:
        return watched(session, engine, seconds, "no window")
    finally:
        session.close()
        engine.close()


def in_window(seconds: float) -> dict[str, Any]:
    """The whole program, its window drawing."""
    from app.program import build_studio
    from app.window import Window, scenes

    studio = build_studio(None, 0)
    window = Window(studio, scenes(), "launchpad")
    seen: dict[str, Any] = {}

    def watch() -> None:
        try:
            while studio.launchpad is None or not window.frame_ms:
                sleep_s(LOOK_EVERY_S)
            studio.launchpad.clear()
            seen.update(watched(studio.launchpad, studio.engine, seconds, "in its window"))
        finally:
            window.running = False

    threading.Thread(target=watch, name="watcher", daemon=True).start()
    window.run()
    return seen


def _agent() -> tuple[Callable[[], LaunchpadAgent] | None, str]:
    return (partial(load_agent, SHIPPED), SHIPPED) if shipped(SHIPPED).exists() else (None, "")


def main(seconds: float, window: bool) -> None:
    """Print one line of JSON."""
    play: Callable[[float], dict[str, Any]] = in_window if window else without_window
    sys.stdout.write(json.dumps(play(seconds)) + "\n")
    sys.stdout.flush()
    end_process(0)


if __name__ == "__main__":
    main(float(sys.argv[1]), "--window" in sys.argv)
