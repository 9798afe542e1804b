"""Agents made by hand. Without torch, so that a process of their own has them at once."""

from __future__ import annotations

import numpy as np

from app.sessions.duet.questions import REHEARSAL
from models.duet.encoding import MULTI_HOLD, held


class ScriptedAgent:
    """Plays the pitches of a list, a quarter each, over and over (None rests); keeps what it was asked."""

    def __init__(self, *pitches: int | None) -> None:
        self.pitches = pitches
        self.asked: list[tuple[list[int], list[int], int]] = []
        self.seeds: list[int] = []

    def reset(self, seed: int = 0) -> None:
        self.seeds.append(seed)

    def choose(self, human, machine, beat, temperature=0.0, lowest=0, highest=127, may_rest=True) -> int:
        self.asked.append((human.tolist(), machine.tolist(), beat))
        if beat % 4:
            return int(held(machine[-1:])[0]) if len(machine) else MULTI_HOLD.rest
        pitch = self.pitches[beat // 4 % len(self.pitches)]
        return MULTI_HOLD.rest if pitch is None else pitch - 36

    def look_ahead(self, human, machine, beat) -> None:
        """Nothing to prepare."""

    def intend(self, human, machine, beat, steps, lowest=0, highest=127):
        for step in range(steps):
            chosen = self.choose(human, machine, beat + step)
            self.asked.pop()
            machine = np.append(machine, np.uint8(chosen))
        return machine[-steps:]


class BrokenAgent(ScriptedAgent):
    """Well in its rehearsal, not in the first bars of the music."""

    def __init__(self) -> None:
        super().__init__(48)

    def choose(self, human, machine, beat, temperature=0.0, lowest=0, highest=127, may_rest=True) -> int:
        if beat < REHEARSAL.step:
            raise ValueError("broken")
        return super().choose(human, machine, beat)
