"""The edge between a session and the engine thread, in which Duet and the launchpad live."""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.engine.engine import Engine
from pieces.errors import RipienoError

log = logging.getLogger(__name__)


def guarded(
    engine: Engine, whose: str, command: Callable[[], object], on_failure: Callable[[], object] = lambda: None
) -> None:
    """Run a command in the engine thread, which nothing may end: others play through it too.

    Refusals are told as they are, faults as a sentence about ``whose`` ("the duet"), then `on_failure` runs.
    """
    try:
        command()
    except RipienoError as problem:
        engine.tell(str(problem))
    except Exception:
        log.exception("%s failed", whose)
        engine.tell(f"Something of {whose} failed; details are in the log.")
        on_failure()
