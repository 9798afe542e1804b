"""The command line as a contract: commands, exit codes, errors of one line."""

import errno
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app import cli
from app.paths import log_path
from app.sessions.duet.choices import DuetWishes
from models.follower.data import USUAL, Conditions
from pieces.errors import RipienoError
from pieces.opening import open_piece

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
        ("launchpad", ["--headless", "--bars", "--out", "--start", "--seed", "--tempo", "--agent", "--wav"]),
        ("pieces add", ["FILE"]),
        ("pieces remove", ["NAME"]),
        ("pieces show", ["--notes", "--image"]),
        ("data build", ["NAME", "--from", "--out", "--rooms", "--renderings", "--tempo", "--silence",
                        "--print", "mutopia", "human"]),
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
        "compose --headless --bars 8 --out b.mid --prime a.mid",
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
        ("pieces remove fur-elise", "comes with Ripieno"),
        ("train nobody", "nobody"),
        ("evaluate nobody", "nobody"),
        ("evaluate duet --room", "evaluate duet has no --room; it is for follower."),
        ("evaluate launchpad --resume", "--resume"),
        ("evaluate duet --count 0", "evaluate duet has no --count; it is for follower."),
        ("evaluate duet --json figures.md", "ends in .json"),
        ("evaluate follower-finding --as-written", "--as-written"),
        ("evaluate follower --songs 3", "--songs"),
        ("evaluate follower --recorded", "--from"),
        ("evaluate follower --recorded --from .", "pieces.json"),
        ("evaluate duet --recorded", "--recorded"),
        ("evaluate launchpad-tabular --agent x", "follower, follower-finding, launchpad, duet."),
        ("evaluate launchpad-tabular --from .", "has no --from; it is for follower, follower-"),
        ("data build nothing --from . --out x", "nothing"),
        ("bench --only nothing", "nothing"),
        ("launchpad --headless --bars 4", "--out"),
        ("launchpad --headless --bars 0 --out x.mid", "--bars"),
        ("launchpad --bars 4", "--headless"),
        ("launchpad --tempo 90", "--headless"),
        ("launchpad --agent none", "--headless"),
        ("launchpad --headless --bars 4 --out x.mid --start /nowhere.json", "/nowhere.json"),
        ("follow no-such-piece", "no-such-piece"),
        ("play /nowhere/tune.abc", "/nowhere/tune.abc"),
        ("data build lieder --out x", "--from"),
        ("data build chorales --out x --rooms 0.5", "--rooms"),
        ("data build chorales --out x --renderings 3", "--renderings"),
        ("data build mutopia --from . --out x", "pieces.json"),
        ("data build human --from . --out x --rooms 0.5", "--rooms"),
        ("data build msmd --from . --out x --tempo 2", "--tempo"),
        ("data build generated --out x --tempo 0.5", "--tempo"),
        ("data build lieder --from . --out x --rewritten 0.5", "no --rewritten; prints have."),
        ("data build prints --from . --out x --rewritten 2", "--rewritten"),
        ("data build nottingham-game --from . --out x --silence 3", "--silence"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line.split()) == 2
    assert says in error_line(capsys)


def test_what_the_follower_s_data_vary_in_reaches_their_builder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def build(name: str, source: Path | None, out: Path, **options: Any) -> list[tuple[int, int, str]]:
        asked.append(options)
        return [(1, 1, "")]

    monkeypatch.setattr("models.follower.data.build", build)
    line = ["data", "build", "generated", "--out", str(tmp_path)]
    given = ["--renderings", "3", "--rooms", "0.5", "--tempo", "2", "--silence", "4", "--print", "1.2"]
    given += ["--liberties", "0.25"]
    assert cli.main(line) == cli.main([*line, *given]) == 0
    plain, varied = asked
    assert plain["conditions"] == USUAL and "renderings" not in plain
    assert varied["conditions"] == Conditions(0.5, math.log(2), 4.0, math.log(1.2), 0.25)
    assert varied["renderings"] == 3


