"""No garbage collection and a short switch interval while music plays.

A full collection over a loaded program holds every thread for hundreds of milliseconds: what is loaded is
collected and frozen once, then nothing is collected automatically until the music stops. With the
interpreter's default switch interval of 5 ms a busy window delays the callback by more than a block. It may
lose the interpreter several times a block, whenever numpy or the synth lets go of it, and waits so long each
time: with 0.1 ms instead of 0.5 the slowest of a hundred callbacks took 1.6 ms instead of 2.7.
"""
from __future__ import annotations

import gc
import sys
import threading

SWITCH_INTERVAL_S = 0.0001

_lock = threading.Lock()
_playing: set[int] = set()
_usual_interval_s = sys.getswitchinterval()


def settle() -> None:
    """Collect and freeze what has been loaded; call when loading is done and nothing sounds."""
    gc.collect()
    gc.freeze()


def begin(who: object) -> None:
    """`who` plays from now on."""
    with _lock:
        _playing.add(id(who))
        gc.disable()
        sys.setswitchinterval(SWITCH_INTERVAL_S)


def end(who: object) -> None:
    """`who` has stopped; the last one lets collections run again."""
    with _lock:
        _playing.discard(id(who))
        if not _playing:
            gc.enable()
            sys.setswitchinterval(_usual_interval_s)
