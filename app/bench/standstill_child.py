"""When one of the machine's cores stands still. Run as `-m app.bench.standstill_child SECONDS CORE`.

A real-time thread that stays on its core, sleeps and looks at the clock, beside the program that is measured
and above it: when it cannot run, nobody could there, and what the program lost then is not its fault. A
virtual machine's cores are taken away one by one.
"""

from __future__ import annotations

import json
import os
import sys

from app.engine.clock import now_s, sleep_s

NAP_S = 0.002
WORTH_S = 0.002
"""So late it counts: a block of 256 samples lasts 5.8 ms, of which the program needs up to three."""
ABOVE_JACK = 50


def watch(seconds: float, core: int) -> dict[str, object]:
    """Each standstill as (moment it ended, how long it was), in seconds, and whether it had real time."""
    real_time = _above_everyone()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    standstills = []
    before = begun = now_s()
    while before - begun < seconds:
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


if __name__ == "__main__":
    print(json.dumps(watch(float(sys.argv[1]), int(sys.argv[2]))), flush=True)  # noqa: T201 - the answer to whoever watches
