"""From a key of a MIDI keyboard to the note of the synth: how late, and how evenly so.

Keys are stamped at irregular moments as the MIDI callback stamps them; the silent sound card runs the real
audio callback; the events that were applied say at which sample each note began. The truth to compare with
is a straight line through all callbacks, which the live clock cannot know. What a driver adds before its own
callback is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.bench.figures import Figure
from app.devices.audio import AudioCallback, AudioChoice, AudioSystem, FloatArray
from app.devices.null import NullBackend, NullStream
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine
from app.engine.scheduler import NOW, Event

KEYS = 200
JITTER_GOAL_MS = 2.0
SETTLING_S = 2.0


@dataclass
class _Watched(NullBackend):
    """The silent card, noting when each callback came and how many samples had gone before."""

    moments_s: list[float] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)

    def open(self, choice: AudioChoice, callback: AudioCallback) -> NullStream:
        def watched(heard: FloatArray | None, output: FloatArray, troubles: int) -> None:
            self.moments_s.append(now_s())
            self.samples.append((self.samples[-1] if self.samples else -len(output)) + len(output))
            callback(heard, output, troubles)

        return super().open(choice, watched)


def key_to_note() -> list[Figure]:
    """Delay from the stamp of a key to the sample of its note."""
    card = _Watched()
    engine = Engine(AudioSystem([], card), AudioChoice("none", "none"))
    applied: list[int] = []
    engine.add_sink(lambda event: applied.append(event.sample) if event.kind == "note_on" else None)
    engine.start()
    try:
        pressed_s = _press(engine)
    finally:
        engine.close()
    rate, origin = np.polyfit(np.array(card.moments_s) - card.moments_s[0], card.samples, 1)
    pressed_samples = origin + rate * (np.array(pressed_s) - card.moments_s[0])
    delays_ms = (np.array(applied[: len(pressed_s)]) - pressed_samples) * 1000.0 / rate
    block_ms = engine.mixer.block_samples * 1000.0 / engine.rate
    note = f"{len(applied)} of {KEYS} keys, goal: one block and 1 %"
    low, high = np.percentile(delays_ms, (1, 99))
    return [
        Figure(
            "Key to note, median", float(np.median(delays_ms)), "ms", round(1.01 * block_ms, 2), note=note
        ),
        Figure("Key to note, jitter", float(high - low), "ms", JITTER_GOAL_MS, note="p99 less p1"),
    ]


def _press(engine: Engine) -> list[float]:
    """Press keys at irregular moments; returns their stamps in seconds of `now_s`."""
    sleep_s(SETTLING_S)
    stamps_s = []
    for gap_s in np.random.default_rng(0).uniform(0.01, 0.04, KEYS):
        sleep_s(float(gap_s))
        stamps_s.append(now_s())
        engine.submit_at(Event(NOW, "note_on", 60, 80, source="bench"), stamps_s[-1])
    sleep_s(0.5)
    return stamps_s
