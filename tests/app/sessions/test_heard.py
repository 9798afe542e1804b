"""What is kept of the music that was heard: from its first beat on, with what held or was meant for it."""

from __future__ import annotations

import pytest

from app.engine.scheduler import Event
from app.engine.timeline import Timeline
from app.sessions.heard import Recording

RATE = 1000
BEAT = 500
"""Samples of a beat at 120."""


def recording(early_beats: float = 0.125) -> Recording:
    """Of music whose first beat is sample 2000."""
    timeline = Timeline.steady(RATE, 120.0, start_sample=2000)
    return Recording(timeline, {"keys"}, early_beats=early_beats)


def note(on: int, off: int, pitch: int = 60) -> list[Event]:
    return [Event(on, "note_on", pitch, 80, 0, "keys"), Event(off, "note_off", pitch, 0, 0, "keys")]


def kept(one: Recording) -> list[tuple[int, str, int]]:
    return [(event.sample, event.kind, event.data1) for event in one.heard().events]


@pytest.mark.parametrize(
    ("on", "off", "expected"),
    [
        (2000, 2100, [(0, 100)]),
        (1938, 2100, [(0, 100)]),
        (1950, 1980, [(0, 30)]),
        (1937, 2100, []),
        (1000, 1400, []),
    ],
    ids=["in time", "early", "early and short", "too early", "in the count-in"],
)
def test_a_note_meant_for_the_first_beat_begins_with_it(on, off, expected):
    one = recording()
    for event in note(on, off):
        one.note(event)
    found = [sample for sample, kind, _ in kept(one) if kind == "note_on"]
    ends = [sample for sample, kind, _ in kept(one) if kind == "note_off"]
    assert list(zip(found, ends, strict=False)) == expected


def test_without_leave_to_be_early_nothing_is():
    one = recording(early_beats=0.0)
    for event in note(1999, 2100):
        one.note(event)
    assert not any(kind == "note_on" for _, kind, _ in kept(one))


def test_of_a_key_struck_twice_before_the_beat_the_last_counts():
    one = recording()
    for event in (*note(1940, 1950), *note(1970, 2200)):
        one.note(event)
    assert kept(one) == [(0, "note_on", 60), (200, "note_off", 60)]


def test_what_was_set_before_holds_from_the_first_beat_on():
    one = recording()
    for event in (
        Event(100, "program", 4, 0, 0, "keys"), Event(200, "control", 7, 90, 0, "keys"),
        Event(300, "program", 73, 0, 0, "keys"), Event(400, "control", 64, 127, 0, "keys"),
        Event(1990, "control", 64, 0, 0, "keys"), *note(1990, 2400),
    ):  # fmt: skip
        one.note(event)
    assert kept(one) == [(0, "program", 73), (0, "control", 7), (0, "control", 64), (0, "note_on", 60),
                         (400, "note_off", 60)]  # fmt: skip
    assert one.heard().events[2].data2 == 0


def test_a_tempo_changed_in_the_count_in_moves_what_is_early():
    one = recording()
    one.follow(Timeline.steady(RATE, 120.0, start_sample=2000).with_tempo(240.0, 1100))
    for event in (*note(1500, 1510, 62), *note(1530, 1700)):
        one.note(event)
    assert kept(one) == [(0, "note_on", 60), (150, "note_off", 60)], "the first beat is at 1550 now"
