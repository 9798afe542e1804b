"""What an evaluation found: outcomes item by item, rows with intervals, tables, and the file of it all.

Pure but for reading and writing that file. Runs in the process that evaluates.
"""
from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from models.game import CM_PER_PX, FloatArray
from models.measures import WITHIN_S, Measures, pool
from models.reports import as_json, save_report
from pieces.errors import RipienoError
from pieces.files import read_json

VERSION = 2
RESAMPLES = 2000
CONFIDENCE = 0.95
SHOWN_S = 0.5
"""The time whose share has its interval in the terminal, too: what followers are compared by."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """All trials of one player on one item; `piece` is what intervals are over."""

    item: str
    piece: str
    collection: str
    kind: str
    player: str
    measures: Measures


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
        by_piece: dict[str, list[Measures]] = {}
        for outcome in members:
            by_piece.setdefault(outcome.piece, []).append(outcome.measures)
        pieces = [pool(parts) for parts in by_piece.values()]
        rows.append(Row(collection, kind, player, len(pieces), pool(pieces), bootstrap(pieces)))
    return rows


def within_name(limit_s: float) -> str:
    """The share of onsets within a time, as intervals are named."""
    return f"within {limit_s:g} s"


def bootstrap(pieces: Sequence[Measures], seed: int = 0) -> dict[str, tuple[float, float]]:
    """Intervals of r_on, r_tue, the mean error in px and cm, and the shares within a time, by name.

    Pieces are drawn with replacement, each kept whole.
    """
    sums = np.array([_sums(piece) for piece in pieces])
    picks = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    onsets, tracked, runs, ended, error_px, *within = sums[picks].sum(axis=1).T
    tail = 100 * (1 - CONFIDENCE) / 2
    mean_px = error_px / np.maximum(tracked, 1)
    drawn = {
        "r_on": tracked / onsets,
        "r_tue": ended / runs,
        "error_mean_px": mean_px,
        "error_mean_cm": mean_px * CM_PER_PX,
        **{within_name(s): near / onsets for s, near in zip(WITHIN_S, within, strict=True)},
    }
    return {name: _interval(values, tail) for name, values in drawn.items()}


def _sums(piece: Measures) -> tuple[float, ...]:
    """Onsets, tracked onsets, runs, runs to the end, the sum of errors (px), and onsets within each time."""
    tracked = round(piece.r_on * piece.onsets)
    error_px = piece.error_mean_px * tracked if tracked else 0.0
    within = (round(piece.within[limit_s] * piece.onsets) for limit_s in WITHIN_S)
    return piece.onsets, tracked, piece.tracks, round(piece.r_tue * piece.tracks), error_px, *within


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
            "name": outcome.item, "piece": outcome.piece, "collection": outcome.collection,
            "kind": outcome.kind, "player": outcome.player, **_plain(outcome.measures),
        } for outcome in self.outcomes]
        rows = [{**asdict(row), "measures": _plain(row.measures)} for row in self.rows]
        document = {
            "version": VERSION, "settings": self.settings, "rows": rows, "items": items,
            "skipped": self.skipped,
        }  # fmt: skip
        return as_json(document)

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Inverse of `save`; raises RipienoError for any other file."""
        try:
            document = read_json(path)
            if document["version"] != VERSION:
                raise ValueError("of another version")
            outcomes = [
                Outcome(item["name"], item["piece"], item["collection"], item["kind"], item["player"],
                        _measures_of(item))
                for item in document["items"]
            ]  # fmt: skip
            return cls(dict(document["settings"]), tabulate(outcomes), outcomes, dict(document["skipped"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RipienoError(f"{path} holds no evaluation to go on with ({error}).") from error

    def to_markdown(self) -> str:
        """The settings and a line for every row, with intervals."""
        made = f"Made by `launch.py evaluate follower` with {json.dumps(self.settings)}."
        lines = [made, "", *_MARKDOWN_HEAD]
        lines += [_markdown_row(row) for row in self.rows]
        lines += ["", *(f"Left out: {name} ({reason})" for name, reason in self.skipped.items())]
        return "\n".join(lines).rstrip() + "\n"

    def save(self, path: Path) -> None:
        """Write `to_json`, and `to_markdown` beside it; raises RipienoError where that fails."""
        save_report(path, self.to_json(), self.to_markdown())


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
    cells = (
        f"{row.collection}, {row.kind}", row.player, str(row.pieces), str(m.tracks),
        _bracketed(f"{m.r_tue:.3f}", row, "r_tue"), _bracketed(f"{m.r_on:.3f}", row, "r_on"),
        _bracketed(f"{m.error_mean_px:.1f} ± {m.error_sd_px:.1f}", row, "error_mean_px", 1),
        _bracketed(f"{m.error_mean_cm:.2f} ± {m.error_sd_cm:.2f}", row, "error_mean_cm"),
        *(_bracketed(f"{m.within[s]:.3f}", row, within_name(s), 3) for s in WITHIN_S),
        f"{m.r_tue_old:.3f}", f"{m.r_on_old:.3f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _bracketed(figure: str, row: Row, name: str, digits: int = 2) -> str:
    """A figure, and its interval in brackets."""
    low, high = row.intervals[name]
    return f"{figure} ({low:.{digits}f} to {high:.{digits}f})"


def _plain(row: Measures) -> dict[str, Any]:
    values = {**asdict(row), "error_mean_cm": row.error_mean_cm, "error_sd_cm": row.error_sd_cm}
    values["within"] = {f"{limit_s:g} s": share for limit_s, share in row.within.items()}
    return values


def _measures_of(plain: Mapping[str, Any]) -> Measures:
    """Inverse of `_plain`."""
    values = {each.name: plain[each.name] for each in fields(Measures)}
    values = {name: math.nan if value is None else value for name, value in values.items()}
    within = {limit_s: float(values["within"][f"{limit_s:g} s"]) for limit_s in WITHIN_S}
    return Measures(**{**values, "within": within})


def tables(rows: Sequence[Row]) -> tuple[Table, Table]:
    """The rows for a terminal: the game's measures, then shares within a time and the old convention.

    In brackets the 95 % interval over pieces, of R_on and of the share within :data:`SHOWN_S`; the files have
    all of them. Shares: of all onsets, lost or not. Old: see `measures`.
    """
    game = _table("The game", "pieces", "runs", "R_tue", "R_on", "error px", "error cm")
    shares = _table("Onsets within", *(f"{s:g} s" for s in WITHIN_S), "old R_tue", "old R_on")
    for row in rows:
        m = row.measures
        head = (f"{row.collection}, {row.kind}", row.player)
        game.add_row(
            *head, str(row.pieces), str(m.tracks),
            f"{m.r_tue:.3f}", _bracketed(f"{m.r_on:.3f}", row, "r_on"),
            f"{m.error_mean_px:.1f} ± {m.error_sd_px:.1f}", f"{m.error_mean_cm:.2f} ± {m.error_sd_cm:.2f}",
        )
        within = {s: f"{m.within[s]:.3f}" for s in WITHIN_S}
        within[SHOWN_S] = _bracketed(within[SHOWN_S], row, within_name(SHOWN_S), 3)
        shares.add_row(*head, *within.values(), f"{m.r_tue_old:.3f}", f"{m.r_on_old:.3f}")
    return game, shares


def _table(title: str, *columns: str) -> Table:
    result = Table(title=title)
    result.add_column("music")
    result.add_column("player")
    for column in columns:
        result.add_column(column, justify="right", no_wrap=True)
    return result
