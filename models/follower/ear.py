"""Hearing: from frames of sound to a belief about the place, for one opened piece.

Does not know the cursor, so several players of one performance can share it (:class:`RememberingEar`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models.follower.belief import Belief, BeliefConfig
from models.follower.data import halve
from models.follower.finder import Finder, Silence
from models.follower.network import COLUMN_PX, CROP_COLUMNS, PITCHES, Reader
from models.follower.noteheads import NoteheadReader, read_noteheads
from models.follower.rhythm import Notes, Rhythm, read_notes, spread_evenly
from models.follower.streaming import SoundStream
from models.follower.strikes import Written
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

_NOTEHEAD = 0.15
"""From this chance on there is a notehead."""
_BLANK_COLUMNS, _REST_COLUMNS, _BLANK_SHARE = 45, 12, 0.15
"""Without a notehead in so many columns, those after the first few last this share of what was read."""


class Hearing(NamedTuple):
    """What a frame leaves one believing: ``summary`` (SUMMARY,) and the mass on every column, (C,)."""

    summary: FloatArray
    columns: FloatArray

    def mass_within(self, x_px: float, reach_px: float) -> float:
        """Share of the belief within ``reach_px`` of ``x_px``."""
        first = max(math.ceil((x_px - reach_px) / COLUMN_PX - 0.5), 0)
        last = math.floor((x_px + reach_px) / COLUMN_PX - 0.5)
        return float(np.add.reduce(self.columns[first : last + 1]))


class Listener(Protocol):
    """Whatever turns frames into hearings."""

    @property
    def by_note(self) -> bool:
        """Whether the open piece was read note by note."""

    def open(self, piece: Piece) -> None:
        """Prepare for a piece."""

    def reset(self, x_px: float) -> None:
        """The music is at ``x_px``; forget the sound heard so far."""

    def hear(self, frame: FloatArray) -> Hearing:
        """Hear one frame, (78,) float32."""

    def rest(self) -> None:
        """What can wait until the answer to the newest frame is out."""


@dataclass(frozen=True)
class ByNote:
    """What one-line tunes are followed with: their encoders, the network that reads notes, the filter's
    assumptions."""

    reader: Reader
    rhythm: Rhythm
    config: BeliefConfig


class Reading(NamedTuple):
    """A strip as read: of C columns ``keys`` (C, D + 176), ``bias`` and ``log_quarters`` (C,), and what is
    ``written`` there. ``notes`` is None where it was read column by column.
    """

    keys: FloatArray
    bias: FloatArray
    log_quarters: FloatArray
    written: Written
    notes: Notes | None


@torch.inference_mode()
def read_strip(
    reader: Reader,
    rhythm: Rhythm | None,
    strip: NDArray[np.uint8],
    music: tuple[int, int],
    noteheads: Callable[[], FloatArray] | None = None,
) -> Reading:
    """Read a halved strip (80, W // 2); with a ``rhythm`` note by note between the columns of ``music``.

    ``noteheads`` gives their chances, (C, 88), where another network reads them from the strip at full size.
    """
    features = reader.score(torch.from_numpy(strip).float().div_(255.0).unsqueeze(0))
    keys, bias, log_quarters = (part[0].numpy() for part in reader.read(features))
    written = noteheads() if noteheads else torch.sigmoid(reader.written(features))[0].numpy()
    notes = None
    if rhythm is not None:
        notes = read_notes(rhythm, strip, written, music)
    if notes is not None:
        log_quarters = spread_evenly(log_quarters, notes)
    else:
        log_quarters = shorten_blanks(log_quarters, written.max(axis=1), music)
    return Reading(keys, bias, log_quarters, Written.read(written), notes)


@torch.inference_mode()
def after_a_run_in(
    reader: Reader, read: Reading, strip: NDArray[np.uint8], music: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Keys and biases of a strip as read, but of its beginning as it is read after the same music.

    Crops to train on begin before their sound does, so the network has learned that music is seldom at an
    edge on the left: theme by theme, it fits better where it comes again than where it began.
    """
    first, last = music
    run_in = min(CROP_COLUMNS, last + 1 - first) // 2 * 2  # the network's memory runs over pairs
    begun = [strip[:, 2 * first : 2 * (first + run_in)], strip[:, 2 * first : 2 * (first + 2 * run_in)]]
    features = reader.score(torch.from_numpy(np.concatenate(begun, axis=1)).float().div_(255.0).unsqueeze(0))
    keys, bias = read.keys.copy(), read.bias.copy()
    beginning = slice(first, first + run_in)
    again_keys, again_bias, _ = reader.read(features)
    keys[beginning] = again_keys[0, run_in : 2 * run_in].numpy()
    bias[beginning] = again_bias[0, run_in : 2 * run_in].numpy()
    return keys, bias


def shorten_blanks(log_quarters: FloatArray, written: FloatArray, music: tuple[int, int]) -> FloatArray:
    """(C,) log quarters with less time in wide stretches of ``music`` without a notehead.

    The network takes empty staves for rests, as long as they are wide. Engravers never space a rest so wide:
    what stands there is hidden (trills played out, cadenzas), and lasts no longer than elsewhere. ``written``
    (C,) are the chances of a notehead.
    """
    first, last = music
    noteheads = first + np.flatnonzero(written[first : last + 1] >= _NOTEHEAD)
    edges = np.concatenate([[first - 1], noteheads, [last + 1]])
    shortened = log_quarters.copy()
    for before, after in itertools.pairwise(edges):
        if after - before > _BLANK_COLUMNS:
            shortened[before + 1 + _REST_COLUMNS : after] += np.float32(np.log(_BLANK_SHARE))
    return shortened


class Ear:
    """The trained encoders and the belief filter, frame by frame.

    With ``scouting`` it notices that the player jumped or stopped, and finds the place again. ``by_note``: it
    reads one-line tunes note by note; these are the pieces of one staff, as in the game's rules. Of other
    pieces the noteheads are what ``noteheads`` reads, where it is given.
    """

    def __init__(
        self,
        reader: Reader,
        config: BeliefConfig,
        scouting: bool = False,
        by_note: ByNote | None = None,
        noteheads: NoteheadReader | None = None,
    ) -> None:
        self._usual_reader, self._noteheads = reader, noteheads
        self._config, self._by_note = config, by_note
        self._scouting = scouting
        self._finder: Finder | None = None
        self._notes: Notes | None = None
        self._listen_with(reader)

    def _listen_with(self, reader: Reader) -> None:
        self.reader = reader.eval()
        self._sound = SoundStream(reader)
        self._afresh = SoundStream(reader) if self._scouting else None

    @property
    def by_note(self) -> bool:
        return self._notes is not None

    def open(self, piece: Piece) -> None:
        """Encode the whole strip; the sound is compared with it from then on."""
        strip = halve(piece.strip)
        first = int(piece.segments[0].strip_x0_px / COLUMN_PX)
        last = min(int(piece.segments[-1].strip_x1_px / COLUMN_PX), strip.shape[1] // 2 - 1)
        one_line = self._by_note if piece.staves == 1 else None
        self._listen_with(one_line.reader if one_line else self._usual_reader)
        rhythm, noteheads = one_line.rhythm if one_line else None, None
        with ThreadPoolExecutor(1) as beside:  # each network on a thread: somebody waits
            if self._noteheads is not None and one_line is None:
                noteheads = beside.submit(read_noteheads, self._noteheads, piece.strip).result
            read = read_strip(self.reader, rhythm, strip, (first, last), noteheads)
        self._keys, self._bias, self._notes = read.keys, read.bias, read.notes
        config = one_line.config if one_line and read.notes else self._config
        self._belief = Belief(read.log_quarters, (first, last), config, read.notes, read.written)
        self._odds = self._bias - self._belief.log_quarters
        first_px = float(piece.onset_x_px[0])
        if self._scouting:
            self._finder = Finder(self._belief, first_px, piece.tolerance_px)
            self._search_keys, self._search_bias = after_a_run_in(self.reader, read, strip, (first, last))
        self.reset(first_px)

    def reset(self, x_px: float) -> None:
        self._sound.reset()
        self._unscouted: tuple[FloatArray, FloatArray] | None = None
        self._belief.reset(x_px)
        if self._finder is not None:
            self._finder.reset(x_px)

    def hear(self, frame: FloatArray) -> Hearing:
        if self._finder is not None:
            self._listen(self._finder, frame)
        query = self._sound.ask(self._sound.hear(frame))
        window = self._belief.predict()  # the belief asks about these columns only
        evidence = self._keys[window].dot(query)
        evidence += self._odds[window]
        summary = self._belief.weigh(evidence, self._struck(query))
        self._unscouted = frame, query
        return Hearing(summary, self._belief.columns)

    def _listen(self, finder: Finder, frame: FloatArray) -> None:
        """What was heard before a break says nothing of what comes after it: an ear had better forget it."""
        silence = finder.listen(frame)
        if silence is Silence.BREAK:
            self._sound.reset()
        elif silence is Silence.PAUSE and self._afresh is not None:
            self._afresh.reset()

    def _struck(self, query: FloatArray) -> FloatArray:
        """(88,) the part of a query that says which keys seem struck."""
        free = self.reader.config.embedding
        return query[free : free + PITCHES]

    def rest(self) -> None:
        """What can wait until the newest answer is out: finding, and what the next one finds prepared."""
        if self._finder is not None and self._unscouted is not None:
            self._find(self._finder, *self._unscouted)
        self._unscouted = None
        self._belief.predict()
        self._sound.rest()

    def _find(self, finder: Finder, frame: FloatArray, query: FloatArray) -> None:
        finder.hear(self._search_keys @ query + self._search_bias, self._belief, self._struck(query))
        if finder.doubting and self._afresh is not None:
            query = self._afresh.ask(self._afresh.hear(frame))
            fit = self._search_keys @ query + self._search_bias
            if finder.doubt(fit, self._belief, self._struck(query)):
                self._sound, self._afresh = self._afresh, self._sound  # the music did jump
            self._afresh.rest()


class RememberingEar:
    """The same hearings again for the same sound: trials of one performance differ in their actions only."""

    def __init__(self, ear: Listener) -> None:
        self._ear = ear
        self._piece: Piece | None = None
        self._forget(0.0)

    @property
    def by_note(self) -> bool:
        return self._ear.by_note

    def _forget(self, x_px: float) -> None:
        self._start_px, self._place = x_px, 0
        self._frames: list[FloatArray] = []
        self._hearings: list[Hearing] = []

    def open(self, piece: Piece) -> None:
        if piece is not self._piece:
            self._ear.open(piece)
            self._piece = piece
            self._forget(np.nan)

    def reset(self, x_px: float) -> None:
        if x_px != self._start_px:
            self._forget(x_px)
            self._ear.reset(x_px)
        self._place = 0

    def hear(self, frame: FloatArray) -> Hearing:
        place = self._place
        if place < len(self._frames) and not np.array_equal(frame, self._frames[place]):
            self._begin_again(place)
        if place == len(self._frames):
            self._frames.append(frame.copy())
            self._hearings.append(self._ear.hear(frame))
        self._place += 1
        return self._hearings[place]

    def rest(self) -> None:
        self._ear.rest()

    def _begin_again(self, place: int) -> None:
        """Another sound from here on: bring the ear to this place, by hearing what came before."""
        del self._frames[place:], self._hearings[place:]
        self._ear.reset(self._start_px)
        for frame in self._frames:
            self._ear.hear(frame)
