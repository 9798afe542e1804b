"""The whole program at work: a real window following a demo, in a process of its own.

Start-up, memory, the time of a frame on the screen, and the time from the newest sample in the ring to the
published snapshot. Settings, takes and logs of the measured program lie in a temporary folder; only the
cache is the user's, as it would be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from app.bench.figures import Figure, spread
from app.bench.rises import LOOK_EVERY_S
from app.bench.standstill_child import WORTH_S
from app.engine.clock import sleep_s, wall_time
from pieces.errors import RipienoError
from pieces.folders import HOME_VARIABLE, cache_folder
from pieces.opening import open_piece

PIECE = "minuet-g-minor-petzold"
WATCHED_S = 30.0
LONG_S, IDLE_S = 300.0, 60.0
STARTS = 3
MEGABYTE = 1e6
JACK_RATE, JACK_BLOCK_SAMPLES = 44_100, 256
JACK_SERVER = "JACK_DEFAULT_SERVER"
"""The variable of the environment that names the server which programs ask for."""
JACK_USUAL_BLOCK_SAMPLES = 1024
"""What its dummy driver takes where nobody says otherwise."""
LATE_GOAL_MS = 1.0
"""So far at most may a note lie from the sample on which it is due."""
FELT_S = 0.15
"""So long after a standstill what it did is seen: the driver counts it, then the program, then who looks."""


class NotMeasured(RipienoError):
    """This machine lacks what the measurement needs."""


def window() -> list[Figure]:
    """Start-up, frames, latency and memory of the program in its window of 1280 x 720."""
    open_piece(PIECE)
    starts_s = [_run_child(0.5)["interactive_s"] for _ in range(STARTS)]
    seen = _run_child(WATCHED_S, PIECE)
    where = f"{seen['display']} display, sound to {seen['sound']}"
    return [
        Figure("Until the window answers", median(starts_s), "s", 3.0, note=f"{STARTS} starts"),
        *spread("Frame of the window", seen["frame_ms"], "ms", p99_limit=16.7, note=where),
        *spread("Newest sample to snapshot", seen["latency_ms"], "ms", 2.0, 10.0, note=where),
        Figure("Answers that came too late", seen["late_frames"], "frames", note=f"in {WATCHED_S:.0f} s"),
        Figure("Memory", seen["memory_bytes"] / MEGABYTE, "MB", 1000.0,
               note=f"RSS of {seen['processes']} processes, shared pages counted in each"),
    ]  # fmt: skip


def dropouts() -> list[Figure]:
    """Lost blocks in five minutes of following over JACK's dummy driver, 256 frames a block.

    Before that, the same for an idle client, and beside it the machine's own standstills.
    """
    with jack() as server:
        there = {JACK_SERVER: server}
        idle = run_child("app.bench.idle_child", [str(IDLE_S)], IDLE_S, there)
        with standstills() as stood:
            seen = _run_child(LONG_S, PIECE, there)
    through = f"{seen['through_ms']:.1f} ms from input to output"
    alone = f"{IDLE_S:.0f} s, nothing but silence"
    return [
        Figure("Dropouts of an idle client", idle["dropouts"], "blocks", note=alone),
        stood.figure(),
        stood.dropouts("Following", seen, LONG_S, note=through),
        *spread("Newest sample to snapshot (JACK)", seen["latency_ms"], "ms", 2.0, 10.0),
        *spread("Frame of the window (JACK)", seen["frame_ms"], "ms", p99_limit=16.7),
    ]


def watched_over_jack(
    module: str, seconds: float, block_samples: int = JACK_BLOCK_SAMPLES
) -> tuple[dict[str, Any], Standstills]:
    """What a program saw that played over JACK's dummy driver, in its window where there is a display.

    And when the machine stood still meanwhile. Raises NotMeasured.
    """
    arguments = [str(seconds), *(["--window"] if _has_display() else [])]
    with jack(block_samples) as server, standstills() as stood:
        seen = run_child(module, arguments, seconds, {JACK_SERVER: server})
    return seen, stood


def _has_display() -> bool:
    """Whether a window can be opened here."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@dataclass
