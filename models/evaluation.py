"""Players put to the test: every performance, several trials, and the papers' table of the outcome.

`evaluate_follower` is what `launch.py evaluate follower` runs; `evaluate` serves any players on any items.
Runs in the process that calls it; reads no device and writes nothing but the JSON it is asked for.
"""
from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models.features import frames
from models.game import FloatArray, Truth
from models.measures import WITHIN_S, Measures, Track, judge, measure
from models.performance import Performance
from models.players import OptimalPlayer, Player, SteadyPlayer, hear, label, load_trials
from models.sound import find_unheard_sound_set
from pieces.errors import RipienoError
from pieces.files import replace_file
from pieces.piece import Piece

RESAMPLES = 2000
CONFIDENCE = 0.95
KINDS = {1: "one-line tunes"}
OTHER_KIND = "two-staff pieces"


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


class Unusable(RipienoError):
    """A piece that cannot be part of a test: not engraved, or its performance does not fit it."""


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


@dataclass(frozen=True, eq=False)
class Outcome:
    """All trials of one player on one item."""

    item: str
    piece: str
    collection: str
    kind: str
    player: str
    tracks: tuple[Track, ...]


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


def evaluate(contestants: Sequence[Contestant], items: Iterable[EvaluationItem]) -> Iterator[Outcome]:
    """Each contestant on each item; yields as soon as one is through."""
    opened: WeakKeyDictionary[Player, Piece] = WeakKeyDictionary()
    for item in items:
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
                item.name, item.piece.name, item.collection, item.kind, contestant.name, tuple(tracks)
            )


@dataclass(frozen=True)
class Row:
    """One line of the table; `intervals` are 95 % bootstrap intervals over pieces, by measure."""

    collection: str
    kind: str
    player: str
    pieces: int
    measures: Measures
    intervals: dict[str, tuple[float, float]]


def tabulate(outcomes: Sequence[Outcome]) -> list[Row]:
    """A row for every collection, kind and player, in the order they first came."""
    groups: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.collection, outcome.kind, outcome.player), []).append(outcome)
    rows = []
    for (collection, kind, player), members in groups.items():
        by_piece: dict[str, list[Track]] = {}
        for outcome in members:
            by_piece.setdefault(outcome.piece, []).extend(outcome.tracks)
        pooled = measure([track for tracks in by_piece.values() for track in tracks])
        rows.append(Row(collection, kind, player, len(by_piece), pooled, bootstrap(list(by_piece.values()))))
    return rows


def bootstrap(pieces: Sequence[Sequence[Track]], seed: int = 0) -> dict[str, tuple[float, float]]:
    """Intervals of r_on, r_tue and the mean error in px: pieces drawn with replacement, tracks kept whole."""
    sums = np.array([_sums(tracks) for tracks in pieces])
    picks = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    onsets, tracked, runs, ended, error_px = sums[picks].sum(axis=1).T
    tail = 100 * (1 - CONFIDENCE) / 2
    drawn = {
        "r_on": tracked / onsets,
        "r_tue": ended / runs,
        "error_mean_px": error_px / np.maximum(tracked, 1),
    }
    return {name: _interval(values, tail) for name, values in drawn.items()}


def _sums(tracks: Sequence[Track]) -> tuple[float, ...]:
    """Onsets, tracked onsets, runs, runs to the end and the sum of errors (px) of one piece."""
    return (
        sum(len(track.tracked) for track in tracks),
        sum(int(track.tracked.sum()) for track in tracks),
        len(tracks),
        sum(bool(track.tracked.all()) for track in tracks),
        sum(float(np.abs(track.error_px[track.tracked]).sum()) for track in tracks),
    )


def _interval(values: FloatArray, tail: float) -> tuple[float, float]:
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found; `skipped` are items that could not be built, with the reason."""

    settings: dict[str, Any]
    rows: list[Row]
    outcomes: list[Outcome] = field(repr=False)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Settings, rows, and every item by itself; NaN (no onset tracked) becomes null."""
        items = [{
            "name": outcome.item, "collection": outcome.collection, "kind": outcome.kind,
            "player": outcome.player, **_plain(measure(outcome.tracks)),
        } for outcome in self.outcomes]
        rows = [{**asdict(row), "measures": _plain(row.measures)} for row in self.rows]
        document = {
            "version": 1, "settings": self.settings, "rows": rows, "items": items, "skipped": self.skipped
        }
        return json.dumps(document, indent=1, allow_nan=False)

    def to_markdown(self) -> str:
        """The settings and a line for every row, with the intervals of R_on and of R_tue."""
        made = f"Made by `launch.py evaluate follower` with {json.dumps(self.settings)}."
        lines = [made, "", *_MARKDOWN_HEAD]
        lines += [_markdown_row(row) for row in self.rows]
        lines += ["", *(f"Left out: {name} ({reason})" for name, reason in self.skipped.items())]
        return "\n".join(lines).rstrip() + "\n"

    def save(self, path: Path) -> None:
        """Write `to_json`, and `to_markdown` beside it; raises RipienoError where that fails."""
        try:
            replace_file(path, self.to_json().encode())
            replace_file(path.with_suffix(".md"), self.to_markdown().encode())
        except OSError as error:
            raise RipienoError(f"could not write {path} ({error.strerror}); choose another place") from error


