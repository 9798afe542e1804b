"""Launchpad agents put to the test: songs from several starts, judged by the paper's reward.

`launch.py evaluate launchpad` runs this. Beside the agents stand silence, random buttons, the best bar that
never changes, an oracle that knows what is sampled and may jump, and for every start a bound: what no player
can exceed who presses one button a bar. Runs in the process that calls it; writes only the JSON asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.launchpad.agent import SHIPPED, load_agent
from models.launchpad.corpus import Bars, Corpus, composed_corpus, densities
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.oracle import project, projection_distances
from models.launchpad.reward import PAPERS_BARS, NearestBar, Sample
from models.launchpad.starts import named_start
from pieces.errors import RipienoError
from pieces.files import replace_file

Floats = NDArray[np.float64]
Player = Callable[[States], NDArray[np.int64]]
"""From states (n, keys, 2), song by song in the same order, to one action each."""
STARTS = ("uniform", "sparse", "corpus")
MANNERS = {"": 0.0, ", restless": 1.0}
"""How an agent plays: greedily, as the paper's does; or away from what was just heard, as it does live."""
SONG_BARS = 200
STATIC_CANDIDATES = 150
RECOVERY_BARS = 60
RECOVERY_MARGIN = 0.5
"""So near to what it was before, and the reward is back."""
JUDGING_BARS = 4000
"""Of the one sample that judges recovery: the same bar then always earns the same."""


@dataclass(frozen=True)
class Row:
    """One player from one start: means over songs.

    Attributes:
        reward, late_reward: a bar, in the paper's reward: of the whole song, and of its second half.
        margin: of `late_reward` over silence.
        to_oracle: how far `late_reward` stays below the oracle.
        notes: a bar, in the second half.
        entropy_bits: of the bars heard in the second half of a song: 0 where it stands still.
        changing: share of bars in the second half that sound different from the bar before.
    """

    player: str
    start: str
    reward: float
    late_reward: float
    margin: float
    to_oracle: float
    notes: float
    entropy_bits: float
    changing: float


@dataclass(frozen=True)
class Recovery:
    """After the grid is thrown into another key: what that costs, and bars until the reward is back.

    `share` is that of songs that were back within RECOVERY_BARS; `median` and `p90` count others as that.
    """

    player: str
    drop: float
    median: float
    p90: float
    share: float


@dataclass(frozen=True, eq=False)
class Songs:
    """What was played: `bars` (T, n, keys) packed, their `rewards` (T, n), and the last states."""

    bars: Bars
    rewards: Floats
    states: States


