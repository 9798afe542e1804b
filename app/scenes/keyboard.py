"""The PC keyboard as a piano: two rows of letters, an octave and a half, shifted by octaves.

Used by the thread of the window; the notes go to the engine, which sounds them in its next block.
"""

from __future__ import annotations

from typing import Any

from app.bindings import PIANO_KEYS

VELOCITY = 84
LOWEST_OCTAVE, HIGHEST_OCTAVE = 1, 7


class PcPiano:
    """Which keys are down and what they play. A repeated key strikes once."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.octave = 4
        self._sounding: dict[int, int] = {}

    @property
    def held(self) -> frozenset[int]:
        """Semitones above the present C of the keys that are down."""
        lowest = 12 * (self.octave + 1)
        return frozenset(pitch - lowest for pitch in self._sounding.values())

    def key_down(self, key: int) -> bool:
        """Strike the key's note; False where it has none."""
        if key not in PIANO_KEYS:
            return False
        self._strike(key, PIANO_KEYS[key])
        return True

    def key_up(self, key: int) -> None:
        """Let the key's note go."""
        pitch = self._sounding.pop(key, None)
        if pitch is not None:
            self.engine.note_off(pitch)

    def press(self, semitone: int) -> None:
        """Strike by the mouse."""
        self._strike(-1 - semitone, semitone)

    def release(self, semitone: int) -> None:
        """Let go by the mouse."""
        self.key_up(-1 - semitone)

    def shift(self, octaves: int) -> None:
        """Move the keys; what sounds is let go first."""
        self.release_all()
        self.octave = min(max(self.octave + octaves, LOWEST_OCTAVE), HIGHEST_OCTAVE)

    def release_all(self) -> None:
        """Let every note go."""
        for key in list(self._sounding):
            self.key_up(key)

    def _strike(self, key: int, semitone: int) -> None:
        if key not in self._sounding:
            pitch = 12 * (self.octave + 1) + semitone
            self._sounding[key] = pitch
            self.engine.note_on(pitch, VELOCITY)
