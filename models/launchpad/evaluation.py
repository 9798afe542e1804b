"""Launchpad agents put to the test: songs from several starts, judged by the paper's reward.

`launch.py evaluate launchpad` runs this. Beside the agents stand silence, random buttons, the best bar that
never changes, an oracle that knows what is sampled and may jump, and for every start a bound: what no player
can exceed who presses one button a bar. Networks that do not ship have their stored rows beside them
(:mod:`models.launchpad.stored`). Runs in the process that calls it; writes only the JSON asked for, and the
same as Markdown beside it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from models.launchpad.agent import SHIPPED, LaunchpadAgent, load_agent
from models.launchpad.corpus import Corpus, composed_corpus
from models.launchpad.instrument import LAUNCHPAD, States
from models.launchpad.report import markdown, said_of_stored, tables
from models.launchpad.stored import Run, beside, players, stored_runs
from models.launchpad.study import Player, Recovery, Row, Study
from models.reports import as_json, save_report
from models.revision import revision

STARTS = ("uniform", "sparse", "corpus")
SONG_BARS = 200
OURS = ("motifs", "afterstates")
"""Kinds of network that play live, and so restlessly, too."""
OF_THE_FIGURES = "launchpad-pop909"
"""The agent that is measured on a folder's corpus where none is named."""
RECIPES = Path(__file__).with_name("recipes")
"""Configurations of the networks that stand beside it once they are trained: the paper's and others."""


def random_player(seed: int) -> Player:
    """Any button."""
    rng = np.random.default_rng(seed)
    return lambda states: rng.integers(0, LAUNCHPAD.actions, len(states))


def greedy_player(agent: LaunchpadAgent) -> Player:
    """The best button of every song, as the paper's agents play."""
    values = Remembered(agent)
    return lambda states: values(states).argmax(1)


def restless_player(agent: LaunchpadAgent, songs: int, seed: int) -> Player:
    """Away from what was just heard, as it plays live: an agent for every song remembers that."""
    values, agents = Remembered(agent), [agent.sibling(seed + song) for song in range(songs)]

    def act(states: States) -> NDArray[np.int64]:
        songs = zip(agents, states, values(states), strict=True)
        return np.array([one.choose(state, values=value).action for one, state, value in songs], np.int64)

    return act


class Remembered:
    """An agent's values; songs come back to the same grids, and these are valued once."""

    def __init__(self, agent: LaunchpadAgent) -> None:
        self._agent = agent
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, states: States) -> NDArray[np.float32]:
        """(n, keys, 2) -> (n, actions)."""
        names = [state.tobytes() for state in states]
        new = {name: state for name, state in zip(names, states, strict=True) if name not in self._known}
        if new:
            values = self._agent.values(np.stack(list(new.values())))
            self._known.update(zip(new, values, strict=True))
        return np.stack([self._known[name] for name in names])


def usual_agents(source: Path | None, stored: Sequence[Run], console: Console) -> list[str]:
    """Those that are measured where none is named: ours, and for a folder those of the recipes too.

    Says how to make those of which there is not even a stored row.
    """
    if source is None:
        return [SHIPPED]
    trained, known = [], players(stored)
    for recipe in sorted(RECIPES.glob("launchpad-*-*.json")):
        settings = json.loads(recipe.read_text(encoding="utf-8"))
        path = Path(settings["out"]) / f"{settings['name']}.safetensors"
        if path.exists():
            trained.append(str(path))
        elif settings["name"] not in known:
            console.print(f"No row of {recipe.stem}: launch.py train launchpad --config {recipe} makes it.",
                          soft_wrap=True)  # fmt: skip
    return [*trained, OF_THE_FIGURES]


def evaluate_launchpad(
    json_path: Path | None = None,
    source: Path | None = None,
    agents: Sequence[str] = (),
    songs: int = 200,
    seed: int = 0,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure agents on the corpus in the folder `source`, or on the one composed by rule.

    Agents play greedily, ours restlessly too. Raises RipienoError where a checkpoint or the corpus is
    missing, or the JSON cannot be written.
    """
    console = console or Console()
    study = Study(Corpus.load(source) if source else composed_corpus(), songs, SONG_BARS, seed)
    conditions = _conditions(study, source, agents)
    stored = stored_runs(conditions)
    rows, recoveries = [], []
    for row, recovery in _measured(study, list(agents) or usual_agents(source, stored, console), console):
        rows.append(asdict(row))
        recoveries += [asdict(recovery)] if recovery else []
    best, notes = study.best_static()
    document = {
        **conditions, "silence": float(study.silence), "oracle": study.oracle,
        "best_static": {"reward": best, "notes": notes},
        "bounds": {start: study.bound(start) for start in STARTS},
        "rows": rows, "recovery": recoveries, "stored": beside(stored, {row["player"] for row in rows}),
    }  # fmt: skip
    console.print(*tables(document))
    console.print(*said_of_stored(document), sep="\n", soft_wrap=True, markup=False)
    if json_path:
        save_report(json_path, as_json(document), markdown(document))
    return document


def _conditions(study: Study, source: Path | None, agents: Sequence[str]) -> dict[str, Any]:
    """What songs these are, and how they are had again."""
    words = ["launch.py", "evaluate", "launchpad", *(("--from", str(source)) if source else ())]
    words += [word for agent in agents for word in ("--agent", agent)]
    words += ["--songs", str(study.songs), "--seed", str(study.seed)]
    corpus = study.corpus
    return {
        "command": shlex.join(words), "revision": revision(),
        "corpus": {"name": corpus.name, "bars": len(corpus), "roll": corpus.roll},
        "songs": study.songs, "bars": study.bars, "seed": study.seed,
    }  # fmt: skip


def _measured(study: Study, names: list[str], console: Console) -> Iterator[tuple[Row, Recovery | None]]:
    players: dict[str, Callable[[], Player]] = {"random buttons": partial(random_player, study.seed)}
    for name in names:
        players |= _manners(load_agent(name), study)
    work = [(name, start) for name in players for start in STARTS]
    for name, start in track(work, "Playing", console=console):
        player = players[name]()
        played = study.play(player, start)
        measured = start == STARTS[-1] and name != "random buttons"
        found = study.recovery(name, player, played.states) if measured else None
        yield study.row(name, start, played), found


def _manners(agent: LaunchpadAgent, study: Study) -> dict[str, Callable[[], Player]]:
    """How an agent plays, by the row's name: the paper's networks only greedily."""
    manners: dict[str, Callable[[], Player]] = {agent.name: partial(greedy_player, agent)}
    if agent.metadata["kind"] in OURS:
        manners[f"{agent.name}, restless"] = partial(restless_player, agent, study.songs, study.seed)
    return manners
