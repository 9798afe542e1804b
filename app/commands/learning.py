"""`data build`, `train` and `evaluate`: from folders of music to a checkpoint and its figures.

Runs on the main thread; torch is imported only when a command runs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from app.commands import UsageProblem
from app.console import console, progress
from models.evaluation_only import refuse_training_on
from models.training import TRAINED

if TYPE_CHECKING:
    from models.follower.data import Conditions

DATA_SETS = {"generated": "models.follower.data", "lieder": "models.follower.data",
             "nottingham": "models.follower.data", "mutopia": "models.follower.mutopia",
             "prints": "models.follower.prints", "nottingham-game": "models.paper.rounds",
             "msmd": "models.paper.msmd", "human": "models.human", "launchpad": "models.launchpad.data",
             "launchpad-sustained": "models.launchpad.data", "chorales": "models.duet.data"}  # fmt: skip
"""The module whose `build` makes it."""
FOLLOWERS = {"generated", "lieder", "mutopia", "nottingham"}
"""The follower's: played so many times, as differently as one likes."""
PRINTED = {"prints"}
"""Engraved so many times, never played."""
EVALUATION_ONLY = {"human"}
NEEDS_NO_FOLDER = {"generated", "chorales"}
EVALUATED = {"follower": "models.evaluation", "follower-finding": "models.finding",
             "launchpad": "models.launchpad.evaluation",
             "launchpad-tabular": "models.launchpad.tabular_study",
             "duet": "models.duet.evaluation"}  # fmt: skip
"""The module whose `evaluate_NAME` measures it."""
MEASURED_WITH = {"follower": ("source", "agents", "trials", "count", "room", "as_written", "recorded",
                              "resume"),
                 "follower-finding": ("source", "agents", "trials"),
                 "launchpad": ("source", "agents", "songs"),
                 "launchpad-tabular": (),
                 "duet": ("source", "agents", "validation")}  # fmt: skip
"""The options of `evaluate` that only some of them take."""
FLAGS = {"source": "from", "agents": "agent"}
"""What an option is called by the user, where that is not its name."""
BESIDE_JSON = (".md", ".png")
"""Endings of the files that `evaluate` puts beside that of --json."""

data_cli = typer.Typer(no_args_is_help=True, help="Make training data out of folders of music.")

NameArgument = Annotated[str, Argument(metavar="NAME")]
SourceFolder = Annotated[
    Path | None,
    Option("--from", exists=True, file_okay=False, metavar="DIR", help="The folder that holds it."),
]
TargetFolder = Annotated[Path, Option("--out", file_okay=False, metavar="DIR", help="Where the data goes.")]
ConfigFile = Annotated[
    Path | None, Option(exists=True, dir_okay=False, metavar="FILE", help="Settings, JSON.")
]


