"""Figures that were measured before, of networks that do not ship, to stand beside what is measured now.

`docs/results/launchpad-pop909.json` is what `launch.py evaluate launchpad --from DIR --json` wrote: its own
rows, and as "stored" those of earlier runs whose networks were not at hand any more. So who has trained one
of them writes the file anew by the same command, and no other row is lost. Runs in the process that
evaluates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pieces.errors import RipienoError
from pieces.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "results" / "launchpad-pop909.json"
Run = dict[str, Any]
"""How it was made (command, revision), on what (corpus, songs, bars, seed), and its rows and recovery."""
FIELDS = ("command", "revision", "corpus", "songs", "bars", "seed", "rows", "recovery")
SAME_SONGS = ("songs", "bars", "seed")
BUILT_ANEW = 1e-3
"""A corpus that is built anew may differ by so large a share of its bars: another version read a few songs
otherwise. It goes by the name of the folder that it came from, so that says nothing."""


def stored_runs(conditions: Mapping[str, Any], path: Path = STORED) -> list[Run]:
    """Runs whose `corpus`, `songs`, `bars` and `seed` are those of `conditions`; none without a file.

    Raises:
        RipienoError: the file is damaged.
    """
    if not path.exists():
        return []
    try:
        document = read_json(path)
        runs = [{name: run[name] for name in FIELDS} for run in (document, *document["stored"])]
        return [run for run in runs if _agrees(run, conditions)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RipienoError(f"{path} holds no stored figures ({error}); fetch it again.") from error


def _agrees(run: Run, conditions: Mapping[str, Any]) -> bool:
    one, other = run["corpus"], conditions["corpus"]
    missing = abs(one["bars"] - other["bars"])
    same_corpus = one["roll"] == other["roll"] and missing <= BUILT_ANEW * other["bars"]
    return same_corpus and all(run[name] == conditions[name] for name in SAME_SONGS)


def players(runs: Iterable[Run]) -> set[str]:
    """Whom runs have rows of."""
    return {row["player"] for run in runs for row in run["rows"]}


def beside(runs: Sequence[Run], measured: Set[str]) -> list[Run]:
    """What the runs say of players that were not `measured`, the first of them where several do."""
    known, found = measured, []
    for run in runs:
        left = {
            part: [row for row in run[part] if row["player"] not in known] for part in ("rows", "recovery")
        }
        known = known | players([run])
        found += [{**run, **left}] if left["rows"] else []
    return found
