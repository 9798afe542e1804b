"""The log takes what the user is spared, and never stands in the way."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from app import logs
from app.paths import log_path
from pieces.errors import RipienoError


def ours(root: logging.Logger) -> list[logging.Handler]:
    """The handlers that are not pytest's."""
    return [
        handler for handler in root.handlers if isinstance(handler, RotatingFileHandler | logging.NullHandler)
    ]


@pytest.fixture
def bare_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[logging.Logger]:
    """The root logger without handlers; put back as it was."""
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    hooks = threading.excepthook, sys.unraisablehook
    yield root
    threading.excepthook, sys.unraisablehook = hooks
    for handler in ours(root):
        handler.close()
    root.handlers, root.level = before, level


def test_what_is_logged_lies_in_the_file(bare_root: logging.Logger) -> None:
    logs.start_logging()
    logs.start_logging()
    assert len(ours(bare_root)) == 1
    logging.getLogger("app.test").error("the string broke")
    assert log_path().read_text().count("the string broke") == 1


def test_a_log_that_cannot_be_written_is_no_reason_to_stop(
    bare_root: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "file"))
    logs.start_logging()
    logging.getLogger("app.test").error("unheard")
    with logs.stderr_to_log():
        os.write(2, b"unheard too\n")
    assert [type(handler) for handler in ours(bare_root)] == [logging.NullHandler]


def test_standard_error_comes_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sink = os.open(tmp_path / "sink", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(ZeroDivisionError), logs.stderr_to(sink):
        os.write(2, b"inside\n")
        raise ZeroDivisionError
    os.write(2, b"outside\n")
    assert (tmp_path / "sink").read_text() == "inside\n"
    assert capfd.readouterr().err == "outside\n"


def run(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work, name="strings")
    thread.start()
    thread.join()


def test_what_ends_a_thread_is_logged_and_told(
    bare_root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("the string broke")

    def refuses() -> None:
        raise RipienoError("Free some disk space.")

    logs.start_logging()
    run(breaks)
    assert "ripieno: Something in the background failed (strings)" in capsys.readouterr().err
    told: list[str] = []
    logs.watch_threads(told.append)
    for work in (breaks, refuses, sys.exit):
        run(work)
    assert told == [
        "Something in the background failed (strings); details are in the log.", "Free some disk space.",
    ]  # fmt: skip
    assert capsys.readouterr().err == ""
    assert log_path().read_text().count("ZeroDivisionError: the string broke") == 2


def test_what_fails_where_nobody_can_hear_it_is_logged(
    bare_root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fragile:
        def __del__(self) -> None:
            raise ZeroDivisionError("the string broke")

    logs.start_logging()
    Fragile()
    assert capsys.readouterr().err == "" and "the string broke" in log_path().read_text()
