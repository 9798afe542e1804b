"""The best scores of Play, by piece: a small JSON file, replaced in one stroke.

Used by the thread of the window. A damaged file is set aside, never overwritten, nor one that was set aside.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.engine.clock import wall_time
from pieces.files import read_json, replace_file, set_aside

_log = logging.getLogger(__name__)
KEPT = 5


@dataclass(frozen=True)
class Score:
    """One game: points 0..1000, the share of the piece that was followed, the day."""

    points: int
    followed: float
    day: str


class BestScores:
    """The five best games of every piece."""

    def __init__(self, path: Path, tell: Callable[[str], object] = _log.warning) -> None:
        self.path, self._tell = path, tell

    def of(self, piece: str) -> list[Score]:
        """Best first."""
        return _scores(self._read().get(piece))

    def add(self, piece: str, points: int, followed: float) -> int:
        """Take a game in; its rank from 1, or 0 where it is not among the best.

        Raises OSError where the file cannot be written.
        """
        everything = self._content()
        score = Score(points, round(followed, 3), f"{wall_time():%Y-%m-%d}")
        ranked = sorted([*_scores(everything.get(piece)), score], key=lambda entry: -entry.points)[:KEPT]
        everything[piece] = [asdict(entry) for entry in ranked]
        replace_file(self.path, json.dumps(everything, indent=1).encode())
        return ranked.index(score) + 1 if score in ranked else 0

    def _read(self) -> dict[str, Any]:
        """What is to be shown: nothing for as long as the file cannot be read."""
        try:
            return self._content()
        except OSError as problem:
            _log.warning("best scores: %s", problem)
            return {}

    def _content(self) -> dict[str, Any]:
        """Raises OSError where the file cannot be read, or is damaged and cannot be set aside."""
        try:
            content = read_json(self.path)
        except FileNotFoundError:
            return {}
        except ValueError as problem:
            _log.warning("best scores: %s", problem)
            content = None
        if isinstance(content, dict):
            return content
        aside = set_aside(self.path, wall_time())
        self._tell(f"The best scores were damaged; they begin anew, the old file is kept as {aside.name}.")
        return {}


def _scores(rows: Any) -> list[Score]:
    scores = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or not isinstance(row.get("points"), int):
            continue
        followed = row.get("followed")
        share = float(followed) if isinstance(followed, (int, float)) else 0.0
        scores.append(Score(row["points"], share, str(row.get("day", ""))))
    return scores
