"""The follow mode without its scene: a piece, a follower and the engine.

The main thread calls the methods of `FollowSession`; each is carried out in the engine thread, where all
state lives (`Following`). The follower is loaded beside the window: what is asked for before it is ready
happens when it is. `run_headless` (see `app.sessions.headless`) is the same following from a file.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np

from app.engine import calm
from app.engine.engine import Engine
from app.engine.frontend import Heard
from app.engine.performer import PerformancePlayer, performance_events
from app.engine.runner import PolicyRunner, Runner
from app.engine.snapshot import Snapshot
from app.engine.timeline import Timeline
from app.sessions.following import Following
from app.sessions.headless import Summary, run_headless
from models.performance import Performance, perform
from models.players import load_player
from pieces.errors import RipienoError
from pieces.piece import Piece

__all__ = ["FollowSession", "Summary", "run_headless"]

Command = Callable[[], None]
MIN_TEMPO, MAX_TEMPO = 0.25, 3.0
ATTACK_S = 0.03


class FollowSession:
    """Follows `piece` with whatever the engine hears.

    runner: another one than the worker process with `player_name` (a person's keys, tests).
    """

    def __init__(self, piece: Piece, player_name: str = "follower", *, engine: Engine, seed: int = 0,
                 runner: Runner | None = None) -> None:
        self.piece = piece
        self.engine = engine
        self.seed = seed
        self.problem: str | None = None
        self._runner = runner or PolicyRunner(
            partial(load_player, player_name, seed, relocate=True), on_message=engine.tell
        )
        self._following = Following(piece, self._runner, self._jump_demo)
        self._demo: PerformancePlayer | None = None
        self._performance: Performance | None = None
        self._tempo = 1.0
        self._deferred: list[Command] | None = []
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._closed = False
        engine.set_listener(self._hear)
        threading.Thread(target=self._load, name="follower-loading", daemon=True).start()

    # --- main thread --------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The latest picture."""
        return self.engine.snapshot

    @property
    def ready(self) -> bool:
        """The follower is loaded."""
        return self._ready.is_set() and self.problem is None

    def wait_ready(self, timeout_s: float = 60.0) -> bool:
        """Block until loaded (tests, bench); False if it failed or took too long."""
        return self._ready.wait(timeout_s) and self.problem is None

    def start(self, count_in_bars: int = 0) -> None:
        """Listen: wait for the first note, then follow. With a count-in, that is clicked first."""
        self._do(partial(self._start, count_in_bars))

    def stop(self) -> None:
        """Stop listening and playing; all notes off."""
        self._do(self._stop)

    def pause(self) -> None:
        """Hold the cursor (and the demo)."""
        self._do(self._pause)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._do(self._resume)

    def seek(self, x_px: float) -> None:
        """Go to a place along the strip; a demo goes there too."""
        self._do(partial(self._seek, x_px))

    def set_loop(self, x0_px: float | None, x1_px: float | None = None) -> None:
        """Repeat from A to B; None ends the loop."""
        loop = None if x0_px is None or x1_px is None else (x0_px, x1_px)
        self._do(partial(self._following.set_loop, loop))

    def play_demo(self, tempo_factor: float = 1.0, performance: Performance | None = None) -> None:
        """Play a performance (by default one with human tempo) from the cursor's place, and follow it."""
        self._do(partial(self._play_demo, tempo_factor, performance))

    def set_demo_tempo(self, tempo_factor: float) -> None:
        """1.0 is as performed; kept between 0.25 and 3."""
        self._do(partial(self._set_tempo, tempo_factor))

    @property
    def demo_playing(self) -> bool:
        """A demo is sounding."""
        return self._demo is not None and self._demo.playing

    @property
    def demo_tempo(self) -> float:
        """The demo's tempo factor."""
        return self._tempo

    def close(self) -> None:
        """Stop, let go of the follower. The engine runs on."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        done = threading.Event()
        self.engine.call(self._stop)
        self.engine.call(partial(self.engine.set_listener, None))
        self.engine.call(done.set)
        done.wait(2.0)
        self._runner.close()

    # --- loading ------------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            self._runner.open(self.piece)
            self._begin()
        except RipienoError as error:
            self.problem = str(error)
            if not self._closed:
                self.engine.tell(self.problem)
        finally:
            self._ready.set()

    def _begin(self) -> None:
        """What was asked for meanwhile happens now, unless the session was closed."""
        calm.settle()
        with self._lock:
            waiting, self._deferred = self._deferred or [], None
            if not self._closed:
                for command in waiting:
                    self.engine.call(command)

    def _do(self, command: Command) -> None:
        with self._lock:
            if self._deferred is not None:
                self._deferred.append(command)
                return
        self.engine.call(command)

    # --- engine thread ------------------------------------------------------------------------------

    def _hear(self, heard: Heard, base: Snapshot) -> Snapshot:
        return self._following.hear(heard, base)

    def _start(self, count_in_bars: int) -> None:
        calm.begin(self)
        self._following.start()
        if count_in_bars > 0:
            engine = self.engine
            timeline = Timeline.steady(engine.rate, self.piece.tempo_bpm * self._tempo)
            length = round(-timeline.sample_at_beat(-count_in_bars * timeline.meter.beats))
            start = engine.sample + round(0.1 * engine.rate) + length
            engine.metronome.start(
                Timeline.steady(engine.rate, self.piece.tempo_bpm * self._tempo, start_sample=start),
                count_in_bars, running=False,
            )

    def _stop(self) -> None:
        self._stop_demo()
        self.engine.metronome.stop()
        self._following.stop()
        self.engine.panic()
        calm.end(self)

    def _pause(self) -> None:
        self._following.pause()
        self._stop_demo()

    def _resume(self) -> None:
        self._following.resume()
        if self._demo is not None:
            self._demo.start(self._demo_time_s(self._following.x_px))

    def _seek(self, x_px: float) -> None:
        self._following.seek(x_px)
        self._jump_demo(self._following.x_px)

    def _play_demo(self, tempo_factor: float, performance: Performance | None) -> None:
        self._stop_demo()
        self.engine.set_source("synth")
        self._performance = performance or self._performance or perform(self.piece, self.seed)
        self._tempo = min(max(tempo_factor, MIN_TEMPO), MAX_TEMPO)
        self._demo = PerformancePlayer(self.engine, performance_events(self._performance), self._tempo)
        calm.begin(self)
        following = self._following
        here_px = following.x_px if following.state != "finished" else following.first_x_px
        following.start(max(here_px, following.loop[0]) if following.loop is not None else here_px)
        self._demo.start(self._demo_time_s(following.x_px))

    def _set_tempo(self, tempo_factor: float) -> None:
        self._tempo = min(max(tempo_factor, MIN_TEMPO), MAX_TEMPO)
        if self._demo is not None:
            self._demo.set_tempo(self._tempo)

    def _stop_demo(self) -> None:
        if self._demo is not None:
            self._demo.stop()

    def _jump_demo(self, x_px: float) -> None:
        if self._demo is not None:
            self._demo.jump(self._demo_time_s(x_px))

    def _demo_time_s(self, x_px: float) -> float:
        """When the demo plays what stands at `x_px`; a little earlier, so that its attack is heard."""
        performance = self._performance
        if performance is None or not len(performance.anchors_s) or x_px <= self._following.first_x_px:
            return 0.0
        quarters = float(self.piece.quarters_at_x(x_px))
        onset_s = float(np.interp(quarters, performance.anchors_quarters, performance.anchors_s))
        return max(onset_s - ATTACK_S, 0.0)
