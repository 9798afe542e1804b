"""What the command line prints with: one console for results, one for errors, one look for progress.

Used by the main thread of a sub-command only; the window prints nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

WIDTH_IN_FILES = 200
"""Columns of what does not go to a terminal."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_FILES)
error_console = Console(stderr=True, highlight=False)

Advance = Callable[[float, float], None]
"""Called with what is done and the total, in any one unit."""


def print_error(message: str) -> None:
    """One line on standard error, never wrapped: other programs may read it."""
    line = " ".join(str(message).split())
    error_console.print(f"[bold red]ripieno:[/] {_plain(line)}", soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """Show a bar on standard error while the block runs; the block calls what it gets with (done, total).

    Where that is no terminal nothing is shown.
    """
    if not error_console.is_interactive:  # where rich would print an empty line in place of the bar
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=error_console, transient=True) as bar:
        task = bar.add_task(_plain(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(text: str) -> str:
    """Text as it is: brackets in it are no markup."""
    return text.replace("[", "\\[")
