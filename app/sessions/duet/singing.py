"""From one voice to notes: pitch of the newest sound, frame by frame, and where notes begin and end.

The pitch is Praat's (P. Boersma, "Accurate short-term analysis of the fundamental frequency", 1993), through
parselmouth, on the last 50 ms of sound every 10 ms. A note is believed when three frames agree, so it is
known about 50 ms after it began. Pure but for asking Praat; one thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pieces.errors import RipienoError

HOP_S, WINDOW_S = 0.01, 0.05
LOWEST_HZ, HIGHEST_HZ = 62.0, 1000.0
"""A little more than the agent's range; three periods of the lowest fit the window."""
QUIET_DB = -50.0
"""Full scale is 0; what is softer is silence."""
OCTAVE_COST, VOICING = 0.1, 0.6
"""Praat's settings for single frames, which it cannot compare with their neighbours: fewer notes too low."""
AGREEING, DOUBTFUL = 3, 5
"""Frames that must agree before a note begins, or ends; and one that lies where subharmonics do."""
SUBHARMONICS = (-12, -19, -24)
"""Semitones from what sounds."""
SEMITONES_APART = 0.65
"""From the middle of the note that sounds: vibrato stays within."""
STRUCK_DB = 8.0
"""A rise within three frames that is a new onset of the same pitch."""
SOFTEST_DB, LOUDEST_DB = -42.0, -9.0
SOFTEST, LOUDEST = 40, 112
FloatArray = NDArray[np.float32]


class NoPitchTracker(RipienoError):
    """parselmouth is not installed."""


@dataclass(frozen=True, slots=True)
class Sung:
    """A note began ("on") or ended ("off") at a sample."""

    sample: int
    what: Literal["on", "off"]
    pitch: int
    velocity: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """pitch in MIDI semitones, not rounded; None where there is none."""

    sample: int
    pitch: float | None
    level_db: float


class PitchFrames:
    """Samples in, frames out, whatever the size of the blocks.

    Raises:
        NoPitchTracker: it is not installed.
    """

    def __init__(self, rate: int, start_sample: int = 0) -> None:
        try:
            import parselmouth
        except ImportError as error:
            raise NoPitchTracker("singing needs praat-parselmouth: pip install praat-parselmouth.") from error
        self._sound = parselmouth.Sound
        self._rate = rate
        self._hop, self._window = round(HOP_S * rate), round(WINDOW_S * rate)
        self._kept: FloatArray = np.zeros(self._window, np.float32)
        self._end_sample = start_sample
        self._new = 0

    def push(self, block: FloatArray) -> list[Frame]:
        """Take in (n,) samples; the frames that they complete."""
        frames = []
        while len(block):
            part, block = block[: self._hop - self._new], block[self._hop - self._new :]
            self._kept = np.concatenate((self._kept, part))[-self._window :]
            self._end_sample += len(part)
            self._new += len(part)
            if self._new == self._hop:
                self._new = 0
                frames.append(self._frame())
        return frames

    def _frame(self) -> Frame:
        """Of the window that ends now; it stands for its middle."""
        recent = self._kept[-3 * self._hop :]
        level_db = 10.0 * float(np.log10(np.mean(recent * recent, dtype=np.float64) + 1e-12))
        middle = self._end_sample - self._window // 2
        return Frame(middle, None if level_db < QUIET_DB else self._pitch(), level_db)

    def _pitch(self) -> float | None:
        sound = self._sound(self._kept.astype(np.float64), self._rate)
        pitch = sound.to_pitch_ac(time_step=HOP_S, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ,
                                   octave_cost=OCTAVE_COST, voicing_threshold=VOICING)  # fmt: skip
        found = pitch.selected_array["frequency"]
        hz = float(found[-1]) if len(found) else 0.0
        return 69.0 + 12.0 * float(np.log2(hz / 440.0)) if hz > 0.0 else None


class Notes:
    """Frames in, notes out."""

    def __init__(self) -> None:
        self.sounding: int | None = None
        self._recent: list[Frame] = []

    def push(self, frame: Frame) -> list[Sung]:
        """What a frame ends and begins."""
        self._recent = [*self._recent[1 - DOUBTFUL :], frame]
        newest = self._recent[-AGREEING:]
        if len(newest) < AGREEING:
            return []
        if all(known.pitch is None for known in newest):
            return self._end(newest[0].sample)
        pitch = self._agreed(newest)
        if pitch is None or (pitch == self.sounding and not self._struck_again(newest)):
            return []
        if self.sounding is not None and pitch - self.sounding in SUBHARMONICS:
            newest = self._recent
            if len(newest) < DOUBTFUL or self._agreed(newest) != pitch:
                return []
        first = newest[0].sample
        ended, self.sounding = self._end(first), pitch
        return [*ended, Sung(first, "on", pitch, _velocity(max(known.level_db for known in newest)))]

    def finish(self) -> list[Sung]:
        """The sound is over."""
        return self._end(self._recent[-1].sample) if self._recent else []

    def _agreed(self, frames: list[Frame]) -> int | None:
        """The pitch that all frames have, or the one that sounds where they are near it."""
        pitches = [known.pitch for known in frames if known.pitch is not None]
        if len(pitches) < len(frames):
            return None
        if self.sounding is not None and all(abs(p - self.sounding) <= SEMITONES_APART for p in pitches):
            return self.sounding
        nearest = round(float(np.median(pitches)))
        return nearest if all(abs(pitch - nearest) <= SEMITONES_APART for pitch in pitches) else None

    def _struck_again(self, frames: list[Frame]) -> bool:
        if frames[-1].level_db - frames[0].level_db < STRUCK_DB:
            return False
        self._recent = self._recent[-1:]  # one rise is one onset
        return True

    def _end(self, sample: int) -> list[Sung]:
        if self.sounding is None:
            return []
        pitch, self.sounding = self.sounding, None
        return [Sung(sample, "off", pitch)]


def _velocity(level_db: float) -> int:
    return round(float(np.interp(level_db, (SOFTEST_DB, LOUDEST_DB), (SOFTEST, LOUDEST))))
