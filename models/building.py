"""Data sets made piece by piece: one file each, by child processes, and gone on with where it stopped.

Whatever engraves may crash: that costs the piece which did it, and no other. Runs in the process that builds.
"""

from __future__ import annotations

import os
import signal
import threading
import zipfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from pieces.errors import BadScore, RipienoError, Unusable

Made = TypeVar("Made")
_Job = tuple[str, Callable[[], Any], Callable[[Any, Path], None], Path]
"""A piece's title, what makes it, what saves it, and its file; all of it picklable."""
_BATCH_A_WORKER = 16
SKIPPED_NAME = "skipped.txt"
"""In the folder of a data set: what was left out, a line each of title and reason with a tab between."""
FAULTS_OF_A_PIECE = (BadScore, Unusable, ElementTree.ParseError, zipfile.BadZipFile, ValueError, IndexError)
"""For these one is left out. What else goes wrong is the machine's fault, or ours, and ends the build."""
PIECE_LIMIT_S = 1500
"""An engraver that never ends is ended then; more than any compilation may take."""
PARENT_CHECK_S = 1.0
CRASHED = f"the engraver crashed on it, or took more than {PIECE_LIMIT_S // 60} minutes"


def build_files(
    wanted: Sequence[tuple[str, Callable[[], Made]]],
    save: Callable[[Made, Path], None],
    out: Path,
    workers: int,
) -> Generator[tuple[int, int, str], None, None]:
    """Make each piece and `save` it as `out`/TITLE.npz; yields (done, all, why the last was left out or "").

    What is in `out` already is kept. Pieces left out are listed in `skipped.txt`, title and reason; take a
    line out of it to have that piece tried again.

    Raises:
        RipienoError: what no piece is to blame for, or not one piece could be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    skipped_path, skipped = out / SKIPPED_NAME, read_skipped(out)
    jobs = [
        (title, make, save, out / f"{title}.npz") for title, make in wanted
        if title not in skipped and not (out / f"{title}.npz").exists()
    ]
    done = len(wanted) - len(jobs)
    with closing(_run(jobs, workers)) as results:
        for title, reason in results:
            done += 1
            if reason:
                with skipped_path.open("a") as file:
                    file.write(f"{title}\t{' '.join(reason.split())}\n")
            yield done, len(wanted), reason
    if wanted and not any((out / f"{title}.npz").exists() for title, _ in wanted):
        raise RipienoError(f"None of {len(wanted)} pieces could be made; {skipped_path} says why of each.")


def read_skipped(folder: Path) -> dict[str, str]:
    """What was left out of a data set, and why, by title."""
    path = folder / SKIPPED_NAME
    lines = path.read_text().splitlines() if path.exists() else []
    return {title: reason for title, _, reason in (line.partition("\t") for line in lines)}


def _run(jobs: Sequence[_Job], workers: int) -> Generator[tuple[str, str], None, None]:
    """Run jobs in batches; when one kills its worker, what is left of the batch is run one by one."""
    size = _BATCH_A_WORKER * workers
    for start in range(0, len(jobs), size):
        left = list(jobs[start : start + size])
        try:
            yield from _run_batch(left, workers)
        except BrokenProcessPool:
            yield from _run_one_by_one(tuple(left))


def _run_one_by_one(jobs: Sequence[_Job]) -> Generator[tuple[str, str], None, None]:
    for job in jobs:
        title, path = job[0], job[-1]
        if path.exists():
            yield title, ""
            continue
        try:
            yield from _run_batch([job], 1)
        except BrokenProcessPool:
            yield title, CRASHED


def _run_batch(left: list[_Job], workers: int) -> Generator[tuple[str, str], None, None]:
    """Run the jobs of `left`; each is taken out of it when it is done."""
    pool = ProcessPoolExecutor(workers, initializer=_end_with_builder)
    try:
        futures = {pool.submit(_make_and_save, *job[1:]): job for job in left}
        for future in as_completed(futures):
            reason = future.result()
            left.remove(futures[future])
            yield futures[future][0], reason
    finally:
        # Whoever interrupts the build waits for the pieces at work, not for all.
        pool.shutdown(cancel_futures=True)


def _make_and_save(make: Callable[[], Any], save: Callable[[Any, Path], None], path: Path) -> str:
    """Worker: why the piece was left out, or nothing. Killed by the system's own timer after the limit, for
    an engraver does not come back to Python."""
    timed = hasattr(signal, "alarm") and threading.current_thread() is threading.main_thread()
    if timed:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PIECE_LIMIT_S)
    try:
        save(make(), path)
    except FAULTS_OF_A_PIECE as error:
        return str(error)
    finally:
        if timed:
            signal.alarm(0)
    return ""


def _end_with_builder() -> None:
    """Worker, at its start: end as soon as the process that builds is gone, which may have been killed."""
    parent = os.getppid()

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(PARENT_CHECK_S)
        os._exit(1)

    if os.name == "posix":  # elsewhere a process keeps the number of a parent that is gone
        threading.Thread(target=watch, name="end-with-builder", daemon=True).start()
