"""What works on this machine, and what to install for what does not.

Main thread, from the command line only. Every probe stands alone, opens nothing for long and takes any
failure of a driver or a library as its answer: this is the one thing that must work where nothing else does.
"""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from app.logs import stderr_to

MIN_FREE_BYTES = 200_000_000
PACKAGES = ("PIL", "gymnasium", "matplotlib", "mido", "numpy", "parselmouth", "platformdirs", "psutil",
            "pygame", "resvg_py", "rich", "rtmidi", "safetensors", "scipy", "soxr", "typer",
            "verovio")  # fmt: skip
"""What the program is installed with, but for what has a row of its own: PyTorch, the sound set and those who
play."""


@dataclass(frozen=True)
class Finding:
    """The answer of one probe.

    Attributes:
        ok: it works, perhaps by a second way that `found` names.
        found: what is there.
        cure: what to do about it; empty where nothing is to be done.
    """

    ok: bool
    found: str
    cure: str = ""


def examine() -> dict[str, Finding]:
    """Ask every probe; one that breaks has found something missing."""
    findings = {}
    for name, probe in PROBES.items():
        try:
            with stderr_to(os.open(os.devnull, os.O_WRONLY)):  # C libraries write whatever they please.
                findings[name] = probe()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and that is a finding
            findings[name] = Finding(False, f"{type(error).__name__}: {error}")
    return findings


def print_report() -> bool:
    """Print one row a probe; returns whether everything that is needed works."""
    from rich.table import Table
    from rich.text import Text

    from app.console import console

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    findings = examine()
    for name, finding in findings.items():
        style = "green" if finding.ok else "red" if name in NEEDED else "yellow"
        table.add_row(
            Text("ok" if finding.ok else "missing", f"bold {style}"), Text(name), Text(finding.found)
        )
        if finding.cure:
            table.add_row("", "", Text(f"→ {finding.cure}", "cyan"))
    console.print(table)
    broken = [name for name in NEEDED if not findings[name].ok]
    verdict = f"No, not before this works: {', '.join(broken)}." if broken else "Yes."
    console.print(f"Can a bundled piece be seen and followed here? {verdict}", style="bold", soft_wrap=True)
    return not broken


def _python() -> Finding:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return Finding(True, f"{platform.python_version()} on {machine}")


def _packages() -> Finding:
    missing = []
    for name in PACKAGES:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    cure = f"delete the folder {sys.prefix} and start launch.py again" if missing else ""
    return Finding(not missing, f"missing: {', '.join(missing)}" if missing else "all there", cure)


def _torch() -> Finding:
    import torch

    return Finding(True, f"PyTorch {torch.__version__}")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding(True, torch.cuda.get_device_name(0))
    return Finding(
        False, "none that PyTorch can use; the CPU is enough to play", "for training, a CUDA GPU helps"
    )


def _checkpoint() -> Finding:
    from models.checkpoint import FOLDER

    found = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
    cure = "" if found else "fetch the repository again: models/checkpoints is empty"
    return Finding(bool(found), ", ".join(found) or "no checkpoint", cure)


def _display() -> Finding:
    import pygame

    from app.display import UNSEEN_DRIVERS

    pygame.display.init()
    try:
        driver = pygame.display.get_driver()
        sizes = pygame.display.get_desktop_sizes()
    finally:
        pygame.display.quit()
    if driver in UNSEEN_DRIVERS:
        return Finding(
            False, f"SDL's {driver} driver: nothing can be seen", "start it from a graphical desktop"
        )
    return Finding(True, f"SDL {driver}, {' + '.join(f'{width} × {height}' for width, height in sizes)}")


def _sdl_audio() -> Finding:
    import pygame
    from pygame._sdl2 import audio

    try:
        pygame.mixer.init(44_100)
        outputs, inputs = audio.get_audio_device_names(False), audio.get_audio_device_names(True)
    except pygame.error as error:
        return Finding(False, str(error), _NO_SOUND)
    finally:
        pygame.mixer.quit()
    return Finding(
        bool(outputs), f"{len(outputs)} outputs, {len(inputs)} inputs", "" if outputs else _NO_SOUND
    )


