"""The audio callback: events and synth into the output, the chosen source into the ring.

`Mixer.process` runs in the sound driver's thread, or in that of `app.devices.apart`. It waits for
nothing and logs nothing: other threads hand it events through the scheduler and read what it counted. The
engine thread is woken by releasing a plain lock, which in CPython neither blocks nor lets go of the
interpreter.
"""
from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.engine.clock import SampleClock, now_s
from app.engine.metronome import ClickVoice
from app.engine.ring import Ring
from app.engine.scheduler import Event, Scheduler
from app.engine.voice import Instrument, apply_event

FloatArray = NDArray[np.float32]
Source = Literal["input", "synth"]

LARGEST_BLOCK = 8192
RING_S = 20.0
LETTING_GO_CHECKS, LETTING_GO_S = 200, 0.005


class Mixer:
    """Everything the callback needs, made beforehand."""

    def __init__(self, rate: int, instrument: Instrument) -> None:
        self.clock = SampleClock(rate)
        self.scheduler = Scheduler()
        self.ring = Ring(round(RING_S * rate))
        self.source: Source = "input"
        self.gain = 1.0  # of everything that is played; the follower does not hear it
        self.click_gain = 1.0  # of count-in and metronome, on top of that
        self.dropouts = 0
        self.error: Exception | None = None
        # what was played, with the sample at which it was: for the take and for MIDI out
        self.applied: deque[Event] = deque(maxlen=100_000)
        self.applied_wake = threading.Lock()
        self.block_samples = 0
        # once `ring.written` reaches `wake_at`, `reached_s` is set and `wake` released; passing `prepare_at`
        # releases it too, for what can be done beforehand
        self.wake = threading.Lock()
        self.prepare_at = 0
        self.wake_at = 0
        self.alarm_at: float = math.inf  # from this sample of the clock on every block releases `wake`
        self.reached_s: float | None = None
        self.written_s = 0.0
        self._instrument = instrument
        self._programs: dict[int, int] = {}  # by channel, as the music has set them
        self._rendering = False
        self._last_gain = 1.0
        self._click = ClickVoice(rate)
        self._clip: FloatArray = np.zeros(0, np.float32)
        self._clip_start = 0
        self._mono = np.zeros(LARGEST_BLOCK, np.float32)
        self._aside = np.zeros((LARGEST_BLOCK, 2), np.float32)
        self._silence = np.zeros(LARGEST_BLOCK, np.float32)

    def play_clip(self, sound: FloatArray, start_sample: int) -> None:
        """Mix `sound` (n,) mono into the output from `start_sample`; replaces the one before. Any thread.

        It counts as the synth's: where that is the source, the recording is followed.
        """
        self._clip_start, self._clip = start_sample, sound

    def change_instrument(self, instrument: Instrument) -> Instrument | None:
        """Play `instrument` from now on, with the programs that play. Any thread but the callback's.

        Returns the one before, no longer in use; None if the callback will not let go of it.
        """
        for channel, program in dict(self._programs).items():
            instrument.program(program, channel)
        before, self._instrument = self._instrument, instrument
        for _ in range(LETTING_GO_CHECKS):
            if not self._rendering:
                return before
            time.sleep(LETTING_GO_S)
        return None

    def process(
        self, heard: FloatArray | None, output: FloatArray, troubles: int, moment_s: float | None = None
    ) -> None:
        """One block: `heard` (n,) mono or None, `output` (n, 2) to fill, `troubles` the driver's flags.

        moment_s: when the driver asked for it; None: now.
        """
        moment_s = now_s() if moment_s is None else moment_s
        count = len(output)
        self.dropouts += troubles > 0
        for begin in range(0, count, LARGEST_BLOCK):
            part = slice(begin, begin + LARGEST_BLOCK)
            self._process(None if heard is None else heard[part], output[part], moment_s)
            moment_s += LARGEST_BLOCK / self.clock.rate

    def _process(self, heard: FloatArray | None, output: FloatArray, moment_s: float) -> None:
        count = len(output)
        self.block_samples = count
        self.clock.tick(count, moment_s)
        aside = self._aside[:count]
        aside[:] = 0.0
        try:
            self._render(output, aside)
        except Exception as error:  # noqa: BLE001 - an exception must not leave the driver's thread
            self.error = error
            output[:] = 0.0
        self._add_clip(output)
        self.ring.write(self._choose(heard, output))
        self.written_s = now_s()
        aside *= np.float32(self.click_gain)
        output += aside
        self._apply_gain(output)
        self.clock.advance(count)
        written = self.ring.written
        if self.reached_s is None and written >= self.wake_at:
            self.reached_s = self.written_s
            self.wake_up()
        elif written - count < self.prepare_at <= written or self.clock.sample >= self.alarm_at:
            self.wake_up()

    def wake_up(self) -> None:
        """Let the engine thread run. Any thread."""
        _release(self.wake)

    def _render(self, output: FloatArray, aside: FloatArray) -> None:
        self._rendering = True
        try:
            self._render_events(output, aside)
        finally:
            self._rendering = False
        if self.applied:
            _release(self.applied_wake)

    def _render_events(self, output: FloatArray, aside: FloatArray) -> None:
        start, position = self.clock.sample, 0
        for offset, event in self.scheduler.due(start, len(output)):
            if offset > position:
                self._render_part(output[position:offset], aside[position:offset])
                position = offset
            if event.kind == "click":
                self._click.click(event.data1 == 1)
            else:
                apply_event(self._instrument, event)
                if event.kind == "program":
                    self._programs[event.channel] = event.data1
                self.applied.append(replace(event, sample=start + offset))
        if position < len(output):
            self._render_part(output[position:], aside[position:])

    def _render_part(self, output: FloatArray, aside: FloatArray) -> None:
        output[:] = self._instrument.render(len(output))
        self._click.add_to(aside)

    def _choose(self, heard: FloatArray | None, output: FloatArray) -> FloatArray:
        """The source that is followed: (n,) mono."""
        if self.source == "input":
            return self._silence[:len(output)] if heard is None else heard
        mono = self._mono[:len(output)]
        np.add(output[:, 0], output[:, 1], out=mono)
        mono *= 0.5
        return mono

    def _apply_gain(self, output: FloatArray) -> None:
        """Scale `output`; a new gain is reached within the block, so that it does not click."""
        before, self._last_gain = self._last_gain, self.gain
        if before != self._last_gain:
            output *= np.linspace(before, self._last_gain, len(output), dtype=np.float32)[:, None]
        elif before != 1.0:
            output *= np.float32(before)

    def _add_clip(self, output: FloatArray) -> None:
        clip, start = self._clip, self._clip_start
        begin = max(start - self.clock.sample, 0)
        offset = self.clock.sample + begin - start
        if begin < len(output) and 0 <= offset < len(clip):
            part = clip[offset:offset + len(output) - begin]
            output[begin:begin + len(part)] += part[:, None]


def _release(lock: threading.Lock) -> None:
    """Wake who waits for `lock`; neither blocks nor lets go of the interpreter."""
    try:
        lock.release()
    except RuntimeError:
        return  # awake already