_MARKDOWN_COLUMNS = (
    "music", "agent", "pieces", "runs", "R_tue", "R_on", "error px", "error cm",
    *(f"<= {limit_s:g} s" for limit_s in WITHIN_S), "old R_tue", "old R_on",
)  # fmt: skip
_MARKDOWN_HEAD = (
    "| " + " | ".join(_MARKDOWN_COLUMNS) + " |",
    "|---|---|" + "---:|" * (len(_MARKDOWN_COLUMNS) - 2),
)


def _markdown_row(row: Row) -> str:
    """Errors as mean and standard deviation; in brackets the 95 % interval over pieces."""
    m = row.measures
    shares = {
        name: "{:.3f} ({:.2f} to {:.2f})".format(getattr(m, name), *row.intervals[name])
        for name in ("r_tue", "r_on")
    }
    cells = (
        f"{row.collection}, {row.kind}", row.player, str(row.pieces), str(m.tracks),
        shares["r_tue"], shares["r_on"], f"{m.error_mean_px:.1f} ± {m.error_sd_px:.1f}",
        f"{m.error_mean_cm:.2f} ± {m.error_sd_cm:.2f}", *(f"{m.within[s]:.3f}" for s in WITHIN_S),
        f"{m.r_tue_old:.3f}", f"{m.r_on_old:.3f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _plain(row: Measures) -> dict[str, Any]:
    values = {**asdict(row), "error_mean_cm": row.error_mean_cm, "error_sd_cm": row.error_sd_cm}
    values["within"] = {f"{limit_s:g} s": share for limit_s, share in row.within.items()}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def tables(rows: Sequence[Row]) -> tuple[Table, Table]:
    """The rows for a terminal: the game's measures, then shares within a time and the old convention.

    In brackets the 95 % interval over pieces. Shares: of all onsets, lost or not. Old: see `measures`.
    """
    game = _table("The game", "pieces", "runs", "R_tue", "R_on", "error px", "error cm")
    shares = _table("Onsets within", *(f"{s:g} s" for s in WITHIN_S), "old R_tue", "old R_on")
    for row in rows:
        m, (low, high) = row.measures, row.intervals["r_on"]
        head = (f"{row.collection}, {row.kind}", row.player)
        game.add_row(
            *head, str(row.pieces), str(m.tracks),
            f"{m.r_tue:.3f}", f"{m.r_on:.3f} ({low:.2f} to {high:.2f})",
            f"{m.error_mean_px:.1f} ± {m.error_sd_px:.1f}", f"{m.error_mean_cm:.2f} ± {m.error_sd_cm:.2f}",
        )
        within = (f"{m.within[s]:.3f}" for s in WITHIN_S)
        shares.add_row(*head, *within, f"{m.r_tue_old:.3f}", f"{m.r_on_old:.3f}")
    return game, shares


def _table(title: str, *columns: str) -> Table:
    result = Table(title=title)
    result.add_column("music")
    result.add_column("player")
    for column in columns:
        result.add_column(column, justify="right", no_wrap=True)
    return result


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
    console: Console | None = None,
) -> Evaluation:
    """Measure agents (players' names, .safetensors files; by default the shipped follower) beside the optimal
    player and the steady baseline, on music they never saw.

    Without `source`: the bundled pieces at 0.7, 1 and 1.3 times their tempo, and `generated` pieces made up
    for this. With it, the held-out part of the folders of music that lie in `source`. Of all this at
    most `count` performances, drawn by `seed`; 0 is all. With `room`, each is heard in a simulated room too;
    `as_written` has scores played exactly so, at the marked tempo, as in the paper. Shows progress and the
    tables on `console`, and writes them to `json_path` and, as Markdown, beside it, after every performance
    anew. Raises RipienoError where an agent, the sound set or what simulates rooms is missing, or nothing
    could be built.
    """
    from models import held_out

    playing = held_out.AS_WRITTEN if as_written else held_out.AS_A_PERSON
    recipes = held_out.from_folder(source, playing) if source else held_out.default(generated, playing)
    recipes = held_out.drawn(recipes, count, seed)
    recipes = held_out.each_in_a_room(recipes, seed) if room else recipes
    agents = tuple(agents) or ("follower",)
    contestants = [
        Contestant("optimal", lambda truth, trial: OptimalPlayer(truth)),
        Contestant("steady", lambda truth, trial: SteadyPlayer()),
        *(_contestant(agent, seed, trials) for agent in agents),
    ]
    unheard = find_unheard_sound_set()
    settings = {
        "agents": list(agents), "trials": trials, "seed": seed, "source": source.name if source else None,
        "count": count, "room": room, "as_written": as_written,
        "unheard_sound_set": unheard.name if unheard else None,
    }  # fmt: skip
    console = console or Console()
    result = Evaluation(settings, [], [], {})
    for outcome in evaluate(contestants, built(recipes, result.skipped, console)):
        result.outcomes.append(outcome)
        if outcome.player == contestants[-1].name:
            result.rows[:] = tabulate(result.outcomes)
            if json_path:
                result.save(json_path)
    if not result.outcomes:
        raise RipienoError("nothing could be evaluated: " + "; ".join(list(result.skipped.values())[:3]))
    if json_path:
        result.save(json_path)    # what was left out after the last performance, too
    console.print(*tables(result.rows))
    return result


def _contestant(agent: str, seed: int, trials: int) -> Contestant:
    """An agent by name or checkpoint; one that draws nothing plays once."""
    players = load_trials(agent, seed, trials)
    return Contestant(label(agent), lambda truth, trial: players[trial], len(players))


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
