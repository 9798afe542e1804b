"""The set-up of launch.py, with a fake interpreter whose pip does what the test wants."""

import ast
import http.client
import json
import subprocess
import sys
from pathlib import Path

import pytest

import launch

SOURCE = Path(launch.__file__)

FAKE_PYTHON = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
    *"import sys, pip"*) test -f "$here/pip-is-complete"; exit $? ;;
    *purelib*) echo "$here" ;;
    *"-m pip install"*)
        echo "$@" >> "$here/../../pip-calls"
        echo "Collecting numpy"
        cat "$here/../../pip-says" 2>/dev/null && exit 1
        exit 0 ;;
esac
"""


class Checkout:
    """A folder with the two files that say what to install, and counters of what was done in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made = 0
        (root / "setup.cfg").write_text(
            "[options]\ninstall_requires =\n    numpy\n    torch\n"
            "[options.extras_require]\ndev =\n    pytest\ntrain =\n    music21\n"
        )
        (root / "constraints.txt").write_text("numpy==2.4.6\n")

    @property
    def environment(self) -> launch.Environment:
        return launch.Environment(self.root)

    def make_venv(self, folder: Path, **_options: object) -> None:
        self.made += 1
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").write_text(FAKE_PYTHON)
        (folder / "bin" / "python").chmod(0o755)
        (folder / "bin" / "pip-is-complete").touch()

    @property
    def pip_calls(self) -> list[str]:
        path = self.root / "pip-calls"
        return path.read_text().splitlines() if path.exists() else []

    def pip_fails(self, saying: str) -> None:
        (self.root / "pip-says").write_text(saying)

    def pip_works(self) -> None:
        (self.root / "pip-says").unlink()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path)
    monkeypatch.setattr(launch.venv, "create", made.make_venv)
    return made


def test_first_use_installs_everything_under_the_constraints(checkout: Checkout) -> None:
    checkout.environment.ensure(set())
    (call,) = checkout.pip_calls
    assert f"-c {checkout.root / 'constraints.txt'}" in call
    assert call.endswith("numpy torch")
    assert checkout.environment.installed_extras() == set()
    assert (checkout.root / ".venv/bin/ripieno-checkout.pth").read_text().strip() == str(checkout.root)


def test_a_complete_environment_is_left_alone(checkout: Checkout) -> None:
    checkout.environment.ensure(set())
    checkout.environment.ensure(set())
    assert (checkout.made, len(checkout.pip_calls)) == (1, 1)


def test_an_interrupted_installation_is_taken_up_again(checkout: Checkout) -> None:
    checkout.pip_fails("ERROR: killed")
    with pytest.raises(launch.SetupError, match="killed"):
        checkout.environment.ensure(set())
    assert checkout.environment.installed_extras() is None
    checkout.pip_works()
    checkout.environment.ensure(set())
    assert checkout.environment.installed_extras() == set()
    assert (checkout.made, len(checkout.pip_calls)) == (1, 2)


def test_a_failed_update_does_not_count_as_complete(checkout: Checkout) -> None:
    checkout.environment.ensure(set())
    checkout.pip_fails("ERROR: killed")
    with pytest.raises(launch.SetupError):
        checkout.environment.ensure({"dev"})
    assert checkout.environment.installed_extras() is None


@pytest.mark.parametrize("missing", ["python", "pip-is-complete"])
def test_a_half_made_environment_is_made_anew(checkout: Checkout, missing: str) -> None:
    checkout.make_venv(checkout.root / ".venv")
    (checkout.root / ".venv/bin" / missing).unlink()
    checkout.environment.ensure(set())
    assert checkout.made == 2


def test_an_environment_made_by_hand_is_adopted(checkout: Checkout) -> None:
    checkout.make_venv(checkout.root / ".venv")
    checkout.environment.ensure({"dev"})
    assert (checkout.made, len(checkout.pip_calls)) == (1, 1)


def test_a_torn_stamp_means_incomplete(checkout: Checkout) -> None:
    checkout.environment.ensure(set())
    checkout.environment.stamp.write_text('{"fingerprint": "ab')
    assert checkout.environment.installed_extras() is None


def test_extras_are_added_and_kept(checkout: Checkout) -> None:
    checkout.environment.ensure({"dev"})
    checkout.environment.ensure({"train"})
    checkout.environment.ensure(set())
    assert [call.split("constraints.txt ")[1] for call in checkout.pip_calls] == [
        "numpy torch pytest",
        "numpy torch pytest music21",
    ]