class Standstills:
    """Those of the machine's cores: when each ended, on the clock of `now_s`, and how long it was."""

    cores: int = 0
    real_time: bool = True
    found: list[tuple[float, float]] = field(default_factory=list)

    def take_in(self, core: dict[str, Any]) -> None:
        """What `standstill_child` saw."""
        self.cores += 1
        self.real_time = self.real_time and core["real_time"]
        self.found += [(ended_s, lasted_s) for ended_s, lasted_s in core["standstills"]]

    def figure(self) -> Figure:
        """How often, and the longest."""
        whose = "a real-time thread" if self.real_time else "a thread without real time"
        longest_ms = max((lasted_s for _, lasted_s in self.found), default=0.0) * 1000
        late = f"was {WORTH_S * 1000:.0f} ms late or more; the longest {longest_ms:.0f} ms"
        note = f"{whose} above all others on each of {self.cores} cores {late}"
        return Figure("Standstills of the machine", len(self.found), "times", note=note)

    def dropouts(
        self, what: str, seen: dict[str, Any], seconds: float, block_samples: int = JACK_BLOCK_SAMPLES,
        note: str = "",
    ) -> Figure:
        """Those that a program saw, held against none."""
        moments_s = seen["dropouts_s"]
        where = f"{seconds:.0f} s in blocks of {block_samples} samples, {seen['sound']}"
        return Figure(f"{what}, dropouts", len(moments_s), "blocks", 0.0,
                      note=", ".join(filter(None, (where, note))) + self.beside(moments_s))  # fmt: skip

    def beside(self, moments_s: list[float]) -> str:
        """For a note: how many of these moments came right after a standstill."""
        if not moments_s:
            return ""
        after = sum(any(0 <= moment_s - ended_s + LOOK_EVERY_S <= FELT_S for ended_s, _ in self.found)
                    for moment_s in moments_s)  # fmt: skip
        return f"; {after} of {len(moments_s)} right after a standstill"


@contextmanager
def standstills() -> Iterator[Standstills]:
    """Watch the machine's cores meanwhile; afterwards what is given holds what was seen."""
    found = Standstills()
    with ExitStack() as watchers:
        beside = [watchers.enter_context(_watching(core)) for core in _cores()]
        yield found
        for watcher in beside:
            found.take_in(json.loads(watcher.communicate()[0]))


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


@contextmanager
def _watching(core: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "app.bench.standstill_child", str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as beside:
        try:
            yield beside
        finally:
            beside.kill()


def _run_child(seconds: float, piece: str = "", environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What `window_child` saw. Raises NotMeasured with its last words where it failed."""
    arguments = [str(wall_time().timestamp()), str(seconds), *([piece] if piece else [])]
    return run_child("app.bench.window_child", arguments, seconds, environment)


def run_child(
    module: str, arguments: list[str], seconds: float, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """The JSON that a program to be watched prints last; its settings and takes lie in a temporary folder.

    Raises:
        NotMeasured: it failed, with its last words.
    """
    cache = cache_folder()
    with tempfile.TemporaryDirectory(prefix="ripieno-bench-") as home:
        (Path(home) / "cache").symlink_to(cache, target_is_directory=True)
        command = [sys.executable, "-P", "-m", module]
        result = subprocess.run(
            [*command, *arguments],
            env={**os.environ, HOME_VARIABLE: home, **(environment or {})},
            capture_output=True, text=True, check=False, timeout=seconds + 180.0,
        )  # fmt: skip
    words = result.stdout.strip().splitlines() or result.stderr.strip().splitlines() or ["no answer"]
    try:
        seen: dict[str, Any] = json.loads(words[-1])
    except ValueError:
        raise NotMeasured(f"the program did not run ({words[-1]}); see `launch.py doctor`.") from None
    if "problem" in seen:
        raise NotMeasured(seen["problem"])
    return seen


@contextmanager
def jack(block_samples: int = JACK_BLOCK_SAMPLES) -> Iterator[str]:
    """A JACK server of our own with the dummy driver; gives its name.

    In real time as musicians run it; where the system does not grant that, JACK says so and goes on without.
    """
    program = shutil.which("jackd")
    if program is None:
        raise NotMeasured("jackd is not installed; `sudo apt install jackd2`.")
    name = "ripieno-bench"  # Always the same: JACK forgets a killed server only when its like starts.
    driver = ["-d", "dummy", "-r", str(JACK_RATE), "-p", str(block_samples)]
    server = subprocess.Popen(
        [program, "-n", name, "--realtime", "--realtime-priority", "20", *driver],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        sleep_s(2.0)
        if server.poll() is not None:
            raise NotMeasured("jackd did not start.")
        yield name
    finally:
        server.terminate()
        server.wait()
