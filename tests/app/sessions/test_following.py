"""The state machine: waits for the first note, follows, pauses, loops, seeks, is lost and found, finishes."""
from __future__ import annotations

import numpy as np
import pytest

from app.engine.frontend import Heard
from app.engine.runner import Answer
from app.engine.snapshot import Snapshot
from app.sessions.following import Following, OnsetDetector
from models.features import frames
from models.players import Decision

RATE = 22_050
QUIET = np.zeros(78, np.float32)
LOUD = np.ones(78, np.float32)


class Walker:
    """Moves 10 px a frame; its confidence is set by the test."""

    def __init__(self) -> None:
        self.x_px = 0.0
        self.confidence = 1.0
        self.resets: list[float] = []

    def open(self, piece) -> None: ...
    def close(self) -> None: ...

    def reset(self, x_px, speed_px_per_frame=0.0) -> None:
        self.x_px = x_px
        self.resets.append(x_px)

    def step(self, frame) -> Answer:
        self.x_px += 10
        return Answer(Decision(0.0, self.x_px, 10.0, (0.2, 0.5, 0.3), 1.5, self.confidence), late=False)


@pytest.fixture
def walker():
    return Walker()


@pytest.fixture
def following(tune, walker):
    return Following(tune, walker)


def hear(following, frame=LOUD, count=1) -> Snapshot:
    for _ in range(count):
        snapshot = following.hear(Heard(frame, 0), Snapshot())
    return snapshot


def begin(following) -> None:
    following.start()
    hear(following, QUIET, 5)
    hear(following)
    assert following.state == "following"


def test_waits_until_something_is_heard(following, walker, tune):
    following.start()
    snapshot = hear(following, QUIET, 50)
    assert snapshot.state == "waiting" and snapshot.x_px == tune.onset_x_px[0] and snapshot.speed_px_s == 0
    assert snapshot.place and snapshot.place.measure == "1"
    snapshot = hear(following)
    assert snapshot.state == "following" and snapshot.x_px == tune.onset_x_px[0] + 10
    assert snapshot.speed_px_s == 200 and snapshot.probabilities == (0.2, 0.5, 0.3) and snapshot.value == 1.5


def test_what_sounds_before_it_is_to_listen_is_no_first_note(following):
    following.start(deaf_s=0.5)
    for _ in range(4):
        assert hear(following).state == "waiting"
        hear(following, QUIET)
    hear(following, QUIET, 3)
    assert hear(following).state == "following"


def test_a_count_in_that_slows_down_is_no_first_note_either(following):
    following.start(deaf_s=0.5)
    hear(following, QUIET, 4)
    following.stretch_deaf(2.0)
    hear(following, QUIET, 10)
    assert hear(following).state == "waiting"
    hear(following, QUIET)
    assert hear(following).state == "following"


def test_idle_until_started(following, walker):
    assert hear(following, LOUD, 5).state == "idle" and walker.resets == []


def test_pause_holds_and_resume_waits_where_it_stands(following, walker):
    begin(following)
    here = hear(following, LOUD, 3).x_px
    following.pause()
    assert hear(following, LOUD, 10).x_px == here and following.state == "paused"
    following.resume()
    assert following.state == "waiting" and walker.resets[-1] == here


def test_seek_goes_there_and_stays_inside_the_music(following, walker, tune):
    begin(following)
    following.seek(800.0)
    assert following.state == "waiting" and following.x_px == 800.0
    following.seek(-100.0)
    assert following.x_px == tune.onset_x_px[0]
    following.seek(1e6)
    assert following.x_px == tune.onset_x_px[-1]


def test_a_loop_leads_back_to_a(tune, walker):
    jumps: list[float] = []
    following = Following(tune, walker, jumps.append)
    following.set_loop((900.0, 700.0))
    following.start()
    assert following.x_px == 700.0
    hear(following, QUIET, 5)
    hear(following, LOUD, 20)
    assert jumps == [700.0] and following.x_px == 700.0 and following.state == "waiting"
    following.set_loop(None)
    hear(following, QUIET)
    hear(following, LOUD, 25)
    assert following.x_px > 900.0 and jumps == [700.0]


