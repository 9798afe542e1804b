"""Between the sound card and the engine: events to the player, what was heard into the ring, the clock.

Where the driver's callback runs in this process it is `Mixer.process`, which plays at once; otherwise the
player sits with the driver in another one, and the "sound" thread calls `take_in` with each block after it
was played. Both wait for nothing and log nothing: other threads read what they counted. The engine thread is
woken by releasing a plain lock, which in CPython neither blocks nor lets go of the interpreter.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.engine.clock import SampleClock, now_s
from app.engine.frontend import at_rate
from app.engine.midi_events import VOLUME
from app.engine.player import LARGEST_BLOCK, Block, LocalPlayer, Player
from app.engine.ring import Ring
from app.engine.scheduler import NOW, Event
from app.engine.voice import Instrument

FloatArray = NDArray[np.float32]
Source = Literal["input", "synth"]

RING_S = 20.0
MARGIN_BLOCKS, LEAST_BLOCK = 2, 64


class Mixer:
    """One for each rate. Until `use_player` is called, it plays `instrument` in this process."""

    def __init__(self, rate: int, instrument: Instrument | None = None) -> None:
        self.clock = SampleClock(rate)
        self.ring = Ring(round(RING_S * rate))
        self.source: Source = "input"
        self.gain = 1.0  # of everything that is played; the follower does not hear it
        self.click_gain = 1.0  # of count-in and metronome, on top of that
        self.dropouts = 0
        # what was played, with the sample at which it was: for the take and for MIDI out
        self.applied: deque[Event] = deque(maxlen=100_000)
        self.applied_wake = threading.Lock()
        self.block_samples = 0
        self._settings: dict[tuple[int, str], Event] = {}  # by channel and kind
        # once `ring.written` reaches `wake_at`, `reached_s` is set and `wake` released; passing `prepare_at`
        # releases it too, for what can be done beforehand
        self.wake = threading.Lock()
        self.prepare_at = 0
        self.wake_at = 0
        self.alarm_at: float = math.inf  # from this sample of the clock on every block releases `wake`
        self.reached_s: float | None = None
        self.written_s = 0.0
        self._local = LocalPlayer(rate, instrument)
        self.player: Player = self._local
        self._lock = threading.Lock()
        self._clip: tuple[FloatArray, int] = (np.zeros(0, np.float32), 0)
        self._silence = np.zeros(LARGEST_BLOCK, np.float32)

    # --- any thread -----------------------------------------------------------------------------------

    @property
    def sample(self) -> int:
        """Samples that the card has asked for: what is due before can only be played late."""
        sample = self.player.sample
        return self.clock.sample if sample is None else sample

    @property
    def soon(self) -> int:
        """The sample from which on what is handed in now will be in time."""
        return self.sample + MARGIN_BLOCKS * max(self.block_samples, LEAST_BLOCK)

    @property
    def settings(self) -> list[Event]:
        """The programs and volumes of the channels, as the music has set them."""
        return list(self._settings.values())

    def submit(self, event: Event) -> None:
        """Play `event` when it is due."""
        with self._lock:
            self.player.submit(event)

    def forget(self, source: str, from_sample: int = NOW) -> None:
        """Drop what `source` has submitted for `from_sample` and later and is not yet due."""
        with self._lock:
            self.player.forget(source, from_sample)

    def set_volume(self, gain: float, click_gain: float) -> None:
        """Factors of everything that is played, and of clicks on top of that."""
        with self._lock:
            self.gain, self.click_gain = gain, click_gain
            self.player.set_volume(gain, click_gain)

    def play_clip(self, sound: FloatArray, start_sample: int) -> None:
        """Mix `sound` (n,) mono into the output from `start_sample`; replaces the one before.

        It counts as the synth's: where that is the source, the recording is followed.
        """
        self._clip = sound, start_sample
        self.player.play_clip(sound, start_sample)

    def go_on_with_clip(self, before: Mixer) -> None:
        """Play what is left of the clip of a mixer that has stopped, of another rate."""
        unchanged = self._clip
        sound, start_sample = before._clip
        passed = before.clock.sample - start_sample
        before_rate, rate = before.clock.rate, self.clock.rate
        rest = at_rate(sound[max(passed, 0) :], before_rate, rate)
        if self._clip is unchanged:  # else it was stopped or replaced in the meantime
            self.play_clip(rest, self.clock.sample + round(max(-passed, 0) * rate / before_rate))

    def use_player(self, player: Player | None) -> Player:
        """Have `player` play on where the one before stopped; None: the one of this process.

        Returns the one before. Only while no stream flows.
        """
        player = self._local if player is None else player
        with self._lock:
            before = self.player
            if player is not before:
                waiting = before.leave()
                self.player = player
                player.begin(self.clock.sample, self.take_in)
                player.set_volume(self.gain, self.click_gain)
                player.play_clip(*self._clip)
                for event in waiting:
                    player.submit(event)
        return before

    def wake_up(self) -> None:
        """Let the engine thread run."""
        _release(self.wake)

    # --- the callback, or the "sound" thread ----------------------------------------------------------

    def process(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """One block, now: `heard` (n,) mono or None, `output` (n, 2) to fill, `troubles` the driver's."""
        moment_s, player = now_s(), self._local
        for begin in range(0, len(output), LARGEST_BLOCK):
            part = slice(begin, begin + LARGEST_BLOCK)
            played = player.play(output[part], self.clock.sample)
            block = Block(None if heard is None else heard[part], played, troubles, moment_s, now_s())
            self.take_in(block, player.take_played())
            troubles = 0
            moment_s += LARGEST_BLOCK / self.clock.rate

    def take_in(self, block: Block, events: list[Event]) -> None:
        """A block that was played, and the events until then, each with its sample."""
        count = len(block.played)
        self.block_samples = count
        self.dropouts += block.troubles > 0
        self.clock.tick(count, block.moment_s)
        self._note(events)
        self.ring.write(self._chosen(block))
        self.written_s = block.written_s
        self.clock.advance(count)
        written = self.ring.written
        if self.reached_s is None and written >= self.wake_at:
            self.reached_s = self.written_s
            self.wake_up()
        elif written - count < self.prepare_at <= written or self.clock.sample >= self.alarm_at:
            self.wake_up()

    def _chosen(self, block: Block) -> FloatArray:
        """The source that is followed."""
        if self.source == "synth":
            return block.played
        return self._silence[: len(block.played)] if block.heard is None else block.heard

    def _note(self, events: list[Event]) -> None:
        for event in events:
            if event.kind == "program" or (event.kind == "control" and event.data1 == VOLUME):
                self._settings[event.channel, event.kind] = event
            if event.kind != "click":
                self.applied.append(event)
        if self.applied:
            _release(self.applied_wake)


def _release(lock: threading.Lock) -> None:
    """Wake who waits for `lock`; neither blocks nor lets go of the interpreter."""
    try:
        lock.release()
    except RuntimeError:
        return  # awake already
