"""`launch.py bench`: what this machine does with the program, held against the goals.

Runs on the main thread, one measurement after the other. Each is a function without arguments that returns
figures; one that cannot run here says why and the others go on.
"""

from __future__ import annotations

import json
import os
import platform
from importlib import import_module
from pathlib import Path

from app.bench.figures import Figure
from app.commands import UsageProblem
from app.console import console, error_console
from pieces.errors import RipienoError
from pieces.files import replace_file, saving

MEASUREMENTS = {
    "window": "app.bench.live:window",
    "keys": "app.bench.keys:key_to_note",
    "frontend": "app.bench.offline:front_end",
    "decision": "app.bench.offline:decision",
    "opening": "app.bench.offline:opening",
    "ten-pages": "app.bench.offline:ten_pages",
    "environment": "app.bench.offline:environment",
    "reward": "app.bench.offline:launchpad_reward",
    "training": "app.bench.offline:launchpad_training",
    "launchpad": "app.bench.launchpad:minute",
    "duet-decision": "app.bench.duet:decision",
    "duet": "app.bench.duet:half_a_minute",
}
"""Name on the command line and where it is done."""
LONG = {
    "dropouts": "app.bench.live:dropouts",
    "launchpad-song": "app.bench.launchpad:ten_minutes",
    "launchpad-song-256": "app.bench.launchpad:ten_minutes_in_small_blocks",
    "duet-session": "app.bench.duet:ten_minutes",
}
"""What takes minutes: only with --long, or by name."""


def run_bench(json_path: Path | None, only: list[str], long: bool) -> None:
    """Measure, print a table as it grows, and write JSON where asked.

    Raises:
        UsageProblem: a name in `only` is none.
        RipienoError: the JSON cannot be written.
    """
    known = MEASUREMENTS | LONG
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UsageProblem(f'nothing to measure is called "{unknown[0]}"; there is {", ".join(known)}.')
    chosen = only or [*MEASUREMENTS, *(LONG if long else ())]
    figures: list[Figure] = []
    for name in chosen:
        figures += _measured(name, known[name])
    if json_path:
        content = {"machine": _machine(), "figures": [figure.to_dict() for figure in figures]}
        with saving(json_path):
            replace_file(json_path, (json.dumps(content, indent=2) + "\n").encode())


def _measured(name: str, place: str) -> list[Figure]:
    module, function = place.split(":")
    try:
        with error_console.status(f"measuring: {name}"):
            figures: list[Figure] = getattr(import_module(module), function)()
    except RipienoError as problem:
        console.print(f"[yellow]  –  [/]{name}: ", end="")
        console.print(str(problem), markup=False, soft_wrap=True)
        return []
    for figure in figures:
        _print(figure)
    return figures


def _print(figure: Figure) -> None:
    mark = {None: "   ", True: "[green]ok [/]", False: "[red]no [/]"}[figure.reached]
    goal = ""
    if figure.limit is not None:
        goal = f"{'≥' if figure.at_least else '≤'} {figure.limit:,g}"
    line = f"{figure.name:<42}{figure.value:>12,.2f} {figure.unit:<9}{goal:<10} "
    console.print(f"{mark} {line}[dim]{figure.note}[/]", soft_wrap=True)


def _machine() -> dict[str, object]:
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count(),
            "python": platform.python_version(), "load": os.getloadavg()[0]}  # fmt: skip