@pytest.mark.parametrize("name", ["setup.cfg", "constraints.txt"])
def test_changed_requirements_are_installed(checkout: Checkout, name: str) -> None:
    checkout.environment.ensure(set())
    with (checkout.root / name).open("a") as file:
        file.write("\n# changed\n")
    checkout.environment.ensure(set())
    assert len(checkout.pip_calls) == 2


@pytest.mark.parametrize(
    ("saying", "cure"),
    [
        (
            "WARNING: Retrying ... NewConnectionError('[Errno -3] Temporary failure in name resolution')",
            "internet",
        ),
        ("ERROR: No matching distribution found for verovio==6.0.0", "not made for Python"),
        ("WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found for x", "internet"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "room"),
        ("ERROR: [Errno 13] Permission denied: '/opt/x'", "cannot be written"),
    ],
)
def test_pip_s_troubles_become_one_line_with_a_cure(checkout: Checkout, saying: str, cure: str) -> None:
    checkout.pip_fails(saying)
    with pytest.raises(launch.SetupError) as caught:
        checkout.environment.ensure(set())
    assert cure in str(caught.value)
    assert "\n" not in str(caught.value)
    assert saying in checkout.environment.log.read_text()


def test_a_folder_that_cannot_be_written_is_one_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", str(checkout.root))

    monkeypatch.setattr(launch.venv, "create", refuse)
    monkeypatch.setattr(launch, "ROOT", checkout.root)
    assert launch.main(["doctor"]) == 1
    assert capsys.readouterr().err.strip().splitlines() == [
        "ripieno: this folder cannot be written; move Ripieno to a folder of your own."
    ]


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (http.client.IncompleteRead(b"half"), "connect to the internet"),
        (subprocess.CalledProcessError(1, ["python"]), "the set-up failed"),
    ],
)
def test_a_download_cut_short_and_a_python_that_fails_are_one_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    fault: Exception, cure: str,
) -> None:  # fmt: skip
    def fail(*_args: object) -> None:
        raise fault

    monkeypatch.setattr(launch.Environment, "_put_on_path", fail)
    monkeypatch.setattr(launch, "ROOT", checkout.root)
    assert launch.main([]) == 1
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert cure in said


def test_a_python_that_the_system_replaced_is_set_up_again(checkout: Checkout) -> None:
    checkout.environment.ensure(set())
    python = checkout.environment.python
    newer = python.rename(python.with_name("python3.99"))
    python.symlink_to(newer)
    checkout.environment.ensure(set())
    checkout.environment.ensure(set())
    assert len(checkout.pip_calls) == 2


def test_ctrl_c_during_the_set_up_is_quiet(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch.venv, "create", interrupt)
    monkeypatch.setattr(launch, "ROOT", checkout.root)
    assert launch.main([]) == 130
    assert "run this again" in capsys.readouterr().err


def test_it_hands_over_what_was_typed(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[object] = []

    def hand_over(python: Path, arguments: list[str]) -> int:
        handed.append((python, arguments))
        return 7

    monkeypatch.setattr(launch, "ROOT", checkout.root)
    monkeypatch.setattr(launch, "hand_over", hand_over)
    assert launch.main(["test", "-k", "x"]) == 7
    assert handed == [(checkout.root / ".venv/bin/python", ["test", "-k", "x"])]
    assert checkout.environment.installed_extras() == {"dev"}


def test_an_old_python_is_told_so_in_one_line() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 7))
    pretend = (
        "import sys; sys.version_info = (3, 9, 1, 'final', 0); "
        f"exec(compile(open({str(SOURCE)!r}).read(), 'launch.py', 'exec'))"
    )
    result = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Python 3.9" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_real_requirements_are_all_pinned() -> None:
    environment = launch.Environment(SOURCE.parent)
    required = environment.requirements({"dev", "train", "msmd"})
    wanted = {line.partition(";")[0].strip().lower().replace("_", "-") for line in required}
    lines = (SOURCE.parent / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert wanted <= pinned
    assert "torch==2.13.0" in lines


def test_the_stamp_is_json_with_the_extras(checkout: Checkout) -> None:
    checkout.environment.ensure({"dev"})
    assert json.loads(checkout.environment.stamp.read_text())["extras"] == ["dev"]


def test_lilypond_comes_with_the_commands_that_need_it() -> None:
    for name in ("msmd", "mutopia"):
        assert launch.extras_of(["data", "build", name, "--out", "data"]) == {"train", "msmd"}
    assert launch.extras_of(["data", "build", "generated"]) == {"train"}
    assert launch.extras_of(["play"]) == launch.extras_of([]) == set()
