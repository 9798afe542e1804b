"""The Duet mode without its scene: a person, an agent and the engine.

Every method may be called from any thread. What it asks for is done in the engine thread, where the music
lives, in order; what cannot be done there is told as a sentence (`Engine.tell`). The scene reads `snapshot`.
Files are read and written by the caller's thread, which gets the errors: `read_part`, `choose_seed` with a
score, `export_wav` and `engrave` take seconds, so call them in a thread of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from app.engine import calm
from app.engine.engine import Engine
from app.sessions import export
from app.sessions.duet.choices import USUAL, Choices, Mode, SeedKind, Voice, Who
from app.sessions.duet.parts import Part, Tell, read_part
from app.sessions.duet.playback import WHOSE, DuetSeat, Playback
from app.sessions.duet.questions import REHEARSAL, Agent, answers
from app.sessions.duet.snapshot import DuetSnapshot
from app.sessions.guarded import guarded
from app.sessions.seats import ProcessSeat, Seat
from pieces.engraving import Engraving, engrave
from pieces.reading import ScoreText

CLOSE_TIMEOUT_S = 2.0
SCORE_NAME = "Duet"

AgentMaker = Callable[[], Agent]
SeatMaker = Callable[[AgentMaker, Callable[[str], Any]], DuetSeat]


def live_seat(make: AgentMaker, tell: Callable[[str], Any]) -> DuetSeat:
    """In a process of its own."""
    return ProcessSeat(make, answers, tell, "duet-agent", REHEARSAL)


class DuetSession:
    """One while the mode is open. Without an agent the person plays alone.

    Args:
        engine: running; keys and MIDI that sound through it are your line.
        make_agent: makes who plays the other line, where it decides; None: nobody does.
        agent_name: as the scene shows it.
        seed: of its draws, anew at every start.
        make_seat: where the agent decides; by default in a process of its own.
        choices: to begin with.
    """

    def __init__(
        self, engine: Engine, make_agent: AgentMaker | None = None, agent_name: str = "", seed: int = 0,
        make_seat: SeatMaker = live_seat, choices: Choices = USUAL,
    ) -> None:  # fmt: skip
        self.engine = engine
        self._seat = make_seat(make_agent, engine.tell) if make_agent is not None else Seat()
        self._playback = Playback(engine, self._seat, agent_name, seed, choices)
        self._source_before = engine.source
        self._closed = False
        engine.set_source("synth")  # what sounds is shown by the meter, and captured as a take
        calm.settle()
        self._do(self._playback.open)

    @property
    def snapshot(self) -> DuetSnapshot:
        """This moment: the playhead is that of the sample that is being delivered."""
        return self._playback.snapshot_at(self.engine.sample)

    @property
    def ready(self) -> bool:
        """Whoever plays the other line is there; until then that line rests."""
        return self._seat.ready

    # --- transport ----------------------------------------------------------------------------------

    def start(self, count_in_bars: int = 1) -> None:
        """Begin a new duet, after a count-in if wanted. What was played before is forgotten here (not by the
        takes). Nothing happens while one plays."""
        self._do(partial(self._playback.start, count_in_bars))

    def stop(self) -> None:
        """Stop now; every note of the machine is let go. What was played can be exported."""
        self._do(self._playback.stop)

    def start_over(self) -> None:
        """Begin anew at once, without a count-in; the agent remembers nothing."""
        self._do(self._playback.start_over)

    def switch_roles(self) -> None:
        """From the next beat on you carry on the machine's line and it carries on yours (Figure 8).

        Before the beat comes, a second time takes it back; what comes of it is told. A new start forgets it.
        """
        self._do(self._playback.switch_roles)

    def rest(self) -> None:
        """Silence while something else is shown, which finds the channels as it knows them."""
        self._do(self._playback.rest)

    def wake(self) -> None:
        """Be played again."""
        self._do(self._playback.wake)

    def close(self) -> None:
        """Silence, and the agent goes. The engine runs on."""
        if self._closed:
            return
        self._closed = True
        done = threading.Event()
        self._do(self._playback.close)
        self.engine.call(done.set)
        done.wait(CLOSE_TIMEOUT_S)
        self._seat.close()
        self.engine.set_source(self._source_before)

    # --- choices ------------------------------------------------------------------------------------

    def set_tempo(self, bpm: float) -> None:
        """20 to 400 quarters a minute, from the next sixteenth on."""
        self._choose(tempo_bpm=bpm)

    def nudge_tempo(self, bpm: float) -> None:
        """So many quarters a minute faster, slower where negative."""
        self._do(lambda: self._playback.choose(tempo_bpm=self.choices.tempo_bpm + bpm))

    def set_meter(self, beats_a_bar: int) -> None:
        """3 or 4 quarters a bar; all bars are counted anew. Exports keep those that were heard until then."""
        self._choose(beats_a_bar=beats_a_bar)

    def set_temperature(self, temperature: float) -> None:
        """0: always its likeliest symbol; 0.5 is lively, above 1 wild."""
        self._choose(temperature=temperature)

    def warm(self, more: float) -> None:
        """The temperature so much higher, lower where negative."""
        self._do(lambda: self._playback.choose(temperature=round(self.choices.temperature + more, 2)))

    def set_voice(self, voice: Voice) -> None:
        """The range that the machine keeps to."""
        self._choose(voice=voice)

    def set_mode(self, mode: Mode) -> None:
        """Both at once, or in turn, from the next sixteenth on; phrases are counted from the first bar."""
        self._choose(mode=mode)

    def set_phrase_bars(self, bars: int) -> None:
        """Length of a phrase in call and response: 1, 2 or 4."""
        self._choose(phrase_bars=bars)

    def follow_tempo(self, on: bool) -> None:
        """Free time: your onsets lead the tempo, within half and twice the one that was set."""
        self._choose(follow_tempo=on)

    def choose_seed(self, kind: SeedKind, name_or_path: str | Path | None = None) -> None:
        """What the next duet begins with (`Choices.seed`).

        "piece" wants a MIDI file, a score or a name in the library: the machine plays two bars of its lowest
        line first. Without a name the fixed part's own piece is taken.

        Raises:
            RipienoError: it cannot be read.
        """
        if name_or_path is not None:
            part = read_part(name_or_path, self.engine.tell)
            self._do(partial(self._playback.seed_from, part))
        self._choose(seed=kind)

    def set_click(self, on: bool) -> None:
        """A click on every beat; the count-in clicks in any case."""
        self._choose(click=on)

    def set_instrument(self, who: Who, program: int) -> None:
        """A GM program, 0..127."""
        self._choose(**{f"{'your' if who == 'you' else 'machine'}_program": program})

    def set_volume(self, who: Who, level: float) -> None:
        """0 to 1."""
        self._choose(**{f"{'your' if who == 'you' else 'machine'}_level": level})

    # --- what is played in your place, or heard -----------------------------------------------------

    def play_part(self, name_or_path: str | Path) -> None:
        """Let a MIDI file, a score or a piece of the library play your part, see `use_part`; slow.

        What is done with chords and tracks is told.

        Raises:
            RipienoError: it cannot be read, or there is no note in it.
        """
        self.use_part(self.read_part(name_or_path, self.engine.tell))

    @staticmethod
    def read_part(name_or_path: str | Path, tell: Tell) -> Part:
        """The part of a MIDI file, a score or a piece of the library; slow. Raises RipienoError."""
        return read_part(name_or_path, tell)

    def use_part(self, part: Part, remembered: bool = False) -> None:
        """Let a part play in your place, at its own tempo and meter; a duet that plays begins anew with it.

        One that is `remembered` keeps to the tempo and meter that are set, and waits for the next start.
        """
        self._do(partial(self._playback.use_part, part, remembered))

    def no_part(self) -> None:
        """You play again; a duet in which a part plays begins anew."""
        self._do(partial(self._playback.use_part, None))

    def listen_to(self, microphone: bool) -> None:
        """Take your line from the microphone (one voice), or from MIDI and keys.

        The engine's source changes at once, so who chooses another one afterwards has the last word.
        """
        self.engine.set_source("input" if microphone else "synth")
        self._do(partial(self._playback.listen_to, microphone))

    # --- export -------------------------------------------------------------------------------------

    def export_midi(self, path: Path) -> None:
        """Write what was heard since the last start. Raises NotSaved, NothingHeard."""
        export.save_midi(self._playback.heard(), path)

    def export_wav(
        self, path: Path, sound_set: str = "", progress: Callable[[float], None] | None = None
    ) -> None:
        """The same as sound. Raises also NoSynth."""
        export.save_wav(self._playback.heard(), path, sound_set, progress)

    def musicxml(self) -> str:
        """Both lines as a score of two staves, on sixteenths. Raises NothingHeard."""
        return self._playback.score().text

    def export_musicxml(self, path: Path) -> None:
        """Write `musicxml` to a file. Raises NotSaved, NothingHeard."""
        export.save_text(self.musicxml(), path)

    def engrave(self) -> tuple[Engraving, Who]:
        """The score as pages, and whose line is on its upper staves. Raises NothingHeard, BadScore."""
        written = self._playback.score()
        return engrave(ScoreText("musicxml", written.text, SCORE_NAME, "musicxml")), written.upper

    # --- inside -------------------------------------------------------------------------------------

    def _choose(self, **changes: Any) -> None:
        self._do(partial(self._playback.choose, **changes))

    @property
    def choices(self) -> Choices:
        """What is set."""
        return self._playback.choices

    def _do(self, command: Callable[[], object]) -> None:
        self.engine.call(partial(guarded, self.engine, WHOSE, command))
