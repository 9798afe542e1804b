"""From a grid to what sounds in a bar: onsets, swing, velocities, note lengths, drums, clicks.

Pure. Times are beats of the song's timeline; samples come later (`queue`), when the tempo is known. A note
that outlasts its bar is handed on as `Ringing` and let go by the next one: every note-on has one note-off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.engine.scheduler import Kind
from app.sessions.launchpad import drums
from app.sessions.launchpad.arrangement import BEATS_A_BAR, STEPS_A_SIXTEENTH, Arrangement
from app.sessions.launchpad.history import NOBODY, Owners, Picture
from app.sessions.launchpad.scales import pitch_of
from models.launchpad.instrument import LAUNCHPAD

STEPS_A_BEAT = LAUNCHPAD.steps // BEATS_A_BAR
PAIR_STEPS = 2 * STEPS_A_SIXTEENTH
BETWEEN_SIXTEENTHS = 0.85
"""Velocity of what falls between two sixteenths, against what falls on one."""
DRUM_STEPS = 2
CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15)
"""Of the voices, in order: 0 is left to keys that a person plays, 9 to the drums."""

_ORDER: dict[Kind, int] = {"note_off": 0, "program": 1, "click": 2, "note_on": 3}


def silent_roll() -> NDArray[np.int8]:
    """(keys, steps) int8 of nothing."""
    return np.zeros((LAUNCHPAD.keys, LAUNCHPAD.steps), np.int8)


@dataclass(frozen=True, slots=True)
class Timed:
    """An event at a beat of the timeline."""

    beat: float
    kind: Kind
    data1: int = 0
    data2: int = 0
    channel: int = 0

    @property
    def order(self) -> tuple[float, int, int, int]:
        """By time; at one moment releases come before strikes."""
        return self.beat, _ORDER[self.kind], self.channel, self.data1


@dataclass(frozen=True, slots=True)
class Ringing:
    """A note that the bar's end found sounding; `off_step` counts from the start of the next bar."""

    channel: int
    pitch: int
    off_step: int


@dataclass(frozen=True, eq=False)
class Bar:
    """What one bar plays. index counts from 0; count-in bars are below. programs: as left on each channel."""

    index: int
    picture: Picture
    events: tuple[Timed, ...] = ()
    ringing: tuple[Ringing, ...] = ()
    programs: dict[int, int] = field(default_factory=dict)
    roll: NDArray[np.int8] = field(default_factory=silent_roll)


@dataclass(frozen=True, slots=True)
class _Note:
    channel: int
    pitch: int
    velocity: int
    on_step: int
    off_step: int


def count_in_bar(index: int, picture: Picture) -> Bar:
    """A bar of clicks."""
    return Bar(index, picture, tuple(_clicks(index)))


def closing_bar(index: int, before: Bar) -> Bar:
    """What follows the last bar: what rings is let go, and the channels get their piano back."""
    beat = float(BEATS_A_BAR * index)
    released = [Timed(beat, "note_off", held.pitch, 0, held.channel) for held in before.ringing]
    events = (*released, *pianos(before.programs, beat))
    return Bar(index, before.picture, events, programs=before.programs)  # a stop may come before it begins


def pianos(programs: dict[int, int], beat: float) -> Iterator[Timed]:
    """The programs that give the channels back their piano."""
    return (Timed(beat, "program", 0, 0, channel) for channel, program in programs.items() if program)


def render_bar(picture: Picture, index: int, before: Bar | None = None) -> Bar:
    """The bar of a picture; `before` is the one it follows, if any: its ringing notes, its programs."""
    arrangement = picture.arrangement
    notes = [*_grid_notes(picture), *_drum_notes(arrangement)]
    programs = {CHANNELS[voice]: program for voice, program in enumerate(arrangement.voices)}
    known = before.programs if before is not None else {}
    events = [*_programs(programs, known, index), *_released(before, notes, index, arrangement.swing)]
    ringing = []
    for note in notes:
        events += _struck(note, index, arrangement.swing)
        if note.off_step >= LAUNCHPAD.steps:
            ringing.append(Ringing(note.channel, note.pitch, note.off_step - LAUNCHPAD.steps))
    if arrangement.click:
        events += _clicks(index)
    events.sort(key=lambda event: event.order)
    return Bar(index, picture, tuple(events), tuple(ringing), known | programs, heard_roll(picture))


