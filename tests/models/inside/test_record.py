"""Recording: rows that were only waited through are told apart, and never enter a mean."""

from types import SimpleNamespace

import numpy as np
import pytest

from models.inside.record import BadMoment, Recorder, record
from models.players import Decision


class Counting:
    """A player whose value counts its steps and whose embedding is made of it."""

    def open(self, piece) -> None:
        pass

    def reset(self, x_px, speed_px_per_frame=0.0) -> None:
        self.embedding = np.zeros(2, np.float32)

    def step(self, frame) -> Decision:
        self.embedding += 1
        return Decision(0.0, 0.0, 0.0, value=float(self.embedding[0]))


def moments(recorder, states):
    value = 0.0
    for row, state in enumerate(states):
        if state == "following":
            value = recorder.step(np.full(78, row, np.float32)).value
        yield SimpleNamespace(
            time_s=row / 20, state=state, x_px=float(row), probabilities=(0.25, 0.5, 0.25), value=value,
            confidence=1.0, fit=np.array([row], np.float32),
        )  # fmt: skip


@pytest.fixture
def made():
    recorder = Recorder(Counting())
    recorder.reset(0.0)
    states = ["waiting"] * 10 + ["following"] * 60 + ["finished"] * 10
    return record(moments(recorder, states), recorder, at_s=(1.0,))


def test_rows_know_what_was_heard(made) -> None:
    assert made.heard[:11].tolist() == [-1] * 10 + [0]
    assert made.heard[69] == 59 and (made.heard[70:] == -1).all()
    assert made.frames.shape == (60, 78) and made.frames[0, 0] == 10
    assert made.embeddings[:, 1].tolist() == list(range(1, 61))  # copies, not the player's own array
    assert {row: float(fit[0]) for row, fit in made.fits.items()} == {20: 20.0}
    assert made.table().splitlines()[1].endswith("\twaiting")


def test_means_take_a_second_of_what_was_heard(made) -> None:
    smooth = made.smoothed(made.value)
    assert np.isnan(smooth[:10]).all() and np.isnan(smooth[70:]).all()
    assert smooth[40] == pytest.approx(made.value[30:51].mean())
    assert smooth[10] == pytest.approx(made.value[10:21].mean())  # the zeros before are no part of it


@pytest.mark.parametrize("at_s, says", [(9.0, "ends at 4.0 s"), (0.1, "waiting"), (3.9, "finished")])
def test_a_moment_without_music_is_refused(made, at_s, says) -> None:
    with pytest.raises(BadMoment, match=says):
        made.row_at(at_s)
    assert made.row_at(1.0) == 20
