from __future__ import annotations

import numpy as np
import pytest

from models.duet.chorales import Chorale
from models.duet.encoding import MULTI_HOLD, SINGLE_HOLD, from_single_hold, sounding
from models.duet.networks import KINDS
from models.duet.windows import Library, cut, encoded


def test_a_window_stands_around_its_step() -> None:
    line = np.arange(50, dtype=np.uint8)[None]
    past = cut(line, np.array([40]), KINDS["a"])[0, 0]
    assert past.tolist() == list(range(8, 40))
    both_sides = cut(line, np.array([16]), KINDS["b"])[0, 0]
    assert both_sides.tolist() == list(range(48))


def test_outside_the_line_nothing_is_seen() -> None:
    line = np.arange(10, dtype=np.uint8)[None]
    assert cut(line, np.array([2]), KINDS["a"])[0, 0].tolist() == [MULTI_HOLD.unseen] * 30 + [0, 1]
    both_sides = cut(line, np.array([9]), KINDS["b"])[0, 0]
    assert both_sides.tolist() == [SINGLE_HOLD.unseen] * 7 + list(range(10)) + [SINGLE_HOLD.unseen] * 31


@pytest.mark.parametrize("kind", KINDS)
def test_the_library_cuts_the_same_windows(kind: str, chorales: list[Chorale]) -> None:
    context, chorale = KINDS[kind], chorales[1]
    library = Library(chorales, context)
    steps = np.array([0, 1, 15, 40, chorale.tokens.shape[1] - 1])
    which = steps + chorales[0].tokens.shape[1]
    voice, none = np.full(len(steps), 2), np.zeros(len(steps), np.int64)
    batch = library.batch(which, voice - 2, voice, none)
    expected = cut(encoded(chorale.tokens, context.encoding), steps, context)
    assert np.array_equal(batch.human, expected[0])
    assert np.array_equal(batch.machine, expected[2])
    assert batch.phase.tolist() == (steps % 4).tolist()


def test_the_truth_begins_at_the_step_and_ends_with_the_piece(chorales: list[Chorale]) -> None:
    library, last = Library(chorales, KINDS["d"]), chorales[0].tokens.shape[1] - 1
    one = np.array([last - 2])
    batch = library.batch(one, np.array([0]), np.array([3]), np.array([0]))
    own = encoded(chorales[0].tokens, SINGLE_HOLD)[3]
    assert batch.targets[0].tolist() == [*own[-3:], *[SINGLE_HOLD.unseen] * 13]


@pytest.mark.parametrize("kind", ["a", "b"])
def test_keys_move_pitches_and_nothing_else(kind: str, chorales: list[Chorale]) -> None:
    library = Library(chorales, KINDS[kind])
    place = np.array([70]), np.array([1]), np.array([2])
    plain, higher = (library.batch(*place, np.array([key])) for key in (0, 3))
    assert np.array_equal(plain.phase, higher.phase)
    for before, after in ((plain.human, higher.human), (plain.machine, higher.machine)):
        both = [from_single_hold(x) if kind == "b" else x for x in (before, after)]
        low, high = (sounding(x[x < MULTI_HOLD.rest]) for x in both)
        assert len(low) and np.array_equal(low + 3, high)


def test_drawn_windows_are_of_two_voices_in_keys_within_the_range(chorales: list[Chorale]) -> None:
    batch = Library(chorales, KINDS["a"]).draw(np.random.default_rng(3), 500)
    assert (batch.targets <= MULTI_HOLD.rest).all() and (batch.human <= MULTI_HOLD.unseen).all()
    low, high = sounding(batch.targets).min(), sounding(batch.targets).max()
    assert 36 <= low < 40 and 77 < high <= 81
    seen = (batch.human < MULTI_HOLD.unseen).any(1)
    assert not (batch.human == batch.machine)[seen].all(1).any()
    assert set(batch.phase.tolist()) == {0, 1, 2, 3}


def test_same_seed_same_batch(chorales: list[Chorale]) -> None:
    library = Library(chorales, KINDS["c"])
    one, other = (library.draw(np.random.default_rng(7), 9) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
