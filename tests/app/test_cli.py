"""The command line as a contract: commands, exit codes, errors of one line."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from app.paths import log_path
from pieces.errors import RipienoError

ROOT = Path(cli.__file__).resolve().parents[1]


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed on standard error: exactly one line."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    for command in ("follow", "play", "duet", "launchpad", "compose", "pieces", "data", "train", "evaluate",
                    "bench", "doctor", "test"):  # fmt: skip
        assert f" {command} " in printed


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("follow", ["--headless", "--audio", "--midi", "--trace", "--follower", "--seed"]),
        ("play", ["--follower", "--seed"]),
        ("pieces add", ["FILE"]),
        ("pieces show", ["--notes", "--image"]),
        ("data build", ["NAME", "--from", "--out"]),
        ("train", ["NAME", "--config", "--resume"]),
        ("evaluate", ["NAME", "--json"]),
        ("bench", ["--json"]),
    ],
)
def test_the_options_of_the_contract_are_there(
    command: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    printed = capsys.readouterr().out
    assert [option for option in options if option not in printed] == []


@pytest.mark.parametrize(
    "line",
    [
        "duet --headless --melody a.mid --out b.mid --tempo 90 --temperature 0.5 --seed 1",
        "launchpad --headless --bars 8 --out b.mid --start grid.json --seed 1",
        "compose --headless --bars 8 --out b.mid --prime a.mid",
        "duet",
        "inside",
    ],
)
def test_later_modes_say_so(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 1
    assert "not built yet" in error_line(capsys)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dance", "No such command"),
        ("follow --loud", "--loud"),
        ("follow x --seed many", "--seed"),
        ("follow --headless", "PIECE"),
        ("follow x --headless --audio /nowhere.wav", "/nowhere.wav"),
        ("follow x --trace out.tsv", "--headless"),
        ("follow no-such-piece --headless", "no-such-piece"),
        ("pieces show no-such-piece", "no-such-piece"),
        ("train nobody", "nobody"),
        ("evaluate nobody", "nobody"),
        ("data build nothing --from . --out x", "nothing"),
        ("bench --only nothing", "nothing"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line.split()) == 2
    assert says in error_line(capsys)


def test_two_inputs_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording, midi = tmp_path / "a.wav", tmp_path / "a.mid"
    recording.touch()
    midi.touch()
    assert cli.main(["follow", "x", "--headless", "--audio", str(recording), "--midi", str(midi)]) == 2
    assert "one of them" in error_line(capsys)


@pytest.mark.parametrize(
    ("problem", "exit_code", "says"),
    [
        (RipienoError("the piano is on fire; put it out."), 1, "put it out"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/trace.tsv"), 1, "make room"),
        (ZeroDivisionError("a\nb [c]"), 1, "ZeroDivisionError: a b [c]"),
    ],
)
def test_every_failure_is_one_line(
    problem: Exception,
    exit_code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise problem

    monkeypatch.setattr("app.doctor.print_report", fail)
    assert cli.main(["doctor"]) == exit_code
    assert says in error_line(capsys)


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "app.cli", *arguments], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def test_the_traceback_goes_to_the_log() -> None:
    code = "import app.doctor, app.cli; app.doctor.print_report = lambda: {}['gone']; app.cli.run()"
    result = subprocess.run(
        [sys.executable, "-c", code, "doctor"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "KeyError: 'gone'" in log_path().read_text()


def test_ctrl_c_ends_quietly() -> None:
    code = (
        "import time, app.doctor, app.cli;"
        "app.doctor.print_report = lambda: (print('on', flush=True), time.sleep(60)); app.cli.run()"
    )
    process = subprocess.Popen([sys.executable, "-c", code, "doctor"], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_a_reader_that_leaves_is_no_error() -> None:
    process = start("--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=30)


def test_test_hands_its_arguments_to_pytest() -> None:
    process = start("test", "--version")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "pytest" in output + errors
