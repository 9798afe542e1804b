"""MIDI bytes to scheduler events and back. Pure; runs in MIDI input's thread and in the "played" thread."""
from __future__ import annotations

from collections.abc import Sequence

from app.engine.scheduler import NOW, Event, Kind

_KINDS: dict[int, Kind] = {0x80: "note_off", 0x90: "note_on", 0xB0: "control", 0xC0: "program"}
_STATUS: dict[Kind, int] = {kind: status for status, kind in _KINDS.items()}
VOLUME, SUSTAIN, SOSTENUTO, ALL_SOUND_OFF, ALL_NOTES_OFF = 7, 64, 66, 120, 123


def event_of(message: Sequence[int], source: str = "midi") -> Event | None:
    """The event of a MIDI message (to be done `NOW`); None if it is of no use or unreadable."""
    if not message or any(byte > 127 for byte in message[1:]):
        return None
    kind = _KINDS.get(message[0] & 0xF0)
    length = 2 if kind == "program" else 3
    if kind is None or len(message) != length:
        return None
    data2 = message[2] if length == 3 else 0
    if kind == "note_on" and data2 == 0:
        kind = "note_off"
    return Event(NOW, kind, message[1], data2, message[0] & 0x0F, source)


def messages_of(event: Event) -> list[list[int]]:
    """MIDI messages that do what `event` says; all_off speaks to all sixteen channels."""
    if event.kind == "all_off":
        return [
            [0xB0 | channel, controller, 0]
            for channel in range(16)
            for controller in (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF)
        ]
    if event.kind == "click":
        return []
    status = _STATUS[event.kind] | event.channel
    return [[status, event.data1] if event.kind == "program" else [status, event.data1, event.data2]]
