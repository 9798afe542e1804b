"""The engine: sound card -> mixer -> frames -> listener -> snapshot, and everything that keeps it alive.

Threads. The driver's callback runs `Mixer.process`; where it has a process of its own, the "sound" thread
runs `Mixer.take_in` after it. The engine thread sleeps until a frame is complete, turns samples into frames,
asks the listener (a session) and publishes the snapshot; all session logic runs in it, sent there by `call`.
The device thread watches the stream once a second. The main thread reads `snapshot`, `take_messages` and the
small read-only properties, and calls the methods below. The "played" thread tells sinks (takes, MIDI output)
what was played.
"""
from __future__ import annotations

import atexit
import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from app.devices.audio import AudioChoice, AudioSystem, DeviceError, FloatArray, Stream
from app.engine.clock import now_s
from app.engine.ear import Ear
from app.engine.frontend import Heard
from app.engine.metronome import Metronome
from app.engine.mixer import Mixer, Source
from app.engine.player import InstrumentMaker
from app.engine.priority import urgent
from app.engine.scheduler import NOW, Event
from app.engine.snapshot import Snapshot
from app.engine.supervisor import StreamSupervisor
from app.engine.voice import open_instrument
from pieces.errors import RipienoError

log = logging.getLogger(__name__)

AHEAD_S = 0.2
IDLE_WAIT_S = 0.1
READING_LIMIT_S = 3.0
"""How long `close` waits for a sound set that is just being brought; then it ends with the process."""

FAULT = "Something failed while music plays; the rest goes on. Details are in the log."

Listener = Callable[[Heard, Snapshot], Snapshot]
Sink = Callable[[Event], None]
Result = TypeVar("Result")


class Filler(Protocol):
    """Plays ahead of the sound: demo, replay, metronome. Called in the engine thread."""

    def fill(self, now_sample: int, until_sample: int) -> None:
        """Schedule everything before `until_sample`."""


