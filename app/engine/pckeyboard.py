"""The PC keyboard as a piano: a pure map from the names of keys (pygame's) to MIDI pitches. Scenes call it.

Two rows of letters play white keys, the row above each its black ones, as trackers have done since 1987:
z s x d c v g b h n j m from the octave's C on, and q 2 w 3 e r 5 t 6 y 7 u one octave above.
"""
from __future__ import annotations

from dataclasses import dataclass, field

LOWER_KEYS = ("z", "s", "x", "d", "c", "v", "g", "b", "h", "n", "j", "m", ",", "l", ".", ";", "/")
UPPER_KEYS = ("q", "2", "w", "3", "e", "r", "5", "t", "6", "y", "7", "u", "i", "9", "o", "0", "p")
SEMITONES: dict[str, int] = {
    **{key: semitone for semitone, key in enumerate(LOWER_KEYS)},
    **{key: semitone + 12 for semitone, key in enumerate(UPPER_KEYS)},
}
MIDDLE_C = 60
LOWEST_OCTAVE, HIGHEST_OCTAVE = -3, 3


def pitch_of(key_name: str, octave: int = 0) -> int | None:
    """MIDI pitch of a key, shifted by octaves; None if the key plays nothing there."""
    semitone = SEMITONES.get(key_name.lower())
    if semitone is None:
        return None
    pitch = MIDDLE_C + 12 * octave + semitone
    return pitch if 0 <= pitch <= 127 else None


@dataclass
class PcKeyboard:
    """Which keys are down: a key that repeats strikes once, and its release ends the pitch it began."""

    octave: int = 0
    _held: dict[str, int] = field(default_factory=dict)

    def press(self, key_name: str) -> int | None:
        """Pitch to strike, or None."""
        pitch = pitch_of(key_name, self.octave)
        if pitch is None or key_name in self._held:
            return None
        self._held[key_name] = pitch
        return pitch

    def release(self, key_name: str) -> int | None:
        """Pitch to let go, or None."""
        return self._held.pop(key_name, None)

    def release_all(self) -> list[int]:
        """Pitches to let go: the window lost the keyboard."""
        pitches, self._held = list(self._held.values()), {}
        return pitches

    def shift(self, octaves: int) -> int:
        """Move up or down; the new shift."""
        self.octave = min(max(self.octave + octaves, LOWEST_OCTAVE), HIGHEST_OCTAVE)
        return self.octave
