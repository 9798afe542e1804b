"""One voice through the microphone, as notes: stands beside the MIDI keyboard."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.engine import Engine
from app.engine.scheduler import Event

MICROPHONE = "microphone"


class Microphone:
    """Listens to what the engine hears, and says when notes begin and end."""

    def __init__(self, engine: Engine, sung: Callable[[Event], None]) -> None:
        self._engine, self._sung = engine, sung

    def close(self) -> None:
        """Listen no more."""
