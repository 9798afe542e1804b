"""The command line: what can be typed, and the edge at which every error becomes one line and an exit code.

Runs on the main thread. Nothing heavy is imported before the command that needs it, so `--help` answers at
once and the window opens before torch is loaded.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer import Argument, Option

from app.commands import UsageProblem, learning, library
from pieces.errors import RipienoError

if TYPE_CHECKING:
    from types import FrameType

    from app.sessions.duet.choices import DuetWishes

EXIT_FAILURE, EXIT_INTERRUPTED = 1, 130
_PROGRAM = "launch.py"

cli = typer.Typer(
    name=_PROGRAM,
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Play with trained agents in real time. Without a command, the program opens.",
)
cli.add_typer(library.cli, name="pieces")
cli.add_typer(learning.data_cli, name="data")
learning.register(cli)

PieceArgument = Annotated[
    str | None, Argument(metavar="[PIECE]", help="A name in the library, or a score file.")
]
FollowerOption = Annotated[
    str | None, Option(metavar="NAME", help="The follower that listens; by default the one of the settings.")
]
SeedOption = Annotated[
    int | None,
    Option(
        min=0, metavar="N",
        help="Same seed, same run; by default 0, but in the launchpad's window another each time.",
    ),
]  # fmt: skip
InputFile = Option(exists=True, dir_okay=False, readable=True, metavar="FILE")


class NotBuiltYet(RipienoError):
    """A mode that a later version brings."""


@cli.callback()
def _open(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _open_window("home")


@cli.command()
def follow(
    piece: PieceArgument = None,
    headless: Annotated[
        bool, Option("--headless", help="Without a window, from a file, to a trace.")
    ] = False,
    audio: Annotated[Path | None, InputFile] = None,
    midi: Annotated[Path | None, InputFile] = None,
    trace: Annotated[Path | None, Option(metavar="OUT.tsv", help="Write a row a frame of audio.")] = None,
    follower: FollowerOption = None,
    seed: SeedOption = None,
) -> None:
    """It listens, moves a cursor over the sheet music and turns the page.

    Headless, it follows a recording or a MIDI file; with neither, the piece's bundled performance.
    """
    if audio and midi:
        raise UsageProblem("--audio and --midi are two ways to say what is played: give one of them.")
    if headless:
        from app.commands.following import follow_headless

        if piece is None:
            raise UsageProblem("follow --headless needs a PIECE: a name of `pieces list`, or a score file.")
        follow_headless(piece, audio, midi, trace, follower or "follower", seed or 0)
        return
    if audio or midi or trace:
        raise UsageProblem("--audio, --midi and --trace go with --headless; onto the window, drop the file.")
    _open_window("follow", piece, follower, seed)


@cli.command()
def play(piece: PieceArgument = None, follower: FollowerOption = None, seed: SeedOption = None) -> None:
    """Steer the cursor yourself, with an agent as a ghost."""
    _open_window("play", piece, follower, seed)


@cli.command()
def launchpad(
    headless: Annotated[bool, Option("--headless", help="Without a window, to a MIDI file.")] = False,
    bars: Annotated[int | None, Option(min=1, max=100_000, metavar="N", help="How many bars.")] = None,
    out: Annotated[Path | None, Option(metavar="OUT.mid", help="The MIDI file to write.")] = None,
    start: Annotated[Path | None, InputFile] = None,
    tempo: Annotated[
        float | None, Option(min=20.0, max=300.0, metavar="BPM", help="By default 120, or the song's.")
    ] = None,
    agent: Annotated[str, Option(metavar="NAME", help="Or a .safetensors file, or none.")] = "launchpad",
    wav: Annotated[Path | None, Option(metavar="OUT.wav", help="Write it as sound too.")] = None,
    seed: SeedOption = None,
) -> None:
    """You and an agent press the buttons of one grid; it plays bar by bar.

    Headless, the agent plays alone, from the grid or song in --start or from a few notes drawn by --seed.
    """
    if headless:
        from app.commands.launchpad import launchpad_headless

        if bars is None or out is None:
            raise UsageProblem("launchpad --headless needs --bars N and --out OUT.mid.")
        launchpad_headless(bars, out, start, tempo, agent, wav, seed or 0)
        return
    if bars or out or start or tempo or wav or agent != "launchpad":
        raise UsageProblem("--bars, --out, --start, --tempo, --agent and --wav go with --headless.")
    _open_window("launchpad", seed=seed)


@cli.command()
def duet(
    headless: Annotated[bool, Option("--headless", help="Without a window, to a MIDI file.")] = False,
    melody: Annotated[
        str | None, Option(metavar="FILE.mid", help="What it answers; or a score, or a piece's name.")
    ] = None,
    out: Annotated[Path | None, Option(metavar="OUT.mid", help="The MIDI file to write.")] = None,
    tempo: Annotated[
        float | None, Option(min=20.0, max=400.0, metavar="BPM", help="By default the melody's.")
    ] = None,
    temperature: Annotated[
        float | None,
        Option(min=0.0, max=2.0, metavar="T", help="0 plays the likeliest, 1 as trained; usually 0.5."),
    ] = None,
    voice: Annotated[
        str | None, Option(metavar="NAME", help="soprano, alto, tenor or bass; by default what goes with it.")
    ] = None,
    begin: Annotated[
        str | None,
        Option(metavar="HOW", help='cold (usual), "two bars" (of counterpoint) or piece (its lowest line).'),
    ] = None,
    agent: Annotated[
        str, Option(metavar="NAME", help="Or a .safetensors file; usually the shipped duet.")
    ] = "",
    wav: Annotated[Path | None, Option(metavar="OUT.wav", help="Write it as sound too.")] = None,
    musicxml: Annotated[Path | None, Option(metavar="OUT.musicxml", help="Write it as a score too.")] = None,
    seed: SeedOption = None,
) -> None:
    """You improvise a line, it improvises the other one.

    Headless, it answers a melody from a file, sixteenth by sixteenth, as it would live. In the window, what
    is not given is as it was the last time.
    """
    from app.commands.duet import DuetOptions, check_wishes, duet_headless
    from app.sessions.duet.choices import DuetWishes

    given = {"tempo_bpm": tempo, "temperature": temperature, "voice": voice, "seed": begin}
    wishes = DuetWishes({name: value for name, value in given.items() if value is not None}, agent)
    if headless:
        if melody is None or out is None:
            raise UsageProblem("duet --headless needs --melody FILE.mid and --out OUT.mid.")
        duet_headless(DuetOptions(melody, out, wishes, wav, musicxml, seed or 0))
        return
    if melody or out or wav or musicxml:
        raise UsageProblem("--melody, --out, --wav and --musicxml go with --headless.")
    check_wishes(wishes)
    _open_window("duet", seed=seed, duet=wishes)


_FREE_FORM = {"allow_extra_args": True, "ignore_unknown_options": True}


def _later(mode: str, what: str) -> None:
    """Add the command of a mode that is announced but not there, whatever options it is given."""

    @cli.command(name=mode, help=f"{what} [dim](not built yet)[/]", context_settings=_FREE_FORM)
    def command(context: typer.Context) -> None:
        raise NotBuiltYet(f"{mode} is not built yet; follow, play, duet and launchpad are.")


_later("compose", "It writes polyphony that you can prime, hear and keep.")


@cli.command()
def inside(
    piece: Annotated[str, Argument(metavar="PIECE", help="A name in the library, or a score file.")],
    out: Annotated[Path, Option(file_okay=False, metavar="DIR", help="The folder to write to.")],
    audio: Annotated[Path | None, InputFile] = None,
    midi: Annotated[Path | None, InputFile] = None,
    follower: FollowerOption = None,
    at: Annotated[
        list[float] | None,
        Option(metavar="SECONDS", min=0.0, help="Look into this moment too; may be given several times."),
    ] = None,
    seed: SeedOption = None,
) -> None:
    """What a follower believes and prefers over a whole piece, and why at a moment: a table and pictures."""
    if audio and midi:
        raise UsageProblem("--audio and --midi are two ways to say what is played: give one of them.")
    from app.commands.inside import inside_headless

    inside_headless(piece, out, audio, midi, follower or "follower", tuple(at or ()), seed or 0)


@cli.command()
def bench(
    json: Annotated[
        Path | None, Option("--json", metavar="OUT", help="Write the figures as JSON too.")
    ] = None,
    only: Annotated[
        list[str] | None, Option(metavar="NAME", help="Only this measurement (repeatable).")
    ] = None,
    long: Annotated[bool, Option("--long", help="Add five minutes over JACK, counting dropouts.")] = False,
) -> None:
    """Measure this machine: latency, frames, start-up, memory, jitter."""
    from app.bench import run_bench

    run_bench(json_path=json, only=only or [], long=long)


@cli.command()
def doctor() -> None:
    """Say what works on this machine, and what to install for what does not."""
    from app.doctor import print_report

    if not print_report():
        raise typer.Exit(1)


@cli.command(context_settings={**_FREE_FORM, "help_option_names": []})
def test(context: typer.Context) -> None:
    """Run the tests; what follows goes to pytest."""
    import subprocess

    root = Path(__file__).resolve().parents[1]
    result = subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=root, check=False)
    raise typer.Exit(result.returncode)


def _open_window(
    mode: str,
    piece: str | None = None,
    follower: str | None = None,
    seed: int | None = None,
    duet: DuetWishes | None = None,
) -> None:
    if piece is not None:
        _check_piece(piece)
    _check_display()
    from app.devices.audio import open_system
    from app.logs import stderr_to_log

    with stderr_to_log():  # Drivers write to the terminal whatever they please.
        audio = open_system()  # Its process starts while all that a window needs is still imported.
        from app.window import run_window

        run_window(mode, piece=piece, follower=follower, seed=seed, audio=audio, duet=duet)


def _check_display() -> None:
    """SDL would draw into nothing and wait there for ever."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in names):
        from app.display import NoDisplay

        raise NoDisplay


