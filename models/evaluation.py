"""Players put to the test: every performance, several trials, and the papers' table of the outcome.

`evaluate_follower` is what `launch.py evaluate follower` runs; `evaluate` serves any players on any items.
Runs in the process that calls it; reads no device and writes nothing but the JSON it is asked for.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from models.features import frames
from models.game import FloatArray, Truth
from models.measures import judge, measure
from models.performance import Performance
from models.players import HindsightPlayer, OptimalPlayer, Player, SteadyPlayer, hear, labels, load_trials
from models.reports import is_stream
from models.results import Evaluation, Outcome, tables, tabulate
from pieces.errors import RipienoError, Unusable
from pieces.piece import Piece

KINDS = {1: "one-line tunes"}
OTHER_KIND = "two-staff pieces"
UNSAMPLED: dict[str, Callable[[Truth], Player]] = {
    "optimal": OptimalPlayer,
    "hindsight": HindsightPlayer,
    "steady": lambda truth: SteadyPlayer(),
}
"""Those that know the truth (hindsight has three actions), and the baseline; they play once."""


@dataclass(frozen=True, eq=False)
class EvaluationItem:
    """A performance of a piece and its sound, mono float32 at the frames' sample rate.

    `performance` must have anchors; `collection` names the set it belongs to in the table.
    """

    name: str
    piece: Piece
    performance: Performance
    audio: npt.NDArray[np.float32]
    collection: str = ""

    @property
    def kind(self) -> str:
        """The table's row: by the number of staves."""
        return KINDS.get(self.piece.staves, OTHER_KIND)


class EarlierEvaluation(RipienoError):
    """Hours of work that would be written over."""

    exit_code = 2


@dataclass(frozen=True)
class Recipe:
    """An item by name, and how to build it; `build` raises Unusable, or NoSynth without a sound set."""

    name: str
    build: Callable[[], EvaluationItem]


@dataclass(frozen=True)
class Contestant:
    """A player to be tested, `trials` times on each item; `enter(truth, trial)` gives it for one of them.

    The same object may be given again, on another item; one that samples draws anew in each trial.
    """

    name: str
    enter: Callable[[Truth, int], Player]
    trials: int = 1


def follow(player: Player, heard: npt.NDArray[np.float32], truth: Truth) -> FloatArray:
    """Let a player, already opened on the piece, play one game on the frames `heard` (T, 78).

    Gives the cursor at every frame from the first onset to the last, (n,) float64. The game begins on the
    first note at speed 0; it is played to the end even when the target is lost, so that finding it again
    shows in the shares within a time.
    """
    cursor = [truth.x_at_frame(truth.first_frame)]
    player.reset(cursor[0])
    silence = np.zeros(heard.shape[1], np.float32)
    for frame in range(truth.first_frame, truth.last_frame):
        decision = player.step(heard[frame] if frame < len(heard) else silence)
        cursor.append(decision.x_px)
    return np.array(cursor)


def evaluate(
    contestants: Sequence[Contestant], items: Iterable[EvaluationItem], skipped: dict[str, str] | None = None
) -> Iterator[Outcome]:
    """Each contestant on each item; yields as soon as all are through with one.

    An item that is Unusable to one of them is left out for all, and put into `skipped` with the reason.
    """
    opened: WeakKeyDictionary[Player, Piece] = WeakKeyDictionary()
    for item in items:
        try:
            outcomes = list(_outcomes(contestants, item, opened))
        except Unusable as error:
            if skipped is None:
                raise
            skipped[item.name] = str(error)
        else:
            yield from outcomes


def _outcomes(
    contestants: Sequence[Contestant], item: EvaluationItem, opened: WeakKeyDictionary[Player, Piece]
) -> Iterator[Outcome]:
    """`opened`: what each player opened last."""
    heard = frames(item.audio)
    truth = Truth.from_performance(item.piece, item.performance)
    for contestant in contestants:
        tracks = []
        for trial in range(contestant.trials):
            player = contestant.enter(truth, trial)
            if opened.get(player) is not item.piece:
                player.open(item.piece)
                opened[player] = item.piece
            hear(player, item.audio, truth.first_frame)
            tracks.append(judge(truth, follow(player, heard, truth), item.piece.tolerance_px))
        yield Outcome(
            item.name, item.piece.name, item.collection, item.kind, contestant.name, measure(tracks)
        )


