"""From the conductor to `DuetSnapshot`: what stands still is made when it changes, the rest when asked.

`Pictures.refresh` runs in the engine thread and swaps one object; `at` may be called by any thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from app.engine.timeline import Timeline
from app.sessions.duet.choices import Choices
from app.sessions.duet.conductor import Conductor
from app.sessions.duet.keys_down import KeysDown
from app.sessions.duet.parts import Part
from app.sessions.duet.questions import REST, Plan
from app.sessions.duet.snapshot import DuetSnapshot, Listening, RollNote
from models.duet.encoding import STEPS_PER_BEAT, Tokens, notes
from models.duet.measures import consonance

CONSONANCE_BARS = 4
TIMES_KEPT = 256


@dataclass(frozen=True, eq=False)
class _Scenery:
    """Everything but the playhead, and the notes that end with it."""

    still: DuetSnapshot
    timeline: Timeline | None = None
    running: bool = False
    held: tuple[tuple[float, int], ...] = ()
    first_step: int = 0


class Pictures:
    """Of one session. `plan` is the newest."""

    def __init__(self, agent_name: str) -> None:
        self.plan: Plan | None = None
        self._agent_name = agent_name
        self._times_ms: deque[float] = deque(maxlen=TIMES_KEPT)
        self._version = 0
        self._shown: tuple[Any, ...] = ()
        self._scenery = _Scenery(DuetSnapshot())
        self._beat: dict[str, Any] = {}
        self._machine = _GrowingRoll()

    def begin(self) -> None:
        """A new duet: nothing is known of it."""
        self.plan, self._beat, self._machine = None, {}, _GrowingRoll()
        self._times_ms.clear()

    def decided(self, took_ms: float) -> None:
        """A decision came."""
        self._times_ms.append(took_ms)

    def at(self, sample: int, heard_s: float) -> DuetSnapshot:
        """What a listener hears at a sample."""
        scenery = self._scenery
        timeline, still = scenery.timeline, scenery.still
        if timeline is None or not scenery.running:
            return replace(still, heard_s=heard_s)
        step = max(timeline.beat_at_sample(sample) * STEPS_PER_BEAT, float(scenery.first_step))
        sounding = [RollNote(begun, max(step - begun, 0.0), pitch) for begun, pitch in scenery.held]
        return replace(
            still, state="count-in" if step < 0 else "playing", step=step, heard_s=heard_s,
            tempo_bpm=timeline.bpm_at_sample(sample), human=(*still.human, *sounding),
            machine=_until(still.machine, step),
        )  # fmt: skip

    def refresh(
        self, conductor: Conductor | None, running: bool, choices: Choices, keys: KeysDown, part: Part | None,
        taken: bool, listening: Listening,
    ) -> None:  # fmt: skip
        """Make a new picture, if anything has changed."""
        held = tuple((begun, pitch) for (_, pitch), begun in keys.held.items())
        music = (conductor.step, conductor.asked, conductor.late_steps, conductor.timeline,
                 conductor.ensemble.switched,
                 conductor.ensemble.taken_voice) if conductor is not None else None  # fmt: skip
        shown = (music, running, choices, len(keys.notes), held, part, taken, listening, self.plan)
        if shown == self._shown:
            return
        self._shown = shown
        self._version += 1
        still = DuetSnapshot(
            tempo_bpm=choices.tempo_bpm, choices=choices, agent=self._agent_name if taken else "",
            human=tuple(keys.notes), part_name=part.name if part is not None else "",
            part_bpm=part.tempo_bpm if part is not None else 0.0, part=_part_notes(part),
            listening=listening, version=self._version,
            decided_ms=median(self._times_ms) if self._times_ms else 0.0,
        )  # fmt: skip
        if conductor is not None:
            still = replace(still, **self._of_music(conductor, running))
            self._scenery = _Scenery(still, conductor.timeline, running, held if running else (),
                                     conductor.first_step)  # fmt: skip
        else:
            self._scenery = _Scenery(still)

    def _of_music(self, conductor: Conductor, running: bool) -> dict[str, Any]:
        ensemble = conductor.ensemble
        yours, machines = ensemble.lines()
        if conductor.step % STEPS_PER_BEAT == 0 or not self._beat:
            recent = CONSONANCE_BARS * conductor.choices.bar_steps
            both = min(len(yours), len(machines))
            share = consonance(yours[:both][-recent:], machines[:both][-recent:])
            key = ensemble.key
            self._beat = {"consonance": share if share == share else None,
                          "key_name": key.name if key is not None else ""}  # fmt: skip
        step = float(max(conductor.step, 0))
        return {
            **self._beat, "machine": self._machine.of(machines), "step": step,
            "late_steps": conductor.late_steps,
            "switched": ensemble.switched, "taken_voice": ensemble.taken_voice,
            "turn": ensemble.turn(conductor.choices, max(conductor.step, 0)),
            "intended": self._intended(conductor) if running else (),
            "first_sample": conductor.sample_at(0),
        }  # fmt: skip

    def _intended(self, conductor: Conductor) -> tuple[RollNote, ...]:
        """Of the newest plan, what is to be heard after the steps that are decided."""
        plan, decided = self.plan, conductor.ensemble.next_step
        if plan is None:
            return ()
        unheard = [conductor.ensemble.turn(conductor.choices, plan.step + step) == "you"
                   for step in range(len(plan.symbols))]  # fmt: skip
        symbols = np.where(unheard, np.uint8(REST), plan.symbols)
        return tuple(
            RollNote(max(first, decided), first + steps - max(first, decided), pitch)
            for first, steps, pitch in _roll(symbols, plan.step)
            if first + steps > decided
        )


class _GrowingRoll:
    """The notes of a line that only grows, each made once."""

    def __init__(self) -> None:
        self._ended: list[RollNote] = []
        self._from_step = 0

    def of(self, line: Tokens) -> tuple[RollNote, ...]:
        """All notes of the line (n,), the last one as long as it is so far."""
        new = _roll(line[self._from_step :], self._from_step)
        if len(new) > 1:
            self._ended += new[:-1]
            self._from_step = int(new[-1].first_step)
        return (*self._ended, *new[-1:])


def _roll(line: Tokens, start: int = 0) -> tuple[RollNote, ...]:
    return tuple(RollNote(first + start, steps, pitch) for first, steps, pitch in notes(line))


def _part_notes(part: Part | None) -> tuple[RollNote, ...]:
    if part is None:
        return ()
    return tuple(RollNote(STEPS_PER_BEAT * n.beat, STEPS_PER_BEAT * n.beats, n.pitch) for n in part.notes)


def _until(machine: tuple[RollNote, ...], step: float) -> tuple[RollNote, ...]:
    """Notes as far as they have sounded: the last one may not have begun, or grows with the playhead."""
    if not machine:
        return machine
    first, steps, pitch = machine[-1]
    if first > step:
        return machine[:-1]
    return (*machine[:-1], RollNote(first, min(steps, step - first), pitch))
