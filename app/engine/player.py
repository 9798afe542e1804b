"""What makes the sound: the scheduler, the synth, clicks, a recording, the volume.

A player belongs to whoever calls it for blocks: a driver's callback in this process, or the one in the sound
card's process, where it is worked from afar (`app.devices.far_player`). It waits for nothing and logs
nothing; other threads hand it events and read what it played.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.clock import sleep_s
from app.engine.metronome import ClickVoice
from app.engine.scheduler import NOW, Event, Scheduler
from app.engine.voice import Instrument, SilentInstrument, apply_event

FloatArray = NDArray[np.float32]
InstrumentMaker = Callable[[int], tuple[Instrument, str | None]]
"""Makes what plays at a rate, and says what stood in its way. Also used in another process: a function of a
module, or a partial of one."""


class Block(NamedTuple):
    """What went by in a block of n samples.

    Attributes:
        heard: (n,) from the card, or None.
        played: (n,) what a follower may hear of the player, see `LocalPlayer.play`.
        troubles: what the driver reported.
        moment_s: when the card asked for it.
        written_s: when the callback was done with it: from then on its sound can be used.
    """

    heard: FloatArray | None
    played: FloatArray
    troubles: int
    moment_s: float
    written_s: float


TakeIn = Callable[[Block, list[Event]], None]
"""`Mixer.take_in`: a block, and the events that were played until then, each with its sample."""
LARGEST_BLOCK = 8192
LETTING_GO_CHECKS, LETTING_GO_S = 200, 0.005


class Player(Protocol):
    """What mixer and engine need of one. Any thread, not two at once unless it says otherwise."""

    made_by: InstrumentMaker | None
    """Who made the instrument that plays; None: nothing sounds yet."""
    error: Exception | None
    """Why the instrument failed last, to be taken away by whoever reports it."""

    @property
    def sample(self) -> int | None:
        """How many samples the card has asked for; None where `Mixer.clock` knows."""

    def begin(self, sample: int, take_in: TakeIn) -> None:
        """Whoever plays elsewhere counts from `sample` on, and tells `take_in` of every block."""

    def submit(self, event: Event) -> None:
        """Play it when it is due."""

    def forget(self, source: str, from_sample: int = NOW) -> None:
        """Drop what `source` has submitted for `from_sample` and later and is not yet due."""

    def leave(self) -> list[Event]:
        """What was submitted and is not yet played, in order. Only once its stream is closed."""

    def set_volume(self, gain: float, click_gain: float) -> None:
        """Factors of everything, and of clicks on top of that."""

    def play_clip(self, sound: FloatArray, start_sample: int) -> None:
        """See `Mixer.play_clip`."""

    def use_instrument(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        """Play what `make` makes from now on, once `settings` are done there; the problem, if it had one.

        Slow. Also while another thread does anything else here. Raises DeviceError where the process is gone.
        """

    def close(self) -> None:
        """Let go of the instrument. Only once its stream is closed, or to leave it to one that hangs."""


class LocalPlayer:
    """Plays in the callback of this process: `play` and `take_played` are for that alone."""

    sample = None

    def __init__(
        self, rate: int, instrument: Instrument | None = None, scheduler: Scheduler | None = None
    ) -> None:
        self.rate = rate
        self.made_by: InstrumentMaker | None = None
        self.scheduler = Scheduler() if scheduler is None else scheduler
        self.error: Exception | None = None
        self._gain = self._click_gain = self._last_gain = 1.0
        self._instrument = SilentInstrument() if instrument is None else instrument
        self._rendering = False
        self._played: list[Event] = []
        self._click = ClickVoice(rate)
        self._clip: tuple[int, FloatArray] = (0, np.zeros(0, np.float32))
        self._mono = np.zeros(LARGEST_BLOCK, np.float32)
        self._aside = np.zeros((LARGEST_BLOCK, 2), np.float32)

    def begin(self, sample: int, take_in: TakeIn) -> None:
        """Nothing: `Mixer.process` calls `play`."""

    def submit(self, event: Event) -> None:
        self.scheduler.submit(event)

    def forget(self, source: str, from_sample: int = NOW) -> None:
        self.scheduler.forget(source, from_sample)

    def leave(self) -> list[Event]:
        return self.scheduler.take_all()

    def set_volume(self, gain: float, click_gain: float) -> None:
        self._gain, self._click_gain = gain, click_gain

    def play_clip(self, sound: FloatArray, start_sample: int) -> None:
        self._clip = start_sample, sound

    def use_instrument(self, make: InstrumentMaker, settings: Sequence[Event]) -> str | None:
        instrument, problem = make(self.rate)
        for event in settings:
            apply_event(instrument, event)
        self.made_by = make
        self._change_instrument(instrument)
        return problem

    def close(self) -> None:
        self.made_by = None
        self._change_instrument(SilentInstrument())

    def _change_instrument(self, instrument: Instrument) -> None:
        """The one before is closed, unless the callback does not let go of it."""
        before, self._instrument = self._instrument, instrument
        for _ in range(LETTING_GO_CHECKS):
            if not self._rendering:
                before.close()
                return
            sleep_s(LETTING_GO_S)

    def play(self, output: FloatArray, start_sample: int) -> FloatArray:
        """Fill `output` (n, 2), n <= LARGEST_BLOCK, of which the first sample is `start_sample`.

        Returns (n,) what a follower may hear of it: without clicks, before the volume; valid until the next
        call. An exception of the instrument is kept in `error`, and silence played.
        """
        count = len(output)
        aside = self._aside[:count]
        aside[:] = 0.0
        self._rendering = True
        try:
            self._render(output, aside, start_sample)
        except Exception as error:  # noqa: BLE001 - an exception must not leave the driver's thread
            self.error = error
            output[:] = 0.0
        finally:
            self._rendering = False
        self._add_clip(output, start_sample)
        mono = self._mono[:count]
        np.add(output[:, 0], output[:, 1], out=mono)
        mono *= np.float32(0.5)
        aside *= np.float32(self._click_gain)
        output += aside
        self._apply_gain(output)
        return mono

    def take_played(self) -> list[Event]:
        """The events of the last blocks, each with the sample at which it was played."""
        played, self._played = self._played, []
        return played

    def _render(self, output: FloatArray, aside: FloatArray, start: int) -> None:
        position = 0
        for offset, event in self.scheduler.due(start, len(output)):
            if offset > position:
                self._render_part(output[position:offset], aside[position:offset])
                position = offset
            self._played.append(replace(event, sample=start + offset))
            if event.kind == "click":
                self._click.click(event.data1)
            else:
                apply_event(self._instrument, event)
        if position < len(output):
            self._render_part(output[position:], aside[position:])

    def _render_part(self, output: FloatArray, aside: FloatArray) -> None:
        output[:] = self._instrument.render(len(output))
        self._click.add_to(aside)

    def _apply_gain(self, output: FloatArray) -> None:
        """Scale `output`; a new gain is reached within the block, so that it does not click."""
        before, self._last_gain = self._last_gain, self._gain
        if before != self._last_gain:
            output *= np.linspace(before, self._last_gain, len(output), dtype=np.float32)[:, None]
        elif before != 1.0:
            output *= np.float32(before)

    def _add_clip(self, output: FloatArray, start_sample: int) -> None:
        clip_start, clip = self._clip
        begin = max(clip_start - start_sample, 0)
        offset = start_sample + begin - clip_start
        if begin < len(output) and 0 <= offset < len(clip):
            part = clip[offset : offset + len(output) - begin]
            output[begin : begin + len(part)] += part[:, None]
