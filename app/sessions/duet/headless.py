"""A duet without a sound card, a window or sleeping: same arguments, same music. Main thread."""

from __future__ import annotations

from collections.abc import Callable

from app.sessions.duet.choices import Choices
from app.sessions.duet.conductor import PART_SOURCE, SOURCE, Conductor
from app.sessions.duet.parts import Part
from app.sessions.duet.questions import Agent, Answer, Plan, Question, answers
from app.sessions.duet.sounds import SETTING_SOURCE, on_played_channels, settings
from app.sessions.heard import Heard, record
from app.sessions.seats import InlineSeat
from models.duet.encoding import STEPS_PER_BEAT

RATE = 44_100


def play_duet(
    part: Part,
    agent: Agent,
    choices: Choices,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Heard, Conductor]:
    """What is heard when an agent answers a part, and the conductor with both lines.

    The choices' tempo and meter hold, not the part's. `progress` is told the steps done and their number.
    """
    conductor = Conductor(RATE, 0, choices, part, seed=seed, given=part.low)
    seat: InlineSeat[Question, Answer | Plan] = InlineSeat(agent, answers)
    events = []

    def deliver(answer: Answer | Plan) -> None:
        if isinstance(answer, Answer):
            events.extend(conductor.answered(answer.symbol))

    seat.deliver = deliver
    steps = round(part.end_beat * STEPS_PER_BEAT)
    while not conductor.over:
        events += conductor.open_next()
        if conductor.asked is not None:
            seat.ask(conductor.asked)
        if progress is not None:
            progress(conductor.step, steps)
    kept = sorted((event for event in events if event.kind != "click"), key=lambda event: event.sample)
    dressed, sources = [*settings(choices, 0), *kept], {SETTING_SOURCE, SOURCE, PART_SOURCE}
    heard = record(conductor.timeline, dressed, conductor.sample_at(steps), sources)
    return on_played_channels(heard), conductor
