"""The conductor on the engine: a filler that opens each step in time and hands what sounds to the scheduler.

All methods run in the engine thread, but for `snapshot_at`, `heard` and `score`, which any thread may call
(they read what was swapped in whole), `note`, called by the "played" thread and the microphone's, and
`_deliver`, called by the seat's.

A step is closed in the middle, when all onsets that are nearest to it are known, plus the block that a key's
event takes to get here; earlier where blocks are so long that the answer would not reach the next step.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from app.engine import calm
from app.engine.clock import now_s
from app.engine.engine import Engine
from app.engine.midi_events import SUSTAIN
from app.engine.scheduler import NOW, Event
from app.sessions.duet.bars import signatures
from app.sessions.duet.choices import USUAL, Choices
from app.sessions.duet.conductor import PART_SOURCE, SOURCE, Conductor
from app.sessions.duet.ensemble import Switch
from app.sessions.duet.hearing import NOTICES, KeyEvent
from app.sessions.duet.keys_down import EARLY_STEPS, KeysDown
from app.sessions.duet.microphone import MICROPHONE, Microphone
from app.sessions.duet.parts import Part, no_beginning
from app.sessions.duet.pictures import Pictures
from app.sessions.duet.questions import PLAN_STEPS, Answer, Plan, Question
from app.sessions.duet.score import Written, written
from app.sessions.duet.snapshot import DuetSnapshot, Listening
from app.sessions.duet.sounds import SETTING_SOURCE, on_played_channels, settings
from app.sessions.duet.tempo import TempoFollower
from app.sessions.guarded import guarded
from app.sessions.heard import Heard, NothingHeard, Recording
from app.sessions.seats import Seat
from models.duet.encoding import STEPS_PER_BEAT

WHOSE = "the duet"
DuetSeat = Seat[Question, Answer | Plan]
START_DELAY_S = 0.1
GRACE_S = 0.003
"""How long an onset may take from the audio callback to here."""
LEAD_S = 0.008
"""Beyond two blocks, how long a decision may take."""
HANDING_ON_S = 0.001
"""How long before the card asks for a block what is due in it must be known here."""
SLOW_STEP_S = 0.1
"""A plan is made at every step that is no shorter, else once a beat."""
YOURS = ("midi", "keys", MICROPHONE)
HANDS = (*YOURS, PART_SOURCE)
USE_HEADPHONES = "Sing or play one line. Use headphones: the microphone hears the machine too."
SWITCHED: dict[Switch, str] = {
    "exchange": "From the next beat on you carry on the partner's line, and it carries on yours.",
    "back": "From the next beat on each carries on their own line again.",
    "none": "The roles stay as they are.",
}
RECORDED = {SOURCE, SETTING_SOURCE, *HANDS}


class Playback:
    """One for a session. See the module."""

    def __init__(
        self, engine: Engine, seat: DuetSeat, agent_name: str, seed: int, choices: Choices = USUAL
    ) -> None:
        self.choices = choices
        self._engine = engine
        self._mixer = engine.mixer
        self._seat = seat
        seat.deliver = self._deliver
        self._seed = seed
        self._conductor: Conductor | None = None
        self._running = False
        self._rests = False
        self._is_left = False  # the last duet, for another scene or clock: what is played now is not of it
        self._part: Part | None = None
        self._seed_part: Part | None = None
        self._recording: Recording | None = None
        self._played: deque[Event] = deque()
        self._keys = KeysDown()
        self._follower = TempoFollower(self.choices.tempo_bpm)
        self._take = 0
        self._told: set[str] = set()
        self._microphone: Microphone | None = None
        self._pictures = Pictures(agent_name)
        self._refresh()
        engine.add_sink(self.note)

    # --- any thread ---------------------------------------------------------------------------------

    def snapshot_at(self, sample: int) -> DuetSnapshot:
        """What a listener hears at a sample."""
        recording = self._recording
        return self._pictures.at(sample, recording.duration_s if recording is not None else 0.0)

    def heard(self) -> Heard:
        """What was heard since the last start. Raises NothingHeard."""
        recording, conductor = self._recording, self._conductor
        heard = recording.heard() if recording is not None else None
        if conductor is None or heard is None or not any(event.kind == "note_on" for event in heard.events):
            raise NothingHeard("there is nothing to export yet: start, and play a bar.")
        meters = signatures(conductor.meters, heard.timeline.beat_at_sample(heard.samples))
        return on_played_channels(replace(heard, meters=meters))

    def score(self) -> Written:
        """Both lines as they are written. Raises NothingHeard."""
        conductor = self._conductor
        if conductor is None or not conductor.ensemble.sounds:
            raise NothingHeard("there is nothing to write down yet: start, and play a bar.")
        yours, machines = conductor.ensemble.lines()
        tempo_bpm = conductor.timeline.bpm_at_sample(conductor.sample_at(0))
        return written(yours, machines, conductor.meters, tempo_bpm, conductor.ensemble.shifts)

    def note(self, event: Event) -> None:
        """An event was played ("played" thread) or sung (the microphone's)."""
        if event.source in HANDS or event.kind == "all_off":
            self._played.append(event)
        recording = self._recording
        if recording is not None and self._belongs(event):
            recording.note(event)

    def _belongs(self, event: Event) -> bool:
        """To the last duet, if its recording takes such an event at all."""
        if event.source == SETTING_SOURCE:
            return self._running
        return not (self._is_left and event.source in HANDS)

    # --- engine thread: transport -------------------------------------------------------------------

    def open(self) -> None:
        """Be called from now on."""
        self._engine.add_filler(self)
        self._set_sounds()
        self._refresh()

    def rest(self) -> None:
        """Silence, and nothing is listened to; the channels have their pianos and volumes until `wake`."""
        self.stop()
        self.listen_to(False)
        self._rests = self._is_left = True
        self._submit(settings(USUAL))

    def wake(self) -> None:
        """The chosen instruments and volumes again."""
        self._rests = False
        self._set_sounds()

    def close(self) -> None:
        """Silence; nothing is heard of the engine any more."""
        self.rest()
        self._engine.remove_filler(self)
        self._engine.remove_sink(self.note)

    def start(self, count_in_bars: int) -> None:
        """Begin a new duet, unless one plays."""
        if not self._running:
            self._begin(max(count_in_bars, 0))

    def stop(self) -> None:
        """Stop as soon as nothing that was handed on can get in between."""
        if self._running and self._conductor is not None:
            self._running = False
            at_sample = self._engine.sample + self._margin()
            for source in (SOURCE, PART_SOURCE):
                self._engine.mixer.forget(source, at_sample)
            self._submit(self._conductor.release(at_sample))
            self._ended()

    def start_over(self) -> None:
        """Begin anew at once."""
        self.stop()
        self._begin(0)

    def switch_roles(self) -> None:
        """From the next beat on; what comes of it is told."""
        conductor = self._conductor
        if not self._running or conductor is None:
            self._engine.tell("Roles are switched while a duet plays: start first.")
        elif conductor.step < 1:
            self._engine.tell("There is no line to carry on yet: switch roles once you both play.")
        else:
            self._engine.tell(SWITCHED[conductor.ensemble.want_switch()])

    def fill(self, now_sample: int, until_sample: int) -> None:
        """The engine's: take in what was played, open what is due."""
        guarded(self._engine, WHOSE, self._fill, on_failure=self.stop)

    # --- engine thread: choices ---------------------------------------------------------------------

    def choose(self, **changes: Any) -> None:
        """Other choices, from the next step on. Raises DuetProblem."""
        before, self.choices = self.choices, self.choices.but(**changes)
        if "voice" in changes and self._conductor is not None:
            self._conductor.ensemble.taken_voice = None
        if "seed" in changes:
            self._tell_no_beginning()
        if self._conductor is not None:
            self._conductor.choices = self.choices
        if list(settings(before)) != list(settings(self.choices)):
            self._set_sounds()
        if before.tempo_bpm != self.choices.tempo_bpm or not self.choices.follow_tempo:
            self._lead(None)
        self._refresh()

    def use_part(self, part: Part | None, remembered: bool = False) -> None:
        """What plays in the person's place; where a duet plays with another, it begins anew.

        A part that is remembered changes nothing that is set, nor what plays.
        """
        before, self._part = self._part_now, part
        if part is not None:
            since = " from the next start on" if remembered and self._running else ""
            self._engine.tell(f"{part.name} plays your part{since}.")
            if not remembered:
                self.choose(tempo_bpm=part.tempo_bpm, beats_a_bar=part.beats_a_bar)
        if self._running and not remembered and part is not before:
            self.start_over()
        self._refresh()

    def seed_from(self, part: Part) -> None:
        """The piece that gives the machine its first two bars."""
        self._seed_part = part

    def listen_to(self, microphone: bool) -> None:
        """Take your line from the microphone, where the engine's source is the input, or let go of it."""
        if microphone == (self._microphone is not None):
            return
        if self._microphone is not None:
            self._microphone.close()
            self._microphone = None
        else:
            self._microphone = Microphone(self._engine, self.note)
            self._engine.tell(USE_HEADPHONES)
        self._refresh()

    # --- inside -------------------------------------------------------------------------------------

    def _begin(self, count_in_bars: int) -> None:
        if self._rests:
            return
        engine = self._engine
        self._take += 1
        start_sample = engine.sample + max(round(START_DELAY_S * engine.rate), self._margin())
        self._tell_no_beginning()
        source = self._seed_part or self._part
        conductor = Conductor(
            engine.rate, start_sample, self.choices, self._part, count_in_bars, self._take, self._seed,
            source.low if source is not None else None,
        )  # fmt: skip
        self._conductor, self._running = conductor, True
        self._follower = TempoFollower(self.choices.tempo_bpm)
        self._is_left = False  # before the recording: what slips in between is of the one thrown away
        self._recording = Recording(conductor.timeline, RECORDED, early_beats=EARLY_STEPS / STEPS_PER_BEAT)
        self._set_sounds()  # what others have set on the channels meanwhile; and an export begins with it
        self._keys.begin()
        self._told.clear()
        self._pictures.begin()
        calm.begin(self)
        self._fill()

    def _set_sounds(self) -> None:
        """Instruments and volumes of both players."""
        if not self._rests:
            self._submit(settings(self.choices))

    def _tell_no_beginning(self) -> None:
        why = no_beginning(self._seed_part or self._part) if self.choices.seed == "piece" else ""
        if why:
            self._engine.tell(why)

    def _ended(self) -> None:
        self._refresh()  # first: what was left lying meanwhile is collected now, which may take a while
        calm.end(self)

    def _fill(self) -> None:
        if self._engine.mixer is not self._mixer:
            self._change_mixer()
        if self._microphone is not None and self._microphone.failed:
            self.listen_to(False)
            self._engine.set_source("synth")
        self._take_in()
        conductor, engine = self._conductor, self._engine
        opened = False
        while self._running and conductor is not None:
            cutoff_sample = self._cutoff(conductor)
            if engine.sample < cutoff_sample:
                engine.wake_at(cutoff_sample)
                break
            if conductor.over:
                self._running = False
                self._ended()
                break
            self._advance(conductor)
            opened = True
        if not opened or conductor is None or conductor.asked is None:  # else the answer must not wait for it
            self._refresh()

    def _cutoff(self, conductor: Conductor) -> int:
        """When the step that was opened last is closed; where it is over, when its end has been heard."""
        block, rate = self._engine.mixer.block_samples, self._engine.rate
        if conductor.over:
            return conductor.sample_at(conductor.step) + 2 * block
        middle = conductor.sample_at(conductor.step + 0.5) + round(GRACE_S * rate)
        latest = conductor.sample_at(conductor.step + 1) - 2 * block - round(LEAD_S * rate)
        return min(middle, latest)

    def _advance(self, conductor: Conductor) -> None:
        """Open the next step, and ask."""
        timeline = conductor.timeline
        conductor.sung = self._microphone is not None
        self._submit(conductor.open_next(self._plan_steps(conductor)))
        if conductor.timeline is not timeline and self._recording is not None:
            self._recording.follow(conductor.timeline)
        if conductor.asked is not None:
            self._ask(conductor)
        for notice in conductor.reader.notices:
            self._tell_once(NOTICES[notice])

    def _ask(self, conductor: Conductor) -> None:
        assert conductor.asked is not None
        if not self._seat.ready:
            self._submit(conductor.rested())
        elif self._too_late(conductor):
            self._submit(conductor.missed())
        else:
            self._seat.ask(conductor.asked)

    def _too_late(self, conductor: Conductor) -> bool:
        """What belongs to the opened step's beginning would not be played in time any more."""
        mixer, due_sample = self._engine.mixer, conductor.sample_at(conductor.step)
        coming = mixer.sample
        if due_sample >= coming + mixer.block_samples:
            return False
        return due_sample < coming or mixer.clock.moment_at(coming) - now_s() < HANDING_ON_S

    def _plan_steps(self, conductor: Conductor) -> int:
        step_s = 60.0 / (conductor.timeline.changes[-1].bpm * STEPS_PER_BEAT)
        return PLAN_STEPS if step_s >= SLOW_STEP_S or (conductor.step + 1) % STEPS_PER_BEAT == 0 else 0

    def _deliver(self, answer: Answer | Plan) -> None:
        """The seat's thread: on to the engine's."""
        self._engine.call(lambda: guarded(self._engine, WHOSE, lambda: self._delivered(answer)))

    def _delivered(self, answer: Answer | Plan) -> None:
        conductor = self._conductor
        if conductor is None or not self._running:
            return
        if isinstance(answer, Plan):
            if answer.take == self._take:
                self._pictures.plan = answer
        elif answer.question is conductor.asked:
            self._pictures.decided(answer.took_ms)
            self._submit(
                conductor.missed() if self._too_late(conductor) else conductor.answered(answer.symbol)
            )
        self._refresh()

    def _submit(self, events: Any) -> None:
        """To the scheduler; what should have begun in the past does not begin at all."""
        sample = self._engine.sample
        for event in events:
            if event.kind in ("note_on", "click") and NOW < event.sample < sample:
                continue
            self._engine.submit(event)

    # --- your hands ---------------------------------------------------------------------------------

    def _take_in(self) -> None:
        """What was played since the last time."""
        while self._played:
            event = self._played.popleft()
            conductor = self._conductor if self._running else None
            self._keys.note(event, conductor)
            if conductor is None:
                continue
            position = conductor.step_at(event.sample)
            if event.kind == "all_off":
                conductor.silenced()
                conductor.listen(KeyEvent(position, "all off"))
            elif event.source in YOURS:
                self._hear(conductor, event, position)

    def _hear(self, conductor: Conductor, event: Event, position: float) -> None:
        key = key_event(event, position)
        if key is None:
            return
        conductor.listen(key)
        counts = key.what == "on" and position >= -EARLY_STEPS and conductor.part is None
        if counts and self.choices.follow_tempo:
            self._lead(self._follower.onset(event.sample / self._engine.rate, position))

    def _lead(self, bpm: float | None) -> None:
        """Your tempo from the next step on; None: the one that was set."""
        if bpm is None:
            self._follower = TempoFollower(self.choices.tempo_bpm)
        if self._conductor is not None:
            self._conductor.led_bpm = bpm

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._engine.tell(sentence)

    def _change_mixer(self) -> None:
        """The sound card runs at another rate: the duet ends, what was played stays."""
        self._mixer = self._engine.mixer
        self._is_left = True
        self._set_sounds()
        if self._running:
            self._running = False
            self._engine.panic()
            self._engine.tell("The sound device changed; start again. What you played can be exported.")
            self._ended()

    def _margin(self) -> int:
        mixer = self._engine.mixer
        return max(2 * mixer.block_samples, round(GRACE_S * self._engine.rate))

    def _refresh(self) -> None:
        listening: Listening = "microphone" if self._microphone is not None else "keys"
        self._pictures.refresh(
            self._conductor, self._running, self.choices, self._keys, self._part_now, self._seat.taken,
            listening,
        )  # fmt: skip

    @property
    def _part_now(self) -> Part | None:
        """What plays in the person's place, or will with the next start."""
        return self._conductor.part if self._running and self._conductor is not None else self._part


def key_event(event: Event, position: float) -> KeyEvent | None:
    """What a hand did, from an event of the engine; None where it has nothing to do with the line."""
    if event.kind == "note_on" and event.data2:
        return KeyEvent(position, "on", event.data1, event.data2)
    if event.kind in ("note_on", "note_off"):
        return KeyEvent(position, "off", event.data1)
    if event.kind == "control" and event.data1 == SUSTAIN:
        return KeyEvent(position, "pedal down" if event.data2 >= 64 else "pedal up")
    return None
