"""The bench's own measurement, for seconds: every note on its sample in the rendered sound, in real time.

Whether a busy machine decides in time is not asserted here: a late step is held, and what sounds is exact.
"""
from __future__ import annotations

from app.bench import duet_child
from app.bench.watched import without_window


def test_every_note_is_on_its_sample_in_what_is_rendered():
    seen = without_window(duet_child.make, duet_child.watch, 6.0)
    assert seen["worst_ms"] < 0.05 and seen["wrong"] == 0 and seen["hanging"] == 0
    assert seen["notes"] > 10 and seen["steps"] > 60
