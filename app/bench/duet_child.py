"""A duet to be watched: plays, presses keys at random, and prints what it heard as one line of JSON.

Started by `app.bench.duet` as `python -m app.bench.duet_child SECONDS [--window]`. `Ears` keeps what was
rendered; keys are pressed by the main thread, or beside a window by one of its own; the analysis comes when
the music is over.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from app.bench.duet import shipped_or_untrained
from app.bench.ears import Ears
from app.bench.rises import LOOK_EVERY_S, Rises
from app.bench.watched import sound_of, watched_program
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine
from app.sessions.duet.conductor import MACHINE_CHANNEL
from app.sessions.duet.session import DuetSession
from app.sessions.duet.snapshot import DuetSnapshot

BPM = 240.0
STEP_S = 15.0 / BPM
TEMPERATURE = 1.0
KEYS = range(60, 82)
PRESS_EVERY_S = (0.05, 0.6)
SETTLING_S, ENDING_S = 1.0, 1.0


def press_keys(engine: Engine, seconds: float) -> None:
    """One key after the other, at random."""
    rng = np.random.default_rng(0)
    end_s = now_s() + seconds
    while now_s() < end_s:
        pitch = int(rng.choice(KEYS))
        engine.note_on(pitch, 80)
        sleep_s(float(rng.uniform(*PRESS_EVERY_S)))
        engine.note_off(pitch)


def compared(played: DuetSnapshot, onsets: dict[int, int], rate: int) -> dict[str, Any]:
    """What was heard against what was decided; the last bar is left out, which the end may have cut."""
    due = [round(played.first_sample + note.first_step * STEP_S * rate) for note in played.machine]
    end = played.first_sample + (played.step - 16) * STEP_S * rate
    due = [sample for sample in due if sample < end]
    heard = np.array(sorted(onsets))
    worst, wrong = 0, abs(sum(count for sample, count in onsets.items() if sample < end) - len(due))
    for sample in due:
        nearest = int(heard[np.abs(heard - sample).argmin()]) if len(heard) else 0
        worst = max(worst, abs(nearest - sample))
    return {"worst_ms": worst * 1000.0 / rate, "wrong": wrong, "notes": len(due)}


def watch(session: DuetSession, engine: Engine, seconds: float) -> dict[str, Any]:
    """Play for so long and say how it went."""
    sound = sound_of(engine)
    session.set_tempo(BPM)
    session.set_temperature(TEMPERATURE)
    session.set_click(False)
    while session.snapshot.agent and not session.ready:
        sleep_s(LOOK_EVERY_S)
    ears = Ears(engine, {MACHINE_CHANNEL}, seconds + SETTLING_S + 2 * ENDING_S)
    sleep_s(SETTLING_S)
    with Rises(lambda: engine.mixer.dropouts) as dropouts, Rises(lambda: session.snapshot.late_steps) as late:
        session.start(count_in_bars=0)
        press_keys(engine, seconds)
        playing = session.snapshot
        session.stop()
        sleep_s(ENDING_S)
    return {
        **compared(session.snapshot, ears.onsets(), engine.rate),
        "steps": int(playing.step), "late_steps_s": late.moments_s,
        "hanging": len(ears.held), "dropouts_s": dropouts.moments_s,
        "agent": playing.agent or "none", "sound": sound,
    }  # fmt: skip


def make(engine: Engine) -> DuetSession:
    """As the program makes it."""
    return DuetSession(engine, *shipped_or_untrained())


if __name__ == "__main__":
    watched_program("duet", make, watch)
