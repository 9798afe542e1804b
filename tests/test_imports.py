"""The shape of the program: imports go app -> models -> pieces, and nothing comes undeclared."""

import ast
import configparser
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from app.doctor import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("pieces", "models", "app")
ROOMS = ({"devices", "engine"}, {"sessions"}, {"widgets"}, {"scenes"})
"""Of app, from the lowest up. Two are equals: the engine opens devices, and the process of the sound, which
is a device, runs the engine's player."""
ABOVE_THE_ROOMS = {
    "bench", "cli", "commands", "display", "doctor", "dropping", "hands", "program", "window",
}  # fmt: skip
DEVICE_LIBRARIES = {"pygame", "pygame_gui", "sounddevice", "rtmidi"}
IMPORTED_AS = {
    "pygame-ce": "pygame",
    "python-rtmidi": "rtmidi",
    "pyfluidsynth": "fluidsynth",
    "praat-parselmouth": "parselmouth",
    "pymatchmaker": "matchmaker",
    "resvg-py": "resvg_py",
    "pretty_midi": "pretty_midi",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
}
# Modules of packages that another one requires.
COMES_WITH = {"threadpoolctl": "scikit-learn"}
LOCATED_ONLY = {"pretty_midi"}
"""Declared for a file that lies in it: the bundled sound set."""
PROBED_ALONE = {"torch", "fluidsynth", "sounddevice", *LOCATED_ONLY}
"""The doctor has a row for each."""


@cache
def imported(path: Path) -> list[tuple[str, int]]:
    """Every module that a file imports anywhere in it, with the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = str(node.module)
            names = [f"{module}.{alias.name}" for alias in node.names] if module in LAYERS else [module]
            found += [(name, node.lineno) for name in names]
    return found


def files(layer: str) -> list[Path]:
    return sorted((ROOT / layer).rglob("*.py"))


def offences(layer: str, forbidden: set[str]) -> list[str]:
    """Imports in a folder of what is forbidden there, or lies below that: `app` or `app.scenes`."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files(layer)
        for module, line in imported(path)
        if forbidden & {module, module.split(".")[0], ".".join(module.split(".")[:2])}
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_one_way(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"tests", "launch"}
    assert files(layer)
    assert offences(layer, above) == []


@pytest.mark.parametrize("level", range(len(ROOMS)))
def test_the_rooms_of_the_program_know_only_those_below_them(level: int) -> None:
    above = ABOVE_THE_ROOMS.union(*ROOMS[level + 1 :])
    for room in ROOMS[level]:
        assert files(f"app/{room}")
        assert offences(f"app/{room}", {f"app.{name}" for name in above}) == []


@pytest.mark.parametrize("layer", ["pieces", "models"])
def test_models_and_pieces_run_without_window_and_sound_card(layer: str) -> None:
    assert offences(layer, DEVICE_LIBRARIES) == []


def test_the_program_reads_the_time_in_one_place() -> None:
    clock = str(Path("app/engine/clock.py"))
    assert [found for found in offences("app", {"time", "datetime"}) if not found.startswith(clock)] == []


def declared(*extras: str) -> set[str]:
    """The modules of what is always installed, and of these extras."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lists = [config["options"]["install_requires"], *(config["options.extras_require"][e] for e in extras)]
    names = " ".join(lists).replace(" == ", "==").split()
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in (n.partition("==")[0] for n in names)}


def test_every_imported_package_is_declared_and_every_declared_one_imported() -> None:
    known = declared("train", "inside", "peers")
    used = {module.split(".")[0] for layer in LAYERS for path in files(layer) for module, _ in imported(path)}
    carried = {module for module, carrier in COMES_WITH.items() if IMPORTED_AS.get(carrier) in known}
    assert used - known - carried - set(sys.stdlib_module_names) - set(LAYERS) - {"pytest"} == set()
    assert known - used == LOCATED_ONLY


def test_the_doctor_looks_for_every_package() -> None:
    assert {*PACKAGES, *PROBED_ALONE} == declared()


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for layer in LAYERS for path in files(layer)}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def loaded_by(module: str) -> set[str]:
    """The top-level modules that an interpreter holds which has imported this one."""
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"torch", "pygame", "verovio", "matplotlib", "music21", "scipy", "sounddevice", "numpy"}
    assert heavy & loaded_by("app.cli") == set()


def test_pictures_are_saved_without_what_a_window_needs() -> None:
    assert "pygame" not in loaded_by("app.commands.inside")
