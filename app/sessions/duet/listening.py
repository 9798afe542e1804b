"""The paper's listening test ("Subjective User Study"): two duets over one melody, which is better?

Who plays is not told before the vote, and the order is drawn anew in every trial. Here is the game: which
agents, which melody, which excerpt, in which order, and what becomes of an answer. It plays nothing and draws
nothing; the scene does. One thread at a time.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.engine.clock import wall_time
from app.sessions.duet.votes import PairResult, Vote, VoteFile, tally
from pieces.errors import RipienoError

Choice = Literal["a", "b", "same"]
EXCERPT_BEATS = 16
"""At most: four bars of 4/4, at 80 BPM twelve seconds. The paper took eight; a phrase is longer."""


class NothingToCompare(RipienoError):
    """Fewer than two agents, or no melody."""


@dataclass(frozen=True)
class Material:
    """A melody by its name, with its length in beats and its meter."""

    name: str
    beats: int
    beats_a_bar: int = 4


@dataclass(frozen=True)
class Trial:
    """What is heard: the excerpt of a melody that begins at a beat, answered by ``a`` and by ``b``."""

    melody: str
    from_beat: int
    beats: int
    a: str
    b: str
    seed: int

    def vote(self, choice: Choice) -> Vote:
        """What an answer means."""
        better = {"a": self.a, "b": self.b, "same": ""}[choice]
        return Vote(self.melody, self.a, self.b, better, f"{wall_time():%Y-%m-%d}")


class ListeningTest:
    """Trials one after the other; the pair with the fewest votes comes next.

    Args:
        agents: names; of the same name only one is taken.
        melodies: what they can be heard over.
        file: where the votes are kept.
        seed: of everything that is drawn; None: of the moment.

    Raises:
        NothingToCompare: fewer than two agents, or no melody.
    """

    def __init__(
        self, agents: Sequence[str], melodies: Sequence[Material], file: VoteFile, seed: int | None = None
    ) -> None:
        names = sorted(set(agents))
        if len(names) < 2:
            there = f"only {names[0]} is here" if names else "there is none"
            raise NothingToCompare(
                f"The test compares two trained agents of Duet, and {there}. Train another, and put it into "
                "models/checkpoints under a name like duet-mine."
            )
        if not melodies:
            raise NothingToCompare("There is no melody to play to: drop a MIDI file onto Duet.")
        self._pairs = list(itertools.combinations(names, 2))
        self._melodies, self.file = list(melodies), file
        self._random = random.Random(seed)
        self.trial: Trial | None = None

    def add(self, melody: Material) -> None:
        """Draw from one more from now on; it takes the place of one of the same name."""
        self._melodies = [*(known for known in self._melodies if known.name != melody.name), melody]

    def next(self) -> Trial:
        """Draw the next trial."""
        counts = {(result.first, result.second): result for result in self.results()}

        def heard(pair: tuple[str, str]) -> int:
            result = counts.get(pair)
            return result.decided + result.undecided if result else 0

        least = min(map(heard, self._pairs))
        pair = list(self._random.choice([pair for pair in self._pairs if heard(pair) == least]))
        self._random.shuffle(pair)
        melody = self._random.choice(self._melodies)
        bar = melody.beats_a_bar
        beats = min(EXCERPT_BEATS // bar * bar, melody.beats)
        from_beat = bar * self._random.randint(0, (melody.beats - beats) // bar)
        seed = self._random.getrandbits(31)
        self.trial = Trial(melody.name, from_beat, beats, pair[0], pair[1], seed)
        return self.trial

    def answer(self, choice: Choice) -> Vote:
        """Count an answer to the trial; there is none to answer afterwards.

        Raises:
            VoteNotSaved: it does not count; the trial can be answered again.
        """
        assert self.trial is not None
        vote = self.trial.vote(choice)
        self.file.add(vote)
        self.trial = None
        return vote

    def results(self) -> list[PairResult]:
        """Every pair that was ever compared on this machine."""
        return tally(self.file.votes())
