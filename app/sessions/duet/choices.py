"""Everything of a duet that a person can choose, frozen. Pure values; a change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

from pieces.errors import RipienoError

Who = Literal["you", "machine"]
Voice = Literal["soprano", "alto", "tenor", "bass"]
Mode = Literal["together", "call and response"]
SeedKind = Literal["cold", "two bars", "piece"]

VOICE_RANGES: dict[Voice, tuple[int, int]] = {
    "soprano": (60, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (36, 62),
}  # fmt: skip
"""Lowest and highest MIDI pitch, from high to low."""
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
METERS = (3, 4)
PHRASE_BARS = (1, 2, 4)
WILDEST = 2.0
"""The highest temperature."""
GM_LEVEL = 100 / 127
"""Level of a channel that nobody has turned."""
PROGRAMS = 128


def voice_beside(pitches: Sequence[int]) -> Voice:
    """The voice that goes with a line of MIDI pitches: below it where there is room, else above."""
    return "bass" if fmean(pitches) >= sum(VOICE_RANGES["tenor"]) / 2 else "soprano"


class DuetProblem(RipienoError):
    """Something that cannot be done, in a sentence for the user."""

    exit_code = 2


@dataclass(frozen=True)
class Choices:
    """What can be set, before and while music plays.

    tempo_bpm 20..400 quarters a minute; beats_a_bar 3 or 4 quarters. temperature 0 (its likeliest symbol) to
    2. voice: the range that the machine keeps to. mode: both at once, or phrases of `phrase_bars` in turn,
    yours first. follow_tempo: your onsets lead the tempo. seed: what the machine begins with: nothing
    ("cold"), two bars of simple counterpoint to what you play ("two bars"), or two bars of a piece's lower
    line; in turn, of what is its to play. click: a metronome; programs (GM) and levels (0..1) of each player.
    """

    tempo_bpm: float = 80.0
    beats_a_bar: int = 4
    temperature: float = 0.5
    voice: Voice = "bass"
    mode: Mode = "together"
    phrase_bars: int = 2
    follow_tempo: bool = False
    seed: SeedKind = "cold"
    click: bool = True
    your_program: int = 0
    machine_program: int = 0
    your_level: float = GM_LEVEL
    machine_level: float = GM_LEVEL

    def program(self, who: Who) -> int:
        """The GM program of a player."""
        return self.your_program if who == "you" else self.machine_program

    def level(self, who: Who) -> float:
        """How loud a player is, 0 to 1."""
        return self.your_level if who == "you" else self.machine_level

    def but(self, **changes: Any) -> Choices:
        """With other values, each brought within its bounds.

        Raises:
            DuetProblem: a meter, voice, mode, phrase, seed or program that there is not.
        """
        for name, value in changes.items():
            if name in _TABLES and value not in _TABLES[name]:
                known = ", ".join(map(str, _TABLES[name]))
                raise DuetProblem(f'there is no {name.replace("_", " ")} "{value}"; take one of {known}.')
            if name in _BOUNDS:
                low, high = _BOUNDS[name]
                changes[name] = min(max(float(value), low), high) if value == value else low
        return replace(self, **changes)

    @classmethod
    def recalled(cls, values: Mapping[str, Any]) -> Choices:
        """From what was remembered, by name: the values that fit, and the usual one for every other."""
        choices = cls()
        for name, usual in asdict(choices).items():
            value = values.get(name, usual)
            numbers = isinstance(usual, float) and type(value) is int
            if type(value) is not type(usual) and not numbers:
                continue
            try:
                taken = choices.but(**{name: value})
            except DuetProblem:
                continue
            choices = taken if getattr(taken, name) == value else choices
        return choices

    @property
    def bar_steps(self) -> int:
        """Sixteenths in a bar."""
        return 4 * self.beats_a_bar

    @property
    def phrase_steps(self) -> int:
        """Sixteenths in a phrase, in call and response."""
        return self.bar_steps * self.phrase_bars


USUAL = Choices()


@dataclass(frozen=True)
class DuetWishes:
    """What the command line asks for, which counts before what is remembered: choices by name, an agent."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    agent: str = ""


_TABLES: dict[str, tuple[Any, ...] | range] = {
    "beats_a_bar": METERS, "voice": tuple(VOICE_RANGES), "mode": ("together", "call and response"),
    "phrase_bars": PHRASE_BARS, "seed": ("cold", "two bars", "piece"),
    "your_program": range(PROGRAMS), "machine_program": range(PROGRAMS),
}  # fmt: skip
_BOUNDS = {
    "tempo_bpm": (SLOWEST_BPM, FASTEST_BPM), "temperature": (0.0, WILDEST),
    "your_level": (0.0, 1.0), "machine_level": (0.0, 1.0),
}  # fmt: skip
