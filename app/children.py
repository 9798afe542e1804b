"""Processes that the program starts beside itself, each with an interpreter of its own.

They are started anew, not forked: threads and drivers run here. They end with the program, at the latest when
they find its end of their connection closed.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from app.engine.clock import now_s

CONTEXT = multiprocessing.get_context("spawn")
RESTARTS_A_MINUTE = 5


def start(target: Callable[..., object], arguments: tuple[Any, ...], name: str) -> BaseProcess:
    """A process that runs `target`, a function of a module. It does not hear Ctrl-C, not even while it still
    imports (but on Windows). Raises OSError where the system grants none."""
    process = CONTEXT.Process(target=target, args=arguments, name=name, daemon=True)
    with _without_ctrl_c():
        process.start()
    return process


class Restarts:
    """How often a process that dies is started again: not for ever, where it dies each time."""

    def __init__(self) -> None:
        self._moments_s: list[float] = []

    def allowed(self) -> bool:
        """It has died just now; may it be started again?"""
        moment_s = now_s()
        self._moments_s = [s for s in self._moments_s if moment_s - s < 60.0] + [moment_s]
        return len(self._moments_s) <= RESTARTS_A_MINUTE


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes inherit what their starter's thread holds back."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
