"""What lies over a scene for a while: toasts, a menu, a line to type, the hint under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import pygame

from app import theme
from app.widgets import fonts
from app.widgets.base import Key, Pointer, View, Widget
from app.widgets.inputs import TextField
from app.widgets.painter import Painter, wrap
from app.widgets.readouts import Level, draw_level, look_of_level

TOAST_S, TOAST_ERROR_S = 4.0, 9.0
METER = 110
REST_S = 0.5
"""So long a line of a menu is rested on before what it stands for is listened to."""
MENU_W = 560
"""At most, however long a name of a piece or a device is."""
PROMPT_H = 88


@dataclass(frozen=True)
class Toast:
    """A message for a while. ``kind``: good, plain or bad; a click on it does ``action`` of the program."""

    text: str
    kind: str = "plain"
    begun_s: float = 0.0
    action: str = ""

    @property
    def until_s(self) -> float:
        reading = 0.045 * len(self.text)
        return self.begun_s + max(TOAST_ERROR_S if self.kind == "bad" else TOAST_S, reading)


_TOAST_LOOK = {"good": ("check", theme.GOOD), "plain": ("ear", theme.MACHINE), "bad": ("warning", theme.BAD)}


class Toasts(Widget):
    """Messages at the bottom of the content, newest lowest, at most three; a click takes them away.

    ``on_action`` does what a clicked message offers.
    """

    def __init__(self, on_action: Callable[[str], object] = lambda action: None) -> None:
        super().__init__()
        self._on_action = on_action
        self.toasts: list[Toast] = []
        self.scale = 1.0

    def add(self, text: str, kind: str, t_s: float, action: str = "") -> None:
        """Show a message; one that says the same or offers the same gives way to it."""
        others = [t for t in self.toasts if t.text != text and not (action and t.action == action)]
        self.toasts = others[-2:]
        self.toasts.append(Toast(text, kind, t_s, action))

    def update(self, t_s: float) -> None:
        """Drop what has been shown long enough."""
        if self.toasts and any(toast.until_s <= t_s for toast in self.toasts):
            self.toasts = [toast for toast in self.toasts if toast.until_s > t_s]

    def boxes(self) -> list[tuple[Toast, pygame.Rect, list[str]]]:
        """Every toast with its box in logical px and its lines."""
        placed: list[tuple[Toast, pygame.Rect, list[str]]] = []
        bottom = self.rect.bottom
        for toast in reversed(self.toasts):
            width = min(self.rect.w, 560)
            size_px, room_px = round(theme.BODY * self.scale), round((width - 68) * self.scale)
            lines = wrap(toast.text, size_px, room_px)[:4]
            longest = max((fonts.text_width(line, size_px) for line in lines), default=0) / self.scale
            width = min(width, int(longest) + 70)
            height = 24 + 20 * len(lines)
            box = pygame.Rect(self.rect.centerx - width // 2, bottom - height, width, height)
            placed.append((toast, box, lines))
            bottom -= height + 8
        return placed

    def contains(self, x: float, y: float) -> bool:
        return any(box.collidepoint(x, y) for _, box, _ in self.boxes())

    def look(self, view: View) -> Hashable:
        return tuple(self.toasts)

    def extent(self, view: View) -> pygame.Rect:
        boxes = [box for _, box, _ in self.boxes()]
        return (
            boxes[0].unionall(boxes[1:]).inflate(4, 4)
            if boxes
            else pygame.Rect(self.rect.x, self.rect.y, 0, 0)
        )

    def draw(self, painter: Painter, view: View) -> None:
        for toast, box, lines in self.boxes():
            icon, colour = _TOAST_LOOK[toast.kind]
            painter.frame(box, theme.mix(theme.HOVER, colour, 0.5), theme.HOVER, theme.CORNER, 1.5)
            painter.icon(icon, pygame.Rect(box.x + 14, box.y, 20, box.h), colour, 18)
            for number, line in enumerate(lines):
                row = pygame.Rect(box.x + 46, box.y + 12 + 20 * number, box.w - 56, 20)
                painter.text(line, row, theme.BODY, theme.TEXT)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            hit = [toast for toast, box, _ in self.boxes() if box.collidepoint(event.x, event.y)]
            self.toasts = [toast for toast in self.toasts if toast not in hit]
            for toast in hit:
                if toast.action:
                    self._on_action(toast.action)
        return True


@dataclass(frozen=True)
class MenuItem:
    """One line of a menu; ``detail`` stands quietly at its end, or the level that is heard where the line is
    ``chosen`` and ``live``, or while it is rested on what ``listen`` tells: a level, or words.
    """

    label: str
    on_choose: Callable[[], object]
    chosen: bool = False
    enabled: bool = True
    detail: str = ""
    live: bool = False
    listen: Callable[[], Level | str] | None = None

    @property
    def metered(self) -> bool:
        return self.chosen and self.live

    @property
    def width(self) -> float:
        """Room that its words need, in logical px."""
        words = 0.0 if self.metered else fonts.text_width(self.detail, theme.TINY)
        end = max(words, METER if self.metered or self.listen else 0.0)
        return fonts.text_width(self.label, theme.BODY) + end + 80


class Menu(Widget):
    """A list to choose from, hung on a widget; arrows, Enter and Esc work."""

    focusable = True
    row = 36

    def __init__(
        self, items: tuple[MenuItem, ...], anchor: pygame.Rect, on_close: Callable[[], object]
    ) -> None:
        super().__init__()
        self.items, self.anchor, self.on_close = items, anchor, on_close
        self.at = next((i for i, item in enumerate(items) if item.chosen), 0)
        self.window = pygame.Rect(0, 0, 0, 0)
        self.focused = True
        self._rested_at, self._rested_since_s = -1, 0.0
        self._heard: Level | str = ""

    def update(self, t_s: float) -> None:
        """Once a frame: the line that is rested on for a while is listened to, one that is left no more."""
        item = self.items[self.at]
        if self.at != self._rested_at:
            self._rested_at, self._rested_since_s = self.at, t_s
        rests = not item.metered and t_s - self._rested_since_s >= REST_S
        self._heard = item.listen() if rests and item.listen else ""

    def _end_of(self, index: int, view: View) -> Level | str:
        """What stands at the end of a line."""
        item = self.items[index]
        if item.metered:
            return view.snapshot
        return (self._heard if index == self.at else "") or item.detail

    def place(self, window: pygame.Rect) -> None:
        """Hang it below the anchor, or above where there is no room, inside the window."""
        self.window = window
        height = min(len(self.items) * self.row + 12, window.h - 16)
        widest = round(max(item.width for item in self.items))
        width = min(max(self.anchor.w, 280, min(widest, MENU_W)), window.w - 16)
        x = min(max(self.anchor.right - width, window.x + 8), window.right - width - 8)
        below = self.anchor.bottom + 6
        y = below if below + height <= window.bottom - 8 else max(self.anchor.y - 6 - height, window.y + 8)
        self.rect = pygame.Rect(x, y, width, height)

    def contains(self, x: float, y: float) -> bool:
        return True  # A click beside it closes it.

    def look(self, view: View) -> Hashable:
        metered = any(item.metered for item in self.items)
        level = look_of_level(view.snapshot, METER) if metered else None
        heard = self._heard
        return self.at, level, heard if isinstance(heard, str) else look_of_level(heard, METER)

    def first(self) -> int:
        """The topmost line shown, where there are more than fit."""
        shown = self.shown()
        return min(max(self.at - shown + 1, 0), len(self.items) - shown)

    def shown(self) -> int:
        return min(max((self.rect.h - 12) // self.row, 1), len(self.items))

    def draw(self, painter: Painter, view: View) -> None:
        painter.frame(self.rect, theme.mix(theme.HAIRLINE, theme.QUIET, 0.3), theme.RAISED, theme.CORNER, 1)
        first = self.first()
        for line in range(self.shown()):
            index = first + line
            row = pygame.Rect(self.rect.x + 6, self.rect.y + 6 + line * self.row, self.rect.w - 12, self.row)
            if index == self.at:
                painter.box(row, theme.HOVER, theme.CORNER_SMALL)
            unlit = theme.GROUND if index == self.at else theme.HAIRLINE
            self._draw_item(painter, self.items[index], row, self._end_of(index, view), unlit)

    @staticmethod
    def _draw_item(
        painter: Painter, item: MenuItem, row: pygame.Rect, at_end: Level | str, unlit: theme.Colour
    ) -> None:
        if item.chosen:
            painter.icon("check", pygame.Rect(row.x + 6, row.y, 20, row.h), theme.MACHINE, 16)
        room = pygame.Rect(row.x + 32, row.y, row.w - 40, row.h)
        if isinstance(at_end, str):
            end = round(painter.width(at_end, theme.TINY)) if at_end else 0
            painter.text(at_end, room, theme.TINY, theme.QUIET, "right")
        else:
            end = METER
            draw_level(painter, pygame.Rect(room.right - end, room.y, end, room.h), at_end, unlit)
        name = pygame.FRect(room.x, room.y, room.w - (end + 12 if end else 0), room.h)
        painter.text(item.label, name, theme.BODY, theme.TEXT if item.enabled else theme.QUIET)

    def on_pointer(self, event: Pointer) -> bool:
        inside = self.rect.collidepoint(event.x, event.y)
        line = int((event.y - self.rect.y - 6) // self.row)
        if inside and event.kind in ("move", "down") and 0 <= line < self.shown():
            self.at = self.first() + line
        if event.kind == "wheel":
            self.at = min(max(self.at - int(event.wheel), 0), len(self.items) - 1)
        if event.kind == "down":
            self._choose() if inside else self.on_close()
        return True

    def on_key(self, event: Key) -> bool:
        step = {pygame.K_UP: -1, pygame.K_DOWN: 1}.get(event.key, 0)
        if step:
            self.at = (self.at + step) % len(self.items)
        elif event.key in (pygame.K_RETURN, pygame.K_KP_ENTER, pygame.K_SPACE):
            self._choose()
        elif event.key in (pygame.K_ESCAPE, pygame.K_TAB):
            self.on_close()
        return True

    def _choose(self) -> None:
        item = self.items[self.at]
        if item.enabled:
            self.on_close()
            item.on_choose()


class Prompt(TextField):
    """A line to type, in the middle of the window; Enter takes it, Esc or a click beside it does not."""

    longest = 1000

    def __init__(
        self, question: str, text: str, on_enter: Callable[[str], object], on_close: Callable[[], object]
    ) -> None:
        super().__init__(question, lambda text: None, lambda: self._take(on_enter), icon="compose")
        self.text, self.focused, self.on_close = text, True, on_close
        self._frame = pygame.Rect(0, 0, 0, 0)

    def place(self, window: pygame.Rect) -> None:
        """Inside the window."""
        self._frame = pygame.Rect(0, 0, min(440, window.w - 16), PROMPT_H)
        self._frame.center = window.center
        self.rect = pygame.Rect(self._frame.x + 12, self._frame.bottom - 46, self._frame.w - 24, 34)

    def update(self, t_s: float) -> None:
        """Once a frame, as a menu's: nothing of it moves."""

    def contains(self, x: float, y: float) -> bool:
        return True  # A click beside it closes it.

    def extent(self, view: View) -> pygame.Rect:
        return self._frame

    def draw(self, painter: Painter, view: View) -> None:
        border = theme.mix(theme.HAIRLINE, theme.QUIET, 0.3)
        painter.frame(self._frame, border, theme.RAISED, theme.CORNER, 1)
        head = pygame.Rect(self.rect.x, self._frame.y + 8, self.rect.w, 26)
        painter.text(self.placeholder, head, theme.BODY, theme.TEXT)
        super().draw(painter, view)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down" and not self._frame.collidepoint(event.x, event.y):
            self.on_close()
        return True

    def on_key(self, event: Key) -> bool:
        if event.key == pygame.K_ESCAPE:
            self.on_close()
        else:
            super().on_key(event)
        return True

    def _take(self, on_enter: Callable[[str], object]) -> None:
        """Nothing typed is nothing asked for."""
        self.on_close()
        if self.text.strip():
            on_enter(self.text.strip())


class HintBubble(Widget):
    """What the control under the pointer does, after it has rested there for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.visible = False

    def contains(self, x: float, y: float) -> bool:
        return False

    def look(self, view: View) -> Hashable:
        return self.text

    def show(self, text: str, target: pygame.Rect, window: pygame.Rect, scale: float) -> None:
        """Hang it above the target, below where there is no room."""
        self.text = text
        width = fonts.text_width(text, round(theme.SMALL * scale)) / scale + 20
        width = min(width, window.w - 16)
        x = min(max(target.centerx - width / 2, window.x + 8), window.right - width - 8)
        y = target.y - 34 if target.y - 34 >= 4 else target.bottom + 6
        self.rect, self.visible = pygame.Rect(round(x), round(y), round(width), 28), True

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.HOVER, theme.CORNER_SMALL)
        painter.text(self.text, self.rect, theme.SMALL, theme.TEXT, "centre")
