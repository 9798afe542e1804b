"""What an evaluation of launchpad agents found, as tables for the terminal and as Markdown.

Pure: from the document that `evaluation.evaluate_launchpad` makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from models.launchpad.stored import STORED
from models.launchpad.study import RECOVERY_BARS

Lines = list[list[str]]
"""A table: its titles, then its rows."""
WORDS = ("player", "start", "an action earns the state")
"""Columns of words."""


def tables(document: dict[str, Any]) -> tuple[Table, Table]:
    """The figures for a terminal."""
    title = f"{document['corpus']['name']}: {document['songs']} songs of {document['bars']} bars"
    thrown = terminal_table("Thrown into another key", recovery_lines(document))
    return terminal_table(title, game_lines(document)), thrown


def game_lines(document: dict[str, Any]) -> Lines:
    """Titles, and a line for silence, the best static bar, the oracle, the bounds, and every player."""
    silence, oracle = document["silence"], document["oracle"]
    lines = [["player", "start", "reward", "2nd half", "over silence", "to oracle", "notes", "entropy bits",
              "changing"]]  # fmt: skip
    statics = {"silence": (silence, 0.0), "best static bar": tuple(document["best_static"].values())}
    for name, (reward, notes) in statics.items():
        still = (reward, reward, reward - silence, oracle - reward, notes, 0.0, 0.0)
        lines.append([name, "any", *_figures(*still)])
    lines.append(["oracle, may jump", "any", *_figures(oracle, oracle, oracle - silence, 0.0), "", "", ""])
    for start, (whole, late) in document["bounds"].items():
        lines.append(["bound", start, *_figures(whole, late, late - silence, oracle - late), "", "", ""])
    for mark, row in _marked(document, "rows"):
        lines.append([row["player"] + mark, row["start"], *_figures(*list(row.values())[2:])])
    return lines


def recovery_lines(document: dict[str, Any]) -> Lines:
    """Titles, and a line for every player whose grid was thrown into another key."""
    lines = [["player", "reward lost", "bars until back, median", "90 %", f"back within {RECOVERY_BARS}"]]
    for mark, row in _marked(document, "recovery"):
        lines.append([row["player"] + mark, *_figures(*list(row.values())[1:])])
    return lines


def _marked(document: dict[str, Any], part: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was measured, then what is stored, with a mark that says of which run."""
    yield from (("", row) for row in document[part])
    for number, run in enumerate(document["stored"], 1):
        yield from ((f" ({number})", row) for row in run[part])


def said_of_stored(document: dict[str, Any]) -> list[str]:
    """What the marks mean; without any, where rows of other songs are."""
    if not document["stored"]:
        where = STORED.with_suffix(".md")
        return [f"Of other songs: the paper's networks on POP909, {where}"] if where.exists() else []
    return [
        f"({number}) stored: {run['corpus']['bars']:,} bars, revision {run['revision']}, {run['command']}"
        for number, run in enumerate(document["stored"], 1)
    ]


def markdown(document: dict[str, Any]) -> str:
    """The figures for a file."""
    corpus = document["corpus"]
    lines = [
        f"# Launchpad: {document['songs']} songs of {document['bars']} bars on {corpus['name']}", "",
        f"{corpus['bars']:,} {corpus['roll']} bars, seed {document['seed']}; revision "
        f"{document['revision']}: `{document['command']}`.", "",
        *markdown_table(game_lines(document)), "", "Thrown into another key:", "",
        *markdown_table(recovery_lines(document)),
    ]  # fmt: skip
    if document["stored"]:
        lines += ["", *(f"- {said}" for said in said_of_stored(document))]
    return "\n".join(lines) + "\n"


def markdown_table(lines: Lines) -> list[str]:
    """Words to the left, figures to the right."""
    titles, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    return [titles, "|" + "".join("---|" if title in WORDS else "---:|" for title in lines[0]), *rows]


def _figures(*values: float) -> list[str]:
    return [f"{value:z.2f}" for value in values]


def terminal_table(title: str, lines: Lines) -> Table:
    """Words to the left, figures to the right; where it is narrow, words are broken and figures are not."""
    result = Table(title=title, padding=(0, 1, 0, 0))
    for column, *cells in zip(*lines, strict=True):
        if column in WORDS:
            result.add_column(column, overflow="fold")
        else:
            width = max(map(len, cells), default=0)
            result.add_column(column, justify="right", overflow="fold", min_width=width)
    for row in lines[1:]:
        result.add_row(*row)
    return result
