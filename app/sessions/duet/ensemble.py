"""The duet as two lines that grow by one sixteenth at a time: who plays, what the agent is asked. Pure.

No clock and no thread inside; whoever calls says when a step is over. Live that is the engine thread
(`playback`), headless a loop (`headless`): the same keys give the same music.

A step goes like this. `hear` closes step t of your line. `question` asks for step t + 1 of the machine's, or
knows it already; `play` (or `miss`, where no answer came in time) closes that. So the machine decides a step
knowing both lines up to the step before, as in training.

In training nobody ever waits for the other: an agent that is shown a phrase of its own rests goes on
resting. So in call and response it is shown a duet without turns: during your phrase it plays along
unheard, and during its own, while you rest, your phrase sounds once more. It answers that.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from app.sessions.duet import counterpoint
from app.sessions.duet.choices import VOICE_RANGES, Choices, Voice
from app.sessions.duet.questions import Question
from app.sessions.duet.snapshot import Turn
from models.duet.encoding import HOLD, MULTI_HOLD, STEPS_PER_BEAT, Tokens, held, sounding
from models.duet.keys import Key, heard_key
from models.duet.windows import seen_steps

Switch = Literal["exchange", "back", "none"]
SEED_BARS = 2
KEY_BARS = 8
VOICE_STEPS = 32
"""What tells the voice of a line that is taken over."""
REST = MULTI_HOLD.rest


class Ensemble:
    """Both lines from the start of one duet.

    Attributes:
        yours, machines: multi-hold symbols of what each player has played, a byte a step.
        shifts: semitones from the pitches of your symbols to what you played, one a step.
        switched: you carry on the machine's line and it yours.
        taken_voice: what the machine plays instead of the voice that was chosen, since it took a line over.

    Args:
        take: number of the music, for the questions.
        seed: of the agent's draws.
        given: the machine's first steps, where a piece gives them, (n,) multi-hold.
    """

    def __init__(self, take: int = 0, seed: int = 0, given: Tokens | None = None) -> None:
        self.yours, self.machines = bytearray(), bytearray()
        self.shifts: list[int] = []
        self.switched = False
        self.taken_voice: Voice | None = None
        self._take, self._seed, self._given = take, seed, given
        self._asked = False
        # what the agent sees as the person's line and as its own: they change places when roles do, and where
        # players take turns they say more than what is heard
        self._seen_yours, self._seen_machines = bytearray(), bytearray()
        self._turn: Turn = "both"  # of the step that `question` was asked for last
        self._phrase_steps = 0
        self._switch_wanted = False

    @property
    def next_step(self) -> int:
        """The machine's first step that is not decided."""
        return len(self.machines)

    @property
    def key(self) -> Key | None:
        """Heard in the last eight bars."""
        recent = KEY_BARS * 16
        return heard_key(_tokens(self.yours, recent), _tokens(self.machines, recent))

    @property
    def sounds(self) -> bool:
        """Whether either line has a note."""
        return any(symbol != REST for symbol in (*self.yours, *self.machines))

    def lines(self) -> tuple[Tokens, Tokens]:
        """What you and the machine have played, (n,) and (m,)."""
        return _tokens(self.yours), _tokens(self.machines)

    def hear(self, symbol: int, shift: int = 0) -> None:
        """Close a step of your line."""
        self.shifts.append(shift)  # first: whoever writes the score may ask in between
        self.yours.append(symbol)
        if self._turn == "machine" and symbol == REST:
            symbol = _begun(self._seen_yours[-self._phrase_steps], _last(self._seen_yours))
        self._seen_yours.append(symbol)

    def want_switch(self) -> Switch:
        """Exchange the roles from the next beat on; asked twice before it comes, nothing happens.

        Returns what will become of the roles as they are.
        """
        self._switch_wanted = not self._switch_wanted
        if not self._switch_wanted:
            return "none"
        return "back" if self.switched else "exchange"

    def turn(self, choices: Choices, step: int) -> Turn:
        """Who plays in a step."""
        if choices.mode == "together":
            return "both"
        return "machine" if step // choices.phrase_steps % 2 else "you"

    def _own_step(self, choices: Choices, step: int) -> int | None:
        """Which of all the steps that are the machine's to play is this one; None if it is yours alone."""
        if choices.mode == "together":
            return step
        phrase, within = divmod(step, choices.phrase_steps)
        return phrase // 2 * choices.phrase_steps + within if phrase % 2 else None

    def switch_if_wanted(self) -> None:
        """At the start of a step: exchange the lines on a beat; the machine takes over a voice too."""
        if not self._switch_wanted or self.next_step % STEPS_PER_BEAT:
            return
        self._switch_wanted = False
        self.switched = not self.switched
        self._seen_yours, self._seen_machines = self._seen_machines, self._seen_yours
        self.taken_voice = nearest_voice(_tokens(self._seen_machines, VOICE_STEPS)) or self.taken_voice

    def question(self, choices: Choices, plan_steps: int = 0) -> Question | int:
        """What to ask for the next step, or its symbol where there is nothing to ask."""
        step = self.next_step
        lowest, highest = VOICE_RANGES[self.taken_voice or choices.voice]
        self._turn, self._phrase_steps = self.turn(choices, step), choices.phrase_steps
        own_step = self._own_step(choices, step)
        if own_step is not None and own_step < SEED_BARS * choices.bar_steps:
            if choices.seed == "piece" and self._given is not None and own_step < len(self._given):
                return int(self._given[own_step])
            if choices.seed == "two bars":
                human, machine = _tokens(self._seen_yours), _tokens(self._seen_machines)
                return counterpoint.next_symbol(human, machine, step, lowest, highest, self.key)
        seed, self._asked = None if self._asked else self._seed, True
        seen = seen_steps(step)
        return Question(
            self._take, step, _tokens(self._seen_yours, seen), _tokens(self._seen_machines, seen),
            choices.temperature, lowest, highest, seed, plan_steps, not self._must_begin(),
        )  # fmt: skip

    def play(self, symbol: int) -> int:
        """Close the machine's next step; its symbol as played: what did not sound before begins."""
        return self._close(symbol, _begun(symbol, _last(self.machines)))

    def miss(self) -> int:
        """The answer is late: hold what sounds, and begin nothing, for which it is too late as well.

        What the agent sees as its line goes on, so a note that it held unheard begins with its next answer.
        """
        return self._close(int(held(_last(self._seen_machines))), int(held(_last(self.machines))))

    def _close(self, seen: int, played: int) -> int:
        """Add to what the agent sees as its line and to the machine's; the symbol that is heard."""
        heard = REST if self._turn == "you" else played
        self._seen_machines.append(seen)
        self.machines.append(heard)
        return heard

    def _must_begin(self) -> bool:
        """It is the machine's phrase, and nothing of it has sounded."""
        played = self.next_step % self._phrase_steps
        return self._turn == "machine" and set(self.machines[self.next_step - played :]) <= {REST}


def nearest_voice(line: Tokens) -> Voice | None:
    """The voice in whose middle a line (n,) lies; None where it is silent."""
    pitches = sounding(line)
    pitches = pitches[pitches > 0]
    if not len(pitches):
        return None
    middle = float(pitches.mean())
    return min(VOICE_RANGES, key=lambda voice: abs(sum(VOICE_RANGES[voice]) / 2 - middle))


def _last(line: bytearray) -> int:
    """Its newest symbol; before all others it rests."""
    return line[-1] if line else REST


def _begun(symbol: int, before: int) -> int:
    """A symbol after another: what did not sound holds nothing, it begins."""
    return symbol - HOLD if HOLD <= symbol < REST and symbol != held(before) else symbol


def _tokens(line: bytearray, last: int = 0) -> Tokens:
    return np.frombuffer(bytes(line[-last:]), np.uint8)
