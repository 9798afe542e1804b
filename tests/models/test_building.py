"""Data sets made piece by piece: interrupted, gone on with, and whole but for what could not be made."""
from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from models import building
from models.building import CRASHED, build_files
from models.follower import data
from models.sound import NoSynth
from pieces.errors import BadScore, RipienoError


def _write(made: str, path: Path) -> None:
    path.write_text(made)


def test_an_interrupted_build_leaves_the_rest_for_the_next(tmp_path, monkeypatch):
    interrupted, made = threading.Event(), []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            interrupted.set()
            super().shutdown(wait=wait)

    def make(index):
        if index:
            interrupted.wait()
        made.append(index)
        return str(index)

    monkeypatch.setattr(building, "ProcessPoolExecutor", Pool)
    wanted = [(f"tune-{index}", partial(make, index)) for index in range(8)]
    files = build_files(wanted, _write, tmp_path, workers=1)
    assert next(files) == (1, 8, "")
    files.close()
    assert made in ([0], [0, 1])
    assert list(build_files(wanted, _write, tmp_path, workers=1))[-1] == (8, 8, "")
    assert sorted(made) == list(range(8)) and len(list(tmp_path.glob("*.npz"))) == 8


def _too_short() -> str:
    raise BadScore("too\nshort")


def test_what_is_left_out_is_listed_with_the_reason(tmp_path):
    wanted: list[tuple[str, Callable[[], str]]] = [("good", partial(str, "good")), ("tune", _too_short)]
    told = list(build_files(wanted, _write, tmp_path, 1))
    assert [reason for *_, reason in told if reason] == ["too\nshort"] and len(told) == 2
    assert (tmp_path / "skipped.txt").read_text() == "tune\ttoo short\n"
    assert list(build_files(wanted, _write, tmp_path, 1)) == []


def test_where_nothing_at_all_could_be_made_the_build_fails(tmp_path):
    for _ in range(2):
        with pytest.raises(RipienoError, match=r"None of 1 pieces .*skipped\.txt"):
            list(build_files([("tune", _too_short)], _write, tmp_path, 1))


def _no_synth() -> str:
    raise NoSynth("nothing sounds")


def test_what_no_piece_is_to_blame_for_ends_the_build_and_nothing_is_left_out(tmp_path):
    with pytest.raises(NoSynth):
        list(build_files([("tune", _no_synth)], _write, tmp_path, 1))
    assert list(tmp_path.iterdir()) == []
    assert list(build_files([("tune", partial(str, "cured"))], _write, tmp_path, 1)) == [(1, 1, "")]


def test_without_a_sound_set_to_train_on_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr("models.sound.find_sound_sets", lambda: (tmp_path / "MuseScore_General.sf3",))
    with pytest.raises(NoSynth, match="to train on"):
        next(iter(data.build("generated", None, tmp_path / "out", count=1)))
    assert not (tmp_path / "out").exists()


def _crash() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.skipif(os.name != "posix", reason="Processes are killed in another way here.")
def test_a_crash_costs_the_piece_that_crashed_and_no_other(tmp_path):
    wanted = [(name, _crash if name == "bad" else partial(str, name)) for name in ("a", "bad", "b", "c")]
    told = list(build_files(wanted, _write, tmp_path, workers=1))
    assert [done for done, _, _ in told] == [1, 2, 3, 4]
    assert [reason for *_, reason in told if reason] == [CRASHED]
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == ["a", "b", "c"]
    assert (tmp_path / "skipped.txt").read_text() == f"bad\t{CRASHED}\n"


def _loop() -> str:
    while True:
        pass


FORKED = multiprocessing.get_start_method() == "fork"


@pytest.mark.skipif(not FORKED, reason="A spawned worker has a limit of its own.")
def test_an_engraver_that_never_ends_costs_the_piece_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "PIECE_LIMIT_S", 3)
    wanted: list[tuple[str, Callable[[], str]]] = [("bad", _loop), ("good", partial(str, "good"))]
    told = list(build_files(wanted, _write, tmp_path, workers=1))
    assert [reason for *_, reason in told if reason] == [CRASHED]
    assert (tmp_path / "good.npz").exists()


BUILDER = """
import os, sys, time
from functools import partial
from pathlib import Path
from models.building import build_files

def make(index):
    print(os.getpid(), flush=True)
    time.sleep(20)
    print("outlived", flush=True)

def save(made, path):
    raise AssertionError

if __name__ == "__main__":
    list(build_files([(str(i), partial(make, i)) for i in range(2)], save, Path(sys.argv[1]), workers=2))
"""


@pytest.mark.skipif(os.name != "posix", reason="Processes are killed in another way here.")
def test_workers_end_when_the_builder_is_killed(tmp_path):
    (tmp_path / "builder.py").write_text(BUILDER)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "builder.py"), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as builder:
        assert builder.stdout is not None
        try:
            told = [builder.stdout.readline() for _ in range(2)]
        finally:
            builder.kill()
        told += builder.stdout.readlines()  # ends when all who could write to it are gone
    assert "outlived" not in "".join(told)
