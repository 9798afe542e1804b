"""The bench's own measurement, for seconds: every note on its sample in the rendered sound, in real time."""
from __future__ import annotations

from app.bench import launchpad_child
from app.bench.watched import without_window


def test_every_note_is_on_its_sample_in_what_is_rendered():
    seen = without_window(launchpad_child.make, launchpad_child.watch, 5.0)
    assert seen["worst_ms"] < 0.05 and seen["wrong"] == 0 and seen["hanging"] == 0
    assert seen["bars"] >= 3 and seen["notes"] > 0 and seen["presses"] > 5