def test_without_a_display_no_window_is_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cli.main([]) == 1
    assert "no display" in error_line(capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere SDL does not look at DISPLAY")
def test_a_display_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.setenv("DISPLAY", ":7777")
    program = start()
    _, said = program.communicate(timeout=60)
    assert program.returncode == 1 and "there is no display here" in said


@pytest.mark.parametrize(("all_works", "exit_code"), [(True, 0), (False, 1)])
def test_the_doctor_s_verdict_is_its_exit_code(
    all_works: bool, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.doctor.print_report", lambda: all_works)
    assert cli.main(["doctor"]) == exit_code


def test_drivers_write_to_the_log_while_the_window_is_open(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[str, str | None, str | None, int | None]] = []

    def run_window(
        mode: str, piece: str | None, follower: str | None, seed: int | None, audio: object, duet: object
    ) -> None:
        assert audio is sound and duet is None
        opened.append((mode, piece, follower, seed))
        os.write(2, b"ALSA lib: no such card\n")

    sound = object()
    monkeypatch.setattr("app.devices.audio.open_system", lambda: sound)
    monkeypatch.setattr("app.window.run_window", run_window)
    assert cli.main(["play", "soldiers-joy", "--follower", "steady", "--seed", "3"]) == 0
    assert cli.main(["follow", "soldiers-joy"]) == cli.main([]) == 0
    assert opened == [  # without --follower, the settings decide
        ("play", "soldiers-joy", "steady", 3), ("follow", "soldiers-joy", None, None),
        ("home", None, None, None),
    ]  # fmt: skip
    assert capfd.readouterr().err == ""
    assert "ALSA lib: no such card" in log_path().read_text()


def test_what_duet_is_told_holds_in_the_window_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[DuetWishes] = []
    monkeypatch.setattr("app.devices.audio.open_system", lambda: None)
    monkeypatch.setattr("app.window.run_window", lambda mode, *, duet, **others: opened.append(duet))
    line = ["duet", "--tempo", "300", "--temperature", "0", "--voice", "alto", "--begin", "two bars"]
    assert cli.main(line) == cli.main(["duet", "--agent", "duet"]) == 0
    assert opened == [
        DuetWishes({"tempo_bpm": 300.0, "temperature": 0.0, "voice": "alto", "seed": "two bars"}),
        DuetWishes(agent="duet"),
    ]
    for wrong in (["--voice", "drone"], ["--begin", "anyhow"], ["--agent", "nobody"]):
        assert cli.main(["duet", *wrong]) == 2
        assert wrong[1] in error_line(capsys)
    assert len(opened) == 2


def test_the_notes_file_is_the_contract_s(tmp_path: Path) -> None:
    notes, image = tmp_path / "notes.tsv", tmp_path / "pages.png"
    assert cli.main(["pieces", "show", "soldiers-joy", "--notes", str(notes), "--image", str(image)]) == 0
    header, *rows = [line.split("\t") for line in notes.read_text().splitlines()]
    piece = open_piece("soldiers-joy")
    assert " ".join(header) == "note_id pitch quarters measure x_px page system page_x_px page_y_px"
    assert len(rows) == len(piece.notes)
    assert {len(row) for row in rows} == {9}
    first = dict(zip(header, rows[0], strict=True))
    assert (int(first["pitch"]), first["measure"]) == (piece.notes[0].pitch, piece.notes[0].measure)
    assert [float(row[2]) for row in rows] == sorted(float(row[2]) for row in rows)
    with Image.open(image) as drawn:
        assert drawn.size == (835, sum(page.shape[0] for page in piece.pages))
        x_px, y_px = round(float(first["page_x_px"])), round(float(first["page_y_px"]))
        around = drawn.crop((x_px - 4, y_px - 4, x_px + 4, y_px + 4))
        assert np.asarray(around).min() < 100, "no ink where the first notehead should be"


def test_following_a_file_writes_the_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.tsv"
    line = ["follow", "irish-washerwoman", "--headless", "--follower", "steady", "--trace", str(trace)]
    assert cli.main(line) == 0
    header = trace.read_text().splitlines()[0].split("\t")
    assert " ".join(header) == "time_s x_px page system page_x_px measure quarters speed_px_s confidence"
    assert "irish-washerwoman" in capsys.readouterr().out


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


LINGERS = """
import time
import app.cli as cli
def linger():
    try:
        print("ready", flush=True); time.sleep(30)
    finally:
        print("notes", flush=True); time.sleep(0.3); print("off", flush=True)
cli.main = linger; cli.run()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_asked_to_end_or_without_its_terminal_it_cleans_up_first(name: str) -> None:
    number = getattr(signal, name)
    # The tests themselves may have been begun with nohup.
    code = f"import signal; signal.signal(signal.{name}, signal.SIG_DFL)\n{LINGERS}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "notes\n"
    process.send_signal(number)  # as a terminal does that closes: the cleanup goes on
    assert process.stdout.read() == "off\n"
    assert process.wait(10) == 128 + number


def test_where_nothing_can_be_written_any_more_it_ends_all_the_same() -> None:
    code = (
        "import errno, sys; from unittest.mock import Mock; from app.ending import end_process;"
        "sys.stdout = Mock(flush=Mock(side_effect=OSError(errno.EIO, 'hung up'))); end_process(7)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7


def test_begun_with_nohup_it_outlives_its_terminal() -> None:
    command = ["nohup", sys.executable, "-c", LINGERS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    process.terminate()
    assert process.stdout.read() == "notes\noff\n"
    assert process.wait(10) == 128 + signal.SIGTERM


def test_ctrl_c_ends_quietly() -> None:
    code = (
        "import signal, time, app.doctor, app.cli;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's background job ignores it
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
