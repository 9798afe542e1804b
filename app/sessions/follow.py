"""The follow mode without its scene: a piece, a follower and the engine.

The main thread calls the methods of `FollowSession`; each is carried out in the engine thread, where all
state lives (`Following`, and `Music` where the program itself plays what is followed). The follower is loaded
beside the window: what is asked for before it is ready happens when it is. `run_headless` (see
`app.sessions.headless`) is the same following from a file.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from app.engine import calm
from app.engine.clip import ClipPlayer
from app.engine.engine import Engine
from app.engine.frontend import Heard
from app.engine.mixer import FloatArray, Source
from app.engine.performer import PerformancePlayer
from app.engine.runner import PolicyRunner, Runner
from app.engine.snapshot import RUNNING, Snapshot
from app.sessions.clicks import Clicks
from app.sessions.following import Following
from app.sessions.headless import Summary, run_headless
from app.sessions.music import Demo, Music
from app.settings import FASTEST_DEMO, SLOWEST_DEMO
from models.performance import perform
from models.players import load_player
from pieces.errors import RipienoError
from pieces.piece import Piece

__all__ = ["FollowSession", "Summary", "run_headless"]

log = logging.getLogger(__name__)

Command = Callable[[], None]


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
        self._following = Following(piece, self._runner, self._jump_music)
        self._running = False  # what `_heed` has seen last
        self._source: Source = engine.chosen_source  # what `resume` is to follow, where no music is held
        self._clicks = Clicks(engine, piece)
        self._music: Music | None = None  # sounds, or is held and would go on
        self._hears_somebody = False  # or did last: what is followed is not what the program plays
        self._demo: Demo | None = None  # the piece as a person might play it; once all is loaded
        self._tempo = 1.0
        self._deferred: list[tuple[Command, bool]] | None = []  # and whether it starts something
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
        """Block until loaded (for tests); False if it failed or took too long."""
        return self._ready.wait(timeout_s) and self.problem is None

    @property
    def start_waits(self) -> bool:
        """A start was asked for and happens once the follower is loaded."""
        with self._lock:
            return any(starts for _, starts in self._deferred or [])

    def start(self, count_in_bars: int = 0) -> None:
        """Listen to the engine's chosen source: wait for the first note, then follow; no demo plays any more.

        It begins where the cursor stands, after the end anew. With a count-in, that is clicked first.
        """
        self._do(partial(self._start, count_in_bars, self.engine.chosen_source), starts=True)

    def stop(self) -> None:
        """Stop listening and playing; all notes off. A start that waits for the follower is called off."""
        self._call_off()
        self._do(self._stop)

    def pause(self) -> None:
        """Hold the cursor, and what is played; after the end of the score, what still sounds.

        A start that waits for the follower is called off.
        """
        self._call_off()
        self._do(self._pause)

    def resume(self) -> None:
        """Go on after `pause`, with what was followed then."""
        self._do(self._resume)

    def seek(self, x_px: float) -> None:
        """Go to a place along the strip; a demo goes there too."""
        self._do(partial(self._seek, x_px))

    def set_loop(self, x0_px: float | None, x1_px: float | None = None) -> None:
        """Repeat from A to B; None ends the loop."""
        loop = None if x0_px is None or x1_px is None else (x0_px, x1_px)
        self._do(partial(self._following.set_loop, loop))

    def play_demo(self, tempo_factor: float = 1.0, demo: Demo | None = None) -> None:
        """Play a performance (by default one with human tempo) from the cursor's place, and follow it.

        One without anchors plays from its beginning. What plays to its end is over: it has the end, or stops.
        """
        self._do(partial(self._play_demo, tempo_factor, demo), starts=True)

    def play_recording(self, sound: FloatArray, rate: int) -> None:
        """Play a recording, (n,) mono float32, and follow it from the first note.

        Best at the engine's rate: at another one the engine thread brings it there.
        """
        self._do(partial(self._play_recording, sound, rate), starts=True)

    def set_demo_tempo(self, tempo_factor: float) -> None:
        """Of the demo and of the metronome: 1.0 is as performed; kept within what the settings allow."""
        self._do(partial(self._set_tempo, tempo_factor))

    def set_metronome(self, on: bool) -> None:
        """Click while something is followed: the beats of the demo, the piece's tempo for a person."""
        self._do(partial(self._set_metronome, on))

    @property
    def demo_playing(self) -> bool:
        """A demo or a recording is sounding."""
        music = self._music
        return music is not None and music.playing

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
        self.engine.call(partial(self._carry_out, self._stop))
        self.engine.call(partial(self.engine.set_listener, None))
        self.engine.call(done.set)
        done.wait(2.0)
        self._runner.close()

    # --- loading ------------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            self._runner.open(self.piece)
            self._demo = Demo.of(perform(self.piece, self.seed))
            self._begin()
        except RipienoError as error:
            self._give_up(str(error))
        except Exception:
            log.exception("the follower could not be loaded")
            self._give_up("The follower could not be started. Details are in the log.")
        finally:
            self._ready.set()

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        if not self._closed:
            self.engine.tell(problem)

    def _begin(self) -> None:
        """What was asked for meanwhile happens now, unless the session was closed."""
        calm.settle()
        with self._lock:
            waiting, self._deferred = self._deferred or [], None
            if not self._closed:
                for command, _ in waiting:
                    self.engine.call(partial(self._carry_out, command))

    def _call_off(self) -> None:
        """It would change the engine's source when somebody else listens."""
        with self._lock:
            if self._deferred is not None:
                self._deferred = [(command, starts) for command, starts in self._deferred if not starts]

    def _do(self, command: Command, starts: bool = False) -> None:
        with self._lock:
            if self._closed:
                return
            if self._deferred is None:
                self.engine.call(partial(self._carry_out, command))
            else:
                self._deferred.append((command, starts))

    # --- engine thread ------------------------------------------------------------------------------

    def _hear(self, heard: Heard, base: Snapshot) -> Snapshot:
        snapshot = self._following.hear(heard, base)
        if self._music is not None and self._music.over:
            self._leave_off()
        self._heed()
        return snapshot

    def _carry_out(self, command: Command) -> None:
        command()
        self._heed()

    def _heed(self) -> None:
        """Whoever began or ended it, the user or the last note: no collections meanwhile, no click after."""
        running = self._following.state in RUNNING
        if running == self._running:
            return
        self._running = running
        if running:
            calm.begin(self)
        else:
            calm.end(self)
            self._clicks.stop()

    def _start(self, count_in_bars: int, source: Source) -> None:
        self._end_music()
        self._hears_somebody = True
        self._listen_to(source)
        deaf_s = 0.0
        if count_in_bars > 0:
            counted_s = self._clicks.count_in(count_in_bars, self._following.begin_x_px, self._bpm)
            deaf_s = counted_s + self.engine.input_latency_s
        self._following.start(deaf_s=deaf_s if source == "input" else 0.0)
        if count_in_bars == 0:
            self._click()

    @property
    def _bpm(self) -> float:
        return self.piece.tempo_bpm * self._tempo

    def _click(self) -> None:
        """Where the metronome is on, click what there is to follow now."""
        self._clicks.follow(self._following.x_px, self._bpm, self._music)

    def _listen_to(self, source: Source) -> None:
        self._source = source
        self.engine.set_source(source)

    def _leave_off(self) -> None:
        """The music is over, and the end of the score, if it is that, has been noticed."""
        self._end_music()
        if self._following.state in RUNNING:
            self._following.stop()

    def _stop(self) -> None:
        if self._following.state == "idle":
            return
        self._end_music()
        self._following.stop()
        self.engine.panic()

    def _pause(self) -> None:
        self._following.pause()
        if self._music is not None:  # it may go on after the end of the score
            self._music.hold()

    def _resume(self) -> None:
        if self._following.state == "paused":
            self._following.resume()
            if self._music is not None:
                self._music.go_on(self._following.x_px)
            else:
                self._listen_to(self._source)
            self._click()

    def _seek(self, x_px: float) -> None:
        over = self._following.state == "finished"
        if over and not self._hears_somebody:
            self._end_music()  # it has been played: there is nothing to wait for
            self._following.stop()
        self._following.seek(x_px)
        self._jump_music(self._following.x_px)
        if over and self._following.state in RUNNING:
            self._click()

    def _play_demo(self, tempo_factor: float, demo: Demo | None) -> None:
        demo = demo or self._demo
        assert demo is not None, "loaded before anything is carried out"
        self._tempo = min(max(tempo_factor, SLOWEST_DEMO), FASTEST_DEMO)
        player = PerformancePlayer(self.engine, demo.events, self._tempo)
        self._play(Music(self.engine, player, self.piece, demo.performance))

    def _play_recording(self, sound: FloatArray, rate: int) -> None:
        self._play(Music(self.engine, ClipPlayer(self.engine, sound, rate), self.piece))

    def _play(self, music: Music) -> None:
        self._end_music()
        self._hears_somebody = False
        self._music = music
        self._following.start(None if music.is_placed else self._following.first_x_px)
        music.start(self._following.x_px)
        self._click()

    def _set_tempo(self, tempo_factor: float) -> None:
        before = self._tempo
        self._tempo = min(max(tempo_factor, SLOWEST_DEMO), FASTEST_DEMO)
        if self._music is not None:
            self._music.player.set_tempo(self._tempo)
        if self._running:
            self._following.stretch_deaf(before / self._tempo)  # as long as the count-in
            self._clicks.set_tempo(self._bpm, self._music)

    def _set_metronome(self, on: bool) -> None:
        if on != self._clicks.on and not self._clicks.switch(on) and self._running:
            self._click()

    def _end_music(self) -> None:
        if self._music is not None:
            self._music.hold()
            self._music = None

    def _jump_music(self, x_px: float) -> None:
        if self._music is not None:
            self._music.jump(x_px)
            if self._running:
                self._click()
