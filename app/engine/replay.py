"""Replays a take: its events through the synth, and the microphone's sound where that was followed.

Called from the main thread; a thread of its own reads the take, as half an hour of sound takes a while; the
events are played in the engine thread like a demo. It is not captured; what somebody plays beside it is.
"""
from __future__ import annotations

import logging
import threading
from functools import partial

import numpy as np

from app.engine.engine import Engine
from app.engine.frontend import at_rate
from app.engine.mixer import FloatArray
from app.engine.performer import REPLAY, PerformancePlayer, Played
from app.engine.take_files import Take, TakeError, TakeFolder
from app.engine.takes import TakeRecorder

log = logging.getLogger(__name__)


class TakeReplay:
    """One at a time: `play` ends the one before."""

    def __init__(self, engine: Engine, folder: TakeFolder, recorder: TakeRecorder | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._recorder = recorder
        self._playback: _Playback | None = None

    @property
    def playing(self) -> bool:
        """The take is sounding, or about to; becomes False by itself at its end."""
        return self._playback is not None and self._playback.goes_on

    def play(self, key: str) -> None:
        """Play a take from its beginning. Raises TakeError if it is gone."""
        take = self._folder.find(key)
        self.stop()
        if self._recorder is not None:
            self._recorder.on_hold = True
        self._playback = _Playback(self._engine, self._folder, take)

    def stop(self) -> None:
        """End the replay; capture goes on."""
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.stop()
        if self._recorder is not None:
            self._recorder.on_hold = False


class _Playback:
    """Reads a take and plays it, unless it is stopped before."""

    def __init__(self, engine: Engine, folder: TakeFolder, take: Take) -> None:
        self._engine = engine
        self._folder = folder
        self._take = take
        self._over = False
        self._player: PerformancePlayer | None = None
        self._length_s = take.duration_s
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="replay", daemon=True).start()

    @property
    def goes_on(self) -> bool:
        player = self._player
        unfinished = player is None or player.position_s(self._engine.sample) < self._length_s
        return unfinished and not self._over

    def stop(self) -> None:
        with self._lock:
            self._over = True
            if self._player is not None:
                self._engine.call(self._player.stop)
                self._engine.mixer.play_clip(np.zeros(0, np.float32), 0)

    def _run(self) -> None:
        try:
            events, sound = self._events(), self._sound()
        except TakeError as problem:
            self._fail(str(problem))
        except OSError as problem:
            self._fail(f"This take cannot be read ({problem.strerror or problem}).")
        except MemoryError:
            self._fail("This take is too long for the memory here; save it as WAV.")
        except Exception:
            log.exception("replaying %s failed", self._take.key)
            self._fail("This take cannot be replayed; details are in the log.")
        else:
            self._begin(events, sound)

    def _fail(self, sentence: str) -> None:
        self._over = True
        self._engine.tell(sentence)

    def _begin(self, events: list[Played], sound: FloatArray) -> None:
        with self._lock:
            if self._over:
                return
            engine = self._engine
            self._length_s = max(self._length_s, events[-1].time_s if events else 0.0)
            self._player = PerformancePlayer(engine, events, source=REPLAY)
            if len(sound):
                engine.mixer.play_clip(sound, engine.sample + engine.mixer.block_samples * 2)
            engine.call(partial(self._player.start, 0.0))

    def _events(self) -> list[Played]:
        rate, events = self._take.info.rate, self._folder.events(self._take.key)
        return [Played(e.sample / rate, e.kind, e.data1, e.data2, e.channel) for e in events]

    def _sound(self) -> FloatArray:
        """At the engine's rate; nothing where the synth plays the take."""
        info = self._take.info
        if info.source != "input":
            return np.zeros(0, np.float32)
        return at_rate(self._folder.audio(self._take.key), info.rate, self._engine.rate)
