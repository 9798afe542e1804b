"""`data build chorales`: the four-part chorales of music21 become one file of lines on a sixteenth grid.

Child processes read the scores, each into a file of its own, so an interrupted build goes on where it
stopped; at the end all become `chorales.npz`. The only place that needs music21.

`python -m models.duet.data DIR` puts those of DIR that no training sees into the file that is bundled.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from models.duet.chorales import FILE_NAME, NOT_LEARNED, VOICES, BadChorales, Chorale, load, save, split
from models.duet.encoding import STEPS_PER_BEAT, OutOfRange, line


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build the chorales into ``out``; yields (done, all, why the last was skipped or "").

    ``source`` is a folder of .mxl files to read instead of music21's.

    Raises:
        BadChorales: music21 or the folder is missing, or no file in it is a chorale in four parts.
    """
    scores = chorale_files(source or corpus_folder())
    scores = scores[: count or len(scores)]
    parts = {score: out / "chorales" / f"{score.stem}.npz" for score in scores}
    (out / "chorales").mkdir(parents=True, exist_ok=True)
    waiting = {score: part for score, part in parts.items() if not part.exists()}
    done = len(scores) - len(waiting)
    for reason in _read_all(waiting, workers):
        done += 1
        yield done, len(scores), reason
    built = [part for part in parts.values() if part.exists()]
    if not built:
        raise BadChorales("no chorale could be read; see the reasons above.")
    save([load(part)[0] for part in built], out / FILE_NAME)
    yield len(scores), len(scores), ""


def bundle(built: Path, file: Path = NOT_LEARNED) -> None:
    """Put the chorales that are not learned from, of a folder that was built, into one file.

    Raises:
        BadChorales: there are none, or the file cannot be written.
    """
    parts = split(load(built))
    save([*parts.held_out, *parts.validation], file)


def corpus_folder() -> Path:
    """Where music21 keeps its Bach; raises BadChorales where it is not installed."""
    found = find_spec("music21")
    if found is None or not found.submodule_search_locations:
        raise BadChorales("the chorales come with music21: install it with pip install music21==10.5.1")
    return Path(found.submodule_search_locations[0]) / "corpus" / "bach"


def chorale_files(folder: Path) -> list[Path]:
    """The scores in a folder whose parts are Soprano, Alto, Tenor and Bass and no more, by name."""
    found = [path for path in sorted(folder.glob("*.mxl")) if _part_names(path) == list(VOICES)]
    if not found:
        raise BadChorales(f"no .mxl file in {folder} is a chorale in four parts. Is it the right folder?")
    return found


def _part_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = (name for name in archive.namelist() if not name.startswith("META-INF"))
            inner = next(name for name in names if name.endswith((".xml", ".musicxml")))
            root = ElementTree.fromstring(archive.read(inner))
    except (OSError, zipfile.BadZipFile, ElementTree.ParseError, StopIteration):
        return []
    return [(part.findtext("part-name") or "").strip().lower() for part in root.iter("score-part")]


def _read_all(waiting: dict[Path, Path], workers: int) -> Iterator[str]:
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(_read_to, score, part) for score, part in waiting.items()]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read_to(score: Path, part: Path) -> str:
    """Worker: read one score; answers why it was skipped, or nothing."""
    try:
        save([read_chorale(score)], part)
    except (BadChorales, OutOfRange) as error:
        return f"{score.name}: {error}"
    return ""


def read_chorale(path: Path) -> Chorale:
    """One score as it is written, repeats not played out.

    Raises:
        BadChorales: not readable, or without its four parts.
        OutOfRange: a note below MIDI 36 or above 81.
    """
    from music21 import converter
    from music21.exceptions21 import Music21Exception

    try:
        score: Any = converter.parse(path, format="musicxml", forceSource=True)
    except (Music21Exception, ElementTree.ParseError, OSError, ValueError) as error:
        raise BadChorales(f"music21 cannot read it ({error})") from error
    parts = {str(part.partName).strip().lower(): part for part in score.parts}
    if set(VOICES) - set(parts):
        raise BadChorales("it lacks one of the four parts")
    steps = round(float(score.highestTime) * STEPS_PER_BEAT)
    tokens = np.stack([line(_notes(parts[voice]), steps) for voice in VOICES])
    bars = list(parts[VOICES[0]].getElementsByClass("Measure"))
    bar_steps = round(float(bars[0].barDuration.quarterLength) * STEPS_PER_BEAT)
    lengths = [round(float(bar.highestTime) * STEPS_PER_BEAT) for bar in bars]
    return Chorale(path.stem, tokens, positions(lengths, bar_steps), bar_steps)


def _notes(part: Any) -> list[tuple[int, int, int]]:
    """(first step, steps, MIDI pitch); what lies between two steps begins at the earlier one.

    Ties are one note, grace notes are left out, of two notes at once the higher one counts.
    """
    found = []
    for note in part.stripTies().flatten().notes:
        start = int(float(note.offset) * STEPS_PER_BEAT)
        end = round(float(note.offset + note.quarterLength) * STEPS_PER_BEAT)
        if note.quarterLength > 0:
            found.append((start, max(end - start, 1), max(pitch.midi for pitch in note.pitches)))
    return found


def positions(lengths: Sequence[int], bar_steps: int) -> NDArray[np.uint8]:
    """(T,) sixteenths since the bar began, for written measures of these many sixteenths.

    A first measure that is too short is an upbeat; later ones that are too short share one bar (a repeat
    sign may stand within it).
    """
    begin, found = max(bar_steps - lengths[0], 0), []
    for length in lengths:
        found.append((begin + np.arange(length)) % bar_steps)
        begin = (begin + length) % bar_steps
    return np.concatenate(found).astype(np.uint8)


if __name__ == "__main__":
    bundle(Path(sys.argv[1]))
