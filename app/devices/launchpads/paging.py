"""The grid of 24 x 13 on 8 x 8 pads: a window of eight keys that scrolls, and two pages of columns.

Page one has a key's seven patterns and, in the last column, its offset (a press shifts by the bit used last);
page two has the six offset bits. The top row scrolls, changes page and tempo, undoes, plays and stops; the
right column mutes keys, on page two it locks them. Presses come in rtmidi's thread, the lights are drawn by
the surface's own: both only read or replace single values.
"""
from __future__ import annotations

from app.devices.launchpads.models import RIGHT_COLUMN, SIDE, TOP_ROW, Place
from app.devices.launchpads.surface import PadHands
from models.launchpad.instrument import LAUNCHPAD

SCROLL_KEYS = 4
NUDGE_BPM = 1
UP, DOWN, PATTERNS_PAGE, OFFSETS_PAGE, SLOWER, FASTER, UNDO, PLAY_STOP = range(SIDE)
OFFSET_COLUMN = LAUNCHPAD.patterns
SIXTEENTH_BIT = LAUNCHPAD.exponent - 4


class Pages:
    """What each place stands for at the moment."""

    def __init__(self) -> None:
        self.lowest_key = LAUNCHPAD.keys // 2 - SIDE // 2
        self.offsets = False
        self.bit = SIXTEENTH_BIT

    def key(self, row: int) -> int:
        """The key of a row: higher keys are further up."""
        return self.lowest_key + SIDE - 1 - row

    def scroll_to(self, lowest_key: int) -> None:
        """Show the eight keys from there up, as near as the edges allow."""
        self.lowest_key = min(max(lowest_key, 0), LAUNCHPAD.keys - SIDE)

    def press(self, place: Place, hands: PadHands) -> None:
        """Do what the button at `place` is for, here or by telling `hands`."""
        row, column = place
        if row == TOP_ROW:
            self._press_top(column, hands)
        elif column == RIGHT_COLUMN:
            (hands.lock if self.offsets else hands.mute)(self.key(row))
        elif self.offsets:
            self._press_bit(self.key(row), column, hands)
        elif column == OFFSET_COLUMN:
            hands.shift(self.key(row), self.bit)
        else:
            hands.toggle(self.key(row), column)

    def _press_bit(self, key: int, column: int, hands: PadHands) -> None:
        if column < LAUNCHPAD.exponent:
            self.bit = column
            hands.shift(key, column)

    def _press_top(self, column: int, hands: PadHands) -> None:
        if column in (UP, DOWN):
            self.scroll_to(self.lowest_key + (SCROLL_KEYS if column == UP else -SCROLL_KEYS))
            hands.scrolled(self.lowest_key)
        elif column in (PATTERNS_PAGE, OFFSETS_PAGE):
            self.offsets = column == OFFSETS_PAGE
        elif column in (SLOWER, FASTER):
            hands.nudge_tempo(NUDGE_BPM if column == FASTER else -NUDGE_BPM)
        elif column == UNDO:
            hands.undo()
        else:
            hands.play_stop()
