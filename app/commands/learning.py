"""`data build`, `train` and `evaluate`: from folders of music to a checkpoint and its figures.

Runs on the main thread; imports torch only when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

data_cli = typer.Typer(no_args_is_help=True, help="Make training data out of folders of music.")

NameArgument = Annotated[str, Argument(metavar="NAME")]
SourceFolder = Annotated[
    Path, Option("--from", exists=True, file_okay=False, metavar="DIR", help="Where it lies.")
]
TargetFolder = Annotated[Path, Option("--out", file_okay=False, metavar="DIR", help="Where it goes.")]
ConfigFile = Annotated[
    Path | None, Option(exists=True, dir_okay=False, metavar="FILE", help="Settings (JSON).")
]


@data_cli.command()
def build(name: NameArgument, source: SourceFolder, target: TargetFolder) -> None:
    """Make the data set NAME; what is there already is kept, so it can be resumed."""


def train(
    name: NameArgument,
    config: ConfigFile = None,
    resume: Annotated[bool, Option("--resume", help="Go on where it stopped.")] = False,
) -> None:
    """Train NAME; interrupt it at will and go on with --resume."""


def evaluate(
    name: NameArgument,
    json: Annotated[Path | None, Option("--json", metavar="OUT", help="Write it as JSON too.")] = None,
) -> None:
    """Measure NAME on music that it never saw."""


def register(cli: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    cli.command()(train)
    cli.command()(evaluate)
