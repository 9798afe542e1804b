"""Replays a take: its events through the synth, and the microphone's sound where that was followed.

Called from the main thread; the events are played in the engine thread like a demo. Nothing is captured
meanwhile.
"""
from __future__ import annotations

from functools import partial

import numpy as np

from app.engine.engine import Engine
from app.engine.frontend import at_rate
from app.engine.performer import REPLAY, PerformancePlayer, Played
from app.engine.take_files import TakeFolder
from app.engine.takes import TakeRecorder


class TakeReplay:
    """One at a time: `play` ends the one before."""

    def __init__(self, engine: Engine, folder: TakeFolder, recorder: TakeRecorder | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._recorder = recorder
        self._player: PerformancePlayer | None = None
        self._length_s = 0.0

    @property
    def playing(self) -> bool:
        """The take is sounding; becomes False by itself at its end."""
        player = self._player
        return player is not None and player.position_s(self._engine.sample) < self._length_s

    def play(self, key: str) -> None:
        """Play a take from its beginning. Raises TakeError if it is gone."""
        take = self._folder.find(key)
        rate, engine = take.info.rate, self._engine
        events = self._folder.events(key)
        played = [Played(e.sample / rate, e.kind, e.data1, e.data2, e.channel) for e in events]
        followed = take.info.source == "input"
        sound = at_rate(self._folder.audio(key), rate, engine.rate) if followed else np.zeros(0, np.float32)
        self.stop()
        if self._recorder is not None:
            self._recorder.on_hold = True
        self._length_s = max(take.duration_s, played[-1].time_s if played else 0.0)
        self._player = PerformancePlayer(engine, played, source=REPLAY)
        if followed:
            engine.mixer.play_clip(sound, engine.sample + engine.mixer.block_samples * 2)
        engine.call(partial(self._player.start, 0.0))

    def stop(self) -> None:
        """End the replay; capture goes on."""
        player, self._player = self._player, None
        if player is not None:
            self._engine.call(player.stop)
            self._engine.mixer.play_clip(np.zeros(0, np.float32), 0)
        if self._recorder is not None:
            self._recorder.on_hold = False
