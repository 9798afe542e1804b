"""Jumps, restarts, pauses: whether a follower that plays with a musician finds the music again, how soon.

`launch.py evaluate follower-finding` runs it. The game of the paper knows none of these; a musician who
practises does little else. Players are loaded as the program loads them (they may relocate, and rest after
every answer). Runs in the process that calls it.
"""
from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models import held_out
from models.evaluation import EvaluationItem, built
from models.features import SPEC, frames
from models.game import Truth
from models.players import Player, labels, load_player, rest
from models.reports import as_json, save_report
from pieces.errors import RipienoError
from pieces.piece import Piece

Sound = NDArray[np.float32]
Kind = Literal["jump", "restart", "pause"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GAP_S: dict[Kind, float] = {"jump": 0.5, "restart": 0.5, "pause": 5.0}
"""Silence before the music goes on: hands need a moment to move."""
BEFORE_S, AFTER_S = 10.0, 12.0
"""At most so much is heard before the break and after it."""
SHORTEST_AFTER_S = 5.0
STAYS_S = 1.0
"""Found is who then stays with the music for so long."""
FAR = 3.0
"""A jump leads at least so many times the game's b away."""
WITHIN_S = (1.0, 3.0, 6.0)
FADE_S = 0.01


@dataclass(frozen=True)
class Break:
    """The music stops before frame `leave` (heard since `begin`) and goes on at frame `arrive` of the same
    performance."""

    kind: Kind
    begin: int
    leave: int
    arrive: int


def draw_break(kind: Kind, piece: Piece, truth: Truth, rng: np.random.Generator) -> Break | None:
    """A break at a random place of a performance; None where the piece is too short for one."""
    fps, last = SPEC.fps, truth.last_frame
    onsets = truth.onset_frames[truth.onset_frames <= last - SHORTEST_AFTER_S * fps]
    leaves = onsets[onsets >= truth.first_frame + SHORTEST_AFTER_S * fps]
    if not len(leaves):
        return None
    leave = int(rng.choice(leaves))
    begin = max(truth.first_frame, leave - round(BEFORE_S * fps))
    if kind == "pause":
        return Break(kind, begin, leave, leave)
    if kind == "restart":
        far = not _same_place(piece, truth.x_px[truth.first_frame], truth.x_px[leave], FAR)
        return Break(kind, begin, leave, truth.first_frame) if far else None
    places = [f for f in onsets if not _same_place(piece, truth.x_px[f], truth.x_px[leave], FAR)]
    return Break(kind, begin, leave, int(rng.choice(places))) if places else None


def _same_place(piece: Piece, one_px: float, other_px: float, tolerances: float = 1.0) -> bool:
    """Within b on the strip or the page: a passage written once and played twice looks and sounds alike."""
    reach_px = tolerances * piece.tolerance_px
    if abs(one_px - other_px) <= reach_px:
        return True
    one, other = piece.place_at_x(float(one_px)), piece.place_at_x(float(other_px))
    scale = piece.segment_at_x(float(one_px)).scale
    same_system = (one.page, one.system) == (other.page, other.system)
    return same_system and abs(one.page_x_px - other.page_x_px) * scale <= reach_px


def broken_sound(audio: Sound, where: Break, last_frame: int) -> tuple[Sound, int]:
    """What is heard, (T, 78) frames, and the frame in it at which the music goes on.

    audio: (n,) float32, the whole performance at the frames' rate; `last_frame` is its last onset's.
    """
    end = min(where.arrive + round(AFTER_S * SPEC.fps), last_frame + 1)
    before = audio[SPEC.frame_sample(where.begin):SPEC.frame_sample(where.leave)].copy()
    after = audio[SPEC.frame_sample(where.arrive):SPEC.frame_sample(end)]
    fade = round(FADE_S * SPEC.sample_rate)
    before[-fade:] *= np.linspace(1.0, 0.0, len(before[-fade:]), dtype=np.float32)
    goes_on = where.leave - where.begin + round(GAP_S[where.kind] * SPEC.fps)
    silence = np.zeros(SPEC.frame_sample(goes_on) - len(before), np.float32)
    return frames(np.concatenate((before, silence, after))), goes_on


def found_after_s(player: Player, item: EvaluationItem, truth: Truth, where: Break) -> float:
    """Seconds from the first sound after the break until the cursor is with the music and stays there.

    The player is opened on the piece. Infinite if that does not happen.
    """
    heard, goes_on = broken_sound(item.audio, where, truth.last_frame)
    player.reset(truth.x_at_frame(where.begin))
    there = []
    for index, frame in enumerate(heard):
        cursor_px = player.step(frame).x_px
        rest(player)
        if index >= goes_on:
            true_px = truth.x_at_frame(where.arrive + index - goes_on)
            there.append(_same_place(item.piece, cursor_px, true_px))
    return _first_stay(there) / SPEC.fps


def _first_stay(there: Sequence[bool]) -> float:
    """The first frame from which on it is there for STAYS_S, or infinity."""
    enough = round(STAYS_S * SPEC.fps)
    stayed = 0
    for index, here in enumerate(there):
        stayed = stayed + 1 if here else 0
        if stayed == enough:
            return float(index + 1 - enough)
    return math.inf


@dataclass(frozen=True)
class Finding:
    """One break and how long the player took; infinite if it did not find the music."""

    player: str
    item: str
    collection: str
    music: str
    where: Break
    seconds: float


@dataclass(frozen=True)
class Row:
    """A line of the table: shares of breaks after which the music was found within so many seconds."""

    collection: str
    music: str
    player: str
    kind: Kind
    breaks: int
    within: dict[float, float]
    ever: float
    median_s: float

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Row:
        """All of one player, kind and sort of music."""
        first, seconds = findings[0], np.array([finding.seconds for finding in findings])
        within = {limit_s: float((seconds <= limit_s).mean()) for limit_s in WITHIN_S}
        ever, median_s = float(np.isfinite(seconds).mean()), float(np.median(seconds))
        return cls(first.collection, first.music, first.player, first.where.kind, len(seconds), within, ever,
                   median_s)  # fmt: skip


@dataclass(frozen=True)
class FindingEvaluation:
    """What was found; `skipped` are items that could not be built, with the reason."""

    settings: dict[str, Any]
    findings: list[Finding] = field(repr=False)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """By collection, music, player and kind of break, in the order they first came."""
        groups: dict[tuple[str, ...], list[Finding]] = {}
        for finding in self.findings:
            key = (finding.collection, finding.music, finding.player, finding.where.kind)
            groups.setdefault(key, []).append(finding)
        return [Row.of(members) for members in groups.values()]

    def to_json(self) -> str:
        """Settings, rows and every break; infinity (never found) becomes null."""
        rows, breaks = list(map(asdict, self.rows)), list(map(asdict, self.findings))
        document = {"version": 1, "settings": self.settings, "rows": rows, "breaks": breaks,
                    "skipped": self.skipped}  # fmt: skip
        return as_json(document)

    def to_markdown(self) -> str:
        """The settings and a line for every row."""
        lines = [f"Made by `launch.py evaluate follower-finding` with {json.dumps(self.settings)}.", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)]
        lines += ["| " + " | ".join(_cells(row)) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"

    def save(self, path: Path) -> None:
        """Write `to_json`, and `to_markdown` beside it; raises RipienoError where that fails."""
        save_report(path, self.to_json(), self.to_markdown())


COLUMNS = ("music", "agent", "break", "breaks", *(f"<= {limit_s:g} s" for limit_s in WITHIN_S), "at all",
           "median s")  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    shares = (f"{row.within[limit_s]:.3f}" for limit_s in WITHIN_S)
    median = f"{row.median_s:.2f}" if math.isfinite(row.median_s) else "never"
    return (f"{row.collection}, {row.music}", row.player, row.kind, str(row.breaks), *shares,
            f"{row.ever:.3f}", median)  # fmt: skip


def evaluate_follower_finding(
    json_path: Path | None = None,
    source: Path | None = None,
    agents: Sequence[str] = (),
    trials: int = 10,
    seed: int = 0,
    generated: int = 24,
    console: Console | None = None,
) -> FindingEvaluation:
    """`trials` breaks of each kind in every performance of music that was never trained on.

    agents: players' names or .safetensors files; by default the shipped follower. `source` as
    :func:`models.evaluation.evaluate_follower` takes it; without it the bundled and generated pieces. Raises
    RipienoError where an agent or the sound set is missing, or nothing could be built.
    """
    recipes = held_out.from_folder(source) if source else held_out.default(generated)
    agents = tuple(dict.fromkeys(agents)) or ("follower",)
    loaded = (load_player(agent, seed, relocate=True) for agent in agents)
    players = dict(zip(labels(agents), loaded, strict=True))
    console = console or Console()
    skipped: dict[str, str] = {}
    findings: list[Finding] = []
    for item in built(recipes, skipped, console):
        findings += _broken(item, players, trials, seed)
    if not findings:
        raise RipienoError("nothing could be evaluated: " + "; ".join(list(skipped.values())[:3]))
    settings = {"agents": list(agents), "trials": trials, "seed": seed, "source": source and source.name}
    result = FindingEvaluation(settings, findings, skipped)
    console.print(_table(result.rows))
    if json_path:
        result.save(json_path)
    return result


def _broken(item: EvaluationItem, players: dict[str, Player], trials: int, seed: int) -> Iterator[Finding]:
    truth = Truth.from_performance(item.piece, item.performance)
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    drawn = [draw_break(kind, item.piece, truth, rng) for kind in KINDS for _ in range(trials)]
    for name, player in players.items():
        player.open(item.piece)
        for where in filter(None, drawn):
            seconds = found_after_s(player, item, truth, where)
            yield Finding(name, item.name, item.collection, item.kind, where, seconds)


def _table(rows: Sequence[Row]) -> Table:
    """For a terminal."""
    result = Table(title="Found again")
    for column in COLUMNS[:3]:
        result.add_column(column)
    for column in COLUMNS[3:]:
        result.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        result.add_row(*_cells(row))
    return result
