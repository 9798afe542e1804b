"""Capture: what a person plays is always written to disk, and named later.

A thread of its own wakes four times a second, reads the ring and the events that were played, and appends
them to the running take, so a crash loses less than a second. A take begins with the first note or sound
(and a second before it) and ends after a long silence, where another source is listened to, or where another
piece or mode is played. While a take is replayed, only what somebody plays on a keyboard begins one. When the
disk is full the user is told, and playing goes on.
"""
from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.engine.clock import now_s, wall_time
from app.engine.engine import Engine
from app.engine.mixer import Mixer, Source
from app.engine.performer import REPLAY
from app.engine.ring import RingReader
from app.engine.scheduler import Event
from app.engine.take_files import TakeFolder, TakeInfo, TakeWriter, this_process
from app.engine.watch import keep_looking

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.25
PRE_ROLL_S = 1.0
QUIET_END_S = 15.0
LONGEST_S = 1800.0
SHORTEST_S = 0.5
LOUD = 0.0032  # -50 dB
RETRY_S = 10.0
PERSONAL = frozenset({"midi", "keys", "launchpad"})
"""Sources whose notes begin a take."""


class TakeRecorder:
    """Sink of the engine's events and reader of its ring. `piece_name` is noted with each take.

    hindrance: why nothing can be captured, until something is again.
    """

    def __init__(self, engine: Engine, folder: TakeFolder) -> None:
        self.folder = folder
        self.piece_name = ""
        self.hindrance = ""
        self.on_hold = False  # while a take is replayed: what sounds is no reason to capture it
        self._beside_replay = False  # until what was heard by its end has been written
        self._engine = engine
        self._events: deque[Event] = deque()
        self._writer: TakeWriter | None = None
        self._mixer: Mixer = engine.mixer
        self._reader = RingReader(engine.mixer.ring)
        self._pre_roll = np.zeros(0, np.float32)
        self._take_start_sample = 0
        self._quiet_samples = 0
        self._split_wanted = False
        self._failed_s: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        engine.add_sink(self.note)

    def start(self) -> None:
        """Capture from now on."""
        watch = (self._stop, WRITE_EVERY_S, self._write, "what is captured", self._engine.tell)
        self._thread = threading.Thread(target=keep_looking, args=watch, name="takes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the running take."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._write()
        self._finish()

    @property
    def recording(self) -> bool:
        """A take is running."""
        return self._writer is not None

    def note(self, event: Event) -> None:
        """An event was played ("played" thread)."""
        if event.sample >= 0 and event.source != REPLAY:
            self._events.append(event)

    def split(self) -> None:
        """End the running take soon: what follows belongs to another one. Any thread."""
        self._split_wanted = True

    def _write(self) -> None:
        """Everything new to disk; begins and ends takes."""
        if self._engine.mixer is not self._mixer:
            self._change_mixer(self._engine.mixer)
        if self.on_hold and not self._beside_replay:
            if self._writer is not None:
                self._take_in(self._noted())
            self._finish()
            self._beside_replay = True
        self._take_in(self._noted())
        if self._beside_replay and not self.on_hold:
            self._finish()
            self._beside_replay = False

    def _noted(self) -> list[Event]:
        return [self._events.popleft() for _ in range(len(self._events))]

    def _take_in(self, events: list[Event]) -> None:
        """These events, and the sound that was heard since the last time."""
        start_sample = self._reader.position
        block = self._reader.read()
        lost = self._reader.position - start_sample - len(block)  # while the disk made this thread wait
        block = np.concatenate((np.zeros(lost, np.float32), block))
        try:
            self._append(block, start_sample, events)
        except OSError as error:
            self._fail(error)

    def _append(self, block: NDArray[np.float32], start_sample: int, events: list[Event]) -> None:
        if self._writer is None:
            if not self._begins(block, events):
                self._keep_pre_roll(block)
                return
            self._begin(start_sample)
        writer = self._writer
        assert writer is not None
        writer.add_audio(block)
        writer.add_events(
            replace(event, sample=max(event.sample - self._take_start_sample, 0)) for event in events
        )
        rate = self._mixer.clock.rate
        quiet = not events and not _loud(block)
        self._quiet_samples = self._quiet_samples + len(block) if quiet else 0
        over = self._quiet_samples > QUIET_END_S * rate or writer.samples > LONGEST_S * rate
        changed = (writer.info.source, writer.info.piece) != (self._source, self.piece_name)
        if over or changed or self._split_wanted:
            self._finish()

    @property
    def _source(self) -> Source:
        """What a take is of. Beside a replay the input hears that too: what is played is in the events."""
        return "synth" if self._beside_replay else self._mixer.source

    def _begins(self, block: NDArray[np.float32], events: list[Event]) -> bool:
        if self._failed_s is not None and now_s() - self._failed_s < RETRY_S:
            return False
        struck = any(event.kind == "note_on" and event.source in PERSONAL for event in events)
        return struck or (self._source == "input" and _loud(block))

    def _begin(self, start_sample: int) -> None:
        gone = self.folder.prune()
        if gone:
            log.info("old unnamed takes removed: %s", ", ".join(gone))
        started = wall_time()
        info = TakeInfo(
            self._mixer.clock.rate, started.isoformat(timespec="seconds"), self._source,
            self.piece_name, owner=this_process(),
        )
        key = started.strftime("%Y-%m-%d_%H-%M-%S.%f")
        self._writer = TakeWriter(self.folder.folder, key, info)
        self._take_start_sample = start_sample - len(self._pre_roll)
        self._quiet_samples, self._split_wanted = 0, False
        self._writer.add_audio(self._pre_roll)
        self._pre_roll = self._pre_roll[:0]
        self._failed_s, self.hindrance = None, ""

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        self._pre_roll = self._pre_roll[:0]
        if writer is None:
            return
        try:
            if _is_worthless(writer):
                writer.discard()
            else:
                writer.close()
        except OSError as error:
            log.warning("take not closed: %s", error)
            self._leave(writer)

    def _leave(self, writer: TakeWriter) -> None:
        """The disk does not let it be closed: it is listed all the same."""
        writer.abandon()
        self.folder.leave(writer.path.name)

    def _fail(self, error: OSError) -> None:
        """The disk is full or gone: what was written stays, the music goes on."""
        log.warning("take: %s", error)
        writer, self._writer = self._writer, None
        self.hindrance = reason = error.strerror or str(error)
        if writer is not None and not _is_worthless(writer):
            self._leave(writer)
            kept = f"The first {writer.samples / writer.info.rate:.0f} s of this take are kept, not the rest"
            self._engine.tell(f"{kept} ({reason}). Free some disk space; playing goes on.")
        else:
            if writer is not None:
                writer.discard()
            if self._failed_s is None:
                self._engine.tell(
                    f"What you play is not captured ({reason}). Free some disk space; playing goes on."
                )
        self._failed_s = now_s()

    def _keep_pre_roll(self, block: NDArray[np.float32]) -> None:
        kept = round(PRE_ROLL_S * self._mixer.clock.rate)
        self._pre_roll = np.concatenate((self._pre_roll, block))[-kept:]

    def _change_mixer(self, mixer: Mixer) -> None:
        """The sound card changed to another rate: that is another take, on a clock that began at 0.

        What lies beyond the new clock is left from the old one, and belongs to the take that it ends. The
        events of a block are noted before the clock goes on.
        """
        noted = self._noted()
        beyond_sample = mixer.clock.sample + mixer.block_samples
        self._take_in([event for event in noted if event.sample >= beyond_sample])
        self._finish()
        self._events.extendleft(event for event in reversed(noted) if event.sample < beyond_sample)
        self._mixer = mixer
        self._reader = RingReader(mixer.ring, 0)


def _is_worthless(writer: TakeWriter) -> bool:
    return writer.samples < SHORTEST_S * writer.info.rate and not writer.event_count


def _loud(block: NDArray[np.float32]) -> bool:
    return bool(len(block)) and float(np.nanmax(np.abs(block))) > LOUD