def _portaudio() -> Finding:
    try:
        import sounddevice
    except OSError:
        return Finding(False, "not installed; SDL is used instead", _install("libportaudio2", "portaudio"))
    devices = sounddevice.query_devices()
    inputs = sum(device["max_input_channels"] > 0 for device in devices)
    outputs = sum(device["max_output_channels"] > 0 for device in devices)
    hosts = ", ".join(host["name"] for host in sounddevice.query_hostapis() if host["devices"]) or "no device"
    return Finding(
        bool(devices), f"{hosts}: {outputs} outputs, {inputs} inputs", "" if devices else _NO_SOUND
    )


def _midi() -> Finding:
    import rtmidi

    try:
        ports_in, ports_out = rtmidi.MidiIn().get_ports(), rtmidi.MidiOut().get_ports()
    except (SystemError, rtmidi.RtMidiError):
        cure = "load the ALSA sequencer: `sudo modprobe snd-seq`" if sys.platform == "linux" else "restart"
        return Finding(False, "no MIDI system; the PC keyboard is a piano", cure)
    names = ", ".join(sorted({*ports_in, *ports_out})) or "no device attached"
    return Finding(True, names)


def _jack() -> Finding:
    import rtmidi

    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api() or not ctypes.util.find_library("jack"):
        return Finding(False, "not installed; not needed", _install("jackd2", "jack"))
    server = shutil.which("jackd") or shutil.which("pipewire") or shutil.which("pw-jack")
    return Finding(True, f"library found, server {server or 'not found'}")


def _fluidsynth() -> Finding:
    from models.sound import find_fluidsynth

    found = find_fluidsynth()
    return Finding(
        found is not None, found or "not found", "" if found else _install("libfluidsynth3", "fluid-synth")
    )


def _sound_set() -> Finding:
    from models.sound import find_sound_sets, find_soundfont

    found = find_soundfont()
    if found is None:
        return Finding(False, "none", _install("fluid-soundfont-gm", "fluid-synth"))
    others = len(find_sound_sets()) - 1
    return Finding(True, f"{found.name}{f' and {others} more' if others else ''}")


def _engraver() -> Finding:
    from pieces.library import list_pieces
    from pieces.opening import open_piece

    entries = list_pieces()
    piece = open_piece(entries[0].name)
    return Finding(True, f"{len(entries)} pieces; {piece.title} has {len(piece.notes)} notes")


def _disk() -> Finding:
    from pieces.folders import folder

    place = folder("data")
    free = shutil.disk_usage(place).free
    cure = "" if free > MIN_FREE_BYTES else "make room, or takes cannot be kept"
    return Finding(free > MIN_FREE_BYTES, f"{place}, {free / 1e9:.0f} GB free", cure)


def _log() -> Finding:
    from app.paths import log_path

    return Finding(True, str(log_path()))


def _install(debian: str, brew: str) -> str:
    return f"`brew install {brew}`" if sys.platform == "darwin" else f"`sudo apt install {debian}`"


_NO_SOUND = "attach a sound card, or start the sound server (PipeWire, PulseAudio or JACK)"

PROBES: dict[str, Callable[[], Finding]] = {
    "Python": _python,
    "Packages": _packages,
    "PyTorch": _torch,
    "GPU": _gpu,
    "Follower": _checkpoint,
    "Pieces": _engraver,
    "FluidSynth": _fluidsynth,
    "Sound set": _sound_set,
    "Display": _display,
    "Sound (SDL)": _sdl_audio,
    "Sound (PortAudio)": _portaudio,
    "MIDI": _midi,
    "JACK": _jack,
    "Data": _disk,
    "Log": _log,
}
"""The rows of the report, in their order."""

NEEDED = ("Packages", "PyTorch", "Follower", "Pieces", "FluidSynth", "Sound set", "Display")
"""The rows without which no bundled piece can be seen and followed; for each other there is a second way."""