@data_cli.command()
def build(
    name: NameArgument,
    target: TargetFolder,
    source: SourceFolder = None,
    count: Annotated[int, Option(min=0, metavar="N", help="At most so many pieces; 0 is all.")] = 0,
    workers: Annotated[int, Option(min=1, metavar="N", help="Processes at work.")] = 2,
    renderings: Annotated[
        int | None, Option(min=1, metavar="N", help="Each of the follower's pieces played so often; 2.")
    ] = None,
    rooms: Annotated[
        float | None,
        Option(min=0.0, max=1.0, metavar="SHARE", help="So much of the follower's in simulated rooms."),
    ] = None,
    tempo: Annotated[
        float | None,
        Option(
            min=1.0, max=4.0, metavar="FACTOR",
            help="The follower's, at 1/FACTOR to FACTOR times their tempo; 1.4.",
        ),
    ] = None,
    silence: Annotated[
        float | None,
        Option(min=0.0, max=30.0, metavar="SECONDS", help="Up to so much more of it before the follower's."),
    ] = None,
    print_factor: Annotated[
        float | None,
        Option(
            "--print", min=1.0, max=1.5, metavar="FACTOR",
            help="The follower's, at 1/FACTOR to FACTOR times their size and spacing as engraved; 1.",
        ),
    ] = None,
    liberties: Annotated[
        float | None,
        Option(
            min=0.0, max=1.0, metavar="SHARE",
            help="So much of the follower's by pianists who change tempo, hold notes and add ornaments.",
        ),
    ] = None,
    rewritten: Annotated[
        float | None,
        Option(
            min=0.0, max=1.0, metavar="SHARE",
            help="So many of the prints in another key, with ledger and octave lines, clefs, accidentals "
            "and doublings that the piece has not.",
        ),
    ] = None,
) -> None:
    """Make the data set NAME: generated, lieder, mutopia, nottingham, prints, nottingham-game, msmd,
    human, launchpad, launchpad-sustained or chorales.

    mutopia is MSMD for the follower, without its test pieces. human is for `evaluate follower --from` alone:
    people's performances, engraved and rendered once; nothing trains on it.

    What is there is kept: it can be resumed.
    """
    make = _module(DATA_SETS, name, "data set").build
    if name not in EVALUATION_ONLY:
        refuse_training_on([target])
    if source is None and name not in NEEDS_NO_FOLDER:
        raise UsageProblem(f"data build {name} reads a folder: name it with --from.")
    given = {
        "renderings": renderings, "rooms": rooms, "tempo": tempo, "silence": silence, "print": print_factor,
        "liberties": liberties, "rewritten": rewritten,
    }  # fmt: skip
    in_print = {"renderings", "rewritten"}
    takes = given.keys() - {"rewritten"} if name in FOLLOWERS else in_print if name in PRINTED else set()
    foreign = [option for option, value in given.items() if value is not None and option not in takes]
    if foreign:
        having = PRINTED if foreign[0] == "rewritten" else FOLLOWERS
        raise UsageProblem(f"data build {name} has no --{foreign[0]}; {', '.join(sorted(having))} have.")
    options: dict[str, Any] = {} if renderings is None else {"renderings": renderings}
    if rewritten is not None:
        options["rewritten"] = rewritten
    if name in FOLLOWERS:
        options["conditions"] = _conditions(rooms, tempo, silence, print_factor, liberties)
    done = skipped = 0
    with progress(f"Building {name}") as advance:
        for done, total, reason in make(name, source, target, count=count, workers=workers, **options):
            skipped += bool(reason)
            advance(done, total)
    console.print(
        f"{name}: {done - skipped} pieces in {target}, {skipped} skipped.", markup=False, soft_wrap=True
    )


def _conditions(
    rooms: float | None,
    tempo: float | None,
    silence: float | None,
    print_factor: float | None,
    liberties: float | None,
) -> Conditions:
    """How differently the follower's data are played and printed: as usual, where nothing was given."""
    from models.follower.data import USUAL

    return dataclasses.replace(
        USUAL,
        rooms=USUAL.rooms if rooms is None else rooms,
        tempo_log=USUAL.tempo_log if tempo is None else math.log(tempo),
        silence_s=USUAL.silence_s if silence is None else silence,
        print_log=USUAL.print_log if print_factor is None else math.log(print_factor),
        liberties=USUAL.liberties if liberties is None else liberties,
    )


