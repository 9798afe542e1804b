"""The duet's session as its scene needs it: the latest snapshot, choices, agents, your part, score, export.

Used by the thread of the window; what reads or writes files that take long is done on a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from app.engine.clock import wall_time
from app.scenes.duet_memory import DuetMemory
from app.scenes.studio import Studio
from app.scenes.take_desk import export_paths
from app.sessions.duet.choices import USUAL, Choices, Mode, SeedKind, Voice
from app.sessions.duet.playback import WHOSE
from app.sessions.duet.session import DuetSession
from app.sessions.duet.snapshot import DuetSnapshot
from pieces.errors import RipienoError

log = logging.getLogger(__name__)
RUNNING = ("count-in", "playing")
TEMPERATURE_STEP = 0.05


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A part that is being read. ``remembered``: nobody has chosen it now, it is taken up again."""

    name: str
    remembered: bool = False


class DuetDesk:
    """``session`` is opened when the scene is first shown. ``now`` is read once a frame."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._memory = DuetMemory(studio)
        self.session: DuetSession = studio.open_duet(self._memory.choices)
        self.now: DuetSnapshot = self.session.snapshot
        self.agents: list[str] = []
        self._wanted: _Wanted | None = None
        self._wanting = threading.Lock()
        self._take_up_part()
        self.apart(self._find_agents)

    def refresh(self, t_s: float) -> bool:
        """Read the snapshot; whether anything but the playhead is new."""
        before, self.now = self.now, self.session.snapshot
        self._memory.see(self.choices, t_s)
        return self.now.version != before.version or self.now.state != before.state

    def leave(self) -> None:
        """The scene is left: nothing plays, nothing is listened to, what was chosen is remembered."""
        self.session.rest()  # whatever `now` says: what was asked for in this frame is not in it yet
        self._memory.keep()

    @property
    def choices(self) -> Choices:
        """What is set."""
        return self.now.choices

    @property
    def own_bpm(self) -> float:
        """The tempo that a double click brings back: the part's own, where one plays."""
        return self.now.part_bpm or USUAL.tempo_bpm

    @property
    def running(self) -> bool:
        return self.now.state in RUNNING

    @property
    def microphone(self) -> bool:
        return self.now.listening == "microphone"

    @property
    def in_turn(self) -> bool:
        return self.choices.mode == "call and response"

    def apart(self, work: Callable[[], object], done: str = "") -> None:
        """Do something slow on a thread; how it ended is said."""

        def run() -> None:
            try:
                work()
            except RipienoError as problem:
                self.studio.say_later(str(problem), "bad")
            except Exception:
                log.exception("what was done apart failed")
                self.studio.say_later(f"Something of {WHOSE} failed; details are in the log.", "bad")
            else:
                if done:
                    self.studio.say_later(done, "good")

        threading.Thread(target=run, name="duet-desk", daemon=True).start()

    # --- transport ------------------------------------------------------------------------------

    def start_stop(self) -> None:
        """Start, after a count-in where one is wanted, or stop."""
        if self.running:
            self.session.stop()
        else:
            self.session.start(self.studio.count_in_bars)

    def start_over(self) -> None:
        """Both lines anew, at once."""
        self.session.start_over()

    def switch_roles(self) -> None:
        """From the next beat on it carries on your line and you its."""
        self.session.switch_roles()

    def toggle_click(self) -> None:
        self.session.set_click(not self.choices.click)

    # --- choices --------------------------------------------------------------------------------

    def set_tempo(self, bpm: float) -> None:
        self.session.set_tempo(bpm)

    def nudge_tempo(self, bpm: float) -> None:
        self.session.nudge_tempo(bpm)

    def set_voice(self, voice: str) -> None:
        self.session.set_voice(cast(Voice, voice))

    def set_mode(self, mode: str) -> None:
        self.session.set_mode(cast(Mode, mode))

    def toggle_turns(self) -> None:
        self.session.set_mode("together" if self.in_turn else "call and response")
        self.studio.say("Both at once" if self.in_turn else "In turn: your phrase, then its answer")

    def set_temperature(self, temperature: float) -> None:
        self.session.set_temperature(round(temperature, 2))

    def warm(self, notches: int) -> None:
        """The temperature a little higher, or lower where negative."""
        self.session.warm(notches * TEMPERATURE_STEP)

    def set_beginning(self, kind: str) -> None:
        """What the next duet begins with."""
        self.session.choose_seed(cast(SeedKind, kind))
        if self.running:
            self.studio.say("From the next start on")

    def toggle_follow_tempo(self) -> None:
        self.session.follow_tempo(not self.choices.follow_tempo)

    def listen(self, microphone: bool) -> None:
        """Take your line from the microphone, or from MIDI and keys."""
        self.session.listen_to(microphone)

    def toggle_microphone(self) -> None:
        self.listen(not self.microphone)

    # --- your part ------------------------------------------------------------------------------

    def human_words(self) -> str:
        """Who plays your part."""
        return self.now.part_name or "you, live"

    def play_part(self, name_or_path: str | Path) -> None:
        """Let a piece of the library, or a MIDI file, play your part."""
        self._want(_Wanted(str(name_or_path)))

    def no_part(self) -> None:
        """You play again."""
        with self._wanting:
            self._wanted = None
            self.session.no_part()
            self._memory.part = ""

    def _take_up_part(self) -> None:
        """In a new session: what is set counts more than the part's own tempo and meter.

        A part that is not there any more is told of, and forgotten.
        """
        if self._memory.part:
            self._want(_Wanted(self._memory.part, remembered=True))

    def _want(self, wanted: _Wanted) -> None:
        self._wanted = wanted
        self.apart(partial(self._bring_part, wanted))

    def _bring_part(self, wanted: _Wanted) -> None:
        """Slow: read a part; it plays, unless another was chosen meanwhile. Raises RipienoError."""
        said: list[str] = []
        try:
            part = self.session.read_part(wanted.name, said.append)
        except Exception:
            self._give_up(wanted)
            raise
        with self._wanting:
            if self._wanted is not wanted:
                return
            self._wanted = None
            self._memory.part = wanted.name
            self.session.use_part(part, wanted.remembered)
        for sentence in said:
            self.studio.engine.tell(sentence)

    def _give_up(self, wanted: _Wanted) -> None:
        """A part cannot be read: the one before plays on, or is taken up again where it plays no more."""
        with self._wanting:
            if self._wanted is not wanted:
                return
            self._wanted = None
            if wanted.remembered:
                self._memory.part = ""
            if not self.session.snapshot.part_name:
                self._take_up_part()

    # --- agents ---------------------------------------------------------------------------------

    def _find_agents(self) -> None:
        from models.duet.agent import shipped_agents

        self.agents = shipped_agents()

    def agent_words(self) -> str:
        """Who plays the other part."""
        return self.now.agent or "nobody"

    def use_agent(self, name: str) -> None:
        """Have another agent play; what is chosen stays, what was played is let go."""
        microphone = self.microphone
        with self._wanting:
            self.session = self.studio.open_duet(self.choices, name)
        self._memory.agent = name
        if self._wanted is None:
            self._take_up_part()
        self.listen(microphone)  # the session before has given back the source that it had found

    # --- files ----------------------------------------------------------------------------------

    def export_midi(self) -> None:
        path = _export_path(".mid")
        self.apart(partial(self.session.export_midi, path), f"Saved {path.name} in {path.parent}")

    def export_musicxml(self) -> None:
        path = _export_path(".musicxml")
        self.apart(partial(self.session.export_musicxml, path), f"Saved {path.name} in {path.parent}")

    def export_wav(self) -> None:
        sound_set, session = self.studio.settings.now.sound_set, self.session
        self.studio.wav.write(
            _export_path(".wav"), lambda path, progress: session.export_wav(path, sound_set, progress)
        )


def _export_path(ending: str) -> Path:
    return export_paths(f"Duet {wall_time():%Y-%m-%d %H.%M.%S}", ending)[0]
