"""Threads that look once in a while, at ports, devices, a take on its way to the disk; nothing ends them."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def keep_looking(
    stop: threading.Event, every_s: float, look: Callable[[], object], at: str, tell: Callable[[str], object]
) -> None:
    """Call `look` every so often until `stop` is set: the whole life of a thread.

    A fault is logged and told, with what was looked `at` ("the MIDI ports"); then it is tried again, and not
    told of until `look` has once succeeded.
    """
    failing = False
    while not stop.wait(every_s):
        try:
            look()
            failing = False
        except Exception:
            if not failing:
                log.exception("looking at %s failed", at)
                tell(f"Something is wrong with {at}; it is tried again. Details are in the log.")
            failing = True
