"""Data sets made piece by piece: interrupted, gone on with, and whole but for what could not be made."""
from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from models import building
from models.building import build_files
from pieces.errors import RipienoError


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
    raise RipienoError("too\nshort")


def test_what_is_left_out_is_listed_with_the_reason(tmp_path):
    assert list(build_files([("tune", _too_short)], _write, tmp_path, 1)) == [(1, 1, "too\nshort")]
    assert (tmp_path / "skipped.txt").read_text() == "tune\ttoo short\n"
    assert list(build_files([("tune", _too_short)], _write, tmp_path, 1)) == []


def _crash() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.skipif(os.name != "posix", reason="Processes are killed in another way here.")
def test_a_crash_costs_the_piece_that_crashed_and_no_other(tmp_path):
    wanted = [(name, _crash if name == "bad" else partial(str, name)) for name in ("a", "bad", "b", "c")]
    told = list(build_files(wanted, _write, tmp_path, workers=1))
    assert [done for done, _, _ in told] == [1, 2, 3, 4]
    assert [reason for *_, reason in told if reason] == ["the engraver crashed on it"]
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == ["a", "b", "c"]
    assert (tmp_path / "skipped.txt").read_text() == "bad\tthe engraver crashed on it\n"
