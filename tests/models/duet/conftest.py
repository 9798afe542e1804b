"""Shared by the tests of Duet."""

from __future__ import annotations

import pytest

from models.duet.chorales import Chorale
from tests.models.duet.made_up import make_chorale


@pytest.fixture
def chorales() -> list[Chorale]:
    """Three of them."""
    return [make_chorale(seed) for seed in range(3)]
