"""Priority is asked for by the thread itself, not inherited, and refused without harm."""
from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys
import threading

import pytest

from app.engine import priority

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="no scheduling classes here")


def in_thread(function):
    """Its result, from a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_children_of_a_real_time_thread_are_ordinary():
    def ask():
        granted = priority.real_time()
        child = subprocess.run(
            [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"],
            capture_output=True, text=True, check=True)
        return granted, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, int(child.stdout)

    granted, mine, childs = in_thread(ask)
    assert childs == os.SCHED_OTHER
    assert granted or mine == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER   # this thread asked for nothing


def test_a_refusal_does_no_harm(monkeypatch):
    def refuse(*_):
        raise PermissionError("not for you")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    assert in_thread(priority.real_time) is False and in_thread(priority.urgent) is False


def slice_ns() -> int:
    """Of the calling thread; 0 where Linux does not say."""
    told = ctypes.create_string_buffer(struct.calcsize("=IIQiIQQQ"))
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    assert ctypes.CDLL(None).syscall(ctypes.c_long(number), 0, told, len(told), 0) == 0
    return struct.unpack("=IIQiIQQQ", told.raw)[5]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="another number there")
def test_an_urgent_thread_has_short_slices_and_keeps_its_class():
    def ask():
        before = slice_ns()
        priority.urgent()
        urgent = slice_ns(), os.getpriority(os.PRIO_PROCESS, 0)
        priority.ordinary()
        return before, *urgent, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)

    usual = os.getpriority(os.PRIO_PROCESS, 0)
    before, urgent, niceness, after, scheduler = in_thread(ask)
    assert urgent == (100_000 if before else 0), "a kernel that knows of slices says how long they are"
    assert niceness in (priority.NICENESS, usual) and after == usual and scheduler == os.SCHED_OTHER


def test_a_real_time_thread_stays_one_however_urgent_it_is():
    def ask():
        granted = priority.real_time()
        before = os.sched_getscheduler(0)
        priority.urgent()
        return granted, before, os.sched_getscheduler(0)

    _, before, after = in_thread(ask)
    assert before == after
