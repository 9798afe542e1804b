"""Planning: the grids that earn most, found by climbing the expected reward, and the way there in presses.

Both are exact, for the simulator is known: the reward's expectation over what will be sampled is a sum, and a
key has few states. A plan is a network before it learns: it becomes the first weights of `networks.MotifQ`.
Runs in a training process; nothing here is needed to play.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.launchpad.corpus import Bars, Corpus, densities
from models.launchpad.instrument import LAUNCHPAD, Instrument, States
from models.launchpad.oracle import project
from models.launchpad.reward import PAPERS_BARS, Rewards, Shape, squared_distances
from pieces.errors import RipienoError
from pieces.files import parse_json, replace_file

Floats = NDArray[np.float64]
NEAR = 768
"""Bars of the corpus that a climb looks at: no others can become the nearest by one step."""
SHAPES_FROM = 96
"""Nearest bars that suggest shapes for a key."""
MOST_CLIMBS = 12
PRESS = 0.1
"""What a button that is still to be pressed costs, in reward: enough to know the way through equal bars."""
GOAL = 3.0
"""How much further a better motif draws than its reward says: it is earned for many bars."""
CAUTION = 0.5
"""What a cell that differs costs beyond its slope: two changes together cost more than their slopes say."""


class OtherPlan(RipienoError):
    """A file that holds a plan made from something else, or none."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Plan:
    """Grids worth going to.

    Attributes:
        states: (n, keys, 2).
        rewards: (n,) that are expected there.
        slopes: (n, keys, steps) what changes in it when one cell does.
    """

    states: States
    rewards: Floats
    slopes: Floats

    def best(self, count: int) -> Plan:
        """The first ones: the best, as `make_plan` sorts them."""
        return Plan(self.states[:count], self.rewards[:count], self.slopes[:count])

    def save(self, path: Path, made_from: Mapping[str, Any]) -> None:
        """Write it in one stroke, with what it was made from: JSON values by name."""
        file, origin = io.BytesIO(), json.dumps(made_from)
        np.savez(file, states=self.states, rewards=self.rewards, slopes=self.slopes, made_from=origin)
        replace_file(path, file.getvalue())

    @classmethod
    def load(cls, path: Path, made_from: Mapping[str, Any]) -> Plan:
        """Read what `save` wrote with the same `made_from`.

        Raises:
            OtherPlan: it was made from something else, or the file holds no plan.
        """
        try:
            stored = load_arrays(path)
            origin = dict(parse_json(str(stored["made_from"])))
            plan = cls(stored["states"], stored["rewards"], stored["slopes"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OtherPlan(f"{path} holds no plan of this version ({error}); remove it.") from error
        if other := [name for name, value in made_from.items() if origin.get(name) != value]:
            raise OtherPlan(
                f"{path} was made with another configuration ({', '.join(other)}): remove it, or name "
                "another folder."
            )
        return plan


class Expectation:
    """The mean of the shaped reward over all samples of `count` bars, standing still not counted."""

    def __init__(self, corpus: Corpus, shape: Shape, count: float = PAPERS_BARS) -> None:
        self.bars, self.shape = corpus.bars, shape
        lightness = corpus.densities.mean() / corpus.densities
        self.weights = lightness**shape.density_power
        left = 1.0 - np.arange(len(corpus) + 1) / len(corpus)
        chances = left[:-1] ** count - left[1:] ** count  # that the i-th is the nearest sampled
        self._chances = chances[: max(1, int(np.searchsorted(-left[:-1] ** count, -1e-4)))]

    def __call__(self, bars: Bars) -> Floats:
        """(n, keys) -> (n,)."""
        return self.of_distances(squared_distances(bars, self.bars) * self.weights[:, None], densities(bars))

    def reward(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """The same as a reward to learn from, the whole corpus looked at."""
        return self(bars).astype(np.float32)

    def slopes(self, bar: Bars, steps: int = LAUNCHPAD.steps) -> Floats:
        """(keys, steps) how much one cell more, or less, changes what the bar (keys,) is expected to earn."""
        distances = np.bitwise_count(self.bars ^ bar).sum(-1, dtype=np.int64) * self.weights
        order = np.argsort(distances)[:NEAR]
        bits = np.uint64(1) << np.arange(steps, dtype=np.uint64)
        far, weights, count = distances[order, None], self.weights[order, None], densities(bar)
        slopes = np.empty((len(bar), steps))
        for key, row in enumerate(bar):
            on = row & bits > 0
            agrees = (self.bars[order, key, None] & bits > 0) == on
            changed = far + np.where(agrees, 1, -1) * weights
            slopes[key] = self.of_distances(changed, count + np.where(on, -1, 1))
        here: Floats = slopes - self.of_distances(far, count[None])
        return here

    def of_distances(self, distances: Floats, cells: NDArray[np.int64]) -> Floats:
        """(n,) from weighted distances to the corpus, or to the nearest of it, (M, n), and densities (n,)."""
        nearest = min(len(self._chances), len(distances))
        lowest = np.sort(np.partition(distances, nearest - 1, axis=0)[:nearest], axis=0)
        missing = np.maximum(self.shape.floor - cells, 0)
        expected: Floats = -(self._chances[:nearest] @ lowest) - self.shape.missing_cost * missing
        return expected


class Expected:
    """The shaped reward's expectation as a reward: less noise to learn from than one sample of bars has.

    Taken over `of` bars of the corpus, drawn anew at every call, and all samples of PAPERS_BARS different
    ones of them: as if these had been drawn from the corpus itself. What was heard before does not count.
    """

    def __init__(self, corpus: Corpus, shape: Shape, of: int = 2048, seed: int = 0) -> None:
        self._corpus, self._shape, self._of = corpus, shape, of
        self._rng = np.random.default_rng(seed)
        self._whole = Expectation(corpus, shape) if len(corpus) <= of else None

    def __call__(self, bars: Bars, heard: Bars | None = None) -> Rewards:
        """(N, keys) -> (N,)."""
        if self._whole:
            return self._whole(bars).astype(np.float32)
        part = Corpus(self._corpus.sample(self._rng, self._of), self._corpus.name, self._corpus.roll)
        without_replacement = self._of * np.log(self._of / (self._of - PAPERS_BARS))
        return Expectation(part, self._shape, without_replacement)(bars).astype(np.float32)


def climb(bar: Bars, expectation: Expectation, suggestions: Bars) -> tuple[Bars, float]:
    """The best bar (keys,) within reach by replacing one key's bar at a time, and its expected reward.

    `suggestions` (M, keys) are the reachable bars nearest to those of the corpus.
    """
    best = float(expectation(bar[None])[0])
    for _ in range(MOST_CLIMBS):
        step, gained = _steepest(bar, expectation, suggestions)
        if gained <= best + 1e-6:
            break
        bar, best = step, gained
    return bar, best


def _steepest(bar: Bars, expectation: Expectation, suggestions: Bars) -> tuple[Bars, float]:
    distances = np.bitwise_count(expectation.bars ^ bar).sum(-1, dtype=np.int64) * expectation.weights
    order = np.argsort(distances)[:NEAR]
    near, weights = expectation.bars[order], expectation.weights[order]
    found: list[tuple[float, int, np.uint64]] = []
    for key in range(len(bar)):
        shapes = np.unique(np.append(suggestions[order[:SHAPES_FROM], key], np.uint64(0)))
        change = np.bitwise_count(near[:, key, None] ^ shapes).astype(np.int64)
        change -= np.bitwise_count(near[:, key, None] ^ bar[key])
        cells = densities(bar) - int(np.bitwise_count(bar[key])) + np.bitwise_count(shapes).astype(np.int64)
        gained = expectation.of_distances(distances[order, None] + change * weights[:, None], cells)
        found.append((float(gained.max()), key, shapes[gained.argmax()]))
    best, key, shape = max(found, key=lambda item: item[0])
    stepped = bar.copy()
    stepped[key] = shape
    return stepped, best


def make_plan(
    corpus: Corpus, shape: Shape, motifs: int, candidates: int, seed: int = 0, corpus_bars: bool = False
) -> Iterator[tuple[int, Plan]]:
    """Climb from the best of `candidates` bars of the corpus; yields (climbs done, the plan so far).

    Unless `corpus_bars`, a motif is never a bar of the corpus itself. The last plan has `motifs` of them, the
    best first.
    """
    rng, expectation = np.random.default_rng(seed), Expectation(corpus, shape)
    drawn = rng.choice(len(corpus), min(candidates, len(corpus)), replace=False)
    suggestions = LAUNCHPAD.packed(project(corpus.bars))
    rewards = np.concatenate([expectation(suggestions[part]) for part in np.array_split(drawn, 64)])
    unwanted = set() if corpus_bars else {bar.tobytes() for bar in corpus.bars}
    found: dict[bytes, tuple[float, Bars, Floats]] = {}
    for done, index in enumerate(drawn[np.argsort(-rewards)], 1):
        bar, reward = climb(suggestions[index], expectation, suggestions)
        if bar.tobytes() not in unwanted | found.keys():
            found[bar.tobytes()] = reward, bar, expectation.slopes(bar)
        if len(found) >= motifs or done == len(drawn):
            break
        if done % 16 == 0:
            yield done, _plan(found)
    yield done, _plan(found)


def _plan(found: dict[bytes, tuple[float, Bars, Floats]]) -> Plan:
    best = sorted(found.values(), key=lambda item: -item[0])
    bars = np.array([bar for _, bar, _ in best], np.uint64).reshape(-1, LAUNCHPAD.keys)
    slopes = np.array([slopes for *_, slopes in best]).reshape(*bars.shape, LAUNCHPAD.steps)
    return Plan(project(bars), np.array([reward for reward, *_ in best]), slopes)


def plan_weights(plan: Plan, instrument: Instrument = LAUNCHPAD) -> tuple[Floats, Floats]:
    """The plan as motifs: weights (keys, features, n) over `valuation.row_features`, and biases (n,).

    A motif's score is what its grid earns, times GOAL, changed by every cell that differs as the plan's
    slopes say (its expected reward to first order), less the presses that lead there, times PRESS. All are
    sums over keys, and linear in what is seen of a key, so a network says them exactly.
    """
    masks, offsets = plan.states[..., 0].T, plan.states[..., 1].T                       # (keys, n)
    bars = instrument.rolls(plan.states).transpose(1, 2, 0).astype(np.float64)          # (keys, steps, n)
    slopes = (np.minimum(plan.slopes, 0.0) - CAUTION).transpose(1, 2, 0)
    turns = np.array([[presses_to_offset(int(mask), int(offset), instrument)
                       for mask, offset in zip(*row, strict=True)]
                      for row in zip(masks, offsets, strict=True)]).transpose(0, 2, 1)  # fmt: skip
    wanted = (masks[:, None] >> np.arange(instrument.patterns)[:, None] & 1).astype(np.float64)
    weights = np.concatenate([slopes * (1 - 2 * bars), -PRESS * turns, PRESS * (2 * wanted - 1)], 1)
    biases = GOAL * plan.rewards + (slopes * bars).sum((0, 1)) - PRESS * wanted.sum((0, 1))
    return weights, biases


@lru_cache
def offset_presses(instrument: Instrument = LAUNCHPAD) -> NDArray[np.int64]:
    """(steps,) how many increments turn an offset on by so many steps: the ones of its binary number."""
    return np.bitwise_count(np.arange(instrument.steps)).astype(np.int64)


def presses_to_offset(mask: int, offset: int, instrument: Instrument = LAUNCHPAD) -> NDArray[np.int64]:
    """(steps,) from every offset, the presses to the nearest one at which `mask` sounds as at `offset`."""
    if mask == 0:
        return np.zeros(instrument.steps, np.int64)
    same = np.flatnonzero(instrument.rows[mask] == instrument.rows[mask, offset])
    turns = (same[None] - np.arange(instrument.steps)[:, None]) % instrument.steps
    return offset_presses(instrument)[turns].min(1)
