"""FluidSynth for everyone: the live voice, the demo player and the builders of training data.

Finds the library and a sound set where the system has none: pygame-ce's wheel carries libfluidsynth and
pretty_midi's the sound set TimGM6mb; both are only located, never imported. A :class:`Synth` belongs to
one thread at a time; ``render`` neither allocates voices nor blocks on anything but the synthesis.
"""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.presets import has_piano
from pieces.errors import RipienoError

if TYPE_CHECKING:
    from models.performance import Performance

SOUND_SET_FOLDERS = (
    Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"), Path("/usr/share/soundfonts"),
)  # fmt: skip
KEPT_FOR_EVALUATION = "musescore"
"""Sound sets with this in their name are never trained on. Debian and Ubuntu have one in the package
musescore-general-soundfont-small."""
_SUSTAIN_CONTROLLER = 64
_TAIL_S = 1.5
_BLOCK_SAMPLES = 1024


class NoSynth(RipienoError):
    """No FluidSynth library or no sound set on this machine."""


@cache
def find_fluidsynth() -> str | None:
    """Path or soname of libfluidsynth: the system's, else the one inside pygame-ce's wheel."""
    for name in ("fluidsynth", "libfluidsynth-3", "libfluidsynth-2"):
        found = ctypes.util.find_library(name)
        if found:
            return found
    spec = find_spec("pygame")
    if spec is None or spec.origin is None:
        return None
    site = Path(spec.origin).parent.parent
    for folder in (site / "pygame_ce.libs", Path(spec.origin).parent, site / "pygame" / ".dylibs"):
        for pattern in ("libfluidsynth*.so*", "libfluidsynth*.dll", "libfluidsynth*.dylib"):
            for path in sorted(folder.glob(pattern)):
                return str(path)
    return None


@cache
def find_sound_sets() -> tuple[Path, ...]:
    """Every .sf2/.sf3 file known here that has a piano, the bundled one (TimGM6mb of pretty_midi) first."""
    found: list[Path] = []
    spec = find_spec("pretty_midi")
    if spec is not None and spec.origin is not None:
        found += sorted(Path(spec.origin).parent.glob("*.sf2"))
    for folder in SOUND_SET_FOLDERS:
        if folder.is_dir():
            found += sorted(path for path in folder.iterdir() if path.suffix.lower() in (".sf2", ".sf3"))
    return tuple(filter(has_piano, found))


def find_soundfont() -> Path | None:
    """The sound set that is used unless another is chosen, or None."""
    sets = find_sound_sets()
    return sets[0] if sets else None


def is_kept_for_evaluation(sound_set: Path) -> bool:
    """Whether nothing may be trained on this sound set, by the name of the file itself, not of a link."""
    return KEPT_FOR_EVALUATION in sound_set.resolve().name.lower()


def find_training_sound_sets() -> tuple[Path, ...]:
    """Those that training data may be played with: each once, though a system links to some and has the
    bundled one too."""
    by_name: dict[str, Path] = {}
    for path in find_sound_sets():
        if not is_kept_for_evaluation(path):
            by_name.setdefault(path.resolve().name, path)
    return tuple(by_name.values())


def find_unheard_sound_set() -> Path | None:
    """The sound set kept for evaluation, or None where this machine has none."""
    return next((path for path in find_sound_sets() if is_kept_for_evaluation(path)), None)


@cache
def _load_fluidsynth() -> Any:
    """pyfluidsynth's module, bound to the library of :func:`find_fluidsynth`."""
    library = find_fluidsynth()
    if library is None:
        raise NoSynth("No FluidSynth library found: install libfluidsynth3, or pygame-ce, which carries one.")
    original = ctypes.util.find_library
    # pyfluidsynth looks its library up at import, by name only, and prints where it was where CI is set. What
    # it prints cannot be caught: other threads print meanwhile.
    ctypes.util.find_library = lambda name: library if "fluidsynth" in name else original(name)
    ci = os.environ.pop("CI", None)
    try:
        import fluidsynth
    finally:
        ctypes.util.find_library = original
        if ci is not None:
            os.environ["CI"] = ci
    return fluidsynth


