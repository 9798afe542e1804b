"""The public interface of the pads: `PadSurface` shows a `PadView`, and tells a `PadHands` what was pressed.

`hardware.Launchpads` is the `PadSurface` with real Launchpads behind it, there or not. A scene or a session
calls `show` as often as it likes, from any thread: it only leaves the view for the surface's own thread.
Keys count from the lowest (0), patterns and offset bits from the left, as in `models.launchpad.instrument`.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Protocol

from models.launchpad.instrument import LAUNCHPAD


class Look(IntFlag):
    """How a button of the grid looks; flags are combined. 0 is a button that is off."""

    ON = 1  # in the bar that is heard now: a pattern that is on, a bit of the offset that is set
    YOURS = 2  # the person pressed it last
    AGENTS = 4  # the agent did; neither: it came with the start state
    QUEUED = 8  # changes with the next bar: goes off if it is ON, comes on if not; blinks
    PLAYING = 16  # is being heard: pulses


class RowLook(IntFlag):
    """How a whole key is marked."""

    MUTED = 1  # not heard: by mute, or because another is solo
    LOCKED = 2  # the agent must not touch it


@dataclass(frozen=True)
class PadView:
    """Everything that is shown at one moment.

    cells: (24, 13) of `Look`, for each key its 7 patterns and then its 6 offset bits; any sequence of
    sequences of ints, an array too. rows: (24,) of `RowLook`. playhead: step of the bar heard now, if any.
    """

    cells: Sequence[Sequence[int]]
    rows: Sequence[int]
    playhead: int | None = None
    playing: bool = False


class PadHands(Protocol):
    """Who is told what was pressed. Called in rtmidi's thread: hand it on (`Engine.call`) and return."""

    def toggle(self, key: int, pattern: int) -> None:
        """The button of a pattern, 0 to 6."""

    def shift(self, key: int, bit: int) -> None:
        """Shift a key's patterns by 2^`bit` steps, 0 to 5."""

    def mute(self, key: int) -> None:
        """Mute the key, or let it sound again."""

    def lock(self, key: int) -> None:
        """Lock the key against the agent, or open it again."""

    def scrolled(self, lowest_key: int) -> None:
        """The surface now shows the eight keys from `lowest_key` up."""

    def nudge_tempo(self, bpm: int) -> None:
        """So many beats a minute faster (slower where negative)."""

    def undo(self) -> None:
        """Take back the last press."""

    def play_stop(self) -> None:
        """Play, or stop."""


class PadSurface(Protocol):
    """Buttons with lights. Every method may be called in any thread and returns at once."""

    @property
    def connected(self) -> str | None:
        """Name of the model that is taken over ("Launchpad X"), for the panel; None where none is."""

    @property
    def lowest_key(self) -> int:
        """The lowest of the eight keys it shows."""

    def listen(self, hands: PadHands | None) -> None:
        """Take the Launchpad over and tell `hands` what is pressed; None: give it back."""

    def show(self, view: PadView) -> None:
        """Look like this as soon as possible; views that come faster than lights can change are skipped."""

    def scroll_to(self, lowest_key: int) -> None:
        """Show the eight keys from `lowest_key` up (as near as the grid's edges allow)."""

    def send_clock(self, message: Sequence[int]) -> None:
        """A message of the MIDI clock that goes out: blinking and pulsing keep its tempo."""


def dark_view(keys: int = LAUNCHPAD.keys, columns: int = LAUNCHPAD.columns) -> PadView:
    """Everything off."""
    return PadView(((0,) * columns,) * keys, (0,) * keys)
