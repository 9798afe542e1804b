"""Performances: the notes that are played, when, and which written position each belongs to.

:func:`perform` turns a piece into a human-like performance (rubato, dynamics, articulation, pedal, spread
chords, a few wrong notes): the bundled demo and the training data come from it. Deterministic in its
seed, no I/O but :meth:`Performance.save_midi` and :func:`load_midi`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.liberties import ORNAMENTED_S, hold_long_notes, ornament, section_tempi
from models.midi_files import BadMidi, open_midi
from pieces.files import replacing
from pieces.piece import Piece, PlayedNotehead

LEAD_IN_S = 0.5
"""Silence before the first note."""
MAX_NOTE_S = 20.0
"""A hanging note of a file ends after this."""


@dataclass(frozen=True)
class PlayedNote:
    """A struck key. ``quarters`` is the written position it plays, None for a wrong or added note."""

    onset_s: float
    duration_s: float
    pitch: int
    velocity: int
    quarters: float | None = None


@dataclass(frozen=True)
class Performance:
    """Notes by onset, pedal changes, and the anchors that tie written positions to time.

    ``anchors_quarters`` and ``anchors_s`` are (K,) float64, strictly increasing; both are empty where no
    score is known.
    """

    notes: tuple[PlayedNote, ...]
    pedal: tuple[tuple[float, bool], ...] = ()
    anchors_quarters: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    anchors_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def end_s(self) -> float:
        return max((note.onset_s + note.duration_s for note in self.notes), default=0.0)

    def time_at(self, quarters: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """When a written position is played, linear between anchors."""
        return np.asarray(np.interp(quarters, self.anchors_quarters, self.anchors_s))

    def stretched(self, factor: float) -> Performance:
        """The same, ``factor`` times as long."""
        notes = tuple(
            replace(note, onset_s=note.onset_s * factor, duration_s=note.duration_s * factor)
            for note in self.notes
        )
        pedal = tuple((time_s * factor, down) for time_s, down in self.pedal)
        return Performance(notes, pedal, self.anchors_quarters, self.anchors_s * factor)

    def delayed(self, seconds: float) -> Performance:
        """The same after more silence, of ``seconds`` >= 0."""
        notes = tuple(replace(note, onset_s=note.onset_s + seconds) for note in self.notes)
        pedal = tuple((time_s + seconds, down) for time_s, down in self.pedal)
        return Performance(notes, pedal, self.anchors_quarters, self.anchors_s + seconds)

    def save_midi(self, path: Path) -> None:
        """Write a format-0 MIDI file at 480 ticks a quarter and 120 BPM (1 tick = 1.04 ms)."""
        import mido

        ticks_per_s = 960
        events = [(note.onset_s, 2, ("note_on", note.pitch, note.velocity)) for note in self.notes]
        events += [(note.onset_s + note.duration_s, 0, ("note_off", note.pitch, 0)) for note in self.notes]
        events += [(time_s, 1, ("control_change", 64, 127 * down)) for time_s, down in self.pedal]
        track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000, time=0)])
        last = 0
        for time_s, _, (kind, first, second) in sorted(events):
            tick = round(time_s * ticks_per_s)
            names = ("control", "value") if kind == "control_change" else ("note", "velocity")
            track.append(mido.Message(kind, time=tick - last, **{names[0]: first, names[1]: second}))
            last = tick
        midi = mido.MidiFile(type=0, ticks_per_beat=480)
        midi.tracks.append(track)
        with replacing(path) as file:
            midi.save(file=file)


def load_midi(path: Path) -> Performance:
    """Read any standard MIDI file as a performance without anchors; hanging notes are ended.

    Raises:
        BadMidi: not a MIDI file, too large, or no note in it.
    """
    now_s = 0.0
    sounding: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    notes: list[PlayedNote] = []
    pedal: list[tuple[float, bool]] = []
    for message in open_midi(path):
        now_s += message.time
        if message.type == "note_on" and message.velocity > 0:
            sounding[message.channel, message.note].append((now_s, message.velocity))
        elif message.type in ("note_on", "note_off") and sounding[message.channel, message.note]:
            onset_s, velocity = sounding[message.channel, message.note].pop(0)
            notes.append(PlayedNote(onset_s, max(now_s - onset_s, 0.01), message.note, velocity))
        elif message.type == "control_change" and message.control == 64:
            pedal.append((now_s, message.value >= 64))
    for (_, pitch), hanging in sounding.items():
        for onset_s, velocity in hanging:
            duration_s = min(max(now_s - onset_s, 0.5), MAX_NOTE_S)
            notes.append(PlayedNote(onset_s, duration_s, pitch, velocity))
    if not notes:
        raise BadMidi(f"{path.name} holds no note. Choose a MIDI file with a performance.")
    return Performance(tuple(sorted(notes, key=lambda note: note.onset_s)), tuple(pedal))


@dataclass(frozen=True)
class Style:
    """How a pianist deviates from the text; every spread is one standard deviation.

    ``tempo_*`` are in the logarithm of tempo, ``*_s`` in seconds, rates are per note.
    """

    tempo_walk: float = 0.05  # slow drift, from one measure's length to the next
    tempo_phrase: float = 0.08  # slower towards the end of a phrase
    final_ritardando: float = 0.35
    jitter_s: float = 0.012  # each onset by itself
    spread_s: float = 0.010  # notes of one chord
    arpeggio_rate: float = 0.04  # chords that are rolled
    melody_lead_s: float = 0.012
    wrong_rate: float = 0.004
    missing_rate: float = 0.004
    extra_rate: float = 0.003
    hesitation_rate: float = 0.002  # a pause before an onset
    hesitation_s: float = 0.35
    pedal: bool = True
    dynamics: float = 12.0  # in steps of MIDI velocity
    # Liberties, which cost no draw where they are 0; see models.liberties.
    section_tempo: float = 0.0  # of the logarithm of a section's own tempo
    hold_rate: float = 0.0  # of long notes, held or cut short
    ornament_rate: float = 0.0  # of highest notes
    roll_down_rate: float = 0.0  # of rolled chords, from the top
    touch: tuple[float, float] = (0.75, 1.0)  # a note sounds between these shares of its length


HUMAN = Style()
STRICT = Style(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, False, 4.0)


def perform(
    piece: Piece,
    seed: int = 0,
    style: Style = HUMAN,
    tempo_factor: float = 1.0,
    tempo_bpm: float | None = None,
) -> Performance:
    """Play ``piece`` as ``style`` says, at ``tempo_factor`` times its tempo; same seed, same performance."""
    rng = np.random.default_rng(seed)
    free = np.random.default_rng((seed, 1))  # of liberties: the rest is drawn as without them
    quarters = piece.onset_quarters
    bpm = (tempo_bpm or piece.tempo_bpm) * tempo_factor
    times = hold_long_notes(
        quarters, _onset_times(quarters, piece, style, (rng, free), bpm), style.hold_rate, free
    )
    end_s = times[-1] + (piece.length_quarters - quarters[-1]) * 60 / bpm
    knots_q = np.append(quarters, max(piece.length_quarters, quarters[-1] + 0.25))
    knots_s = np.append(times, max(end_s, times[-1] + 0.2))
    loudness = _dynamics(quarters, style, rng)
    chords: dict[float, list[PlayedNotehead]] = defaultdict(list)
    for note in piece.notes:
        chords[round(note.quarters, 6)].append(note)
    notes: list[PlayedNote] = []
    for index, onset in enumerate(quarters):
        # One key cannot be struck twice at once: of a unison, the longer note is played.
        held = {n.pitch: n for n in sorted(chords[round(float(onset), 6)], key=lambda n: n.duration_quarters)}
        chord = sorted(held.values(), key=lambda note: note.pitch)
        struck = float(times[index]), float(loudness[index])
        notes += _play_chord(chord, *struck, (knots_q, knots_s), style, (rng, free))
    notes.sort(key=lambda note: (note.onset_s, note.pitch))
    pedal = _pedal(knots_q, knots_s, piece, rng) if style.pedal and piece.staves > 1 else ()
    return Performance(tuple(notes), pedal, quarters.copy(), times)


def _onset_times(
    quarters: NDArray[np.float64],
    piece: Piece,
    style: Style,
    draws: tuple[np.random.Generator, np.random.Generator],
    tempo_bpm: float,
) -> NDArray[np.float64]:
    """Seconds of every onset: the integral of a tempo curve, with jitter that keeps the order."""
    rng, free = draws
    grid = np.arange(0.0, piece.length_quarters + 0.5, 0.25)
    phrase = float(rng.choice([8.0, 12.0, 16.0, 32.0]))
    drift = np.zeros(len(grid))
    for index in range(1, len(grid)):  # a walk that returns to the tempo, about a measure of memory
        drift[index] = 0.94 * drift[index - 1] + style.tempo_walk * 0.34 * rng.standard_normal()
    arch = -style.tempo_phrase * (((grid % phrase) / phrase) ** 3 - 0.25)
    rest = np.clip((piece.length_quarters - grid) / 4.0, 0.0, 1.0)
    log_tempo = drift + arch - style.final_ritardando * (1 - rest) ** 2
    log_tempo += section_tempi(grid, style.section_tempo, free)
    seconds = np.concatenate([[0.0], np.cumsum(0.25 * 60.0 / (tempo_bpm * np.exp(log_tempo)))[:-1]])
    times = np.interp(quarters, grid, seconds)
    pauses = rng.exponential(style.hesitation_s, len(times))
    pauses[rng.random(len(times)) >= style.hesitation_rate] = 0.0
    pauses[0] = 0.0
    jittered = times + style.jitter_s * rng.standard_normal(len(times))
    jittered += np.cumsum(pauses)
    ordered = np.maximum.accumulate(jittered - np.arange(len(times)) * 0.008) + np.arange(len(times)) * 0.008
    return ordered - ordered[0] + LEAD_IN_S


def _dynamics(quarters: NDArray[np.float64], style: Style, rng: np.random.Generator) -> NDArray[np.float64]:
    """MIDI velocity of every onset: a slow wave and a walk about mezzo-forte."""
    period = rng.uniform(12.0, 40.0)
    wave = np.sin(2 * np.pi * (quarters / period + rng.random()))
    noise = rng.standard_normal(len(quarters))
    return 70.0 + style.dynamics * wave + 0.4 * style.dynamics * noise + rng.uniform(-8.0, 12.0)


def _play_chord(
    chord: list[PlayedNotehead],
    time_s: float,
    velocity: float,
    knots: tuple[NDArray[np.float64], NDArray[np.float64]],
    style: Style,
    draws: tuple[np.random.Generator, np.random.Generator],
) -> list[PlayedNote]:
    """The struck keys of one onset, lowest first."""
    rng, free = draws
    rolled = len(chord) > 2 and rng.random() < style.arpeggio_rate
    downward = rolled and style.roll_down_rate > 0 and free.random() < style.roll_down_rate
    notes: list[PlayedNote] = []
    for index, head in enumerate(chord):
        if rng.random() < style.missing_rate:
            continue
        wrong = rng.random() < style.wrong_rate
        pitch = head.pitch + (int(rng.choice([-2, -1, 1, 2])) if wrong else 0)
        top = index == len(chord) - 1 and len(chord) > 1
        onset_s = time_s + abs(style.spread_s * rng.standard_normal()) - style.melody_lead_s * top
        onset_s += 0.035 * (len(chord) - 1 - index if downward else index) * rolled
        written_end_s = float(np.interp(head.quarters + head.duration_quarters, *knots))
        duration_s = max((written_end_s - time_s) * rng.uniform(*style.touch), 0.06)
        loud = velocity + 10 * top - 6 * (head.staff > 0) + 0.3 * style.dynamics * rng.standard_normal()
        strength = int(np.clip(loud, 20, 120))
        quarters = None if wrong else head.quarters
        key = int(np.clip(pitch, 21, 108))
        notes.append(PlayedNote(max(onset_s, 0.0), duration_s, key, strength, quarters))
        top_note = index == len(chord) - 1 and duration_s >= ORNAMENTED_S
        if top_note and style.ornament_rate > 0 and free.random() < style.ornament_rate:
            notes[-1:] = _ornamented(notes[-1], free)
        if rng.random() < style.extra_rate:
            slip = int(np.clip(pitch + rng.choice([-1, 1]), 21, 108))
            notes.append(PlayedNote(max(onset_s, 0.0) + 0.02, 0.08, slip, max(strength - 25, 15)))
    return notes


def _ornamented(note: PlayedNote, free: np.random.Generator) -> list[PlayedNote]:
    """The keys struck for a note; only one of its own pitch plays what is written."""
    struck = [
        PlayedNote(note.onset_s + start_s, length_s, int(np.clip(pitch, 21, 108)), note.velocity)
        for start_s, length_s, pitch in ornament(note.pitch, note.duration_s, free)
    ]
    first = next(index for index, each in enumerate(struck) if each.pitch == note.pitch)
    struck[first] = replace(struck[first], quarters=note.quarters)
    return struck


def _pedal(
    knots_q: NDArray[np.float64], knots_s: NDArray[np.float64], piece: Piece, rng: np.random.Generator
) -> tuple[tuple[float, bool], ...]:
    """Legato pedal: changed every one or two quarters, just after the beat; some players use none."""
    if rng.random() < 0.35:
        return ()
    period = float(rng.choice([1.0, 2.0, 4.0]))
    changes: list[tuple[float, bool]] = []
    for beat in np.arange(0.0, piece.length_quarters, period):
        time_s = float(np.interp(beat, knots_q, knots_s))
        changes += [(max(time_s - 0.02, 0.0), False), (time_s + 0.10, True)]
    changes.append((float(knots_s[-1]), False))
    return tuple(sorted(changes))