@data_cli.command()
def pack(
    folders: Annotated[
        list[Path], Argument(exists=True, file_okay=False, metavar="FOLDER...", help="Made by data build.")
    ],
    target: Annotated[Path, Option("--out", dir_okay=False, metavar="FILE", help="The packed file.")],
    limit_mb: Annotated[float, Option(min=0.001, metavar="MB", help="Its size at most.")] = 60.0,
) -> None:
    """Put what `data build` made for followers into one small file, to train from on another machine.

    Name the file as "data" in the configuration of `train follower` or `train follower-paper`. It holds no
    test pieces; frames are rounded to 0.02 (log10), ink to 16 shades.
    """
    from models.follower.train import library_items
    from models.packing import pack, pieces_to_pack
    from models.paper.rounds import splits_in

    pieces = pieces_to_pack(folders, splits_in, library_items())
    with progress("Packing") as advance:
        for packed in pack(pieces, target, round(limit_mb * 1e6)):
            advance(packed.pieces, len(pieces))
    console.print(
        f"{target}: {packed.pieces} pieces, {packed.size_bytes / 1e6:.1f} MB; "
        f"{packed.left_out} more did not fit.",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def train(
    name: NameArgument,
    config: ConfigFile = None,
    resume: Annotated[bool, Option("--resume", help="Go on where it stopped.")] = False,
) -> None:
    """Train NAME; interrupt it at will and go on with --resume."""
    _module(TRAINED, name, "agent to train").train(config, resume)


def evaluate(
    name: NameArgument,
    json: Annotated[
        Path | None, Option("--json", metavar="OUT", help="Write the figures as JSON too.")
    ] = None,
    source: SourceFolder = None,
    trials: Annotated[
        int | None, Option(min=1, metavar="N", help="Times each piece is followed, or left; 10.")
    ] = None,
    agents: Annotated[
        list[str] | None, Option("--agent", metavar="NAME", help="An agent, or a .safetensors file.")
    ] = None,
    count: Annotated[
        int | None, Option(min=0, metavar="N", help="So many performances by --seed; 0: all.")
    ] = None,
    room: Annotated[bool, Option("--room", help="The follower's music in simulated rooms, too.")] = False,
    songs: Annotated[
        int | None, Option(min=1, metavar="N", help="Launchpad songs of each start; 200.")
    ] = None,
    validation: Annotated[
        bool, Option("--validation", help="Duet's chorales for choosing settings, not those held out.")
    ] = False,
    as_written: Annotated[
        bool, Option("--as-written", help="The follower hears scores played exactly as written.")
    ] = False,
    recorded: Annotated[
        bool, Option("--recorded", help="Of MSMD, the 16 pieces that the paper's pianists recorded.")
    ] = False,
    resume: Annotated[
        bool, Option("--resume", help="The follower: go on with the file of --json, its agents unchanged.")
    ] = False,
    seed: Annotated[int, Option(min=0, metavar="N", help="Same seed, same figures.")] = 0,
) -> None:
    """Measure NAME: follower, follower-finding, launchpad, duet; launchpad-tabular draws figures.

    The follower is measured on music that it never saw, bundled and generated or that of a folder, people's
    performances through a sound set that it never heard; --room adds a simulated room to each. Agents to
    compare it with: belief (the same, steered by rule and not by what it learned from reward), midi-odtw,
    omr-odtw, hindsight, matchmaker.
    follower-finding says how soon it is back after jumps, restarts and pauses. Launchpad agents are measured
    by the corpus composed by rule, or one that `data build launchpad` made; duet's, all that are shipped, on
    chorales that they never saw, bundled or those of a folder that `data build chorales` made.
    """
    module = _module(EVALUATED, name, "agent to evaluate")
    given = {"source": source, "trials": trials, "agents": agents, "songs": songs, "count": count,
             "validation": validation, "room": room, "as_written": as_written, "recorded": recorded,
             "resume": resume}  # fmt: skip
    options: dict[str, Any] = {
        option: value
        for option, value in given.items()
        if value is not None and value is not False and value != []
    }
    _refuse_foreign(name, options)
    if json is not None and json.suffix in BESIDE_JSON:
        raise UsageProblem(
            "give --json a file that ends in .json: tables and pictures of its name are put beside it."
        )
    measure = getattr(module, f"evaluate_{name.replace('-', '_')}")
    measure(json, seed=seed, console=console, **options)


def _refuse_foreign(name: str, options: Iterable[str]) -> None:
    """Raises UsageProblem where `evaluate NAME` takes one of the options not."""
    for option in options:
        if option not in MEASURED_WITH[name]:
            flag = FLAGS.get(option, option.replace("_", "-"))
            takers = ", ".join(taker for taker, taken in MEASURED_WITH.items() if option in taken)
            raise UsageProblem(f"evaluate {name} has no --{flag}; it is for {takers}.")


def _module(table: Mapping[str, str], name: str, what: str) -> Any:
    if name not in table:
        raise UsageProblem(f'there is no {what} called "{name}"; there is {", ".join(sorted(table))}.')
    return import_module(table[name])


def register(cli: typer.Typer) -> None:
    """Add the commands that stand at the top level."""
    cli.command()(train)
    cli.command()(evaluate)
