"""The listening test as its scene needs it: the next trial composed in a thread, played, answered.

Used by the thread of the window.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.engine.performer import Played
from app.scenes.studio import Studio
from app.sessions.duet.choices import VOICE_RANGES, voice_beside
from app.sessions.duet.excerpts import Answering, ExcerptPlayer, Melody, chorales, compose, melody_of
from app.sessions.duet.listening import Choice, ListeningTest, Material, NothingToCompare
from app.sessions.duet.votes import PairResult, VoteFile, tally
from models.duet.encoding import notes
from pieces.errors import RipienoError

log = logging.getLogger(__name__)


class ListeningDesk:
    """``heard`` are the sides of the present trial that were heard to the end."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.file = VoteFile()
        self.player = ExcerptPlayer(studio.engine)
        self.missing = ""
        self.heard: set[Choice] = set()
        self.count = 0
        self._test: ListeningTest | None = None
        self._melodies: dict[str, Melody] = {}
        self._agents: dict[str, Answering] = {}
        self._duets: dict[Choice, list[Played]] = {}
        self._side: Choice | None = None
        self._both = False
        self._busy: threading.Thread | None = None

    # --- what is shown --------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """The trial can be heard."""
        return bool(self._duets)

    @property
    def playing(self) -> bool:
        return self._side is not None

    @property
    def heard_both(self) -> bool:
        return len(self.heard) == 2

    def words(self) -> str:
        """What is going on."""
        if self.missing:
            return "Nothing to compare yet"
        if not self.ready:
            return "The two agents are composing …"
        if self._side is not None:
            return f"{self._side.upper()} plays"
        return "Which is better?" if self.heard_both else "Space plays A, then B"

    def side_words(self, side: Choice) -> str:
        """The state of one of the two."""
        if not self.ready:
            return "…"
        return "plays" if side == self._side else "heard" if side in self.heard else "not heard yet"

    def share(self, side: Choice) -> float | None:
        """How far a side is; None while it does not play."""
        return self.player.share if side == self._side else None

    def melody_words(self) -> str:
        """What both answer."""
        trial = self._test.trial if self._test else None
        return trial.melody if trial and self.ready else "–"

    def results(self) -> list[PairResult]:
        """Of every pair that was compared on this machine."""
        return tally(self.file.votes())

    # --- trials ---------------------------------------------------------------------------------

    def open(self) -> None:
        """The scene is shown: find agents and melodies, and begin."""
        self.count = len(self.file.votes())
        if self.file.notice:
            self.studio.say(self.file.notice, "bad")
            self.file.notice = ""
        if not self.ready:
            self.missing = ""
            self._apart(self._begin)

    def update(self) -> None:
        """Once a frame: what has come to its end was heard."""
        if self._side is None or not self.player.over:
            return
        side = self._side
        self.heard.add(side)
        self.player.stop()
        self._side = None
        if self._both and side == "a":
            self._play("b")

    def play_both(self) -> None:
        """A, then B; or silence."""
        if self.playing:
            self.stop()
        elif self.ready:
            self._both = True
            self._play("a")

    def hear(self, side: Choice) -> None:
        """One of the two from its beginning."""
        if self.ready:
            self._both = False
            self._play(side)

    def stop(self) -> None:
        """Silence."""
        self._side, self._both = None, False
        self.player.stop()

    def choose(self, choice: Choice) -> None:
        """Count an answer, and compose the next trial. Raises VoteNotSaved: it can be given again."""
        if not self.ready or self._test is None:
            return
        if not self.heard_both:
            self.studio.say("Hear both first: Space plays A, then B.")
            return
        self.stop()
        self._test.answer(choice)
        self.studio.say("Counted. The next two are being composed.", "good")
        self.count = len(self.file.votes())
        self._duets, self.heard = {}, set()
        self._apart(self._next)

    def _play(self, side: Choice) -> None:
        self._side = side
        self.player.play(self._duets[side])

    # --- on a thread of its own -----------------------------------------------------------------

    def _apart(self, work: Callable[[], None]) -> None:
        if self._busy is None or not self._busy.is_alive():
            self._busy = threading.Thread(target=self._guarded, args=(work,), name="listening", daemon=True)
            self._busy.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except NothingToCompare as problem:
            self.missing = str(problem)
        except RipienoError as problem:
            self.missing = str(problem)
            self.studio.say_later(str(problem), "bad")
        except Exception:
            log.exception("the listening test failed")
            self.missing = "The test failed; leave it and come back to try again. Details are in the log."
            self.studio.say_later(self.missing, "bad")

    def _begin(self) -> None:
        """The first trial, or another where one failed."""
        if self._test is None:
            self._gather()
        self._next()

    def _gather(self) -> None:
        """Agents and melodies."""
        from models.duet.agent import load_agent, shipped_agents

        names = shipped_agents()
        ListeningTest(names, [Material("any", 4)], self.file)  # says what is missing before anything is read
        self._agents = {name: load_agent(name) for name in names}
        self._melodies = {melody.name: melody for melody in [*chorales(), *self._parts()]}
        self._test = ListeningTest(names, list(map(_material, self._melodies.values())), self.file)

    def _parts(self) -> list[Melody]:
        """The part that plays in Duet now, if one does."""
        duet = self.studio.duet.snapshot if self.studio.duet is not None else None
        if duet is None or not duet.part:
            return []
        return [melody_of(duet.part_name, duet.part, duet.choices.tempo_bpm, duet.choices.beats_a_bar)]

    def _next(self) -> None:
        """Another trial; a part that has come to Duet meanwhile is among the melodies."""
        assert self._test is not None
        for part in self._parts():
            self._melodies[part.name] = part
            self._test.add(_material(part))
        trial = self._test.next()
        melody = self._melodies[trial.melody]
        lowest, highest = VOICE_RANGES[voice_beside([pitch for _, _, pitch in notes(melody.tokens)])]
        first, second = compose(trial, melody, self._agents, lowest, highest)
        self._duets = {"a": first, "b": second}


def _material(melody: Melody) -> Material:
    return Material(melody.name, melody.beats, melody.beats_a_bar)
