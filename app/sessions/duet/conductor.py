"""Leads a duet through time, one sixteenth after the other: what is heard, asked, and sounds when. Pure.

No clock and no thread inside. Live the engine thread calls it (`playback`), headless a loop (`headless`):
`open_next` while a step sounds, at the latest before the next is due, then `answered` or `missed`. Nothing is
scheduled further ahead than the step that was opened, so nothing has to be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.engine.metronome import FIRST_BEAT, TONELESS
from app.engine.scheduler import Event, Kind
from app.engine.timeline import Meter, Timeline
from app.sessions.duet.choices import Choices
from app.sessions.duet.ensemble import REST, Ensemble
from app.sessions.duet.hearing import KeyEvent, LineReader
from app.sessions.duet.parts import Part
from app.sessions.duet.questions import Question
from models.duet.encoding import HOLD, LOWEST, STEPS_PER_BEAT, Tokens

SOURCE, PART_SOURCE = "duet", "duet-part"
YOUR_CHANNEL, MACHINE_CHANNEL = 0, 15
"""Keyboards send on the first channel as a rule, and hardly ever on the last."""
SOFTEST, LOUDEST = 40, 112
"""Velocities of the machine, which follows yours."""


class Conductor:
    """Of one duet, from its count-in on.

    Args:
        rate: samples a second. start_sample: of the count-in, or else the first bar.
        take, seed, given: see `Ensemble`.

    Attributes:
        timeline: beat 0 is the first bar's.
        step: the one that was opened last; it may not sound yet. first_step: of the count-in.
        asked: the question that waits for its answer.
        meters: where they were changed, see `bars`.
        late_steps: answers that did not come.
        sung: a microphone listens to you: it must not hear tones that nobody sang.
        over: the fixed part has come to its end.
    """

    def __init__(
        self, rate: int, start_sample: int, choices: Choices, part: Part | None = None,
        count_in_bars: int = 0, take: int = 0, seed: int = 0, given: Tokens | None = None,
    ) -> None:  # fmt: skip
        meter = Meter(choices.beats_a_bar)
        length = Timeline.steady(rate, choices.tempo_bpm).sample_at_beat(count_in_bars * meter.beats)
        self.timeline = Timeline.steady(rate, choices.tempo_bpm, meter, start_sample + length)
        self.choices = choices
        self.part = part
        self.ensemble = Ensemble(take, seed, given)
        self.reader = LineReader()
        self.first_step = -count_in_bars * choices.bar_steps
        self.step = self.first_step - 1
        self.asked: Question | None = None
        self.meters: tuple[tuple[int, int], ...] = ((0, choices.beats_a_bar),)
        self.late_steps = 0
        self.sung = False
        self.over = False
        self.led_bpm: float | None = None
        self._sounding: int | None = None
        self._sounding_before: int | None = None  # what its last change has ended, or will
        self._changed_sample = start_sample
        self._part_events = list(_in_order(part)) if part is not None else []
        self._next_part_event = 0

    def sample_at(self, step: float) -> int:
        """When a step begins."""
        return round(self.timeline.sample_at_beat(step / STEPS_PER_BEAT))

    def step_at(self, sample: float) -> float:
        """Sixteenths since the first bar."""
        return self.timeline.beat_at_sample(sample) * STEPS_PER_BEAT

    def listen(self, event: KeyEvent) -> None:
        """Your hands did something. A fixed part plays in their place."""
        if self.part is None:
            self.reader.add(event)

    def open_next(self, plan_steps: int = 0) -> list[Event]:
        """Close the present step and open the next: what is due in it, but for an answer still to come.

        Then `asked` says what the machine is to be asked, if anything.
        """
        events = self.missed() if self.asked is not None else []
        symbol = self.reader.read(self.step)
        if self.step >= 0:
            self.ensemble.hear(symbol, self.reader.shift)
        self.step += 1
        self._follow_tempo()
        self._follow_meter()
        if self.part is not None and self.step >= self.part.end_beat * STEPS_PER_BEAT:
            self.over = True
            return [*events, *self.release(self.sample_at(self.step))]
        events += [*self._clicks(), *self._part_due()]
        return events + self._open(plan_steps) if self.step >= 0 else events

    def answered(self, symbol: int) -> list[Event]:
        """The machine plays a symbol in the step that was opened."""
        self.asked = None
        return self._sound(self.ensemble.play(symbol))

    def rested(self) -> list[Event]:
        """Nobody plays the other line."""
        self.asked = None
        return self._sound(self.ensemble.play(REST))

    def missed(self) -> list[Event]:
        """The answer did not come in time: the machine holds what sounds."""
        self.asked = None
        self.late_steps += 1
        return self._sound(self.ensemble.miss())

    def release(self, sample: int) -> list[Event]:
        """Let go of what the machine and the part sound at a sample from which all else is forgotten."""
        sounding = self._sounding if self._changed_sample < sample else self._sounding_before
        found = [self._event(sample, "note_off", sounding)] if sounding is not None else []
        held = {pitch: kind == "note_on" for position, kind, pitch, _ in
                self._part_events[: self._next_part_event] if self.sample_at(position) < sample}  # fmt: skip
        found += [Event(sample, "note_off", pitch, 0, YOUR_CHANNEL, PART_SOURCE)
                  for pitch, sounds in held.items() if sounds]  # fmt: skip
        self._sounding = None
        return found

    def silenced(self) -> None:
        """Somebody asked for all notes off: nothing sounds any more."""
        self._sounding = self._sounding_before = None

    # --- inside -------------------------------------------------------------------------------------

    def _open(self, plan_steps: int) -> list[Event]:
        self.ensemble.switch_if_wanted()
        found = self.ensemble.question(self.choices, plan_steps)
        if isinstance(found, Question):
            self.asked = found
            return []
        return self._sound(self.ensemble.play(found))

    def _follow_tempo(self) -> None:
        bpm = self.choices.tempo_bpm if self.led_bpm is None else self.led_bpm
        if bpm != self.timeline.changes[-1].bpm:
            at_beat = self.step / STEPS_PER_BEAT
            self.timeline = self.timeline.with_tempo(bpm, self.timeline.sample_at_beat(at_beat))

    def _follow_meter(self) -> None:
        (since_step, beats_before), step = self.meters[-1], max(self.step, 0)
        if self.choices.beats_a_bar != beats_before:
            kept = self.meters if since_step < step else self.meters[:-1]
            self.meters = (*kept, (step, self.choices.beats_a_bar))

    def _clicks(self) -> Iterator[Event]:
        bar_steps = self.choices.bar_steps
        if self.step % STEPS_PER_BEAT == 0 and (self.step < 0 or self.choices.click):
            which = FIRST_BEAT * (self.step % bar_steps == 0) + TONELESS * self.sung
            yield Event(self.sample_at(self.step), "click", which, source=SOURCE)

    def _part_due(self) -> Iterator[Event]:
        """What the part does before the next step, which is heard as it is played."""
        while self._next_part_event < len(self._part_events):
            position, kind, pitch, velocity = self._part_events[self._next_part_event]
            if position >= self.step + 1:
                return
            self._next_part_event += 1
            self.reader.add(KeyEvent(position, "on" if kind == "note_on" else "off", pitch, velocity))
            yield Event(self.sample_at(position), kind, pitch, velocity, YOUR_CHANNEL, PART_SOURCE)

    def _sound(self, symbol: int) -> list[Event]:
        """From the machine's symbol as played: it strikes, lets go, or lets what sounds go on."""
        events = []
        sample = self.sample_at(self.step)
        if symbol < HOLD or symbol == REST:
            self._sounding_before, self._changed_sample = self._sounding, sample
            if self._sounding is not None:
                events.append(self._event(sample, "note_off", self._sounding))
            self._sounding = None
        if symbol < HOLD:
            self._sounding = symbol + LOWEST
            velocity = round(min(max(self.reader.velocity, SOFTEST), LOUDEST))
            events.append(self._event(sample, "note_on", self._sounding, velocity))
        return events

    @staticmethod
    def _event(sample: int, kind: Kind, pitch: int, velocity: int = 0) -> Event:
        return Event(sample, kind, pitch, velocity, MACHINE_CHANNEL, SOURCE)


def _in_order(part: Part) -> Iterator[tuple[float, Kind, int, int]]:
    """(sixteenths, kind, pitch, velocity): releases before strikes at one moment."""
    events: list[tuple[float, int, Kind, int, int]] = []
    for note in part.notes:
        events.append((note.beat * STEPS_PER_BEAT, 1, "note_on", note.pitch, note.velocity))
        events.append((note.end * STEPS_PER_BEAT, 0, "note_off", note.pitch, 0))
    return ((position, kind, pitch, velocity) for position, _, kind, pitch, velocity in sorted(events))