@pytest.mark.parametrize("b_px", [-8.0, -5.0, 0.0, 30.0])
@pytest.mark.parametrize(
    ("rest_px", "frame", "frames"), [(-5.0, LOUD, 10), (0.0, LOUD, 10), (-40.0, QUIET, 40)]
)
def test_a_loop_to_the_last_note_lets_it_sound_and_begins_again(tune, walker, b_px, rest_px, frame, frames):
    jumps: list[float] = []
    following = Following(tune, walker, jumps.append)
    last_px = float(tune.onset_x_px[-1])
    following.set_loop((700.0, last_px + b_px))
    begin(following)
    walker.step = lambda frame: Answer(Decision(0.0, last_px + rest_px, 0.0))
    assert hear(following, frame, frames - 1).state == "following" and not jumps
    assert hear(following, frame).state == "waiting" and jumps == [700.0]


def test_finishes_on_the_last_note(following, walker, tune):
    begin(following)
    walker.x_px = tune.onset_x_px[-1] - 20
    walker.step = lambda frame: Answer(Decision(0.0, tune.onset_x_px[-1] - 5, 0.0))
    assert hear(following, LOUD, 9).state == "following"
    assert hear(following, LOUD).state == "finished"
    assert hear(following, LOUD, 5).x_px == tune.onset_x_px[-1] - 5


def test_finishes_near_the_end_when_the_music_has_died_away(following, walker, tune):
    begin(following)
    walker.step = lambda frame: Answer(Decision(0.0, tune.onset_x_px[-1] - 40, 0.0))
    assert hear(following, QUIET, 39).state == "following"
    assert hear(following, QUIET).state == "finished"


def test_silence_in_the_middle_does_not_finish(following, walker, tune):
    begin(following)
    walker.step = lambda frame: Answer(Decision(0.0, 800.0, 0.0))
    assert hear(following, QUIET, 200).state == "following"


def test_lost_and_found(following, walker):
    begin(following)
    walker.confidence = 0.01
    walker.x_px = 0
    assert hear(following, LOUD, 39).state == "following"
    assert hear(following, LOUD).state == "lost"
    walker.confidence = 0.9
    assert hear(following).state == "following"


def test_late_answers_are_counted(following, walker, tune):
    begin(following)
    walker.step = lambda frame: Answer(Decision(0.0, 700.0, 0.0), late=True)
    assert hear(following, LOUD, 3).late_frames == 3


@pytest.mark.parametrize("noise_db, note_db", [(-200, -45), (-55, -30), (-70, -40), (-45, -20)])
@pytest.mark.parametrize("seed", range(3))
def test_hears_the_first_note_and_not_the_room(noise_db, note_db, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(4 * RATE) / RATE
    sound = rng.normal(0, 10 ** (noise_db / 20), len(t))
    note = sum(np.sin(2 * np.pi * 440 * k * t) / k for k in (1, 2, 3)) * np.exp(-3 * t)
    begin_s = 2.0 + 0.3 * seed
    start = round(begin_s * RATE)
    sound[start:] += 10 ** (note_db / 20) * np.sqrt(2) * note[:len(t) - start]
    detector = OnsetDetector()
    heard = [i / 20 for i, frame in enumerate(frames(sound.astype(np.float32))) if detector.push(frame)]
    assert heard and begin_s - 0.1 <= heard[0] <= begin_s + 0.1


def test_the_cursor_rests_on_the_last_note_while_it_sounds(following, walker):
    begin(following)
    walker.x_px = following.last_x_px - 15
    seen = [hear(following).x_px for _ in range(5)]
    assert max(seen) == following.last_x_px and seen[-1] == following.last_x_px
