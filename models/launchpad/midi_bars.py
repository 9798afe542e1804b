"""Bars of 64 steps out of a MIDI file: onset or sustained rolls of the launchpad's 24 keys.

Bars begin where the music's do: at the downbeats of a beat file beside it (POP909's, whose MIDI ticks follow
no beat), else by the file's own ticks and time signatures. Only bars of four quarters
count. Pure functions but for the reading of the files; any thread or process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from models.launchpad.corpus import Bars, Roll, densities
from models.launchpad.instrument import LAUNCHPAD
from models.midi_files import BadMidi, events_of, open_midi

BEATS_A_BAR = 4
STEPS_A_BEAT = LAUNCHPAD.steps // BEATS_A_BAR
DRUM_CHANNEL = 9
FEWEST_CELLS: dict[Roll, int] = {"onset": 8, "sustained": 20}
"""What a bar needs to be kept; the sustained one is the paper's (section 2.2)."""
FEWEST_KEYS = 2
MOST_BEATS = 20_000
"""A song of hours; a file that claims more is damaged."""


@dataclass(frozen=True)
class Notes:
    """What is struck, drums left out: `start` and `end` (N,) in ticks or seconds, `pitch` (N,)."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    pitch: NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Where the beats are, (B,) ascending in the unit of the notes, and which of them begin a bar."""

    beats: NDArray[np.float64]
    bar_beats: NDArray[np.int64]

    def nearest_steps(self, when: NDArray[np.float64]) -> NDArray[np.int64]:
        """(N,) the steps, counted from the first beat, nearest to some times: a beat is cut into equal parts.

        What is more than a beat before the first beat counts as a beat before, and so at the end.
        """
        first, last = self.beats[:1] * 2 - self.beats[1:2], self.beats[-1:] * 2 - self.beats[-2:-1]
        beats = np.concatenate([first, self.beats, last])
        places = np.arange(-1, len(self.beats) + 1) * STEPS_A_BEAT
        steps: NDArray[np.int64] = np.rint(np.interp(when, beats, places)).astype(np.int64)
        return steps


def song_bars(path: Path, roll: Roll) -> Bars:
    """(M, 24) the bars of one song that pass the filters, in order; M may be 0.

    Raises:
        BadMidi: it cannot be read, or has no bar of four quarters.
    """
    midi = open_midi(path)
    if (beat_file := beat_file_of(path)) is not None:
        return passing(cut(in_seconds(read_notes(midi), midi), read_beats(beat_file), roll), roll)
    notes = read_notes(midi)
    return passing(cut(notes, tick_grid(midi, float(notes.end.max(initial=0.0)), path), roll), roll)


def beat_file_of(path: Path) -> Path | None:
    """The beat file beside a song: `NNN.beat_midi.txt`, or `beat_midi.txt` in a folder of the song's name."""
    own = path.parent / "beat_midi.txt"
    beside = [path.with_name(f"{path.stem}.beat_midi.txt"), *([own] if path.parent.name == path.stem else [])]
    return next((file for file in beside if file.exists()), None)


def read_notes(midi: mido.MidiFile) -> Notes:
    """All notes of all tracks but the drums', in ticks; one that is never released ends where it began."""
    found: list[tuple[int, int, int]] = []
    for track in midi.tracks:
        found += _track_notes(track)
    start, end, pitch = np.array(sorted(found), np.int64).reshape(-1, 3).T
    return Notes(start.astype(np.float64), end.astype(np.float64), pitch)


def _track_notes(track: mido.MidiTrack) -> list[tuple[int, int, int]]:
    held: dict[tuple[int, int], int] = {}
    found, tick = [], 0
    for message in track:
        tick += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUM_CHANNEL:
            continue
        key = (message.channel, message.note)
        if key in held:
            found.append((held.pop(key), tick, message.note))
        if message.type == "note_on" and message.velocity:
            held[key] = tick
    return found + [(start, start, note) for (_, note), start in held.items()]


