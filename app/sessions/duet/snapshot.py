"""What a scene may read of a duet: a frozen picture of one moment. Never written again; any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from app.sessions.duet.choices import Choices, Voice

State = Literal["stopped", "count-in", "playing"]
Turn = Literal["both", "you", "machine"]
Listening = Literal["keys", "microphone"]


class RollNote(NamedTuple):
    """A note of the piano roll, in sixteenths from the first bar, and its MIDI pitch.

    The machine's stand on whole steps; yours stand where you played them.
    """

    first_step: float
    steps: float
    pitch: int


@dataclass(frozen=True, slots=True)
class DuetSnapshot:
    """One moment of the duet.

    state: "count-in" has negative steps. step: sixteenths since the first bar, at the sample that is being
    delivered. tempo_bpm: in force now (followed, where `choices.follow_tempo`); choices: what was set.
    human, machine: what each has played, in order of onset; a note that sounds ends at `step`. intended: what
    the machine would play next if you held what sounds; a new plan replaces the old one.
    part: all notes of the fixed part that plays in your place, past and to come; part_name "" and part_bpm 0
    where you play.
    turn: who plays in this phrase; "both" unless the mode is call and response. switched: the roles are
    exchanged: you carry on the machine's line and it carries on yours. taken_voice: that of the line which
    the machine has taken over so, None where it plays the voice that was chosen.
    key_name: heard in the last bars, "" while there is too little; consonance: share of consonant sixteenths
    in the last four bars, None where you have not sounded together.
    decided_ms: median time of a decision; late_steps: sixteenths that the machine held because its decision
    came too late. listening: what you play on. agent: its name, "" where none plays. heard_s: length of what
    would be exported, 0 where nothing was heard. first_sample: of the first bar, on the engine's clock.
    version: grows with every change of anything but the playhead.
    """

    state: State = "stopped"
    step: float = 0.0
    tempo_bpm: float = 80.0
    choices: Choices = field(default_factory=Choices)
    human: tuple[RollNote, ...] = ()
    machine: tuple[RollNote, ...] = ()
    intended: tuple[RollNote, ...] = ()
    part: tuple[RollNote, ...] = ()
    part_name: str = ""
    part_bpm: float = 0.0
    turn: Turn = "both"
    switched: bool = False
    taken_voice: Voice | None = None
    key_name: str = ""
    consonance: float | None = None
    decided_ms: float = 0.0
    late_steps: int = 0
    listening: Listening = "keys"
    agent: str = ""
    heard_s: float = 0.0
    first_sample: int = 0
    version: int = 0

    @property
    def voice(self) -> Voice:
        """What the machine plays."""
        return self.taken_voice or self.choices.voice

    @property
    def bar(self) -> int:
        """From 0; negative in the count-in."""
        return int(self.step // self.choices.bar_steps)

    @property
    def beat(self) -> int:
        """In the bar, from 0."""
        return int(self.step % self.choices.bar_steps // 4)
