#!/usr/bin/env python3
"""The one command: makes the program's own environment on first use, then hands over to `app.cli`.

    python3 launch.py          opens the program
    python3 launch.py test     runs the tests
    python3 launch.py --help   lists everything else

Only the standard library is used here. The environment is `.venv` beside this file: the packages of
setup.cfg in the versions of constraints.txt. A stamp is written last, so a set-up that was interrupted is
taken up again, and one that is complete costs nothing.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older ones come here and must be able to read this file
    sys.exit(
        f"ripieno: this is Python {sys.version_info[0]}.{sys.version_info[1]} and 3.11 or newer is needed; "
        "install one from python.org and start launch.py with it, for example `python3.12 launch.py`."
    )

import configparser
import contextlib
import hashlib
import http.client
import json
import os
import queue
import re
import subprocess
import threading
import time
import urllib.request
import venv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
EXTRA_OF_COMMAND = {"test": "dev", "train": "train", "data": "train", "inside": "inside"}

# For a Python without ensurepip (Debian leaves it out): pip as the package index has it.
PIP_URL = (
    "https://files.pythonhosted.org/packages/07/25/"
    "ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl"
)
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

_CURES = (
    (r"No space left", "the disk is full; make room and run this again."),
    (
        r"Permission denied|Errno 13|Read-only",
        "this folder cannot be written; move Ripieno to a folder of your own.",
    ),
    (
        r"Max retries|NewConnection|name resolution|urlopen|unreachable|timed out|Proxy|SSL|IncompleteRead"
        r"|Remote end closed|Connection reset",
        "the Python packages cannot be downloaded; connect to the internet and run this again, "
        "what has arrived is kept.",
    ),
    (
        r"No matching dist",
        f"a package that Ripieno needs is not made for Python {sys.version_info[0]}.{sys.version_info[1]} "
        "on this kind of machine; install a 64-bit Python 3.11 to 3.13 from python.org and start launch.py "
        "with it.",
    ),
)


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


class Environment:
    """The `.venv` of one checkout and what is known to be complete in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.stamp = self.folder / "ripieno.json"
        self.log = self.folder / "setup.log"

    @property
    def python(self) -> Path:
        """The interpreter inside."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def fingerprint(self) -> str:
        """Changes with what is to be installed, with the place, and with the Python behind the link inside.

        So a folder that was moved is set up again, and one whose Python the system has replaced.
        """
        digest = hashlib.sha256(f"{self.root} {self.python.resolve()}".encode())
        for name in ("setup.cfg", "constraints.txt"):
            digest.update((self.root / name).read_bytes())
        return digest.hexdigest()

    def installed_extras(self) -> set[str] | None:
        """The extras of a complete set-up; None where there is no complete one."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
            complete = stamp["fingerprint"] == self.fingerprint() and self.python.exists()
            return set(stamp["extras"]) if complete else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def ensure(self, extras: set[str]) -> None:
        """Make or mend the environment until it holds the program's packages and those of `extras`.

        Raises:
            SetupError: it cannot be made; what is there so far is kept.
        """
        installed = self.installed_extras()
        if installed is not None and extras <= installed:
            return
        try:
            with self._alone():
                installed = self.installed_extras()
                if installed is None or not extras <= installed:
                    self._set_up(extras | (installed or set()))
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
            raise SetupError(_explain(f"{error!r} {error}", self.log)) from error

    def requirements(self, extras: set[str]) -> list[str]:
        """What setup.cfg asks for, one requirement an item."""
        config = configparser.ConfigParser(interpolation=None)
        config.read(self.root / "setup.cfg", encoding="utf-8")
        texts = [config["options"]["install_requires"]]
        texts += [config["options.extras_require"][extra] for extra in sorted(extras)]
        return [line.strip() for text in texts for line in text.splitlines() if line.strip()]

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the set-up for this process; a second one started meanwhile waits."""
        with (self.root / ".setup.lock").open("w") as lock:
            if os.name != "nt":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _set_up(self, extras: set[str]) -> None:
        print(f"Ripieno sets itself up in {self.folder} (once; this takes some minutes).", flush=True)
        started = time.monotonic()
        if not self._healthy():
            self._make()
        self.stamp.unlink(missing_ok=True)
        constraints = self.root / "constraints.txt"
        pip = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--progress-bar",
            "off",
            "--retries",
            "2",
            "--no-input",
        ]
        self._run_pip([*pip, "-c", str(constraints), *self.requirements(extras)], _count_lines(constraints))
        self._put_on_path()
        beside = self.stamp.with_suffix(".part")
        beside.write_text(json.dumps({"fingerprint": self.fingerprint(), "extras": sorted(extras)}))
        beside.replace(self.stamp)
        print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)

    def _healthy(self) -> bool:
        """Whether the interpreter inside runs and has its pip: a half-made one has not."""
        try:
            probe = [str(self.python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
            return subprocess.run(probe, capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def _make(self) -> None:
        with_pip = find_spec("ensurepip") is not None
        try:
            venv.create(self.folder, clear=True, symlinks=os.name != "nt", with_pip=with_pip)
        except subprocess.CalledProcessError as error:
            output = (error.output or b"").decode(errors="replace")
            raise SetupError(_explain(output or str(error), self.log)) from error
        if not with_pip:
            self._fetch_pip()

    def _fetch_pip(self) -> None:
        print("  fetching pip", flush=True)
        with urllib.request.urlopen(PIP_URL, timeout=30) as reply:
            wheel = reply.read()
        if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
            raise SetupError(
                "the pip that was downloaded is not the expected one; try again on another network."
            )
        path = self.folder / PIP_URL.rsplit("/", 1)[1]
        path.write_bytes(wheel)
        self._run_pip([str(self.python), str(path / "pip"), "install", "--no-index", str(path)], 1)

    def _run_pip(self, command: list[str], expected: int) -> None:
        """Run pip to its end, showing how far it is; its whole output goes to the log.

        Raises:
            SetupError: pip failed.
        """
        environment = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")
        }
        process = subprocess.Popen(
            command, cwd=self.root, env=environment, text=True, encoding="utf-8", errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output = _follow(process, Progress(expected))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        self.log.write_text(output, encoding="utf-8")
        if process.returncode:
            raise SetupError(_explain(output, self.log))

    def _put_on_path(self) -> None:
        """Let the environment import the program from any folder, as an editable install does."""
        ask = [str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
        (Path(site) / "ripieno-checkout.pth").write_text(f"{self.root}\n", encoding="utf-8")


class Progress:
    """One line that says how far pip is: redrawn on a terminal, printed now and then elsewhere."""

    _SEEN = re.compile(r"(?:Collecting|Requirement already satisfied:|Processing) ([A-Za-z0-9._-]+)")
    _SIZE = re.compile(r"Downloading .*\((.+)\)")

    def __init__(self, expected: int) -> None:
        self.expected = max(expected, 1)
        self.seen: set[str] = set()
        self.doing = "starting"
        self.started = time.monotonic()
        self.terminal = sys.stdout.isatty()

    def read(self, line: str) -> None:
        """Take note of one line of pip's."""
        package, size = self._SEEN.match(line), self._SIZE.search(line)
        if package:
            self.seen.add(package[1].lower())
            self.doing = package[1]
        elif size:
            self.doing = f"{self.doing.split(' (')[0]} ({size[1]})"
            if not self.terminal:
                print(f"  {self.doing}", flush=True)
        elif line.startswith("Installing"):
            self.doing = "installing"

    def draw(self) -> None:
        """Show the present state."""
        if not self.terminal:
            return
        done = min(len(self.seen) / self.expected, 1.0)
        bar = ("█" * round(done * 24)).ljust(24, "░")
        line = f"  {bar} {time.monotonic() - self.started:4.0f} s  {self.doing}"
        sys.stdout.write("\r" + line[:78].ljust(78))
        sys.stdout.flush()

    def finish(self) -> None:
        """Leave the line."""
        if self.terminal:
            sys.stdout.write("\r" + " " * 78 + "\r")
            sys.stdout.flush()


