"""Priority of the threads that music waits for, as far as the system grants it.

Most systems grant an ordinary user short slices at the most, those set up for audio grant real time. Each
function is called by the thread it is about. What was granted is logged once, for the doctor and the curious.
"""
from __future__ import annotations

import ctypes
import logging
import os
import platform
import struct
import sys
import threading

log = logging.getLogger(__name__)

AUDIO_PRIORITY = 10  # of 1 to 99: above everything ordinary, below what the system itself needs
NICENESS = -11
SLICE_S = 0.0001
"""The shortest that Linux knows."""
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Number of the system call; Python and older C libraries have no function for it."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_USUAL_NICENESS = os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0


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


def ordinary() -> None:
    """After `urgent`: as any other thread again."""
    _nice(threading.get_native_id(), _USUAL_NICENESS)


def hurry(process: int) -> None:
    """Have the main thread of a process of ours be urgent, whatever it is at. Any thread."""
    _nice(process, NICENESS)


def urgent() -> bool:
    """A better niceness and short slices for the calling thread and those it starts; True if the niceness was
    granted."""
    granted = _nice(threading.get_native_id(), NICENESS)
    _ask_for_short_slices()
    return granted


def _nice(thread: int, niceness: int) -> bool:
    if not hasattr(os, "setpriority"):
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
    except OSError as error:
        log.debug("no priority for %s: %s", threading.current_thread().name, error)
        return False
    return True


def _ask_for_short_slices() -> None:
    """Linux 6.12 and later: a thread that wakes up interrupts one of longer slices at once, also where no
    better niceness is granted; otherwise it may wait for some milliseconds. See sched_setattr(2).

    Beside three busy processes a thread that slept was late by 3.7 ms one time in ten, so by 0.2 ms.
    """
    number = _SCHED_SETATTR.get(platform.machine()) if sys.platform == "linux" else None
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    # size, policy, flags, niceness, real-time priority, slice and two deadlines in nanoseconds
    attributes = (_ATTRIBUTES.size, os.SCHED_OTHER, 0, niceness, 0, round(SLICE_S * 1e9), 0, 0)
    if ctypes.CDLL(None).syscall(ctypes.c_long(number), 0, _ATTRIBUTES.pack(*attributes), 0):
        log.debug("no short slices for %s", threading.current_thread().name)
