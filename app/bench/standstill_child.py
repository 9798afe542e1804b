"""How often the machine itself stands still. Run as `-m app.bench.standstill_child SECONDS`.

A real-time thread that sleeps and looks at the clock, beside the program that is measured and above it: when
it cannot run for longer than a block lasts, nobody could, and what the program lost then is not its fault.
"""

from __future__ import annotations

import json
import os
import sys

from app.bench.live import JACK_BLOCK_SAMPLES, JACK_RATE
from app.engine.clock import now_s, sleep_s

NAP_S = 0.001
ABOVE_JACK = 50


def watch(seconds: float) -> dict[str, object]:
    """(moment, duration) in seconds of every standstill longer than a block, and whether it had real time."""
    real_time = _above_everyone()
    standstills = []
    before = begun = now_s()
    while before - begun < seconds:
        sleep_s(NAP_S)
        now = now_s()
        if now - before > JACK_BLOCK_SAMPLES / JACK_RATE:
            standstills.append(now - before)
        before = now
    return {"standstills_s": standstills, "real_time": real_time}


def _above_everyone() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(ABOVE_JACK))
    except (AttributeError, OSError):
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(watch(float(sys.argv[1]))), flush=True)  # noqa: T201 - the answer to whoever watches