class Study:
    """Plays songs on one corpus, all from the same seed."""

    def __init__(self, corpus: Corpus, songs: int, bars: int, seed: int = 0) -> None:
        self.corpus, self.songs, self.bars, self.seed = corpus, songs, bars, seed
        self.distances = projection_distances(corpus.bars)
        self.silence = self.static(np.zeros((1, LAUNCHPAD.keys), np.uint64))[0]
        self.oracle = self._oracle()

    def begin(self, start: str) -> States:
        """(songs, keys, 2), the same for every player."""
        return named_start(start, self.corpus)(self.songs, np.random.default_rng(self.seed))

    def static(self, bars: Bars, samples: int = 50) -> Floats:
        """(n,) the mean reward of bars that never change."""
        reward = NearestBar(self.corpus, seed=self.seed)
        means: Floats = np.mean([reward(bars) for _ in range(samples)], 0, dtype=np.float64)
        return means

    def best_static(self) -> tuple[float, float]:
        """Reward and notes of the best of 150 bars of the corpus, as near as the instrument comes to them."""
        drawn = self.corpus.sample(np.random.default_rng(self.seed), STATIC_CANDIDATES)
        bars = LAUNCHPAD.packed(project(drawn))
        rewards = self.static(bars)
        return float(rewards.max()), float(densities(bars)[rewards.argmax()])

    def _oracle(self, samples: int = 1000) -> float:
        drawn = np.random.default_rng(self.seed).integers(0, len(self.corpus), (samples, PAPERS_BARS))
        return -float(self.distances[drawn].min(1).mean())

    def bound(self, start: str) -> tuple[float, float]:
        """Mean reward that no player exceeds from a start: over the whole song, and over its second half.

        After t presses at least so many notes are left, and at most so many are there; a bar of another
        number of notes, or one that no state plays, is at least that far away.
        """
        fewest, most = _reachable_cells(self.begin(start), self.bars)                  # (bars, songs)
        rng, rewards = np.random.default_rng(self.seed), np.empty(fewest.shape)
        for t in range(self.bars):
            drawn = rng.integers(0, len(self.corpus), PAPERS_BARS)
            cells, nearest = self.corpus.densities[drawn, None], self.distances[drawn, None]
            least = np.maximum(np.maximum(fewest[t] - cells, cells - most[t]), nearest)
            rewards[t] = -least.min(0)
        return float(rewards.mean()), float(rewards[self.bars // 2 :].mean())

    def play(self, player: Player, start: str) -> Songs:
        """One button a bar, all songs at once."""
        states, reward = self.begin(start), NearestBar(self.corpus, seed=self.seed)
        bars = np.empty((self.bars, self.songs, LAUNCHPAD.keys), np.uint64)
        rewards = np.empty(bars.shape[:2])
        for t in range(self.bars):
            states = LAUNCHPAD.press(states, player(states))
            bars[t] = LAUNCHPAD.packed(states)
            rewards[t] = reward(bars[t])
        return Songs(bars, rewards, states)

    def row(self, name: str, start: str, played: Songs) -> Row:
        """The figures of songs."""
        late = slice(self.bars // 2, None)
        late_reward = float(played.rewards[late].mean())
        bars = played.bars[late]
        return Row(
            name, start, float(played.rewards.mean()), late_reward, late_reward - float(self.silence),
            self.oracle - late_reward, float(densities(bars).mean()),
            float(np.mean([_entropy_bits(bars[:, song]) for song in range(self.songs)])),
            float((bars[1:] != bars[:-1]).any(-1).mean()),
        )  # fmt: skip

    def recovery(self, name: str, player: Player, states: States) -> Recovery:
        """Throw every song's grid into another key, and count the bars until it earns what it did."""
        rng = np.random.default_rng(self.seed)
        judge = Sample(self.corpus.sample(rng, JUDGING_BARS))
        before = -judge.nearest(LAUNCHPAD.packed(states))
        shifts = rng.integers(1, 12, len(states))
        states = np.stack([np.roll(state, shift, 0) for state, shift in zip(states, shifts, strict=True)])
        thrown = -judge.nearest(LAUNCHPAD.packed(states))
        needed, back = np.full(len(states), RECOVERY_BARS), thrown >= before - RECOVERY_MARGIN
        needed[back] = 0
        for bar in range(1, RECOVERY_BARS + 1):
            states = LAUNCHPAD.press(states, player(states))
            now = ~back & (-judge.nearest(LAUNCHPAD.packed(states)) >= before - RECOVERY_MARGIN)
            needed[now] = bar
            back |= now
        median, p90 = np.percentile(needed, (50, 90))
        return Recovery(name, float((before - thrown).mean()), float(median), float(p90), float(back.mean()))


def _reachable_cells(states: States, bars: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(bars, n) the fewest and the most notes after 1 ... `bars` presses, whatever is pressed."""
    on = (states[..., :1] >> np.arange(LAUNCHPAD.patterns) & 1).astype(bool).reshape(len(states), -1)
    sizes = np.tile(LAUNCHPAD.basis.sum(1), LAUNCHPAD.keys)
    cells = (on * sizes).sum(1)
    removable, addable = (-np.sort(-(which * sizes), 1)[:, :bars] for which in (on, ~on))
    fewest = cells[:, None] - _summed(removable, bars)
    return fewest.T, (cells[:, None] + _summed(addable, bars)).T


def _summed(sizes: NDArray[np.int64], bars: int) -> NDArray[np.int64]:
    summed = sizes.cumsum(1)
    return np.pad(summed, ((0, 0), (0, bars - summed.shape[1])), mode="edge")


def _entropy_bits(bars: Bars) -> float:
    """Of the distribution of distinct bars among (T, keys)."""
    _, counts = np.unique(bars, axis=0, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def random_player(seed: int) -> Player:
    """Any button."""
    rng = np.random.default_rng(seed)
    return lambda states: rng.integers(0, LAUNCHPAD.actions, len(states))


def agent_player(name: str, songs: int, seed: int, restless: float) -> Player:
    """A trained agent, one for every song: each remembers what it heard."""
    first = load_agent(name, seed)
    agents = [first.sibling(seed + song) for song in range(songs)]

    known: dict[bytes, NDArray[np.float32]] = {}  # songs come back to the same grids

    def act(states: States) -> NDArray[np.int64]:
        names = [state.tobytes() for state in states]
        new = {name: state for name, state in zip(names, states, strict=True) if name not in known}
        if new:
            known.update(zip(new, first.values(np.stack(list(new.values()))), strict=True))
        values = [known[name] for name in names]
        chosen = [agent.choose(state, restless=restless, values=value).action
                  for agent, state, value in zip(agents, states, values, strict=True)]  # fmt: skip
        return np.array(chosen, np.int64)

    return act


def evaluate_launchpad(
    json_path: Path | None = None,
    source: Path | None = None,
    agents: Sequence[str] = (),
    songs: int = 200,
    seed: int = 0,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure agents on the corpus in the folder `source`, or on the one composed by rule.

    Every agent plays in all MANNERS. Raises RipienoError where a checkpoint or the corpus is missing, or the
    JSON cannot be written.
    """
    console = console or Console()
    study = Study(Corpus.load(source) if source else composed_corpus(), songs, SONG_BARS, seed)
    rows, recoveries = [], []
    for row, recovery in _measured(study, list(agents) or [SHIPPED], console):
        rows.append(row)
        recoveries += [recovery] if recovery else []
    best, notes = study.best_static()
    document = {
        "corpus": {"name": study.corpus.name, "bars": len(study.corpus), "roll": study.corpus.roll},
        "songs": songs, "bars": study.bars, "seed": seed, "silence": float(study.silence),
        "oracle": study.oracle, "best_static": {"reward": best, "notes": notes},
        "bounds": {start: study.bound(start) for start in STARTS},
        "rows": [asdict(row) for row in rows], "recovery": [asdict(found) for found in recoveries],
    }  # fmt: skip
    console.print(*tables(document))
    if json_path:
        write_json(json_path, document)
    return document


def _measured(study: Study, agents: list[str], console: Console) -> Iterator[tuple[Row, Recovery | None]]:
    players: dict[str, Callable[[], Player]] = {"random buttons": partial(random_player, study.seed)}
    for name in agents:
        for manner, restless in MANNERS.items():
            one = partial(agent_player, name, study.songs, study.seed, restless)
            players[Path(name).stem + manner] = one
    work = [(name, start) for name in players for start in STARTS]
    for name, start in track(work, "Playing", console=console):
        player = players[name]()
        played = study.play(player, start)
        measured = start == STARTS[-1] and name != "random buttons"
        found = study.recovery(name, player, played.states) if measured else None
        yield study.row(name, start, played), found


def tables(document: dict[str, Any]) -> tuple[Table, Table]:
    """The figures for a terminal."""
    title = f"{document['corpus']['name']}: {document['songs']} songs of {document['bars']} bars"
    game = _table(title, "player", "start", "reward", "2nd half", "over silence", "to oracle", "notes",
                  "entropy bits", "changing")  # fmt: skip
    silence, oracle = document["silence"], document["oracle"]
    statics = {"silence": (silence, 0.0), "best static bar": tuple(document["best_static"].values())}
    for name, (reward, notes) in statics.items():
        still = (reward, reward, reward - silence, oracle - reward, notes, 0.0, 0.0)
        game.add_row(name, "any", *_figures(*still))
    game.add_row("oracle, may jump", "any", *_figures(oracle, oracle, oracle - silence, 0.0))
    for start, (whole, late) in document["bounds"].items():
        game.add_row("bound", start, *_figures(whole, late, late - silence, oracle - late))
    for row in document["rows"]:
        game.add_row(row["player"], row["start"], *_figures(*list(row.values())[2:]))
    thrown = _table("Thrown into another key", "player", "reward lost", "bars until back, median", "90 %",
                    f"back within {RECOVERY_BARS}")  # fmt: skip
    for row in document["recovery"]:
        thrown.add_row(row["player"], *_figures(*list(row.values())[1:]))
    return game, thrown


def _figures(*values: float) -> list[str]:
    return [f"{value:.2f}" for value in values]


def _table(title: str, *columns: str) -> Table:
    result = Table(title=title)
    for column in columns:
        result.add_column(column, justify="left" if column in ("player", "start") else "right", no_wrap=True)
    return result


def write_json(path: Path, document: dict[str, Any]) -> None:
    """In one stroke; raises RipienoError where that fails."""
    try:
        replace_file(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise RipienoError(f"could not write {path} ({error.strerror}); choose another place") from error