def in_seconds(notes: Notes, midi: mido.MidiFile) -> Notes:
    """The same notes by the file's tempo map."""
    changes = events_of(midi, "set_tempo")
    ticks = np.array([0, *(tick for tick, _ in changes)], np.float64)
    tempos = [mido.midifiles.midifiles.DEFAULT_TEMPO, *(message.tempo for _, message in changes)]
    tick_s = np.array(tempos) / 1e6 / midi.ticks_per_beat
    began_s = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * tick_s[:-1])])

    def to_s(when: NDArray[np.float64]) -> NDArray[np.float64]:
        last: NDArray[np.intp] = np.searchsorted(ticks, when, side="right") - 1
        return np.asarray(began_s[last] + (when - ticks[last]) * tick_s[last])

    return Notes(to_s(notes.start), to_s(notes.end), notes.pitch)


def read_beats(path: Path) -> Grid:
    """POP909's beat file: a line a beat, its time in s and, third, whether it is a downbeat.

    Raises:
        BadMidi: it is no such file, or the song is not in 4/4.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        table = np.array([line.split() for line in lines if line.strip()], np.float64)
        beats_s, downbeats = table[:, 0], np.flatnonzero(table[:, 2])
    except (OSError, ValueError, IndexError) as error:
        raise BadMidi(f"{path.name} is no beat file ({error}).") from error
    lengths = np.diff(downbeats)
    if not np.isfinite(beats_s).all():
        raise BadMidi(f"{path.name} is no beat file (a time is no number).")
    if not len(lengths) or np.bincount(lengths).argmax() != BEATS_A_BAR or (np.diff(beats_s) <= 0).any():
        raise BadMidi(f"{path.name}: the song is not in 4/4.")
    return Grid(beats_s, downbeats[:-1][lengths == BEATS_A_BAR])


def tick_grid(midi: mido.MidiFile, end_tick: float, path: Path) -> Grid:
    """Beats are the file's quarters; bars begin with its time signature (4/4 where it names none).

    Raises:
        BadMidi: it claims to last for hours, or no part of it is in 4/4 or 2/4.
    """
    count = int(end_tick / midi.ticks_per_beat) + 1 + BEATS_A_BAR
    if count > MOST_BEATS:
        raise BadMidi(f"{path.name} claims to be {count} beats long; it is damaged.")
    parts = _parts(midi)
    starts: list[int] = []
    for (first, quarters), (following, _) in zip(parts, [*parts[1:], (count, 0.0)], strict=True):
        if quarters in (2.0, 4.0):
            starts += range(first, following - BEATS_A_BAR + 1, BEATS_A_BAR)
    if not starts:
        raise BadMidi(f"{path.name} has no bar in 4/4.")
    return Grid(np.arange(count + 1, dtype=np.float64) * midi.ticks_per_beat, np.array(starts))


def _parts(midi: mido.MidiFile) -> list[tuple[int, float]]:
    """(first beat, quarters in a bar) of the parts with one time signature each."""
    parts = {0: 4.0}
    for tick, message in events_of(midi, "time_signature"):
        parts[round(tick / midi.ticks_per_beat)] = 4 * message.numerator / message.denominator
    return sorted(parts.items())


def cut(notes: Notes, grid: Grid, roll: Roll) -> Bars:
    """(M, 24) every bar of the grid; notes of other pitches are dropped, as in the paper."""
    cells = np.zeros((LAUNCHPAD.keys, len(grid.beats) * STEPS_A_BEAT), bool)
    begins, ends = grid.nearest_steps(notes.start), grid.nearest_steps(notes.end)
    keys = notes.pitch - LAUNCHPAD.lowest_pitch
    heard = (begins >= 0) & (begins < cells.shape[1]) & (keys >= 0) & (keys < LAUNCHPAD.keys)
    for key, begin, end in zip(keys[heard], begins[heard], ends[heard], strict=True):
        cells[key, begin : max(end, begin + 1) if roll == "sustained" else begin + 1] = True
    windows = grid.bar_beats[:, None] * STEPS_A_BEAT + np.arange(LAUNCHPAD.steps)
    octets = np.packbits(cells[:, windows], axis=-1, bitorder="little")
    packed = np.ascontiguousarray(octets).view("<u8")[..., 0]
    return np.ascontiguousarray(packed.T.astype(np.uint64))


def passing(bars: Bars, roll: Roll) -> Bars:
    """Those with enough cells on enough keys."""
    enough = densities(bars) >= FEWEST_CELLS[roll]
    return bars[enough & ((bars != 0).sum(-1) >= FEWEST_KEYS)]
