"""Following from a file: the engine's path without a sound card, a window or sleeping. Main thread.

The same front end, runner interface and state machine as live; the same file, follower and seed give the same
trace to the last byte.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.engine.frontend import FrontEnd, Heard
from app.engine.runner import InlineRunner, Runner
from app.engine.snapshot import Snapshot, State
from app.sessions.following import Following
from app.sessions.recordings import LONGEST_S, read_recording
from models.features import SPEC
from models.performance import BadMidi, Performance, load_midi, perform
from models.players import Player, load_player
from models.sound import render_performance
from pieces.files import replacing, saving
from pieces.piece import Piece

COLUMNS = ("time_s", "x_px", "page", "system", "page_x_px", "measure", "quarters", "speed_px_s", "confidence")
BLOCK_SAMPLES = 1024

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Summary:
    """How it went. `reached_end`: the cursor came to the last note."""

    frames: int
    duration_s: float
    state: State
    x_px: float
    measure: str
    reached_end: bool


def run_headless(
    piece: Piece,
    player: str | Player,
    audio_path: Path | None = None,
    midi_path: Path | None = None,
    trace_path: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Follow a recording or a MIDI file (without either, the bundled performance) and write the trace.

    player: a name, or a player itself. progress is told the share that is done, 0 to 1.
    Raises RipienoError for files that cannot be read or written.
    """
    sound, rate = sound_of(piece, audio_path, midi_path, seed)
    runner = InlineRunner(load_player(player, seed, relocate=True) if isinstance(player, str) else player)
    runner.open(piece)
    snapshots = follow_sound(piece, runner, sound, rate)
    try:
        if trace_path is None:
            return _summary(piece, _watch(snapshots, None, len(sound), progress), len(sound) / rate)
        with saving(trace_path), replacing(trace_path) as trace:
            return _summary(piece, _watch(snapshots, trace, len(sound), progress), len(sound) / rate)
    finally:
        runner.close()


def follow_sound(piece: Piece, runner: Runner, sound: NDArray[np.float32], rate: int,
                 block_samples: int = BLOCK_SAMPLES) -> Iterator[Snapshot]:
    """One snapshot a frame of `sound`, (n,) mono float32."""
    following = Following(piece, runner)
    following.start()
    for heard in _frames(sound, rate, block_samples):
        end_sample = min(heard.end_sample, len(sound))
        yield following.hear(heard, Snapshot(sample=end_sample, time_s=end_sample / rate))


def trace_row(snapshot: Snapshot) -> str:
    """A row of the trace, in the order of COLUMNS."""
    place = snapshot.place
    if place is None:
        raise ValueError("a trace needs a place on the page")
    return "\t".join((
        f"{snapshot.time_s:.6f}", f"{snapshot.x_px:.3f}", str(place.page), str(place.system),
        f"{place.page_x_px:.3f}", place.measure, f"{place.quarters:.5f}",
        f"{snapshot.speed_px_s:.3f}", f"{snapshot.confidence:.5f}",
    ))


def sound_of(
    piece: Piece, audio_path: Path | None, midi_path: Path | None, seed: int
) -> tuple[NDArray[np.float32], int]:
    """Mono float32 and its rate: of a recording, a MIDI file, or without either the bundled performance.

    Raises BadRecording or BadMidi: it cannot be read, or is too long.
    """
    if audio_path is not None:
        return read_recording(audio_path)
    performance: Performance = perform(piece, seed) if midi_path is None else load_midi(midi_path)
    if midi_path is not None and performance.end_s > LONGEST_S:
        long = f"{midi_path.name} lasts {performance.end_s / 60:,.0f} minutes"
        raise BadMidi(f"{long}, {LONGEST_S // 60} can be followed. Cut it into pieces.")
    return render_performance(performance, SPEC.sample_rate), SPEC.sample_rate


def _frames(sound: NDArray[np.float32], rate: int, block_samples: int) -> Iterator[Heard]:
    front_end = FrontEnd(rate)
    for begin in range(0, len(sound), block_samples):
        yield from front_end.push(sound[begin:begin + block_samples])
    yield from front_end.finish()


def _watch(
    snapshots: Iterator[Snapshot], trace: BinaryIO | None, total_samples: int, progress: Progress | None
) -> tuple[int, Snapshot]:
    if trace is not None:
        trace.write(_line("\t".join(COLUMNS)))
    count, last = 0, Snapshot()
    for count, last in enumerate(snapshots, 1):
        if trace is not None:
            trace.write(_line(trace_row(last)))
        if progress is not None and count % SPEC.fps == 0:
            progress(last.sample / total_samples)
    return count, last


def _line(text: str) -> bytes:
    return f"{text}\n".encode()


def _summary(piece: Piece, seen: tuple[int, Snapshot], duration_s: float) -> Summary:
    count, last = seen
    measure = last.place.measure if last.place is not None else ""
    near_end = last.x_px >= float(piece.onset_x_px[-1]) - piece.tolerance_px
    reached = last.state == "finished" or near_end
    return Summary(count, duration_s, last.state, last.x_px, measure, reached)
