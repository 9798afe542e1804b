"""The roll of a duet: both parts on a running sheet of beats, what is meant half-transparent, and the keys.

Three layers: the keys at the left edge and the ruler above change now and then, the sheet with every frame.
They share one :class:`Roll`. Used by the thread of the window.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import pygame

from app import theme
from app.sessions.duet.choices import Who
from app.sessions.duet.snapshot import RollNote
from app.theme import Colour
from app.widgets.base import Pointer, View, Widget
from app.widgets.painter import Painter

COLOURS: dict[Who, Colour] = {"you": theme.YOU, "machine": theme.MACHINE}
NAMES: dict[Who, str] = {"you": "you", "machine": "partner"}
LOWEST, HIGHEST = 36, 84
KEYS_W, RULER_H, LEGEND_H = 58, 24, 26
NOW_SHARE = 0.64
"""Where on the sheet the line of the present stands, once the music has got so far."""
STEP_PX, LEAST_STEP_PX, MOST_STEP_PX = 12.0, 4.0, 30.0
LEAD_STEPS = 1.6
BEAT_STEPS = 4
LONGEST_STEPS = 256
"""A note that lasts longer than sixteen bars may vanish at its end."""
BLACK = frozenset({1, 3, 6, 8, 10})
OCTAVE = 12
WHITE_KEY: Colour = (216, 220, 230)
LANE, BLACK_LANE = theme.SURFACE, theme.mix(theme.SURFACE, theme.GROUND, 0.55)
INTENDED = 0.42
"""How much of its colour a note has that is only meant."""


@dataclass(frozen=True, slots=True)
class RollLine:
    """One player's notes in order of their onsets, times in sixteenths; ``intended``: not played yet."""

    owner: Who
    notes: tuple[RollNote, ...]
    intended: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Whose the sixteenths between two are, where the players take turns."""

    first_step: float
    steps: float
    owner: Who


class Roll:
    """What the layers show, and where. The scene sets the fields; drawing changes nothing.

    ``step`` is the sixteenth to be drawn as the present, None before the first start; ``heard_step`` the one
    of the notes: while it is ``playing``, what ends there still sounds.
    """

    def __init__(self) -> None:
        self.lines: tuple[RollLine, ...] = ()
        self.phrases: tuple[Phrase, ...] = ()
        self.bar_steps = 16
        self.step: float | None = None
        self.heard_step = 0.0
        self.playing = False
        self.step_px = STEP_PX
        self.letters: dict[int, str] = {}
        self.sheet = pygame.Rect(0, 0, 1, 1)
        self.low, self.high = LOWEST, HIGHEST

    def show(self, lines: tuple[RollLine, ...]) -> None:
        """Other notes; the keys reach by octaves as far as they do."""
        self.lines = lines
        pitches = [note.pitch for line in lines for note in line.notes[-64:]]
        low, high = min(pitches, default=LOWEST), max(pitches, default=HIGHEST)
        self.low = LOWEST - OCTAVE * max(math.ceil((LOWEST - low) / OCTAVE), 0)
        self.high = HIGHEST + OCTAVE * max(math.ceil((high - HIGHEST) / OCTAVE), 0)

    # --- geometry -------------------------------------------------------------------------------

    @property
    def lane_px(self) -> float:
        """Height of a semitone."""
        return self.sheet.h / (self.high - self.low + 1)

    def now(self, reduced: bool) -> float:
        """The moment that sounds; with reduced motion the whole sixteenth."""
        step = self.step or 0.0
        return math.floor(step) if reduced else step

    def left(self, reduced: bool) -> float:
        """The sixteenth at the left edge: the sheet runs, or with reduced motion is turned like a page."""
        now, span = self.now(reduced), self.sheet.w / self.step_px
        if reduced:
            page = max(math.floor(span * 0.8 / self.bar_steps), 1) * self.bar_steps
            return math.floor(max(now, 0.0) / page) * page - LEAD_STEPS
        return max(now - NOW_SHARE * span, -LEAD_STEPS)

    def place(self, reduced: bool) -> Hashable:
        """What the position of everything depends on, in quarters of a px."""
        now = None if self.step is None else round(self.now(reduced) * self.step_px * 4)
        return now, self.step_px, self.bar_steps, self.playing

    def x(self, step: float, left: float) -> float:
        """Where a sixteenth lies, in px of the window."""
        return self.sheet.x + (step - left) * self.step_px

    def lane(self, pitch: int) -> pygame.FRect:
        """The lane of a pitch over the whole sheet."""
        height = self.lane_px
        top = self.sheet.bottom - (pitch - self.low + 1) * height
        return pygame.FRect(self.sheet.x, top, self.sheet.w, height)

    def sounds(self, note: RollNote) -> bool:
        """Whether a note that was played has not ended yet."""
        return self.playing and note.first_step + note.steps >= self.heard_step > note.first_step

    def box(self, line: RollLine, note: RollNote, left: float, now: float) -> pygame.FRect:
        """Where a note lies; one that sounds reaches to the present."""
        lane = self.lane(note.pitch)
        end = note.first_step + note.steps
        if not line.intended and self.sounds(note):
            end = max(now, note.first_step)
        height, x = max(lane.h - 0.5, 3.0), self.x(note.first_step, left)
        width = max((end - note.first_step) * self.step_px - 1.5, 3.0)
        return pygame.FRect(x, lane.centery - height / 2, width, height)

    def visible(self, line: RollLine, left: float) -> Iterator[RollNote]:
        """The notes of a line that lie on the sheet."""
        right = left + self.sheet.w / self.step_px
        first = bisect_left(line.notes, left - LONGEST_STEPS, key=_onset)
        for note in line.notes[first : bisect_left(line.notes, right, key=_onset)]:
            if note.first_step + note.steps > left:
                yield note

    def sounding(self) -> dict[int, Who]:
        """Which keys are down, and whose."""
        return {
            note.pitch: line.owner for line in self.lines if not line.intended
            for note in line.notes[-16:] if self.sounds(note)
        }  # fmt: skip

    def zoom(self, notches: float) -> None:
        """More or fewer beats on the sheet."""
        self.step_px = min(max(self.step_px * 1.15**notches, LEAST_STEP_PX), MOST_STEP_PX)


def _onset(note: RollNote) -> float:
    return note.first_step


class RollSheet(Widget):
    """Lanes, bar and beat lines, notes, and the line of the present."""

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self.roll = roll

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        roll = self.roll
        return roll.place(view.reduced_motion), roll.lines, roll.low, roll.high

    def draw(self, painter: Painter, view: View) -> None:
        roll = self.roll
        now, left = roll.now(view.reduced_motion), roll.left(view.reduced_motion)
        before = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.rect).clip(before))
        self._draw_lanes(painter)
        self._draw_lines(painter, left)
        for line in sorted(roll.lines, key=lambda line: not line.intended):
            for note in roll.visible(line, left):
                self._draw_note(painter, line, note, roll.box(line, note, left, now))
        if roll.step is not None:
            painter.fill(pygame.FRect(roll.x(now, left) - 1, self.rect.y, 2, self.rect.h), theme.TEXT)
        painter.surface.set_clip(before)

    def _draw_lanes(self, painter: Painter) -> None:
        for pitch in range(self.roll.low, self.roll.high + 1):
            lane = self.roll.lane(pitch)
            painter.fill(lane, BLACK_LANE if pitch % OCTAVE in BLACK else LANE)
            if pitch % OCTAVE == 0:
                painter.fill(pygame.FRect(lane.x, lane.bottom - 0.5, lane.w, 1), theme.RAISED)

    def _draw_lines(self, painter: Painter, left: float) -> None:
        roll = self.roll
        right = left + self.rect.w / roll.step_px
        faint = theme.mix(theme.SURFACE, theme.HAIRLINE, 0.6)
        strong = theme.mix(theme.HAIRLINE, theme.QUIET, 0.3)
        first = max(math.ceil(left / BEAT_STEPS), 0) * BEAT_STEPS
        for step in range(first, math.floor(right) + 1, BEAT_STEPS):
            bar = step % roll.bar_steps == 0
            if bar or roll.step_px >= 6:
                painter.upright(roll.x(step, left), self.rect, strong if bar else faint, 1.5 if bar else 1.0)

    def _draw_note(self, painter: Painter, line: RollLine, note: RollNote, box: pygame.FRect) -> None:
        colour = COLOURS[line.owner]
        if line.intended:
            colour = theme.mix(theme.SURFACE, colour, INTENDED)
        elif self.roll.sounds(note):
            colour = theme.mix(colour, theme.TEXT, 0.45)
        painter.box(box, colour, min(box.h / 2, 4))
        if line.owner == "machine" and box.w >= 9 and box.h >= 6:
            painter.circle((box.x + 5, box.centery), 1.7, theme.SURFACE)


class RollRuler(Widget):
    """The numbers of the bars above the sheet, and whose turn it is."""

    hint = "The wheel shows more bars or fewer"

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self.roll = roll

    def look(self, view: View) -> Hashable:
        return self.roll.place(view.reduced_motion), self.roll.phrases

    def draw(self, painter: Painter, view: View) -> None:
        roll = self.roll
        left, now = roll.left(view.reduced_motion), roll.now(view.reduced_motion)
        before = painter.surface.get_clip()
        painter.surface.set_clip(painter.device(self.rect).clip(before))
        for phrase in roll.phrases:
            self._draw_phrase(painter, phrase, left)
        first = max(math.floor(left / roll.bar_steps), 0)
        last = math.floor((left + self.rect.w / roll.step_px) / roll.bar_steps)
        every = max(math.ceil(36 / (roll.bar_steps * roll.step_px)), 1)
        for bar in range(first - first % every, last + 1, every):
            place = pygame.FRect(roll.x(bar * roll.bar_steps, left) + 4, self.rect.y, 36, self.rect.h)
            painter.text(str(bar + 1), place, theme.TINY, theme.QUIET)
        if roll.step is not None:
            x = roll.x(now, left)
            foot = self.rect.bottom
            painter.polygon([(x - 5, foot - 7), (x + 5, foot - 7), (x, foot)], theme.TEXT)
        painter.surface.set_clip(before)

    def _draw_phrase(self, painter: Painter, phrase: Phrase, left: float) -> None:
        roll, colour = self.roll, COLOURS[phrase.owner]
        start = max(roll.x(phrase.first_step, left), self.rect.x)
        end = min(roll.x(phrase.first_step + phrase.steps, left), self.rect.right)
        if end - start < 8:
            return
        ground = pygame.FRect(start + 1, self.rect.y + 2, end - start - 2, self.rect.h - 6)
        painter.box(ground, theme.mix(theme.SURFACE, colour, 0.2), 4)
        beside = roll.x(phrase.first_step, left) + 26
        words = pygame.FRect(beside, self.rect.y, max(end - beside, 0), self.rect.h)
        painter.text(NAMES[phrase.owner], words, theme.TINY, colour)


class RollKeys(Widget):
    """The keys at the left edge: lit in the colour of whoever sounds, with the letters that play them."""

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self.roll = roll

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        roll = self.roll
        lit = tuple(sorted(roll.sounding().items()))
        return lit, tuple(roll.letters.items()), roll.low, roll.high

    def draw(self, painter: Painter, view: View) -> None:
        roll, lit = self.roll, self.roll.sounding()
        painter.fill(self.rect, theme.SURFACE)
        left = self.rect.x + 20
        keys = pygame.FRect(left, self.rect.y, self.rect.right - left - 4, self.rect.h)
        painter.fill(keys, WHITE_KEY)
        for pitch in range(roll.low, roll.high + 1):
            self._draw_key(painter, pitch, keys, lit.get(pitch))
        for pitch in range(roll.low, roll.high + 1):
            self._draw_words(painter, pitch, keys, lit.get(pitch))

    def _draw_key(self, painter: Painter, pitch: int, keys: pygame.FRect, owner: Who | None) -> None:
        lane = self.roll.lane(pitch)
        black = pitch % OCTAVE in BLACK
        width = keys.w * 0.6 if black else keys.w
        key = pygame.FRect(keys.x, lane.y, width, lane.h)
        if owner is not None:
            painter.fill(key, COLOURS[owner])
        elif black:
            painter.fill(key, theme.GROUND)
        if pitch % OCTAVE in (4, 11):
            painter.fill(pygame.FRect(keys.x, lane.y - 0.5, keys.w, 1), theme.QUIET)

    def _draw_words(self, painter: Painter, pitch: int, keys: pygame.FRect, owner: Who | None) -> None:
        lane = self.roll.lane(pitch)
        size = theme.TINY - 2
        if pitch % OCTAVE == 0:
            name = pygame.FRect(keys.x, lane.centery - 7, keys.w - 3, 14)
            painter.text(f"C{pitch // OCTAVE - 1}", name, size, theme.GROUND, "right")
        letter = self.roll.letters.get(pitch)
        if letter and lane.h >= 7:
            place = pygame.FRect(self.rect.x, lane.centery - 7, 20, 14)
            painter.text(letter, place, size, theme.YOU if owner == "you" else theme.QUIET, "centre")


class RollLegend(Widget):
    """Below the sheet: which colour is who, and what half-transparent means."""

    def __init__(self) -> None:
        super().__init__()
        self.you, self.partner = "you", "partner"

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        return self.you, self.partner

    def draw(self, painter: Painter, view: View) -> None:
        meant = theme.mix(theme.SURFACE, theme.MACHINE, INTENDED)
        x = self.rect.x + 12.0
        for words, colour in ((self.you, theme.YOU), (self.partner, theme.MACHINE),
                              ("what it means to play", meant)):  # fmt: skip
            box = pygame.FRect(x, self.rect.centery - 4, 16, 8)
            painter.box(box, colour, 4)
            if colour == theme.MACHINE:
                painter.circle((box.x + 5, box.centery), 1.7, theme.SURFACE)
            width = painter.width(words, theme.TINY) + 2
            if x + 22 + width > self.rect.right:
                return
            place = pygame.FRect(x + 22, self.rect.y, width, self.rect.h)
            painter.text(words, place, theme.TINY, theme.QUIET)
            x += 22 + width + 18


class RollGround(Widget):
    """The surface on which the roll lies; the wheel over it zooms."""

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self.roll = roll

    def draw(self, painter: Painter, view: View) -> None:
        # A running sheet covers what lies below it.
        if not painter.device(self.roll.sheet).contains(painter.surface.get_clip()):
            painter.box(self.rect, theme.SURFACE, theme.CORNER)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "wheel":
            self.roll.zoom(event.wheel)
            return True
        return False


class RollView:
    """The layers of one roll and where they lie."""

    def __init__(self) -> None:
        self.roll = Roll()
        self.ground, self.sheet = RollGround(self.roll), RollSheet(self.roll)
        self.ruler, self.keys, self.legend = RollRuler(self.roll), RollKeys(self.roll), RollLegend()

    def widgets(self) -> list[Widget]:
        return [self.ground, self.sheet, self.ruler, self.keys, self.legend]

    def place(self, rect: pygame.Rect) -> None:
        """Into a rectangle."""
        self.ground.rect = rect.copy()
        top, bottom = rect.y + RULER_H, rect.bottom - LEGEND_H
        sheet = pygame.Rect(rect.x + KEYS_W, top, rect.w - KEYS_W - 8, bottom - top)
        self.roll.sheet = self.sheet.rect = sheet
        self.ruler.rect = pygame.Rect(sheet.x, rect.y, sheet.w, RULER_H)
        self.keys.rect = pygame.Rect(rect.x + 2, top, KEYS_W - 2, bottom - top)
        self.legend.rect = pygame.Rect(rect.x + KEYS_W - 12, bottom, rect.w - KEYS_W, LEGEND_H)