class Synth:
    """A FluidSynth instance that renders to memory.

    Args:
        sample_rate: of the samples it renders, Hz.
        soundfont: a sound set; by default :func:`find_soundfont`.
        gain: 0.2 is FluidSynth's own; 1.0 fills the range with a piano without clipping.

    Raises:
        NoSynth: the library or the sound set is missing or unreadable.
    """

    def __init__(self, sample_rate: int, soundfont: Path | None = None, gain: float = 1.0) -> None:
        path = soundfont or find_soundfont()
        if path is None or not os.path.exists(path):
            raise NoSynth("No sound set: install timgm6mb-soundfont or choose an .sf2 file in Settings.")
        self.sample_rate = sample_rate
        self._synth = _load_fluidsynth().Synth(gain=gain, samplerate=float(sample_rate))
        self._font = self._synth.sfload(str(path))
        if self._font < 0:
            raise NoSynth(f"{path} is not a readable sound set. Choose another .sf2 file in Settings.")
        for channel in range(16):
            self._synth.program_select(channel, self._font, 128 if channel == 9 else 0, 0)

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        self._synth.noteon(channel, pitch, velocity)

    def note_off(self, pitch: int, channel: int = 0) -> None:
        self._synth.noteoff(channel, pitch)

    def control_change(self, controller: int, value: int, channel: int = 0) -> None:
        self._synth.cc(channel, controller, value)

    def program(self, number: int, channel: int = 0) -> None:
        self._synth.program_select(channel, self._font, 128 if channel == 9 else 0, number)

    def all_off(self) -> None:
        """Every note and pedal off, at once: the panic key."""
        for channel in range(16):
            self._synth.cc(channel, _SUSTAIN_CONTROLLER, 0)
            self._synth.cc(channel, 120, 0)
            self._synth.cc(channel, 123, 0)

    def render(self, samples: int) -> NDArray[np.float32]:
        """The next ``samples`` frames as (samples, 2) float32 in [-1, 1]."""
        raw = self._synth.get_samples(samples)
        return (raw.astype(np.float32) * np.float32(1 / 32768)).reshape(samples, 2)

    def close(self) -> None:
        self._synth.delete()


def check_synth(training: bool = False) -> None:
    """Find out before long work whether anything can be played here, `training`: by a set to be trained on.

    Raises:
        NoSynth: see :class:`Synth`; or there is no such set.
    """
    sets = find_training_sound_sets()
    if training and not sets:
        raise NoSynth("No sound set to train on: install timgm6mb-soundfont or fluid-soundfont-gm.")
    Synth(22_050, sets[0] if training else None).close()


def render_performance(
    performance: Performance,
    sample_rate: int = 22_050,
    soundfont: Path | None = None,
    program: int = 0,
    synth: Synth | None = None,
) -> NDArray[np.float32]:
    """Render a performance to (N,) mono float32, every event at its own sample.

    Raises:
        NoSynth: see :class:`Synth`.
    """
    player = synth or Synth(sample_rate, soundfont)
    player.all_off()
    player.program(program)
    events = _events(performance, sample_rate)
    length = round((performance.end_s + _TAIL_S) * sample_rate)
    audio = np.zeros(length, np.float32)
    position = 0
    for sample, _, action in events:
        position = _render_until(player, audio, position, min(sample, length))
        getattr(player, action[0])(*action[1:])
    _render_until(player, audio, position, length)
    if synth is None:
        player.close()
    return audio


def _events(performance: Performance, sample_rate: int) -> Sequence[tuple[int, int, tuple[Any, ...]]]:
    """(sample, order, call): at one sample releases come before pedals, pedals before strikes."""
    events: list[tuple[int, int, tuple[Any, ...]]] = []
    for note in performance.notes:
        start, end = round(note.onset_s * sample_rate), round((note.onset_s + note.duration_s) * sample_rate)
        events.append((start, 2, ("note_on", note.pitch, note.velocity)))
        events.append((max(end, start + 1), 0, ("note_off", note.pitch)))
    for time_s, down in performance.pedal:
        call = ("control_change", _SUSTAIN_CONTROLLER, 127 if down else 0)
        events.append((round(time_s * sample_rate), 1, call))
    return sorted(events, key=lambda event: event[:2])


def _render_until(player: Synth, audio: NDArray[np.float32], position: int, end: int) -> int:
    while position < end:
        count = min(_BLOCK_SAMPLES, end - position)
        audio[position : position + count] = player.render(count).mean(axis=1)
        position += count
    return position
