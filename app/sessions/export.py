"""Files of what was heard: MIDI with its tempo map, WAV through the same synth. Any thread but the music's.

The new file replaces the old one in one stroke; where it cannot be written, nothing has changed.
"""

from __future__ import annotations

import bisect
import io
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import mido
import numpy as np
from numpy.typing import NDArray

from app.engine.midi_events import messages_of
from app.engine.scheduler import Event
from app.engine.timeline import MeterChange
from app.engine.voice import apply_event
from app.sessions.heard import Heard
from models.sound import Synth, find_sound_sets
from pieces.errors import RipienoError
from pieces.files import replace_file, replacing, saving

TICKS_A_BEAT = 960
TAIL_S = 1.5
BLOCK_SAMPLES = 4096
LONGEST_WAV_BYTES = 2**32 - 64

Progress = Callable[[float], None]


class NotSaved(RipienoError):
    """A file cannot be written."""


def save_midi(heard: Heard, path: Path) -> None:
    """Format 1: a track of tempo, one a channel. Raises NotSaved."""
    content = midi_bytes(heard)
    with saving(path, NotSaved):
        replace_file(path, content)


def midi_bytes(heard: Heard) -> bytes:
    """The MIDI file; same music, same bytes."""
    ticks = TickMap(heard)
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT)
    meters = heard.meters or (MeterChange(0, heard.timeline.meter),)
    midi.tracks.append(_tempo_track(ticks, meters, ticks.tick_at(heard.samples)))
    for channel in sorted({event.channel for event in heard.events}):
        midi.tracks.append(_channel_track(heard, channel, ticks))
    file = io.BytesIO()
    midi.save(file=file)
    return file.getvalue()


def save_text(text: str, path: Path) -> None:
    """Write a text file. Raises NotSaved."""
    with saving(path, NotSaved):
        replace_file(path, text.encode())


@dataclass(frozen=True, slots=True)
class _Anchor:
    tick: int
    sample: float
    tempo_us: int


class TickMap:
    """Samples to MIDI ticks along the tempo as the file can hold it, so that rounding never adds up."""

    def __init__(self, heard: Heard) -> None:
        self._rate = heard.timeline.rate
        first, *later = _from_start(heard)
        self.anchors = [_Anchor(0, 0.0, first[1])]
        self._samples = [0.0]
        for sample, tempo_us in later:
            tick = self.tick_at(sample)
            self._samples.append(self._sample_at(tick))
            self.anchors.append(_Anchor(tick, self._samples[-1], tempo_us))

    def tick_at(self, sample: float) -> int:
        """The nearest tick."""
        anchor = self.anchors[max(bisect.bisect_right(self._samples, sample) - 1, 0)]
        return anchor.tick + round((sample - anchor.sample) / self._samples_a_tick(anchor))

    def _sample_at(self, tick: int) -> float:
        anchor = self.anchors[-1]
        return anchor.sample + (tick - anchor.tick) * self._samples_a_tick(anchor)

    def _samples_a_tick(self, anchor: _Anchor) -> float:
        return anchor.tempo_us * 1e-6 * self._rate / TICKS_A_BEAT


def save_wav(heard: Heard, path: Path, sound_set: str = "", progress: Progress | None = None) -> None:
    """16-bit stereo at the rate at which it was heard; `progress` is told the share that is done.

    Raises:
        NotSaved: it cannot be written. NoSynth: there is none here.
    """
    chosen = next((found for found in find_sound_sets() if found.name == sound_set), None)
    synth = Synth(heard.timeline.rate, chosen)
    try:
        with saving(path, NotSaved):
            _write_wav(heard, path, rendered(heard, synth), progress)
    finally:
        synth.close()


def rendered(heard: Heard, synth: Synth) -> Iterator[NDArray[np.float32]]:
    """(n, 2) blocks of what was heard, every event at its own sample, and a tail."""
    position = 0
    for event in heard.events:
        yield from _blocks(synth, event.sample - position)
        position = event.sample
        apply_event(synth, event)
    yield from _blocks(synth, heard.samples - position + round(TAIL_S * heard.timeline.rate))


def _blocks(synth: Synth, count: int) -> Iterator[NDArray[np.float32]]:
    for begin in range(0, count, BLOCK_SAMPLES):
        yield synth.render(min(BLOCK_SAMPLES, count - begin))


def _write_wav(
    heard: Heard, path: Path, blocks: Iterator[NDArray[np.float32]], progress: Progress | None
) -> None:
    rate = heard.timeline.rate
    total = heard.samples + round(TAIL_S * rate)
    with replacing(path) as file:
        _write_header(file, total, rate)
        done = 0
        for block in blocks:
            file.write((np.clip(block, -1.0, 1.0) * 32767).astype("<i2").tobytes())
            done += len(block)
            if progress is not None:
                progress(done / total)


def _write_header(file: BinaryIO, frames: int, rate: int) -> None:
    size = min(4 * frames, LONGEST_WAV_BYTES)
    file.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 2, rate,
                           4 * rate, 4, 16, b"data", size))  # fmt: skip


def _from_start(heard: Heard) -> list[tuple[float, int]]:
    """(sample, µs a beat) from the first beat on: the tempo in force there, then its changes."""
    timeline = heard.timeline
    found = [(0.0, mido.bpm2tempo(timeline.bpm_at_sample(0.0)))]
    found += [(c.sample, mido.bpm2tempo(c.bpm)) for c in timeline.changes if c.sample > 0.0]
    return found


def _tempo_track(ticks: TickMap, meters: Sequence[MeterChange], end_tick: int) -> mido.MidiTrack:
    """Tempos where they are heard, meters on the beats that their bars are counted by."""
    placed = [(change.beat * TICKS_A_BEAT, "time_signature",
               {"numerator": change.meter.beats, "denominator": change.meter.unit})
              for change in meters]  # fmt: skip
    placed += [(anchor.tick, "set_tempo", {"tempo": anchor.tempo_us}) for anchor in ticks.anchors]
    track, now = mido.MidiTrack(), 0
    for tick, kind, values in sorted(placed, key=lambda one: one[0]):
        track.append(mido.MetaMessage(kind, **values, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end_tick - now, 0)))
    return track


def _channel_track(heard: Heard, channel: int, ticks: TickMap) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for event in _on_channel(heard, channel):
        tick = max(ticks.tick_at(event.sample), now)
        for data in messages_of(event):
            track.append(mido.Message.from_bytes(data, time=tick - now))
            now = tick
    return track


def _on_channel(heard: Heard, channel: int) -> Iterator[Event]:
    return (event for event in heard.events if event.channel == channel)
