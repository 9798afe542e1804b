"""The two duets of a trial of the listening test: composed by the agents, cut, and played by the engine.

Composing takes seconds: in a thread of its own. :class:`ExcerptPlayer` may be asked by
one thread; what it plays is done in the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from app.engine.engine import Engine
from app.engine.midi_events import VOLUME
from app.engine.performer import PerformancePlayer, Played
from app.sessions.duet.choices import GM_LEVEL
from app.sessions.duet.hearing import folded
from app.sessions.duet.listening import Trial
from app.sessions.duet.snapshot import RollNote
from models.duet.chorales import NOT_LEARNED, Chorale, load, split
from models.duet.encoding import BEATS, MULTI_HOLD, STEPS_PER_BEAT, Tokens, line, notes

TEMPERATURE = 0.5
CHORALE_BPM = 80.0
"""Their scores say none."""
HUMAN, MACHINE = 0, 1
"""MIDI channels."""
VELOCITY = {HUMAN: 84, MACHINE: 76}
PIANO = 0
LEVEL = round(127 * GM_LEVEL)
SOURCE = "listening"
TAIL_S = 0.8


class Answering(Protocol):
    """What is needed of :class:`models.duet.agent.DuetAgent`."""

    def reset(self, seed: int = 0) -> None: ...
    def choose(
        self, human: Tokens, machine: Tokens, beat: int, temperature: float = 0.0, lowest: int = 0,
        highest: int = 127,
    ) -> int: ...  # fmt: skip


@dataclass(frozen=True, eq=False)
class Melody:
    """A line (T,) multi-hold, its tempo and its meter."""

    name: str
    tokens: Tokens
    bpm: float
    beats_a_bar: int = 4

    @property
    def beats(self) -> int:
        return len(self.tokens) // STEPS_PER_BEAT


def melody_of(name: str, found: Sequence[RollNote], bpm: float, beats_a_bar: int = 4) -> Melody:
    """Notes on a grid of sixteenths, brought by octaves into the range of the agents."""
    steps = [(round(n.first_step), max(round(n.steps), 1), folded(n.pitch)) for n in found]
    length = max((start + count for start, count, _ in steps), default=0)
    return Melody(name, line(steps, -(-length // STEPS_PER_BEAT) * STEPS_PER_BEAT), bpm, beats_a_bar)


def chorales() -> list[Melody]:
    """The upper lines of the held-out chorales: no agent has learned from them, or was chosen by them.

    Raises BadChorales where their file is damaged.
    """
    return [_upper_line(chorale) for chorale in split(load(NOT_LEARNED)).held_out]


def _upper_line(chorale: Chorale) -> Melody:
    """Whole beats from a bar line on, rests before an upbeat."""
    before = int(chorale.position[0])
    after = -(before + chorale.tokens.shape[1]) % STEPS_PER_BEAT
    tokens = np.pad(chorale.tokens[0], (before, after), constant_values=MULTI_HOLD.rest)
    name = f"BWV {chorale.name.removeprefix('bwv')}"
    return Melody(name, tokens, CHORALE_BPM, chorale.bar_steps // STEPS_PER_BEAT)


def answer(agent: Answering, melody: Tokens, seed: int, lowest: int, highest: int) -> Tokens:
    """The agent's line over a whole melody (T,), multi-hold, begun in silence; (T,). Same seed, same line."""
    agent.reset(seed)
    machine = np.empty(len(melody), np.uint8)
    for step in range(len(melody)):
        heard, own = melody[:step], machine[:step]
        machine[step] = agent.choose(heard, own, step % BEATS, TEMPERATURE, lowest, highest)
    return machine


def cut(whole: Tokens, trial: Trial) -> Tokens:
    """The excerpt of a line; a note that is held into it begins with it."""
    first = trial.from_beat * STEPS_PER_BEAT
    return whole[first : first + trial.beats * STEPS_PER_BEAT]


def compose(
    trial: Trial, melody: Melody, agents: Mapping[str, Answering], lowest: int, highest: int
) -> tuple[list[Played], list[Played]]:
    """What is to be heard for A and for B: (events, events)."""
    until = melody.tokens[: (trial.from_beat + trial.beats) * STEPS_PER_BEAT]
    human = cut(until, trial)
    lines = (answer(agents[name], until, trial.seed, lowest, highest) for name in (trial.a, trial.b))
    first, second = (events(human, cut(machine, trial), melody.bpm) for machine in lines)
    return first, second


def events(human: Tokens, machine: Tokens, bpm: float) -> list[Played]:
    """Both lines as a piano plays them, in order of time; releases before strikes."""
    step_s = 60.0 / bpm / STEPS_PER_BEAT
    found = []
    for channel, part in ((HUMAN, human), (MACHINE, machine)):
        found.append(Played(0.0, "program", PIANO, channel=channel))
        found.append(Played(0.0, "control", VOLUME, LEVEL, channel))
        for start, length, pitch in notes(part):
            found.append(Played(start * step_s, "note_on", pitch, VELOCITY[channel], channel))
            found.append(Played((start + length) * step_s, "note_off", pitch, channel=channel))
    order = {"program": 0, "control": 0, "note_off": 1, "note_on": 2}
    return sorted(found, key=lambda event: (event.time_s, order[event.kind]))


class ExcerptPlayer:
    """Plays one excerpt at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._player: PerformancePlayer | None = None
        self._length_s = 0.0

    def play(self, played: Sequence[Played]) -> None:
        """Play from the beginning; what played before stops."""
        self.stop()
        self._length_s = max((event.time_s for event in played), default=0.0)
        self._player = PerformancePlayer(self._engine, played, source=SOURCE)
        self._engine.call(partial(self._player.start, 0.0))

    def stop(self) -> None:
        """Silence."""
        if self._player is not None:
            self._engine.call(self._player.stop)
            self._player = None

    @property
    def share(self) -> float | None:
        """How much of the excerpt has been heard, 0 to 1; None while nothing plays."""
        player = self._player
        if player is None or not player.playing:
            return None if player is None else 0.0
        heard_s = player.position_s(self._engine.sample)
        return min(max(heard_s / max(self._length_s, 1e-6), 0.0), 1.0)

    @property
    def over(self) -> bool:
        """Whether what was played has come to its end, its last sound included."""
        player = self._player
        return (
            player is not None and player.playing
            and player.position_s(self._engine.sample) >= self._length_s + TAIL_S
        )  # fmt: skip
