"""A session that is watched while it plays: with an engine alone, or in the program's window.

Used by the programs that `app.bench.live` starts; what was seen goes to stdout as one line of JSON. In the
window the main thread is its own, and a second one watches.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from app.bench.live import JACK_SERVER, NotMeasured
from app.bench.rises import LOOK_EVERY_S
from app.ending import end_process
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine

OPENING_S = 10.0
"""So long a device may take to open."""


class Session(Protocol):
    """What is watched."""

    def close(self) -> None:
        """End it."""


Watched = TypeVar("Watched", bound=Session)
Watch = Callable[[Watched, Engine, float], dict[str, Any]]
"""Has a session play for so many seconds, and says what was seen."""


def watched_program(mode: str, make: Callable[[Engine], Watched], watch: Watch[Watched]) -> None:
    """The whole of a program that is started with SECONDS [--window]; it ends the process.

    mode: whose window is opened. make: the session where none is.
    """
    seconds, window = float(sys.argv[1]), "--window" in sys.argv
    try:
        seen = _in_window(mode, watch, seconds) if window else without_window(make, watch, seconds)
    except NotMeasured as problem:
        seen = {"problem": str(problem)}
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    end_process(0)


def sound_of(engine: Engine) -> str:
    """What plays, before it is watched for minutes. Raises NotMeasured where JACK was to and does not."""
    deadline_s = now_s() + OPENING_S
    while (label := _output_of(engine)) is None or (JACK_SERVER in os.environ and "JACK" not in label):
        if now_s() > deadline_s:
            raise NotMeasured(f"sound goes to {label or 'nothing'} instead of JACK; install libportaudio2.")
        sleep_s(LOOK_EVERY_S)
    return label


def _output_of(engine: Engine) -> str | None:
    stream = engine.supervisor.stream
    return None if stream is None else stream.output_label


def without_window(
    make: Callable[[Engine], Watched], watch: Watch[Watched], seconds: float
) -> dict[str, Any]:
    """The engine and the session alone."""
    from app.devices.audio import open_system

    engine = Engine(open_system())
    engine.start()
    session = make(engine)
    try:
        return watch(session, engine, seconds) | {"where": "no window"}
    finally:
        session.close()
        engine.close()


def _in_window(mode: str, watch: Watch[Any], seconds: float) -> dict[str, Any]:
    """The whole program, its window drawing."""
    from app.program import build_studio
    from app.window import Window, scenes

    studio = build_studio(None, 0)
    window = Window(studio, scenes(), mode)
    seen: dict[str, Any] = {}

    def look() -> None:
        try:
            while getattr(studio, mode) is None or not window.frame_ms:
                sleep_s(LOOK_EVERY_S)
            seen.update(watch(getattr(studio, mode), studio.engine, seconds), where="in its window")
        except NotMeasured as problem:
            seen["problem"] = str(problem)
        finally:
            window.running = False

    threading.Thread(target=look, name="watcher", daemon=True).start()
    window.run()
    return seen
