"""Priority of the threads that music waits for, as far as the system grants it.

Most systems grant an ordinary user nothing (then nothing changes), those set up for audio grant real time.
Each function is called by the thread it is about. What was granted is logged once, for the doctor and the
curious.
"""
from __future__ import annotations

import logging
import os
import threading

log = logging.getLogger(__name__)

AUDIO_PRIORITY = 10  # of 1 to 99: above everything ordinary, below what the system itself needs
NICENESS = -11


def real_time() -> bool:
    """Real-time scheduling for the calling thread (a driver's often has it); True if it has it then."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
            return True
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(AUDIO_PRIORITY))
    except OSError:
        return urgent()
    return True


def urgent() -> bool:
    """A better niceness for the calling thread and those it starts; True if it was granted."""
    if not hasattr(os, "setpriority"):
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    except OSError as error:
        log.debug("no priority for %s: %s", threading.current_thread().name, error)
        return False
    return True
