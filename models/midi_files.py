"""Standard MIDI files as somebody's input: read whole, or refused in one sentence. Any thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pieces.errors import RipienoError

if TYPE_CHECKING:
    import mido

MIDI_SUFFIXES = (".mid", ".midi", ".kar")
MAX_MIDI_BYTES = 8_000_000
LONGEST_WAIT_TICKS = 0x0FFF_FFFF
"""From one message to the next: all that the standard's four bytes can say."""


class BadMidi(RipienoError):
    """A MIDI file, or one beside it, that cannot be read, or not for what it is wanted."""

    exit_code = 2


def open_midi(path: Path) -> mido.MidiFile:
    """Parse a file whose time is counted in ticks of a quarter; no number in it leads to an overflow later.

    Raises:
        BadMidi: it is missing, damaged, too large, or counts otherwise.
    """
    import mido
    from mido.midifiles.meta import KeySignatureError

    try:
        if path.stat().st_size > MAX_MIDI_BYTES:
            raise BadMidi(f"{path.name} is too large. Choose the file of one piece.")
        midi = mido.MidiFile(path, clip=True)
        if not 0 < midi.ticks_per_beat < 0x8000 or midi.type == 2:
            raise ValueError("it does not count in quarters")
        if any(message.time > LONGEST_WAIT_TICKS for track in midi.tracks for message in track):
            raise ValueError("it claims to last for ever")
    except (OSError, EOFError, ValueError, LookupError, TypeError, KeySignatureError) as error:
        why = f" ({error})" if str(error) else ""
        raise BadMidi(f"{path.name} is not a readable MIDI file{why}. Export it again.") from error
    return midi


def events_of(midi: mido.MidiFile, kind: str) -> list[tuple[int, Any]]:
    """(tick, message) of one kind of message, over all tracks, in order."""
    found = []
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == kind:
                found.append((tick, message))
    return sorted(found, key=lambda event: event[0])