def _check_piece(name: str) -> None:
    """Say on the terminal that a name is none, before a window opens; what is in a file, the window says."""
    from pieces import library
    from pieces.reading import split_tune

    path, _ = split_tune(library.find(name))
    if not path.is_file():
        raise UsageProblem(f"{path} does not exist; give a name of `pieces list` or the path of a score.")


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: what was typed after the program's name; None takes it from `sys.argv`.
    """
    try:
        return int(cli(arguments, prog_name=_PROGRAM, standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except typer.TyperException as problem:
        message = problem.format_message()
        return _say(message, problem.exit_code) if message else problem.exit_code
    except RipienoError as problem:
        logging.getLogger(__name__).info("told the user: %s", problem, exc_info=problem)
        return _say(str(problem), problem.exit_code)
    except OSError as problem:
        return _say_system(problem)
    except Exception as problem:  # noqa: BLE001 - the one place where nothing may pass
        return _say_unforeseen(problem)


def run() -> NoReturn:
    """The entry point of a process: logs, runs `sys.argv` and exits with its code."""
    from app.ending import end_process
    from app.logs import start_logging

    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    start_logging()
    _end_when_asked()
    try:
        code = main()
    except SystemExit as asked:  # by a signal
        code = int(asked.code or 0)
    end_process(code)


def _end_when_asked() -> None:
    """Clean up as for Ctrl-C, also where the terminal is closed: no note is left hanging on an instrument."""
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # not Windows
    ours = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup wants it

    def end(number: int, frame: FrameType | None) -> NoReturn:
        for each in ours:  # a terminal that closes asks twice, and would cut the cleanup short
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in ours:
        signal.signal(number, end)


def _say(message: str, exit_code: int) -> int:
    from app.console import print_error

    print_error(message)
    return exit_code


def _say_system(problem: OSError) -> int:
    if problem.errno == errno.EPIPE:  # The reader of our output has seen enough.
        return EXIT_FAILURE
    logging.getLogger(__name__).error("refused by the system", exc_info=problem)
    what = problem.strerror or str(problem)
    where = f"{problem.filename}: " if problem.filename else ""
    cure = {
        errno.ENOSPC: "make room on the disk and try again",
        errno.EACCES: "choose a place that you may read and write",
        errno.ENOENT: "check the path",
    }.get(problem.errno or 0, "the details are in the log")
    return _say(f"{where}{what}; {cure}.", EXIT_FAILURE)


def _say_unforeseen(problem: Exception) -> int:
    from app.paths import log_path

    logging.getLogger(__name__).critical("not foreseen", exc_info=problem)
    return _say(
        f"something broke inside Ripieno ({type(problem).__name__}: {problem}); details: {log_path()}.",
        EXIT_FAILURE,
    )


if __name__ == "__main__":
    run()
