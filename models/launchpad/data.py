"""`data build launchpad`: a folder of MIDI becomes one corpus of bars.

Songs are read by child processes, each into a file of its own, so an interrupted build goes on where it
stopped; at the end all of them become `corpus.npz`. Folders below are read too, as POP909 has one a song.
Nothing here is needed to play.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from models.launchpad.corpus import FILE_NAME, BadCorpus, Bars, Corpus, Roll
from models.launchpad.midi_bars import beat_file_of, song_bars
from models.midi_files import MIDI_SUFFIXES, BadMidi
from pieces.files import replace_file

ROLLS: dict[str, Roll] = {"launchpad": "onset", "launchpad-sustained": "sustained"}
"""The roll of each data set."""
OTHER_ARRANGEMENTS = "versions"
"""POP909's folder of further arrangements of a song."""


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build a corpus into ``out``; yields (done, all, why the last was skipped or "").

    Raises:
        BadCorpus: there is no MIDI file in ``source``, or no bar of them passes the filters.
    """
    songs = _songs(name, source, count)
    parts = {song: out / "songs" / _part_name(song, ROLLS[name]) for song in songs}
    (out / "songs").mkdir(parents=True, exist_ok=True)
    waiting = {song: part for song, part in parts.items() if not part.exists()}
    done = len(songs) - len(waiting)
    for reason in _read_all(waiting, ROLLS[name], workers):
        done += 1
        yield done, len(songs), reason
    source_name = source.resolve().name if source else name
    corpus = _gather([part for part in parts.values() if part.exists()], source_name, ROLLS[name])
    corpus.save(out / FILE_NAME)
    yield len(songs), len(songs), ""


def _songs(name: str, source: Path | None, count: int) -> list[Path]:
    if source is None or not source.is_dir():
        raise BadCorpus(f"data build {name}: give the folder of MIDI files with --from.")
    songs = sorted(
        path for path in source.rglob("*")
        if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()
        and OTHER_ARRANGEMENTS not in path.relative_to(source).parts
    )  # fmt: skip
    if not songs:
        raise BadCorpus(f"data build {name}: there is no MIDI file in {source}. Is it the right folder?")
    return songs[: count or len(songs)]


def _part_name(song: Path, roll: Roll) -> str:
    """The file of a song's bars: another one as soon as the roll, the song or its beats are others."""
    read_from = [file for file in (song, beat_file_of(song)) if file is not None]
    made_from = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in read_from]
    return f"{song.stem}-{hashlib.sha256(repr((roll, made_from)).encode()).hexdigest()[:16]}.npy"


def _read_all(waiting: dict[Path, Path], roll: Roll, workers: int) -> Iterator[str]:
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(_read_to, song, part, roll) for song, part in waiting.items()]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read_to(song: Path, part: Path, roll: Roll) -> str:
    """Worker: read one song; answers why it was skipped, or nothing."""
    try:
        bars = song_bars(song, roll)
    except BadMidi as error:
        return str(error)
    file = io.BytesIO()
    np.save(file, bars)
    replace_file(part, file.getvalue())
    return "" if len(bars) else f"{song.name} has no bar that passes the filters."


def _gather(parts: list[Path], name: str, roll: Roll) -> Corpus:
    bars: list[Bars] = [np.load(part, allow_pickle=False) for part in parts]
    if not sum(map(len, bars)):
        raise BadCorpus(
            f"No bar of {name} passes the filters for {roll} rolls: give it music in 4/4 around middle C."
        )
    return Corpus(np.concatenate(bars), name, roll)
