"""When one of the machine's cores stands still. Run as `-m app.bench.standstill_child CORE`.

A real-time thread that stays on its core, sleeps and looks at the clock, beside the program that is measured
and above it: when it cannot run, nobody could there, and what the program lost then is not its fault. A
virtual machine's cores are taken away one by one. It ends when its input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable

from app.engine.clock import now_s, sleep_s

NAP_S = 0.002
WORTH_S = 0.002
"""So late it counts: a block of 256 samples lasts 5.8 ms, of which the program needs up to three."""
ABOVE_JACK = 50


def watch(core: int, ended: Callable[[], bool]) -> dict[str, object]:
    """Each standstill as (moment it ended, how long it was), in seconds, and whether it had real time."""
    real_time = _above_everyone()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    standstills = []
    before = now_s()
    while not ended():
        sleep_s(NAP_S)
        now = now_s()
        if now - before > NAP_S + WORTH_S:
            standstills.append((now, now - before - NAP_S))
        before = now
    return {"standstills": standstills, "real_time": real_time}


def _above_everyone() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(ABOVE_JACK))
    except (AttributeError, OSError):
        return False
    return True


def _input_ended() -> Callable[[], bool]:
    """Waits for it in a thread, begun before this one has real time: it needs none."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, name="input", daemon=True).start()
    return ended.is_set


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]), _input_ended())), flush=True)  # noqa: T201 - the answer to whoever watches
