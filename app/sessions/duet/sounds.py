"""Which instrument plays whom, and how loud: as events for the synth and for exports. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.engine.midi_events import VOLUME
from app.engine.scheduler import NOW, Event
from app.sessions.duet.choices import Choices, Who
from app.sessions.duet.conductor import MACHINE_CHANNEL
from app.sessions.heard import Heard

SETTING_SOURCE = "duet-sound"
DRUM_CHANNEL = 9
YOUR_CHANNELS = tuple(channel for channel in range(16) if channel not in (MACHINE_CHANNEL, DRUM_CHANNEL))
"""All that a keyboard may send on."""


def settings(choices: Choices, sample: int = NOW) -> Iterator[Event]:
    """Programs and volumes of both players."""
    for channel in (*YOUR_CHANNELS, MACHINE_CHANNEL):
        who: Who = "machine" if channel == MACHINE_CHANNEL else "you"
        yield Event(sample, "program", choices.program(who), 0, channel, SETTING_SOURCE)
        level = round(127 * choices.level(who))
        yield Event(sample, "control", VOLUME, level, channel, SETTING_SOURCE)


def on_played_channels(heard: Heard) -> Heard:
    """What was heard, without the settings of channels that play no note."""
    channels = {event.channel for event in heard.events if event.kind == "note_on"}
    return replace(heard, events=tuple(event for event in heard.events if event.channel in channels))