def _follow(process: "subprocess.Popen[str]", progress: Progress) -> str:
    """Read a process's output to its end, drawing twice a second; returns all of it."""
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    stream = process.stdout

    def pump() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    output = []
    while True:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=0.5)
            if line is None:
                break
            output.append(line)
            progress.read(line.strip())
        progress.draw()
    process.wait()
    progress.finish()
    return "".join(output)


def _explain(output: str, log: Path) -> str:
    """One line for what went wrong."""
    for pattern, cure in _CURES:
        if re.search(pattern, output, re.IGNORECASE):
            return cure
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")] or output.splitlines()[-1:]
    return f"the set-up failed ({errors[-1] if errors else 'no output'}); the details are in {log}."


def _count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def hand_over(python: Path, arguments: list[str]) -> int:
    """Become `app.cli`; returns its exit code only where a process cannot become another one (Windows)."""
    command = [str(python), "-P", "-m", "app.cli", *arguments]
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(python, command)


def extras_of(arguments: list[str]) -> set[str]:
    """The extras that a command needs beside the program's own packages."""
    extras = {EXTRA_OF_COMMAND[name] for name in arguments[:1] if name in EXTRA_OF_COMMAND}
    if arguments[:2] == ["data", "build"] and arguments[2:3] in (["msmd"], ["mutopia"]):
        extras.add("msmd")
    return extras


def main(arguments: list[str]) -> int:
    """Set up if need be and hand over."""
    environment = Environment(ROOT)
    extras = extras_of(arguments)
    try:
        environment.ensure(extras)
    except SetupError as error:
        print(f"ripieno: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nripieno: set-up interrupted; run this again to go on.", file=sys.stderr)
        return 130
    return hand_over(environment.python, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
