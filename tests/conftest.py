"""Fixtures for all tests: folders of their own, a display and a sound server of their own.

A server that is not installed skips the test and says so; under CI=true a skipped test is a failure.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports pygame: a test that wants a real window starts a process under `xvfb`.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["JACK_NO_START_SERVER"] = "1"

# How fast examples come says something of the machine, which others share, and nothing of the program.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

START_LIMIT_S = 20.0
JACK_SLOTS = 3
_skipped: list[str] = []


@dataclass(frozen=True)
class Jack:
    """A running JACK server with the dummy driver; `environment` makes another process its client."""

    name: str
    rate: int = 44_100
    block_samples: int = 256

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every folder of the program is below this one, here and in every process a test starts."""
    place = tmp_path_factory.mktemp("home")
    before = os.environ.get("RIPIENO_HOME")
    os.environ["RIPIENO_HOME"] = str(place)
    yield place
    if before is None:
        del os.environ["RIPIENO_HOME"]
    else:
        os.environ["RIPIENO_HOME"] = before


@pytest.fixture(scope="session")
def xvfb() -> Iterator[str]:
    """The name of a virtual display of 1280 x 800, for `DISPLAY` in the environment of a process."""
    read_end, write_end = os.pipe()
    command = [
        _needed("Xvfb"),
        "-displayfd",
        str(write_end),
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(command, pass_fds=(write_end,), stderr=subprocess.DEVNULL)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        number = answer.readline().strip()  # Written once the display accepts clients, or end of file.
    if not number:
        pytest.fail("Xvfb ended before its display was up")
    yield f":{number}"
    _stop(server)


@pytest.fixture(scope="session")
def jack() -> Iterator[Jack]:
    """A JACK server under a name of its own; this process becomes its client too."""
    made, server = _start_jack()
    before = os.environ.get("JACK_DEFAULT_SERVER")
    os.environ["JACK_DEFAULT_SERVER"] = made.name
    _refresh_portaudio()
    yield made
    _close_portaudio()
    if before is None:
        del os.environ["JACK_DEFAULT_SERVER"]
    else:
        os.environ["JACK_DEFAULT_SERVER"] = before
    _stop(server)
    _refresh_portaudio()


def _start_jack() -> "tuple[Jack, subprocess.Popen[bytes]]":
    """The first of a few names under which none runs yet.

    JACK keeps the entry of a server that was killed, eight in all, until one of the same name starts.
    """
    for slot in range(JACK_SLOTS):
        made = Jack(f"ripieno-test-{slot}")
        command = [_needed("jackd"), "-n", made.name, "--no-realtime", "-d", "dummy",
                   "-r", str(made.rate), "-p", str(made.block_samples)]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if _answers(made, server):
            return made, server
        _stop(server)
    pytest.fail("jackd did not come up")


def _answers(made: Jack, server: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        time.sleep(0.2)
        probe = subprocess.run([_needed("jack_lsp")], env=made.environment, capture_output=True, check=False)
        if server.poll() is not None:
            return False
        if probe.returncode == 0 and b"system:" in probe.stdout:
            return True
    return False


def _refresh_portaudio() -> None:
    """PortAudio's list of devices is as old as its initialisation."""
    _close_portaudio()
    if "sounddevice" in sys.modules:
        sys.modules["sounddevice"]._initialize()


def _close_portaudio() -> None:
    """PortAudio aborts the process if its JACK server goes before it."""
    sounddevice = sys.modules.get("sounddevice")
    while sounddevice is not None and sounddevice._initialized:
        sounddevice._terminate()


def _needed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped and os.environ.get("CI") == "true":
        print(f"\nCI: {len(_skipped)} skipped, and nothing may be skipped here")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def eventually() -> Callable[..., bool]:
    """Wait until a condition holds; False after a generous while."""

    def wait(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while not (holds := condition()) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return holds

    return wait