def beat_of(step: float, swing: float) -> float:
    """Beats from the bar's start at which a written step sounds: swing delays the second sixteenth of two."""
    pair, within = divmod(step, PAIR_STEPS)
    share = within / STEPS_A_SIXTEENTH
    warped = share * swing if share < 1.0 else swing + (share - 1.0) * (1.0 - swing)
    return (pair + warped) * PAIR_STEPS / STEPS_A_BEAT


def step_of(beat: float, swing: float) -> float:
    """Inverse of `beat_of`."""
    pair, share = divmod(beat * STEPS_A_BEAT / PAIR_STEPS, 1.0)
    within = share / swing if share < swing else 1.0 + (share - swing) / (1.0 - swing)
    return pair * PAIR_STEPS + within * STEPS_A_SIXTEENTH


def heard_roll(picture: Picture) -> NDArray[np.int8]:
    """(keys, steps) int8: the onsets that are heard, by who pressed their pattern; 0 silent."""
    heard = np.array([picture.arrangement.sounds(row) for row in range(LAUNCHPAD.keys)])
    return np.where(heard[:, None], owned_roll(picture), NOBODY).astype(np.int8)


def owned_roll(picture: Picture) -> NDArray[np.int8]:
    """(keys, steps) int8: every onset by who pressed its pattern; 0 where none is."""
    owners: Owners = picture.owners[:, : LAUNCHPAD.patterns]
    unshifted = owners.astype(np.int16) @ LAUNCHPAD.basis.astype(np.int16)  # patterns do not overlap
    steps = (np.arange(LAUNCHPAD.steps) - picture.grid[:, 1, None].astype(np.int64)) % LAUNCHPAD.steps
    return np.take_along_axis(unshifted, steps, axis=1).astype(np.int8)


def velocity_of(step: int, arrangement: Arrangement) -> int:
    """1..127."""
    accent = arrangement.accents[step // STEPS_A_SIXTEENTH]
    return accent if step % STEPS_A_SIXTEENTH == 0 else max(round(accent * BETWEEN_SIXTEENTHS), 1)


def _grid_notes(picture: Picture) -> Iterator[_Note]:
    arrangement = picture.arrangement
    rolls = LAUNCHPAD.rolls(picture.grid)
    for row in np.flatnonzero(picture.grid[:, 0]).tolist():
        if not arrangement.sounds(row):
            continue
        channel, pitch = CHANNELS[arrangement.row_voices[row]], pitch_of(row)
        onsets: list[int] = np.flatnonzero(rolls[row]).tolist()
        for onset, following in zip(onsets, [*onsets[1:], 2 * LAUNCHPAD.steps], strict=True):
            off = min(onset + arrangement.note_steps, following)
            yield _Note(channel, pitch, velocity_of(onset, arrangement), onset, off)


def _drum_notes(arrangement: Arrangement) -> Iterator[_Note]:
    for hit in drums.hits(arrangement.drums, arrangement.drum_level):
        step = hit.sixteenth * STEPS_A_SIXTEENTH
        yield _Note(drums.CHANNEL, hit.pitch, hit.velocity, step, step + DRUM_STEPS)


def _struck(note: _Note, index: int, swing: float) -> Iterator[Timed]:
    yield _timed(index, note.on_step, swing, "note_on", note.pitch, note.velocity, note.channel)
    if note.off_step < LAUNCHPAD.steps:
        yield _timed(index, note.off_step, swing, "note_off", note.pitch, 0, note.channel)


def _released(before: Bar | None, notes: list[_Note], index: int, swing: float) -> Iterator[Timed]:
    """Let go what rings from the bar before: when its time is over, or just before it is struck again."""
    first: dict[tuple[int, int], int] = {}
    for note in notes:
        first.setdefault((note.channel, note.pitch), note.on_step)
    for held in before.ringing if before is not None else ():
        step = min(held.off_step, first.get((held.channel, held.pitch), held.off_step))
        yield _timed(index, step, swing, "note_off", held.pitch, 0, held.channel)


def _programs(wanted: dict[int, int], known: dict[int, int], index: int) -> Iterator[Timed]:
    for channel, program in wanted.items():
        if known.get(channel) != program:
            yield Timed(float(BEATS_A_BAR * index), "program", program, 0, channel)


def _clicks(index: int) -> Iterator[Timed]:
    for beat in range(BEATS_A_BAR):
        yield Timed(float(BEATS_A_BAR * index + beat), "click", int(beat == 0))


def _timed(
    index: int, step: int, swing: float, kind: Kind, data1: int, data2: int, channel: int
) -> Timed:
    return Timed(BEATS_A_BAR * index + beat_of(step, swing), kind, data1, data2, channel)
