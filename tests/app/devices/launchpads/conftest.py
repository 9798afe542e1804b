"""A person at the pads, and pads without lights."""
from __future__ import annotations

import pytest


class RecordingHands:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def __getattr__(self, name: str):
        return lambda *arguments: self.told.append((name, *arguments))


@pytest.fixture
def hands() -> RecordingHands:
    """See the class."""
    return RecordingHands()
