"""What an ODTW baseline knows of a piece: when which notes are written, and how that would sound.

MIDI-ODTW reads the piece's own notes, a perfect recogniser's. OMR-ODTW reads a recogniser's MusicXML or MIDI
file; where there is none, a seeded corruption of the true notes stands in. Pure but for reading that file and
the synthesis; a second for a long piece.
"""
from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.features import SPEC, frames
from models.midi_files import MIDI_SUFFIXES, BadMidi
from models.performance import Performance, PlayedNote, load_midi
from models.sound import render_performance
from pieces.engraving import engrave
from pieces.errors import BadScore, Unusable
from pieces.piece import Piece
from pieces.reading import name_of, read_score, split_tune

SCORE_SUFFIXES = (".musicxml", ".xml", ".mxl", *MIDI_SUFFIXES)
VELOCITY = 72


@dataclass(frozen=True)
class WrittenNotes:
    """Notes as read: (N, 3) float64 rows of onset and duration in quarters, and pitch; `length` too."""

    rows: NDArray[np.float64]
    length: float


@dataclass(frozen=True)
class Mistakes:
    """How often a recogniser errs: per note, but `bar_rate`, which is per stretch of four quarters."""

    missing_rate: float = 0.05
    pitch_rate: float = 0.05
    bar_rate: float = 0.05
    """Stretches whose durations were misread, so that their notes stand elsewhere within them."""


def true_notes(piece: Piece) -> WrittenNotes:
    """What a perfect recogniser reads."""
    rows = [(note.quarters, note.duration_quarters, note.pitch) for note in piece.notes]
    return WrittenNotes(np.array(rows, np.float64), piece.length_quarters)


def corrupted(written: WrittenNotes, seed: int, mistakes: Mistakes | None = None) -> WrittenNotes:
    """The same with a recogniser's mistakes, drawn from `seed`; no bar is lost or added, as in the paper."""
    mistakes, rng = mistakes or Mistakes(), np.random.default_rng(seed)
    rows = written.rows[rng.random(len(written.rows)) >= mistakes.missing_rate].copy()
    wrong = rng.random(len(rows)) < mistakes.pitch_rate
    rows[wrong, 2] += rng.choice([-2, -1, 1, 2], int(wrong.sum()))
    bars = (rows[:, 0] // 4).astype(int)
    for bar in range(int(written.length // 4) + 1):
        if rng.random() < mistakes.bar_rate:
            within = bars == bar
            rows[within, 0] = 4 * bar + (rows[within, 0] - 4 * bar) * rng.choice([0.5, 0.75])
    return WrittenNotes(rows[np.argsort(rows[:, 0], kind="stable")], written.length)


def read_notes(path: Path, piece: Piece) -> WrittenNotes:
    """A recogniser's MusicXML or MIDI file of `piece`.

    MIDI says nothing of bars before the first note and after the last: its first and last onsets are taken
    for the piece's.

    Raises RipienoError, or BadScore, for a file that is neither.
    """
    if path.suffix.lower() in MIDI_SUFFIXES:
        performance = load_midi(path)
        rows = [(note.onset_s, note.duration_s, note.pitch) for note in performance.notes]
        return _fitted(np.array(rows, np.float64), piece)
    engraving = engrave(read_score(path))
    rows = [(note.quarters, note.duration_quarters, note.pitch) for note in engraving.notes]
    return WrittenNotes(np.array(rows, np.float64), engraving.length_quarters)


def _fitted(rows: NDArray[np.float64], piece: Piece) -> WrittenNotes:
    """Onsets and durations in seconds to the quarters of a piece."""
    first, last = float(piece.onset_quarters[0]), float(piece.onset_quarters[-1])
    scale = (last - first) / max(rows[-1, 0] - rows[0, 0], 1e-3)
    onsets = first + scale * (rows[:, 0] - rows[0, 0])
    return WrittenNotes(np.column_stack((onsets, scale * rows[:, 1], rows[:, 2])), piece.length_quarters)


def recognised(piece: Piece, source: Path | None) -> WrittenNotes:
    """What OMR-ODTW reads: a file, the file of a folder that is called like the piece, or the stand-in.

    Raises Unusable where the folder has no such file, or one that cannot be read.
    """
    name = _file_name(piece)
    if source is None:
        return corrupted(true_notes(piece), zlib.crc32(name.encode()))
    if source.is_file():
        return read_notes(source, piece)
    for path in (source / f"{name}{suffix}" for suffix in SCORE_SUFFIXES):
        if path.is_file():
            try:
                return read_notes(path, piece)
            except (BadScore, BadMidi) as error:
                raise Unusable(str(error)) from error
    raise Unusable(f"{source} holds no {name}.musicxml or .mid; put the recogniser's output there.")


def _file_name(piece: Piece) -> str:
    """The piece's name without folders: the window calls what is outside the library by its whole path."""
    return name_of(*split_tune(Path(piece.name))) if os.path.isabs(piece.name) else piece.name


def sound_of(written: WrittenNotes, quarters_per_s: float) -> NDArray[np.float32]:
    """The notes at a steady tempo by the bundled sound set, as frames (T, 78); frame i is at i / 20 s."""
    return frames(audio_of(written, quarters_per_s))


def audio_of(written: WrittenNotes, quarters_per_s: float) -> NDArray[np.float32]:
    """The same as mono samples (N,) at the frames' sample rate; quarter 0 is at sample 0."""
    notes = tuple(
        PlayedNote(onset / quarters_per_s, max(duration / quarters_per_s, 0.05), int(pitch), VELOCITY)
        for onset, duration, pitch in written.rows if 0 < pitch < 128
    )
    return render_performance(Performance(notes), SPEC.sample_rate)
