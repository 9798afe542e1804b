"""A part that plays in the person's place: a line from a MIDI file, a score or a piece of the library.

Any thread; a score is engraved for its timing, which takes a second or more. What had to be decided about
a file (which track, chords, notes that never end) is told in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import mean, mode
from typing import Any

import mido

from app.sessions.duet.choices import FASTEST_BPM, METERS, SLOWEST_BPM, DuetProblem
from app.sessions.duet.hearing import folded
from models.duet.encoding import Tokens, line
from models.midi_files import MIDI_SUFFIXES, events_of, open_midi
from pieces import library
from pieces.engraving import engrave
from pieces.reading import read_score

LONGEST_BEATS = 20_000.0
DRUMS = 9
SHORTEST_BEATS, HANGING_BEATS = 1 / 64, 8.0
"""A note that is never released ends with the next one, or after two bars."""
USUAL_BPM = 120.0
MELODY_NAMES = ("melody", "soprano", "vocal", "voice", "lead", "sing", "solo", "cantus")
SCORE_VELOCITY = 80

Tell = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class PartNote:
    """In quarter notes from the first bar."""

    beat: float
    beats: float
    pitch: int
    velocity: int = SCORE_VELOCITY

    @property
    def end(self) -> float:
        """Where it is let go."""
        return self.beat + self.beats


@dataclass(frozen=True, eq=False)
class Part:
    """Notes in order of onset. low: the piece's lowest line, (n,) multi-hold; empty where it has one."""

    name: str
    notes: tuple[PartNote, ...]
    tempo_bpm: float
    beats_a_bar: int
    low: Tokens

    @property
    def end_beat(self) -> float:
        """The end of the bar in which the last note ends."""
        bars = max(note.end for note in self.notes) / self.beats_a_bar
        return float(self.beats_a_bar * -(-round(bars * 1024) // 1024))


def no_beginning(part: Part | None) -> str:
    """Why a piece can give the machine nothing to begin with, for the user; "" where it can."""
    if part is None:
        return "No piece plays your part that the machine could begin with; it begins cold."
    return "" if len(part.low) else f"{part.name} has only one line; the machine begins cold."


def read_part(name_or_path: str | Path, tell: Tell) -> Part:
    """The part in a MIDI file, a score file or a piece of the library.

    Raises:
        RipienoError: neither a file nor a name; damaged; too large; without a note.
    """
    path = Path(name_or_path)
    if path.suffix.lower() in MIDI_SUFFIXES:
        return read_midi(path, tell)
    return _read_score(library.find(str(name_or_path)), tell)


# --- MIDI ---------------------------------------------------------------------------------------------------


@dataclass
class _Track:
    name: str
    notes: list[PartNote]
    hanging: list[PartNote] = field(default_factory=list)


def read_midi(path: Path, tell: Tell) -> Part:
    """The melody of a MIDI file: of several tracks, the one that is called so, or that lies highest."""
    midi = open_midi(path)
    tracks = [found for track in midi.tracks for found in _tracks(track, midi.ticks_per_beat)]
    if not tracks:
        raise DuetProblem(f"{path.name} holds no note. Choose a MIDI file with a melody in it.")
    chosen = _melody(tracks)
    if len(tracks) > 1:
        called = f'"{chosen.name}"' if chosen.name else "the one that lies highest"
        tell(f"{path.name} has {len(tracks)} tracks with notes; {called} is played.")
    if chosen.hanging:
        tell(f"{path.name}: {len(chosen.hanging)} notes never end in the file; they end with the next one.")
    notes = tuple(sorted(chosen.notes, key=lambda note: (note.beat, -note.pitch)))
    if _in_chords(notes):
        tell(f"{path.name} has chords: of notes that begin together the highest one counts.")
    others = [note for track in tracks if track is not chosen for note in track.notes]
    tempo_bpm = _tempo(midi, notes[0].beat, path.name, tell)
    beats_a_bar = _meter(midi, notes[0].beat, path.name, tell)
    return Part(path.stem, notes, tempo_bpm, beats_a_bar, _low_line(others) if others else line([], 0))


def _tracks(track: mido.MidiTrack, ticks_a_beat: int) -> list[_Track]:
    """The notes of each channel of a track, but for drums."""
    name = next((str(m.name).strip() for m in track if m.type == "track_name"), "")
    found: dict[int, _Track] = {}
    sounding: dict[tuple[int, int], PartNote] = {}
    beat = 0.0
    for message in track:
        beat += message.time / ticks_a_beat
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS or beat > LONGEST_BEATS:
            continue
        voice, key = found.setdefault(message.channel, _Track(name, [])), (message.channel, message.note)
        strikes = message.type == "note_on" and message.velocity > 0
        begun = sounding.pop(key, None)
        if begun is not None and strikes:
            voice.hanging.append(begun)
        elif begun is not None:
            voice.notes.append(replace(begun, beats=max(beat - begun.beat, SHORTEST_BEATS)))
        if strikes:
            sounding[key] = PartNote(beat, HANGING_BEATS, message.note, message.velocity)
    for (channel, _), note in sounding.items():
        found[channel].hanging.append(note)
    for voice in found.values():
        _let_go(voice)
    return [voice for voice in found.values() if voice.notes]


def _let_go(track: _Track) -> None:
    """End the notes that the file does not."""
    onsets = sorted({note.beat for note in (*track.notes, *track.hanging)})
    for note in track.hanging:
        later = next((beat for beat in onsets if beat > note.beat), note.end)
        track.notes.append(replace(note, beats=min(HANGING_BEATS, later - note.beat)))


def _melody(tracks: Sequence[_Track]) -> _Track:
    named = [t for t in tracks if any(word in t.name.lower() for word in MELODY_NAMES)]
    fullest = max(len(track.notes) for track in tracks)
    full = [track for track in tracks if len(track.notes) >= fullest / 8]
    return max(named or full, key=lambda track: mean(note.pitch for note in track.notes))


def _in_chords(notes: Sequence[PartNote]) -> bool:
    return any(a.beat == b.beat for a, b in pairwise(notes))


def _tempo(midi: mido.MidiFile, beat: float, name: str, tell: Tell) -> float:
    """Quarters a minute at the beat of the first note."""
    tempos = [(tick / midi.ticks_per_beat, mido.tempo2bpm(m.tempo))
              for tick, m in events_of(midi, "set_tempo") if m.tempo > 0]  # fmt: skip
    found, changes = _in_force(tempos, beat, USUAL_BPM)
    bpm = min(max(found, SLOWEST_BPM), FASTEST_BPM)
    if changes:
        tell(f"{name} changes its tempo; it is played at ♩ = {bpm:.0f} throughout.")
    return bpm


def _meter(midi: mido.MidiFile, beat: float, name: str, tell: Tell) -> int:
    """Quarters in a bar at the beat of the first note."""
    meters = [(tick / midi.ticks_per_beat, 4 * m.numerator / m.denominator)
              for tick, m in events_of(midi, "time_signature")]  # fmt: skip
    quarters, changes = _in_force(meters, beat, 4.0)
    if not changes:
        return _counted(quarters, name, tell)
    beats_a_bar = _meter_of(quarters)
    tell(f"{name} changes its meter; bars of {beats_a_bar} quarters are counted throughout.")
    return beats_a_bar


def _in_force(changes: Sequence[tuple[float, float]], beat: float, usual: float) -> tuple[float, bool]:
    """Of (beat, value) in order, the value at a beat, and whether another one follows."""
    value = [usual, *(value for at, value in changes if at <= beat)][-1]
    return value, any(later != value for at, later in changes if at > beat)


def _counted(quarters: float, name: str, tell: Tell) -> int:
    """How many quarters a bar are counted where it has so many."""
    beats_a_bar = _meter_of(quarters)
    if quarters not in METERS:
        tell(f"{name} has bars of {quarters:g} quarters; bars of {beats_a_bar} are counted.")
    return beats_a_bar


def _meter_of(quarters: float) -> int:
    """3 or 4 quarters a bar: bars of 6/8 and 3/2 are counted in threes, all else in fours."""
    return METERS[0] if quarters % 3 == 0 else METERS[1]


# --- scores -------------------------------------------------------------------------------------------------


def _read_score(path: Path, tell: Tell) -> Part:
    """The highest line of a score, bar lines on bars; an upbeat comes at the end of a bar of rest."""
    score = read_score(path)
    engraved = engrave(score)
    entry = library.describe(path)
    starts: dict[int, float] = {}
    for note in engraved.notes:
        starts.setdefault(note.played_measure, note.quarters)
    lengths = [b - a for a, b in pairwise(starts.values())]
    bar = mode(lengths) if lengths else 4.0
    title = entry.title if entry is not None and entry.title else engraved.header.get("title") or path.stem
    beats_a_bar = _counted(bar, title, tell)
    first_bar = lengths[0] if lengths else bar
    shift = (beats_a_bar - first_bar) % beats_a_bar if first_bar < bar else 0.0
    notes = [PartNote(n.quarters + shift, n.duration_quarters, n.pitch) for n in engraved.notes
             if n.duration_quarters > 0]  # fmt: skip
    if not notes:
        raise DuetProblem(f"{path.name} holds no note. Choose another score.")
    bpm = (entry.tempo_bpm if entry is not None else 0.0) or engraved.tempo_bpm or USUAL_BPM
    high = _extreme(notes, max)
    if len(high) < len(notes):
        tell(f"{title}: its highest line is played.")
    return Part(title, tuple(high), min(max(bpm, SLOWEST_BPM), FASTEST_BPM), beats_a_bar, _low_line(notes))


def _extreme(notes: Sequence[PartNote], choose: Callable[..., PartNote]) -> list[PartNote]:
    """The highest or lowest of the notes that sound whenever one begins, each until another takes over."""
    found: list[PartNote] = []
    for beat in sorted({note.beat for note in notes}):
        sounding = [note for note in notes if note.beat <= beat < note.end - 1e-6]
        if not sounding:
            continue
        chosen = choose(sounding, key=lambda note: note.pitch)
        if chosen.beat == beat:
            if found and found[-1].end > beat:
                last = found.pop()
                found.append(PartNote(last.beat, beat - last.beat, last.pitch, last.velocity))
            found.append(chosen)
    return found


def _low_line(notes: Sequence[PartNote]) -> Tokens:
    """The lowest line, as symbols."""
    low = _extreme(notes, min)
    steps = [(round(4 * n.beat), max(round(4 * n.end) - round(4 * n.beat), 1), folded(n.pitch)) for n in low]
    return line(steps, max(start + length for start, length, _ in steps))