class Engine:
    """One for the life of the program. `start` opens the devices of `choice`; without any, it runs silent."""

    def __init__(
        self,
        audio: AudioSystem,
        choice: AudioChoice | None = None,
        make_instrument: InstrumentMaker = open_instrument,
    ) -> None:
        self.snapshot = Snapshot()
        self.latencies_ms: deque[float] = deque(maxlen=20_000)
        self.input_latency_s = 0.0  # from calibration: how long sound needs to get here
        self._messages: deque[str] = deque(maxlen=100)
        self._faults: set[str] = set()
        self._commands: deque[Callable[[], None]] = deque()
        self._make_instrument = make_instrument
        self._instrument_lock = threading.Lock()
        self._gain = self._click_gain = 1.0
        self._listener: Listener | None = None
        self._fillers: list[Filler] = []
        self._sinks: list[Sink] = []
        self._chosen_source: Source = "input"
        self._hears_itself = False
        self._source_lock = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._build(44_100)
        self._filled = self.mixer
        self.metronome = Metronome(self.mixer)
        self.supervisor = StreamSupervisor(audio, choice or AudioChoice(), self)

    # --- life ---------------------------------------------------------------------------------------

    def start(self, wait: bool = True) -> None:
        """Open the devices and run. Never raises for a missing device: it runs silent and says so.

        Without `wait`, return before the devices are open: drivers may take their time.
        """
        if self._thread is not None:
            return
        self._stopping = False
        self.supervisor.start(wait)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()
        self._played_thread = threading.Thread(target=self._pass_on_played, name="played", daemon=True)
        self._played_thread.start()
        atexit.register(self.close)  # a crash must not leave a note hanging on a MIDI instrument

    def close(self) -> None:
        """Everything off, devices released, threads ended. May be called twice."""
        if self._thread is None:
            return
        atexit.unregister(self.close)
        self.panic()
        self._stopping = True
        self.mixer.wake_up()
        self._thread.join()
        self._played_thread.join()
        self._thread = None
        self.supervisor.close()
        if self._instrument_lock.acquire(timeout=READING_LIMIT_S):
            self.mixer.player.close()
            self._instrument_lock.release()

    def process(self, heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
        """The audio callback, see `Mixer.process`."""
        self.mixer.process(heard, output, troubles)

    def use_stream(self, stream: Stream) -> None:
        """`stream` is about to flow: play through it, and make everything anew if it has another rate.

        Slow where its player has no instrument yet. Raises DeviceError if the stream is gone already.
        """
        with self._instrument_lock:
            if stream.rate != self.rate:
                before = self.mixer
                self._build(stream.rate)
                self.mixer.go_on_with_clip(before)
                before.player.close()
            unused = self.mixer.use_player(stream.player)
            if unused is not self.mixer.player:
                unused.close()
            self._bring_instrument()

    def _bring_instrument(self) -> None:
        player = self.mixer.player
        if player.made_by is not self._make_instrument:
            problem = player.use_instrument(self._make_instrument, self.mixer.settings)
            if problem is not None:
                self.tell(problem)

    def _build(self, rate: int) -> None:
        mixer = Mixer(rate)
        mixer.set_volume(self._gain, self._click_gain)
        mixer.wake.acquire()
        mixer.applied_wake.acquire()
        with self._source_lock:
            mixer.source = self.source
            self._ear = Ear(mixer)
            self.mixer = mixer

    def use_instrument(self, make: InstrumentMaker) -> None:
        """Play what `make` makes, now and at every rate to come. Slow (a sound set is read): a thread apart.

        Where `make` has a problem, the user is told, and what it stands in with is played.
        """
        with self._instrument_lock:
            self._make_instrument = make
            try:
                self._bring_instrument()
            except DeviceError as problem:
                log.warning("no other instrument until the sound is back: %s", problem)

    # --- what everyone may ask ----------------------------------------------------------------------

    @property
    def rate(self) -> int:
        """Samples per second of the device."""
        return self.mixer.clock.rate

    @property
    def sample(self) -> int:
        """The clock: samples that the card has asked for."""
        return self.mixer.sample

    @property
    def source(self) -> Source:
        """What is followed: the input of the sound card, or the synth (MIDI, PC keyboard, demo)."""
        return "synth" if self._hears_itself else self._chosen_source

    @property
    def chosen_source(self) -> Source:
        """The same, once the program plays nothing of its own to be followed."""
        return self._chosen_source

    def set_source(self, source: Source) -> None:
        """Follow the sound card's input or the synth. Any thread."""
        with self._source_lock:
            self._chosen_source = source
            self.mixer.source = self.source

    def hear_itself(self, on: bool) -> None:
        """Follow what the program plays, whatever is chosen, until that is over. Engine thread."""
        with self._source_lock:
            self._hears_itself = on
            self.mixer.source = self.source

    def set_volume(self, volume: float) -> None:
        """Loudness of everything that is played, 0 to 1; the follower hears what it did. Any thread."""
        self._gain = volume**2  # Halfway sounds like half.
        self.mixer.set_volume(self._gain, self._click_gain)

    def set_click_volume(self, volume: float) -> None:
        """Loudness of count-in and metronome against everything else, 0 to 1. Any thread."""
        self._click_gain = volume**2
        self.mixer.set_volume(self._gain, self._click_gain)

    def tell(self, message: str) -> None:
        """A sentence for the user; the window shows it as a toast. Any thread."""
        log.info("%s", message)
        self._messages.append(message)

    def take_messages(self) -> list[str]:
        """The sentences since the last call."""
        taken = []
        while self._messages:
            taken.append(self._messages.popleft())
        return taken

    # --- notes --------------------------------------------------------------------------------------

    def submit(self, event: Event) -> None:
        """Something to do at a sample, or `NOW`. Any thread."""
        self.mixer.submit(event)

    def note_on(self, pitch: int, velocity: int = 80, source: str = "keys") -> None:
        """A key goes down: sounds at the start of the next block."""
        self.submit(Event(NOW, "note_on", pitch, velocity, source=source))

    def note_off(self, pitch: int, source: str = "keys") -> None:
        """A key goes up."""
        self.submit(Event(NOW, "note_off", pitch, source=source))

    def submit_at(self, event: Event, moment_s: float) -> None:
        """Do `event` one block after `moment_s`: always the same delay, so that its rhythm is kept."""
        mixer = self.mixer
        sample = mixer.clock.sample_at(moment_s) + mixer.block_samples
        mixer.submit(replace(event, sample=sample))

    def panic(self) -> None:
        """All notes off, here and on the MIDI output."""
        event = Event(NOW, "all_off", source="panic")
        self.submit(event)
        for sink in self._sinks:
            self._guarded(partial(sink, event), None)

    # --- the engine thread --------------------------------------------------------------------------

    def call(self, command: Callable[[], None]) -> None:
        """Run `command` in the engine thread, in order."""
        self._commands.append(command)
        self.mixer.wake_up()

    def set_listener(self, listener: Listener | None) -> None:
        """Who turns frames into snapshots; None: only level and spectrogram."""
        self._listener = listener
        self._faults.clear()

    def wake_at(self, sample: int) -> None:
        """Have the fillers called once the clock has reached `sample`. A filler's, anew in every `fill`."""
        self.mixer.alarm_at = min(self.mixer.alarm_at, sample)

    def add_filler(self, filler: Filler) -> None:
        """Let `filler` play. Engine thread (through `call`)."""
        self._fillers.append(filler)

    def remove_filler(self, filler: Filler) -> None:
        """It plays no more. Engine thread."""
        if filler in self._fillers:
            self._fillers.remove(filler)

    def add_sink(self, sink: Sink) -> None:
        """Tell `sink` every event that was played (takes, MIDI out, recordings of a song). Any thread."""
        self._sinks = [*self._sinks, sink]

    def remove_sink(self, sink: Sink) -> None:
        """Tell it no more. Any thread."""
        self._sinks = [other for other in self._sinks if other != sink]

    def _run(self) -> None:
        urgent()
        while not self._stopping:
            self.mixer.wake.acquire(timeout=IDLE_WAIT_S)
            self._catch_up()
            self._report_error()

    def _catch_up(self) -> None:
        """Every frame that waits; commands and the demo come between them, however slow the follower is."""
        heard = True
        while heard and not self._stopping:
            while self._commands:
                self._guarded(self._commands.popleft(), None)
            heard = self._hear()
            self._play_ahead()

    def _hear(self) -> bool:
        """One frame, if there is one."""
        catch = self._ear.next()
        if catch is None:
            return False
        base = replace(catch.gauges, late_frames=self.snapshot.late_frames)
        listener = self._listener
        snapshot = base if listener is None else self._guarded(partial(listener, catch.heard, base), base)
        latency_ms = (now_s() - catch.reached_s) * 1000
        self.snapshot = replace(snapshot, decision_ms=latency_ms)
        self.latencies_ms.append(latency_ms)
        return True

    def _play_ahead(self) -> None:
        before, self._filled = self._filled, self.mixer
        if before is not self._filled:
            rate, stopped_sample = self._filled.clock.rate, before.clock.sample
            soon = self._filled.soon
            go_on = partial(self.metronome.go_on, self._filled, rate, stopped_sample, soon)
            self._guarded(go_on, None)
        now_sample = self.sample
        until_sample = now_sample + round(AHEAD_S * self.rate)
        self.mixer.alarm_at = math.inf
        for filler in (self.metronome, *self._fillers):
            self._guarded(partial(filler.fill, now_sample, until_sample), None)

    def _guarded(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """What `work` gives, `otherwise` where it fails: everybody's music needs the thread that asks."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the edge of the thread
            self._tell_once(error)
        return otherwise

    def _tell_once(self, error: Exception) -> None:
        """Once for each listener: what fails in a frame will fail in the next one."""
        kind = f"{type(error).__name__}: {error}"
        if kind in self._faults:
            return
        self._faults.add(kind)
        if isinstance(error, RipienoError):
            self.tell(str(error))
        else:
            log.error("what the engine was asked to do failed", exc_info=error)
            self.tell(FAULT)

    def _pass_on_played(self) -> None:
        """The "played" thread: sinks may sleep to their deadlines here."""
        while not self._stopping:
            mixer = self.mixer
            mixer.applied_wake.acquire(timeout=IDLE_WAIT_S)
            while mixer.applied:
                event = mixer.applied.popleft()
                for sink in self._sinks:
                    self._guarded(partial(sink, event), None)

    def _report_error(self) -> None:
        player = self.mixer.player
        if player.error is not None:
            error, player.error = player.error, None
            log.error("the audio callback failed", exc_info=error)
            self.tell("The sound engine stumbled; details are in the log.")
