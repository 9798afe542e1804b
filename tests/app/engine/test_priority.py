"""Priority is asked for by the thread itself, not inherited, and refused without harm."""
from __future__ import annotations

import os
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
