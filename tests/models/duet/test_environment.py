from __future__ import annotations

import numpy as np

from models.duet.chorales import Chorale, Duet, duets
from models.duet.encoding import MULTI_HOLD, sounding
from models.duet.environment import Improvisation, excerpt
from models.duet.reinforce import windows_of
from tests.models.duet.made_up import make_chorale

UNSEEN = MULTI_HOLD.unseen


def two() -> list[Duet]:
    """One of five bars, one of three."""
    return [next(duets(make_chorale(1))), next(duets(make_chorale(2, bars=3)))]


def test_the_machine_begins_with_two_bars_and_plays_to_the_end_of_each() -> None:
    pair = two()
    played = Improvisation(pair)
    assert played.step == 32 and not played.done
    while not played.done:
        played.play(np.array([played.step % 90, 7]))
    (first, own), (second, other) = played.lines()
    assert (len(own), len(other)) == (80, 48)
    assert np.array_equal(first, pair[0].human) and np.array_equal(second, pair[1].human)
    assert np.array_equal(own[:32], pair[0].machine[:32])
    assert own[32:].tolist() == [step % 90 for step in range(32, 80)]
    assert other[32:].tolist() == [7] * 16


def test_what_is_seen_ends_before_the_step(chorales: list[Chorale]) -> None:
    duet = next(duets(chorales[0]))
    played = Improvisation([duet])
    for _ in range(3):
        played.play(np.array([1]))
    seen = played.seen()
    assert np.array_equal(seen.human[0], duet.human[3:35])
    assert seen.machine[0].tolist() == [*duet.machine[3:32], 1, 1, 1]
    assert seen.phase.tolist() == [35 % 4]


def test_nothing_of_the_future_is_seen(chorales: list[Chorale]) -> None:
    duet = next(duets(chorales[0]))
    human, machine = duet.human.copy(), duet.machine.copy()
    human[40:], machine[32:] = 0, 0
    changed = Duet(duet.name, duet.voices, human, machine, duet.phase)
    for step in range(32, 41):
        one, other = (Improvisation([d]) for d in (duet, changed))
        for played in (one, other):
            while played.step < step:
                played.play(np.array([5]))
        assert all(
            np.array_equal(a, b)
            for a, b in zip(vars(one.seen()).values(), vars(other.seen()).values(), strict=True)
        )


def test_a_cold_start_sees_nothing(chorales: list[Chorale]) -> None:
    played = Improvisation([next(duets(chorales[0]))], seed_steps=0)
    assert set(played.seen().human[0].tolist()) == set(played.seen().machine[0].tolist()) == {UNSEEN}
    played.play(np.array([3]))
    assert played.seen().machine[0].tolist() == [UNSEEN] * 31 + [3]


def test_learning_sees_what_playing_saw() -> None:
    played, seen = Improvisation(two()), []
    rng = np.random.default_rng(0)
    while not played.done:
        seen.append(played.seen())
        played.play(rng.integers(0, 93, 2))
    again = windows_of(played)
    for name in ("human", "machine", "phase"):
        lived = np.stack([getattr(state, name) for state in seen], 1)
        assert np.array_equal(getattr(again, name), lived.reshape(-1, *lived.shape[2:]))


def test_excerpts_begin_on_a_beat_in_some_key_within_the_range(chorales: list[Chorale]) -> None:
    duet, rng = next(duets(chorales[0])), np.random.default_rng(0)
    keys, starts = set(), set()
    for _ in range(200):
        part = excerpt(duet, 40, rng)
        assert len(part.human) == len(part.machine) == 40 and part.phase == 0
        heard = sounding(np.stack([part.human, part.machine]))
        assert heard.min() >= 36 and heard.max() <= 81
        whole = sounding(np.stack([duet.human, duet.machine]))
        matches = [
            s for s in range(0, 41, 4) if len(set((heard - whole[:, s : s + 40]).ravel().tolist())) == 1
        ]
        assert matches
        starts.add(matches[0])
        keys.add(int(heard[0, 0] - whole[0, matches[0]]))
    assert len(keys) > 15 and starts == set(range(0, 41, 4))


def test_an_excerpt_that_is_longer_than_its_duet_goes_round(chorales: list[Chorale]) -> None:
    duet, rng, starts = next(duets(chorales[0])), np.random.default_rng(0), set()
    for _ in range(100):
        part = excerpt(duet, 100, rng)
        assert len(part.human) == len(part.machine) == 100
        twice = sounding(np.resize(duet.human, 200))
        heard = sounding(part.human)
        starts |= {s for s in range(0, 80, 4) if len(set((heard - twice[s : s + 100]).tolist())) == 1}
    assert starts == set(range(0, 80, 4))