def evaluate_follower(
    json_path: Path | None = None,
    source: Path | None = None,
    agents: Sequence[str] = (),
    trials: int = 10,
    seed: int = 0,
    generated: int = 24,
    count: int = 0,
    room: bool = False,
    as_written: bool = False,
    recorded: bool = False,
    resume: bool = False,
    console: Console | None = None,
) -> Evaluation:
    """Measure agents (players' names, hindsight, .safetensors files; by default the shipped follower) beside
    the optimal player and the steady baseline, on music they never saw.

    Without `source`: the bundled pieces at 0.7, 1 and 1.3 times their tempo, and `generated` pieces made up
    for this. With it, the held-out part of the folders of music that lie in `source`. Of all this at
    most `count` performances, drawn by `seed`; 0 is all. With `room`, each is heard in a simulated room too;
    `as_written` has scores played exactly so, at the marked tempo, as in the paper; `recorded`, where
    `source` is of MSMD, takes the pieces that the paper's pianists recorded. Shows progress and the tables on
    `console`, and writes them to `json_path` and, as Markdown, beside it, after every performance anew; with
    `resume`, what that file holds already is not played again. Raises RipienoError where an agent, the sound
    set or what simulates rooms is missing, nothing could be built, or that file is another's, and
    EarlierEvaluation where it is there without `resume`.
    """
    from models import held_out

    playing = held_out.AS_WRITTEN if as_written else held_out.AS_A_PERSON
    if recorded:
        recipes = held_out.recorded_pieces(source)
    else:
        recipes = held_out.from_folder(source, playing) if source else held_out.default(generated, playing)
    recipes = held_out.drawn(recipes, count, seed)
    recipes = held_out.each_in_a_room(recipes, seed) if room else recipes
    agents = tuple(dict.fromkeys(agents)) or ("follower",)
    names = list(dict.fromkeys(("optimal", "steady", *agents)))
    contestants = [
        _contestant(name, called, seed, trials) for name, called in zip(names, labels(names), strict=True)
    ]
    settings = {
        "agents": list(agents), "trials": trials, "seed": seed, "source": source.name if source else None,
        "count": count, "room": room, "as_written": as_written,
        "unheard_sound_set": held_out.unheard_sound_set_of(source),
    }  # fmt: skip
    if recorded:    # else the files of before go on
        settings["recorded"] = True
    console = console or Console()
    result = _begun(settings, json_path, resume)
    done = {outcome.item for outcome in result.outcomes}
    recipes = [recipe for recipe in recipes if recipe.name not in done]
    for outcome in evaluate(contestants, built(recipes, result.skipped, console), result.skipped):
        result.outcomes.append(outcome)
        if outcome.player == contestants[-1].name:
            result.rows[:] = tabulate(result.outcomes)
            if json_path and not is_stream(json_path):    # a pipe is given the whole, once
                result.save(json_path)
    if not result.outcomes:
        raise RipienoError("nothing could be evaluated: " + "; ".join(list(result.skipped.values())[:3]))
    if json_path:
        result.save(json_path)    # what was left out after the last performance, too
    console.print(*tables(result.rows))
    return result


def _begun(settings: dict[str, Any], path: Path | None, resume: bool) -> Evaluation:
    """What was found so far, in a file of the same settings but for the count; nothing without a file."""
    if resume and path is None:
        raise RipienoError("--resume goes on with a file; name it with --json.")
    if path is None or not path.exists() or is_stream(path):
        return Evaluation(settings, [], [], {})
    if not resume:
        raise EarlierEvaluation(f"{path} is there already: go on with --resume, or name another file.")
    earlier = Evaluation.load(path)
    same = settings | {"count": earlier.settings.get("count")}
    named = {**same, **earlier.settings}
    other = [name for name in named if earlier.settings.get(name) != same.get(name)]
    if other:
        raise RipienoError(f"{path} was made with other settings ({', '.join(other)}); name another file.")
    return Evaluation(settings, earlier.rows, earlier.outcomes, {})


def _contestant(agent: str, called: str, seed: int, trials: int) -> Contestant:
    """An agent by name or checkpoint; one that draws nothing plays once."""
    if agent in UNSAMPLED:
        return Contestant(called, lambda truth, trial: UNSAMPLED[agent](truth))
    players = load_trials(agent, seed, trials)
    return Contestant(called, lambda truth, trial: players[trial], len(players))


def built(recipes: Sequence[Recipe], skipped: dict[str, str], console: Console) -> Iterator[EvaluationItem]:
    """Items one by one, with progress; those that cannot be built are put into `skipped`, with the reason."""
    with Progress(console=console) as progress:
        work = progress.add_task("evaluating", total=len(recipes))
        for recipe in recipes:
            progress.update(work, description=recipe.name)
            try:
                yield recipe.build()
            except Unusable as error:
                skipped[recipe.name] = str(error)
            progress.advance(work)
