"""The duet's session without engine and agent: real choices, and music that tests put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from app.sessions.duet.choices import Choices, DuetProblem, Who
from app.sessions.duet.snapshot import DuetSnapshot, RollNote
from pieces.engraving import Engraving, engrave
from pieces.reading import ScoreText

PART_BPM = 72.0
"""The tempo that every part brings along."""
ABC = "X:1\nM:4/4\nL:1/4\nK:C\nV:1\nc d e f | g2 g2 |\nV:2 clef=bass\nC, E, G, F, | E,2 E,2 |\n"


def notes(*pitches: int, start: float = 0.0, steps: float = 4.0) -> tuple[RollNote, ...]:
    """One after the other."""
    return tuple(RollNote(start + i * steps, steps, pitch) for i, pitch in enumerate(pitches))


class FakeDuet:
    """``calls`` and ``listened`` are what was asked of it; ``play`` sets what is heard and where."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.snapshot = DuetSnapshot(agent="duet", choices=Choices())
        self.closed = 0
        self.upper: Who = "you"
        self.awake = False
        self.listened: list[bool] = []

    def seated(self, agent: str, choices: Choices) -> FakeDuet:
        """As the program makes it."""
        self.show(agent=agent or self.snapshot.agent, choices=choices, tempo_bpm=choices.tempo_bpm)
        return self

    def show(self, **fields: object) -> None:
        version = self.snapshot.version + 1
        self.snapshot = replace(self.snapshot, version=version, **fields)  # type: ignore[arg-type]

    def play(self, step: float, **fields: object) -> None:
        self.show(**{"state": "playing", "step": step, "heard_s": max(step, 0.0) / 4} | fields)

    def choose(self, **changes: object) -> None:
        self.show(choices=self.snapshot.choices.but(**changes))

    def start(self, count_in_bars: int = 1) -> None:
        self.calls.append(("start", count_in_bars))
        self.play(-16.0 * count_in_bars, state="count-in" if count_in_bars else "playing")

    def stop(self) -> None:
        self.calls.append(("stop",))
        self.show(state="stopped")

    def wake(self) -> None:
        self.awake = True

    def rest(self) -> None:
        self.awake = False
        self.show(state="stopped", listening="keys")

    def set_tempo(self, bpm: float) -> None:
        self.choose(tempo_bpm=bpm)
        self.show(tempo_bpm=bpm)

    def nudge_tempo(self, bpm: float) -> None:
        self.set_tempo(self.snapshot.choices.tempo_bpm + bpm)

    def warm(self, more: float) -> None:
        self.set_temperature(round(self.snapshot.choices.temperature + more, 2))

    def set_meter(self, beats: int) -> None:
        self.choose(beats_a_bar=beats)

    def set_temperature(self, temperature: float) -> None:
        self.choose(temperature=temperature)

    def set_voice(self, voice: str) -> None:
        self.choose(voice=voice)

    def set_mode(self, mode: str) -> None:
        self.choose(mode=mode)

    def set_phrase_bars(self, bars: int) -> None:
        self.choose(phrase_bars=bars)

    def follow_tempo(self, on: bool) -> None:
        self.choose(follow_tempo=on)

    def choose_seed(self, kind: str) -> None:
        self.choose(seed=kind)

    def set_click(self, on: bool) -> None:
        self.choose(click=on)

    def set_instrument(self, who: str, program: int) -> None:
        self.choose(**{f"{'your' if who == 'you' else 'machine'}_program": program})

    def set_volume(self, who: str, level: float) -> None:
        self.choose(**{f"{'your' if who == 'you' else 'machine'}_level": level})

    def listen_to(self, microphone: bool) -> None:
        self.listened.append(microphone)
        self.show(listening="microphone" if microphone else "keys")

    def read_part(self, name: str | Path, tell: Callable[[str], object]) -> SimpleNamespace:
        self.calls.append(("read_part", name))
        if "junk" in str(name):
            raise DuetProblem("junk.mid is not a readable MIDI file. Export it again.")
        if "fault" in str(name):
            raise ZeroDivisionError
        tell(f"{name} has two tracks")
        return SimpleNamespace(name=Path(name).stem)

    def use_part(self, part: SimpleNamespace, remembered: bool = False) -> None:
        if not remembered:
            self.set_tempo(PART_BPM)
        self.show(part_name=part.name, part=notes(60, 62, 64), part_bpm=PART_BPM)

    def no_part(self) -> None:
        self.calls.append(("no_part",))
        self.show(part_name="", part=(), part_bpm=0.0)

    def engrave(self) -> tuple[Engraving, Who]:
        self.calls.append(("engrave",))
        return engrave(ScoreText("abc", ABC, "Duet", "abc")), self.upper

    def close(self) -> None:
        self.closed += 1
        self.show(listening="keys")

    def __getattr__(self, name: str):
        return lambda *arguments: self.calls.append((name, *arguments))
